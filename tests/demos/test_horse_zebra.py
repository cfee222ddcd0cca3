"""Horse <-> zebra: sizes, directions, the cycle error, examples, and what the page offers to scripts."""
import gradio as gr
import numpy as np
import pytest
import torch
from PIL import Image

from demos import horse_zebra, page
from demos.horse_zebra import DIRECTIONS, Example, examples_at_hand, sentence, translate, turned
from models import checkpoint, painting, sources
from models.cyclegan import CycleGAN

TINY = CycleGAN.Config(width=8, blocks=1, downs=1, unshuffle=2, resize_convolution=True, residual=True, critic_width=4)


@pytest.fixture
def nets():
    torch.manual_seed(0)
    return CycleGAN(TINY).eval().requires_grad_(False)


@pytest.fixture
def no_painting(monkeypatch):
    monkeypatch.setattr(painting, "painted_horse", lambda size: Image.new("RGB", (size, size), "brown"))


def noise(width, height):
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize("size, long_side, expected", [((301, 203), 128, (128, 86)), ((50, 99), 192, (97, 192)), ((640, 640), 256, (256, 256)),
                                                       ((400, 8), 128, (128, 8)), ((131, 77), 384, (384, 226))])
def test_aspect_and_size_are_kept(nets, size, long_side, expected):
    done = translate(nets, noise(*size), DIRECTIONS[0], long_side)
    assert done.real.size == done.fake.size == done.rec.size == expected
    assert done.fake.mode == "RGB" and done.milliseconds > 0


@pytest.mark.parametrize("direction, first, second", [(DIRECTIONS[0], 40, 200), (DIRECTIONS[1], 200, 40)])
def test_direction_picks_the_generator_and_the_other_comes_back(nets, monkeypatch, direction, first, second):
    for net, grey in ((nets.G_AB, 40), (nets.G_BA, 200)):
        monkeypatch.setattr(net, "translate", lambda x, grey=grey: torch.full_like(x, grey / 127.5 - 1))
    done = translate(nets, noise(32, 32), direction, 128)
    assert np.unique(done.fake).tolist() == [first] and np.unique(done.rec).tolist() == [second]


def test_cycle_error_is_zero_for_generators_that_change_nothing(nets):
    for net in (nets.G_AB, nets.G_BA):
        net.layers[-1].weight.zero_(), net.layers[-1].bias.zero_()  # what is added to the input is nothing
    done = translate(nets, noise(60, 40), DIRECTIONS[0], 128)
    assert done.cycle_error == 0 and done.fake.tobytes() == done.real.tobytes() == done.rec.tobytes()


def test_cycle_error_counts_grey_levels(nets, monkeypatch):
    monkeypatch.setattr(nets.G_BA, "translate", lambda x: torch.full_like(x, -1))
    monkeypatch.setattr(nets.G_AB, "translate", lambda x: x)
    assert translate(nets, Image.new("RGB", (40, 40), (51, 51, 51)), DIRECTIONS[0], 128).cycle_error == pytest.approx(51, abs=0.01)


def test_the_critic_of_the_target_judges_what_is_wide_enough(nets):
    for critic, level in ((nets.D_A, 0.25), (nets.D_B, 0.75)):
        critic.layers[-1].weight.zero_(), critic.layers[-1].bias.fill_(level)
    assert [translate(nets, noise(40, 40), d, 128).critic for d in DIRECTIONS] == [0.75, 0.25]
    assert translate(nets, noise(384, 72), DIRECTIONS[0], 128).critic == 0.75  # 24 pixels high
    narrow = translate(nets, noise(384, 69), DIRECTIONS[0], 128)
    assert narrow.critic is None and "critic" not in sentence(narrow, DIRECTIONS[0], "cpu")


def test_other_directions_are_refused(nets):
    with pytest.raises(ValueError, match="horse → zebra"):
        translate(nets, noise(32, 32), "zebra → giraffe", 128)


def test_turned_is_its_own_inverse():
    assert [turned(d) for d in DIRECTIONS] == list(DIRECTIONS[::-1])


def test_sentence_tells_error_size_and_device(nets):
    said = sentence(translate(nets, noise(64, 32), DIRECTIONS[0], 128), DIRECTIONS[0], "cpu")
    assert "Cycle error" in said and "zebra critic" in said and "128 × 64 pixels" in said and "CPU" in said


def test_own_pictures_become_examples_and_damaged_ones_do_not(tmp_path, no_painting):
    for i in range(15):
        noise(700, 300).save(tmp_path / f"{i:02}.png")
    (tmp_path / "03.png").write_text("not a picture")
    found = examples_at_hand(tmp_path)
    assert len(found) == 4 + 12
    assert all(isinstance(e, Example) and e.direction == DIRECTIONS[0] for e in found[:4])
    assert found[4].direction is None and found[4].picture.size == (512, 219)


def test_a_folder_without_pictures_is_no_error(tmp_path, no_painting):
    (tmp_path / "voice.wav").write_bytes(b"")
    assert len(examples_at_hand(tmp_path)) == len(examples_at_hand(None)) == 4


@pytest.fixture
def tab(tmp_path, monkeypatch, no_painting):
    """Builds the tab's page with `checkpoints` in an empty folder."""
    monkeypatch.setattr(page, "CHECKPOINTS", tmp_path)
    monkeypatch.setattr(sources, "cache_folder", lambda cache: tmp_path / "cache")

    def build():
        with gr.Blocks() as blocks:
            horse_zebra.build("cpu", None)
        return blocks
    return build


def called(blocks, name):
    return next(function.fn for function in blocks.fns.values() if function.api_name == name)


def test_the_endpoint_translates_a_file(tab, tmp_path, nets):
    checkpoint.save(tmp_path / "horse2zebra.safetensors", nets, {"size": 192}, {"words": "It has learnt nothing."})
    noise(90, 60).save(tmp_path / "a.png")
    blocks = tab()
    assert list(blocks.get_api_info()["named_endpoints"]) == ["/translate_image"]
    assert any(getattr(block, "value", None) == "It has learnt nothing." for block in blocks.blocks.values())
    assert any(isinstance(block, gr.Radio) and block.value == 192 for block in blocks.blocks.values())
    fake, rec, said = called(blocks, "translate_image")(str(tmp_path / "a.png"), DIRECTIONS[1], 128)
    assert fake.endswith("horse.png") and rec.endswith("zebra again.png") and Image.open(fake).size == (128, 85)
    assert "Cycle error" in said


def test_a_missing_or_damaged_checkpoint_is_a_sentence(tab, tmp_path):
    noise(90, 60).save(tmp_path / "a.png")
    with pytest.raises(gr.Error, match="missing"):
        called(tab(), "translate_image")(str(tmp_path / "a.png"), DIRECTIONS[0], 128)
    (tmp_path / "horse2zebra.safetensors").write_bytes(b"damaged")
    with pytest.raises(gr.Error, match="damaged"):
        called(tab(), "translate_image")(str(tmp_path / "a.png"), DIRECTIONS[0], 128)
