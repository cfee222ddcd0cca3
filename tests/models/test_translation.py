"""One turn of the cycle: sizes, directions, errors, the critic's map; what is hidden for the way back; the strip of a training."""
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from models import steganography, strip
from models.cyclegan import CycleGAN
from models.pictures import to_tensor
from models.steganography import curve, disturb, honest, rms, way_back
from models.translation import DIRECTIONS, INVENTED, REAL, difference, gate_picture, grey_levels, looking_at, qualities, realness_picture, translate, translate_only


@pytest.fixture
def still(nets):
    """Generators that change nothing."""
    for net in (nets.G_AB, nets.G_BA):
        net.layers[-1].weight.zero_(), net.layers[-1].bias.fill_(-60)  # the gate is shut
    return nets


def noise(width, height, seed=0):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


# -- translation -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("size, long_side, expected", [((301, 203), 128, (128, 86)), ((50, 99), 192, (97, 192)), ((640, 640), 256, (256, 256)),
                                                       ((400, 8), 128, (128, 8)), ((131, 77), 384, (384, 226))])
def test_aspect_and_size_are_kept(nets, size, long_side, expected):
    done = translate(nets, noise(*size), DIRECTIONS[0], long_side)
    assert done.real.size == done.fake.size == done.rec.size == expected and done.exact.shape == (1, 3, *expected[::-1])
    assert done.fake.mode == "RGB" and done.milliseconds > 0
    assert translate_only(nets, noise(*size), DIRECTIONS[0], long_side).tobytes() == done.fake.tobytes()


def test_a_picture_larger_than_they_learned_at_is_looked_at_reduced(nets):
    assert looking_at(nets, 512) is nets, "nobody knows what they learned at"
    nets.preprocessing = {"size": 64}
    assert looking_at(nets, 64) is nets and looking_at(nets, 48) is nets
    larger = looking_at(nets, 160)
    assert larger.config.shrink == larger.G_AB.config.shrink == larger.D_B.config.shrink == 2.5 and not larger.training
    assert [a.data_ptr() for a in larger.state_dict().values()] == [a.data_ptr() for a in nets.state_dict().values()]
    for long_side in (65, 97, 150, 160, 333):
        assert abs(long_side / looking_at(nets, long_side).config.shrink - 64) <= 10, "pixels from what they learned at"
        done, wide = translate(nets, noise(90, 60), DIRECTIONS[0], long_side), noise(90, 60).resize((160, 107))
        assert max(done.fake.size) == max(done.rec.size) == long_side and way_back(nets, done).rec.size == done.rec.size
    assert translate(nets, wide, DIRECTIONS[1], 160).fake.tobytes() == translate(larger, wide, DIRECTIONS[1], 160).fake.tobytes() == translate_only(nets, wide, DIRECTIONS[1], 160).tobytes()
    assert translate(nets, wide, DIRECTIONS[0], 160).step == 8 * 2.5
    assert looking_at(CycleGAN(replace(nets.config, gate=False)), 512).config.shrink == 1, "without a gate there is nothing to enlarge"


@pytest.mark.parametrize("direction, first, second", [(DIRECTIONS[0], 40, 200), (DIRECTIONS[1], 200, 40)])
def test_direction_picks_the_generator_and_the_other_comes_back(nets, monkeypatch, direction, first, second):
    for net, grey in ((nets.G_AB, 40), (nets.G_BA, 200)):
        monkeypatch.setattr(net, "translate_painted", lambda x, grey=grey: (torch.full_like(x, grey / 127.5 - 1), None))
    done = translate(nets, noise(32, 32), direction, 128)
    assert np.unique(done.fake).tolist() == [first] and np.unique(done.rec).tolist() == [second] and done.direction == direction


def test_two_turns_are_two_and_can_be_told_apart(nets):
    first, second = (translate(nets, noise(16, 16), DIRECTIONS[0], 128) for _ in range(2))
    assert first != second and hash(first) != hash(second), "the page notices a new one by its hash"


def test_errors_are_zero_for_generators_that_change_nothing(still):
    done = translate(still, noise(60, 40), DIRECTIONS[0], 128)
    assert done.cycle_error == done.change == 0 and done.fake.tobytes() == done.real.tobytes() == done.rec.tobytes()


def test_errors_count_grey_levels(nets, monkeypatch):
    monkeypatch.setattr(nets.G_AB, "translate_painted", lambda x: (x + 20 / 127.5, None))
    monkeypatch.setattr(nets.G_BA, "translate_painted", lambda x: (torch.full_like(x, -1), None))
    done = translate(nets, Image.new("RGB", (40, 40), (51, 51, 51)), DIRECTIONS[0], 128)
    assert (done.change, done.cycle_error) == (pytest.approx(20, abs=0.01), pytest.approx(51, abs=0.01))
    assert grey_levels(torch.full((1,), 3.0), torch.ones(1)) == 0, "what is beyond white is white"


def test_a_list_is_translated_one_by_one(nets):
    pictures = [noise(60, 40, 1), noise(30, 80, 2)]
    several = translate(nets, pictures, DIRECTIONS[1], 128)
    assert [done.fake.tobytes() for done in several] == [translate(nets, one, DIRECTIONS[1], 128).fake.tobytes() for one in pictures]
    assert translate(nets, [], DIRECTIONS[0], 128) == []


def test_other_directions_are_refused(nets):
    for wrong in ("zebra → giraffe", None, 1):
        with pytest.raises(ValueError, match="horse → zebra"):
            translate(nets, noise(32, 32), wrong, 128)


def test_small_sizes_are_offered_only_where_the_network_learned_there():
    assert qualities(128) == (128, 192, 256, 384, 512) and qualities(192)[0] == 192
    assert qualities(256) == qualities(512) == (256, 384, 512)


# -- the critic --------------------------------------------------------------------------------------------------------

def test_the_critic_of_the_target_judges_what_is_wide_enough(nets):
    for critic, level in ((nets.D_A, 0.25), (nets.D_B, 0.75)):
        critic.layers[-1].weight.zero_(), critic.layers[-1].bias.fill_(level)
    for direction, level in zip(DIRECTIONS, (0.75, 0.25)):
        done = translate(nets, noise(40, 40), direction, 128)
        assert done.critic == done.before == level and done.realness.shape == (14, 14)
    assert translate(nets, noise(384, 72), DIRECTIONS[0], 128).critic == 0.75  # 24 pixels high
    narrow = translate(nets, noise(384, 69), DIRECTIONS[0], 128)
    assert narrow.critic is narrow.realness is narrow.before is None


@pytest.mark.parametrize("times", [1, 1.6, 2])
def test_the_map_lies_where_its_patches_look(nets, times):
    """What one output of the critic sees has its middle in the tile that is drawn for it."""
    nets = nets.enlarged(times)
    for layer in nets.D_B.layers:  # normalization sees the whole picture: leave it out
        if type(layer).__name__ == "InstanceNorm":
            layer.forward = lambda x: x
    side = round(256 * times)
    x = torch.zeros(1, 3, side, side, requires_grad=True)
    nets.D_B(x)[0, 0, 10, 20].backward()
    rows, columns = (x.grad.abs().sum((0, 1)).nonzero()[:, i] for i in (0, 1))
    middle = [(side.min().item() + side.max().item()) / 2 for side in (rows, columns)]
    realness = torch.full((30, 30), 0.5)
    realness[10, 20] = 0
    drawn = np.asarray(realness_picture(realness, Image.new("RGB", (side, side)), nets.D_B.step)).astype(int)
    orange = np.argwhere(drawn[..., 0] - drawn[..., 2] > 60)
    assert np.abs(orange.max(0) - orange.min(0) - (8 * times - 1)).max() < 1 and np.abs(orange.mean(0) - middle).max() <= 4 * times


def test_the_gate_is_handed_on_and_darkens_what_it_left_alone(nets):
    torch.manual_seed(0)
    done = translate(CycleGAN(replace(nets.config, shrink=2)).eval(), noise(100, 60), DIRECTIONS[0], 128)
    assert done.gate.shape == done.fake.size[::-1] and 0 <= done.gate.min() < done.gate.max() <= 1
    drawn = np.asarray(gate_picture(torch.tensor([[0.0, 1.0]]), Image.new("RGB", (2, 1), (200, 100, 40))))
    assert drawn.tolist() == [[[30, 15, 6], [200, 100, 40]]]


def test_the_map_is_orange_where_invented_and_purple_where_real():
    grey = Image.new("RGB", (80, 48), "black")
    realness = torch.tensor([[-3.0, 4.0]]).repeat_interleave(3, 1).expand(4, -1)
    drawn = np.asarray(realness_picture(realness, grey))
    assert drawn.shape == (48, 80, 3) and (drawn[:8] == 0).all() and (drawn[:, :8] == 0).all()
    assert drawn[12, 12].tolist() == [round(0.55 * c) for c in INVENTED] and drawn[12, 50].tolist() == [round(0.55 * c) for c in REAL]


def test_difference_is_eight_times_as_strong():
    a, b = Image.new("RGB", (4, 4), (10, 20, 200)), Image.new("RGB", (4, 4), (13, 18, 100))
    assert difference(a, b).getpixel((0, 0)) == difference(b, a).getpixel((0, 0)) == (24, 16, 255)


# -- steganography -----------------------------------------------------------------------------------------------------

def test_nothing_asked_for_disturbs_nothing():
    fake = torch.rand(1, 3, 20, 30) * 2.4 - 1.2
    assert disturb(fake) is fake


def test_noise_is_as_strong_as_asked_and_the_same_each_time():
    fake = torch.zeros(1, 3, 200, 200)
    assert rms(disturb(fake, sigma=8), fake) == pytest.approx(8, rel=0.02)
    assert torch.equal(disturb(fake, sigma=8), disturb(fake, sigma=8)) and not torch.equal(disturb(fake, sigma=8), disturb(fake, sigma=8, seed=1))


def test_jpeg_and_blur_take_away_detail():
    fake = to_tensor(noise(64, 48))
    for kept, lost in ((disturb(fake, quality=95), disturb(fake, quality=10)), (disturb(fake, blur=0.3), disturb(fake, blur=3))):
        assert kept.shape == lost.shape == fake.shape and 0 < rms(kept, fake) < rms(lost, fake)


@pytest.mark.parametrize("wrong", [{"sigma": -1}, {"sigma": float("nan")}, {"quality": 0}, {"quality": 101}, {"blur": -0.1}, {"blur": 1e9}])
def test_what_is_out_of_range_is_refused(wrong):
    with pytest.raises(ValueError, match="disturbed by"):
        disturb(torch.zeros(1, 3, 8, 8), **wrong)


def test_undisturbed_the_way_back_is_that_of_the_cycle(nets):
    done = translate(nets, noise(60, 40), DIRECTIONS[0], 128)
    back = way_back(nets, done)
    assert back.rec.tobytes() == done.rec.tobytes() and back.psnr == back.undisturbed and back.noise == back.moved == 0


def test_an_honest_way_back_loses_what_the_noise_takes(still):
    done = translate(still, Image.new("RGB", (64, 64), (128, 128, 128)), DIRECTIONS[0], 256)
    back = way_back(still, done, sigma=8)
    assert back.noise == pytest.approx(8, rel=0.02) and back.moved == pytest.approx(back.noise, rel=0.02)
    for sigma, value in curve(still, done, (2, 8, 32)):
        assert value == pytest.approx(honest(99, sigma), abs=0.3)


def test_a_way_back_that_reads_what_is_faint_fails(nets, monkeypatch):
    monkeypatch.setattr(nets.G_AB, "translate_painted", lambda x: (x / 50, None))  # nearly grey: the picture is written small
    monkeypatch.setattr(nets.G_BA, "translate_painted", lambda x: (x * 50, None))
    done = translate(nets, noise(60, 40), DIRECTIONS[0], 128)
    assert done.cycle_error < 0.01, "the cycle itself is perfect"
    values = [value for _, value in curve(nets, done)]
    assert values[0] == 99 and values[1] < 20 < honest(99, 1) and values == sorted(values, reverse=True)
    back = way_back(nets, done, sigma=1)
    assert back.moved > 20 * back.noise and steganography.SIGMAS[0] == 0


# -- the strip ---------------------------------------------------------------------------------------------------------

def test_a_strip_gives_back_what_it_was_made_of(tmp_path):
    moments = [Image.new("RGB", (16, 16), (i * 10, 0, 0)) for i in range(4)]
    strip.save_strip(tmp_path / "a.png", moments, [0, 1, 2, 7])
    assert [(step, one.tobytes()) for step, one in strip.read_strip(tmp_path / "a.png")] == [(step, one.tobytes()) for step, one in zip([0, 1, 2, 7], moments)]


def test_a_long_strip_keeps_its_first_and_its_last(tmp_path):
    strip.save_strip(tmp_path / "a.png", [Image.new("RGB", (8, 8), (i, 0, 0)) for i in range(15)], list(range(15)))
    assert [step for step, _ in strip.read_strip(tmp_path / "a.png")] == [0, *range(6, 15)]


def test_no_strip_is_none_and_another_picture_is_a_sentence(tmp_path):
    assert strip.read_strip(tmp_path / "a.png") == []
    for content in (b"no picture", None):
        noise(8, 8).save(tmp_path / "a.png") if content is None else (tmp_path / "a.png").write_bytes(content)
        with pytest.raises(ValueError, match="a.png is no strip"):
            strip.read_strip(tmp_path / "a.png")
    with pytest.raises(ValueError, match="at least one"):
        strip.save_strip(tmp_path / "b.png", [], [])
