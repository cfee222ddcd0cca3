"""Horse <-> zebra: what it says, examples and their questions, the camera's route, and what the page offers to scripts."""
import io

import gradio as gr
import numpy as np
import pytest
from gradio.data_classes import ImageData
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from demos import horse_live, horse_zebra, page
from demos.horse_examples import QUESTIONS, Example, examples_at_hand
from demos.horse_hidden import drawing
from demos.horse_hidden import sentence as hidden_sentence
from demos.horse_scripts import OneOrMany, Pictures, Sentences
from demos.horse_zebra import DIRECTIONS, opinion, sentence, strip_html, turned
from models import checkpoint, painting, sources, strip
from models.steganography import way_back
from models.translation import translate, translate_only


@pytest.fixture
def no_painting(monkeypatch):
    monkeypatch.setattr(painting, "painted_horse", lambda size: Image.new("RGB", (size, size), "brown"))


def noise(width, height):
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


def encoded(picture, kind="JPEG"):
    file = io.BytesIO()
    picture.save(file, kind)
    return file.getvalue()


# -- sentences ---------------------------------------------------------------------------------------------------------

def test_turned_is_its_own_inverse():
    assert [turned(d) for d in DIRECTIONS] == list(DIRECTIONS[::-1])


def test_sentences_tell_errors_size_device_and_critic(nets):
    done = translate(nets, noise(64, 32), DIRECTIONS[0], 128)
    said = sentence(done, "cpu")
    assert "Cycle error" in said and "128 × 64 pixels" in said and " ms on CPU" in said
    assert "zebra critic" in opinion(done) and f"{done.critic:.2f}" in opinion(done) and f"{done.before:.2f}" in opinion(done)
    narrow = translate(nets, noise(384, 69), DIRECTIONS[1], 128)
    assert "too narrow for the horse critic" in opinion(narrow)


def test_the_hidden_is_told_by_how_loud_it_comes_back(nets, monkeypatch):
    for times, verdict in ((3, "louder"), (1, "about as much"), (0.1, "smooths")):
        monkeypatch.setattr(nets.G_AB, "translate_painted", lambda x: (x, None))
        monkeypatch.setattr(nets.G_BA, "translate", lambda x, times=times: x * times)
        done = translate(nets, Image.new("RGB", (64, 64), (128, 128, 128)), DIRECTIONS[0], 128)
        assert verdict in hidden_sentence(way_back(nets, done, sigma=4))
    assert "dB" in hidden_sentence(way_back(nets, done)) and "disturbed by" not in hidden_sentence(way_back(nets, done))


def test_the_drawing_holds_all_points_and_says_them():
    svg = drawing([(0, 40.0), (1, 35.5), (32, 12.2)])
    assert svg.count("<circle") == 3 and "35.5 at 1" in svg and "sigma 32: 12.2 dB" in svg and "nan" not in svg
    assert drawing([(0, 20.0)]).count("<circle") == 1


def test_the_strip_names_its_steps():
    html = strip_html([(0, noise(8, 8)), (1024, noise(8, 8))])
    assert html.count("<img") == 2 and "after 1,024 steps" in html


# -- examples ----------------------------------------------------------------------------------------------------------

def test_every_example_at_hand_asks_before_it_answers(no_painting):
    found = examples_at_hand()
    assert len(found) == 5 and all(isinstance(one, Example) and one.direction == DIRECTIONS[0] for one in found)
    assert all(one.question.count("?") and "press Translate" in one.question and one.answer for one in found)
    assert {len(pair) for pair in QUESTIONS.values()} == {2}


def test_own_pictures_become_examples_and_damaged_ones_do_not(tmp_path, no_painting):
    for i in range(15):
        noise(700, 300).save(tmp_path / f"{i:02}.png")
    (tmp_path / "03.png").write_text("not a picture")
    found = examples_at_hand(tmp_path)
    assert len(found) == 5 + 12 and found[5].direction is None and not found[5].question and found[5].picture.size == (512, 219)


def test_a_folder_without_pictures_is_no_error(tmp_path, no_painting):
    (tmp_path / "voice.wav").write_bytes(b"")
    assert len(examples_at_hand(tmp_path)) == 5


def test_the_rider_sits_on_the_horse():
    horse = Image.new("RGB", (128, 128), (60, 120, 60))
    rider = np.asarray(painting.with_rider(horse)).astype(int)
    changed = np.abs(rider - np.asarray(horse)).max(2) > 40
    assert 0.02 < changed.mean() < 0.15 and rider[37, 58, 0] > rider[37, 58, 1] + 60, "a red jacket"


# -- the camera's route ------------------------------------------------------------------------------------------------

def camera_of(nets_of):
    return TestClient(Starlette(routes=horse_live.routes(nets_of)))


def absent():
    raise ValueError("The checkpoint horse2zebra.safetensors is missing.")


def test_a_frame_comes_back_translated(nets):
    photo = noise(8, 6).resize((64, 48), Image.BICUBIC)
    answer = camera_of(lambda: nets).post("/horse/frame?direction=1&side=192", content=encoded(photo, "PNG"))
    assert answer.status_code == 200 and answer.headers["content-type"] == "image/jpeg" and "dur=" in answer.headers["server-timing"]
    got, wanted = Image.open(io.BytesIO(answer.content)), translate_only(nets, photo, DIRECTIONS[1], 192)
    assert got.size == wanted.size == (192, 144)
    assert np.abs(np.asarray(got, float) - np.asarray(wanted, float)).mean() < 6


@pytest.mark.parametrize("query, body", [("direction=0&side=192", b""), ("direction=0&side=192", b"no picture"), ("direction=0&side=192", b"0" * 300_001),
                                         ("direction=2&side=192", b""), ("side=192", b""), ("direction=0", b""), ("direction=0&side=9999", b""), ("direction=0&side=x", b"")])
def test_what_is_no_frame_is_a_sentence(nets, query, body):
    answer = camera_of(lambda: nets).post(f"/horse/frame?{query}", content=body)
    assert answer.status_code == 400 and answer.text.endswith(".") and answer.headers["content-type"].startswith("text/plain")


def test_a_missing_network_stops_the_camera_and_a_crowd_makes_it_wait(nets, monkeypatch):
    answer = camera_of(absent).post("/horse/frame?direction=0&side=192", content=encoded(noise(16, 16)))
    assert answer.status_code == 503 and "missing" in answer.text and "retry-after" not in answer.headers
    monkeypatch.setattr(horse_live, "WAITING", 0)
    answer = camera_of(lambda: nets).post("/horse/frame?direction=0&side=192", content=encoded(noise(16, 16)))
    assert answer.status_code == 503 and "cameras" in answer.text and answer.headers["retry-after"] == "1"


def test_the_modules_are_served_and_nothing_else(nets):
    client = camera_of(lambda: nets)
    module = client.get("/horse/web/live.js")
    assert module.status_code == 200 and "javascript" in module.headers["content-type"]
    assert client.get("/horse/frame").status_code == 405 and client.get("/horse/web/..%2fhorse_live.py").status_code == 404


# -- the page ----------------------------------------------------------------------------------------------------------

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
    return next(function.fn for function in blocks.fns.values() if function.fn and (function.api_name == name or function.fn.__name__ == name))


def test_the_endpoint_translates_a_file_and_a_list_of_them(tab, tmp_path, nets):
    checkpoint.save(tmp_path / "horse2zebra.safetensors", nets, {"size": 192}, {"words": "It has learnt nothing."})
    noise(90, 60).save(tmp_path / "a.png")
    noise(50, 70).save(tmp_path / "b.png")
    blocks = tab()
    assert list(blocks.get_api_info()["named_endpoints"]) == ["/translate_image"]
    assert any(getattr(block, "value", None) == "It has learnt nothing." for block in blocks.blocks.values())
    assert any(isinstance(block, gr.Radio) and block.value == 192 and [value for _, value in block.choices] == [192, 256, 384, 512] for block in blocks.blocks.values())
    fake, rec, said = called(blocks, "translate_image")(str(tmp_path / "a.png"), DIRECTIONS[1], 192)
    assert fake.endswith("horse.png") and rec.endswith("zebra again.png") and Image.open(fake).size == (192, 128)
    assert "Cycle error" in said
    fakes, recs, said = called(blocks, "translate_image")([str(tmp_path / "a.png"), str(tmp_path / "b.png")], DIRECTIONS[1], 192)
    assert [Image.open(one).size for one in fakes] == [Image.open(one).size for one in recs] == [(192, 128), (137, 192)] and len(said) == 2
    assert called(blocks, "translate_image")([], DIRECTIONS[0], 192) == ([], [], [])


def test_scripts_give_one_picture_or_many(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    component = Pictures()
    one, two = (ImageData(path=str(tmp_path / name)) for name in ("a.png", "b.png"))
    assert component.preprocess(None) is component.preprocess(OneOrMany(root=None)) is None
    assert component.preprocess(OneOrMany(root=one)) == one.path and component.preprocess(OneOrMany(root=[one, two])) == [one.path, two.path]
    assert component.postprocess(one.path).root.orig_name == "a.png" and [p.path for p in component.postprocess([one.path, two.path]).root] == [one.path, two.path]
    assert component.postprocess(None).root is None
    for elsewhere in ("/etc/passwd", str(tmp_path / ".." / "a.png")):
        for given, taker in ((ImageData(path=elsewhere), page.PictureInput()), (OneOrMany(root=ImageData(path=elsewhere)), component),
                             (OneOrMany(root=[one, ImageData(path=elsewhere)]), component)):
            with pytest.raises(gr.Error, match="not sent here"):
                taker.preprocess(given)
    assert Sentences().postprocess("Cycle error").root == "Cycle error" and Sentences().postprocess(["a", "b"]).root == ["a", "b"]


def test_the_page_reveals_what_was_asked(tab, tmp_path, nets):
    checkpoint.save(tmp_path / "horse2zebra.safetensors", nets, {"size": 128}, {})
    noise(90, 60).save(tmp_path / "a.png")
    shown = called(tab(), "translate_shown")
    *pictures, told, judged, answer, done = shown(str(tmp_path / "a.png"), DIRECTIONS[0], 128, 2)
    assert "two kinds of picture" in answer.value and "of 255 grey levels" in answer.value and answer.visible
    assert pictures[4] == (pictures[0], pictures[1]) and Image.open(pictures[5]).size == done.fake.size == (128, 85)
    assert "Cycle error" in told and "zebra critic" in judged
    *_, answer, _ = shown(str(tmp_path / "a.png"), DIRECTIONS[0], 128, None)
    assert not answer.visible


def test_what_is_hidden_needs_a_translation(tab, tmp_path, nets):
    checkpoint.save(tmp_path / "horse2zebra.safetensors", nets, {"size": 128}, {})
    blocks = tab()
    with pytest.raises(gr.Error, match="Translate a picture first"):
        called(blocks, "disturbed")(None, 1, 100, 0)
    done = translate(nets, noise(90, 60), DIRECTIONS[0], 128)
    *pictures, told = called(blocks, "disturbed")(done, 4, 50, 0.5)
    assert [Image.open(one).size for one in pictures] == [(128, 85)] * 3 and "PSNR" in told
    assert "<svg" in called(blocks, "many_strengths")(done)


def test_the_strip_is_shown_when_it_is_there(tab, tmp_path, nets):
    checkpoint.save(tmp_path / "horse2zebra.safetensors", nets, {"size": 128}, {})
    has_strip = lambda: any("hz-strip" in str(getattr(block, "value", "")) and "after 64 steps" in str(block.value) for block in tab().blocks.values())
    assert not has_strip()
    strip.save_strip(tmp_path / "horse2zebra_moments.png", [noise(16, 16)] * 2, [0, 64])
    assert has_strip()


def test_a_missing_or_damaged_checkpoint_is_a_sentence(tab, tmp_path):
    noise(90, 60).save(tmp_path / "a.png")
    with pytest.raises(gr.Error, match="missing"):
        called(tab(), "translate_image")(str(tmp_path / "a.png"), DIRECTIONS[0], 256)
    (tmp_path / "horse2zebra.safetensors").write_bytes(b"damaged")
    with pytest.raises(gr.Error, match="damaged"):
        called(tab(), "translate_image")(str(tmp_path / "a.png"), DIRECTIONS[0], 256)
