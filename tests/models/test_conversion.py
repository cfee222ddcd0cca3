"""The voice converter: shapes, the wanted melody, what it listens to."""
import pytest
import torch

from models import audio
from models.conversion import PitchListener, VoiceCritic, VoiceGAN
from models.pitch import HIGHEST, LOWEST, bell, likeliest, scale

TINY = VoiceGAN.Config(width=16, blocks=2, patches=4, condition=8, critic_width=4, pitch_width=16)


@pytest.fixture
def nets():
    torch.manual_seed(0)
    nets = VoiceGAN(TINY).eval()
    nets.pitches.copy_(torch.tensor([[90.0, 120.0, 150.0], [140.0, 200.0, 260.0]]))
    return nets


@pytest.mark.parametrize("frames", [1, 2, 17, 500])
@torch.no_grad()
def test_any_length_keeps_its_length(nets, frames):
    mel = torch.rand(1, 1, 80, frames) * 2 - 1
    for target in TINY.targets:
        fake = nets.convert(mel, target)
        assert fake.shape == mel.shape and fake.isfinite().all()


@torch.no_grad()
def test_the_targets_are_different_voices(nets):
    mel = torch.rand(1, 1, 80, 40)
    assert not torch.allclose(nets.convert(mel, "bdl"), nets.convert(mel, "slt"), atol=1e-3)
    with pytest.raises(ValueError, match="choose bdl or slt"):
        nets.convert(mel, "somebody")


@torch.no_grad()
def test_the_critic_has_a_map_for_each_target(nets):
    mel = torch.rand(1, 1, 80, 64)
    assert nets.realness(mel, "bdl").shape == (1, 1, 10, 8)
    assert not torch.equal(nets.realness(mel, "bdl"), nets.realness(mel, "slt"))
    assert VoiceCritic()(torch.zeros(2, 1, 80, 16)).shape == (2, 2, 10, 2)


@torch.no_grad()
def test_tones_lie_where_a_voice_of_that_pitch_has_them(nets):
    """Compared with the spectrogram of a buzz: high and low at the same rows, where bands are narrower than the pitch."""
    time = torch.arange(audio.RATE) / audio.RATE
    for hz in (110.0, 180.0, 260.0):
        buzz = sum(torch.sin(2 * torch.pi * hz * k * time) for k in range(1, 60)) / 60
        mel = audio.to_mel(buzz)[0, 0, :24, 30]
        tones = nets.tones(torch.full((1, 3), hz))
        assert tones.shape == (1, 1, 80, 3)
        both = torch.stack([mel, tones[0, 0, :24, 1]])
        assert torch.corrcoef(both)[0, 1] > 0.55, hz


@torch.no_grad()
def test_the_melody_moves_to_the_target_and_by_semitones(nets, monkeypatch):
    contour = torch.linspace(200, 240, 41)[None]
    monkeypatch.setattr(nets.P, "pitch", lambda mel: (contour, torch.ones_like(contour)))
    mel = torch.zeros(1, 1, 80, 41)
    hz, voiced = nets.melody(mel, "bdl")
    assert hz.median().item() == pytest.approx(120) and voiced.min() == 1
    assert torch.allclose(hz / hz[0, 0], contour / contour[0, 0]), "the speaker's own melody"
    assert torch.allclose(nets.melody(mel, "bdl", 12)[0], 2 * hz)
    assert torch.allclose(nets.melody(mel, "slt", -12)[0], contour * 200 / 220 / 2)
    assert nets.melody(mel, "slt", 40)[0].max() <= HIGHEST and nets.melody(mel, "bdl", -40)[0].min() >= LOWEST


@torch.no_grad()
def test_silence_is_as_deep_as_the_target_s_own(nets):
    """Below the quiet of the target nothing counts; what is loud passes."""
    nets.G.quiet.fill_(-0.6)
    target, hz, voiced = torch.tensor([0]), torch.full((1, 64), 120.0), torch.zeros(1, 64)
    deep, deeper, loud = (nets.G(torch.full((1, 1, 80, 64), level), target, nets.tones(hz), voiced) for level in (-1.2, -2.0, 0.0))
    assert torch.allclose(deep, deeper, atol=1e-3) and not torch.allclose(deep, loud, atol=1e-2)


@torch.no_grad()
def test_a_mask_hides_the_frames(nets):
    """What is under the mask does not reach the result."""
    mel, mask = torch.rand(1, 1, 80, 64), torch.ones(1, 1, 1, 64)
    mask[..., 20:30] = 0
    other = mel.clone()
    other[..., 20:30] = 0.5
    target, hz, voiced = torch.tensor([0]), torch.full((1, 64), 120.0), torch.ones(1, 64)
    a, b = (nets.G(m, target, nets.tones(hz), voiced, mask) for m in (mel, other))
    assert torch.allclose(a, b, atol=1e-5)
    assert not torch.allclose(a, nets.G(mel, target, nets.tones(hz), voiced), atol=1e-3)


def test_pitch_is_the_mean_around_the_likeliest_step():
    logits = torch.full((1, 96, 2), -20.0)
    logits[0, 40], logits[0, 41], logits[0, 90, 1] = 2.0, 2.0, 1.0
    steps = scale(96)
    assert likeliest(logits, steps)[0].tolist() == pytest.approx([(2 ** ((steps[40] + steps[41]) / 2)).item()] * 2, rel=1e-3)


def test_a_bell_is_read_as_the_pitch_it_stands_for():
    hz = torch.tensor([[70.0, 123.4, 200.0, 480.0]])
    assert torch.allclose(likeliest(bell(hz, scale(96), 60).log(), scale(96)), hz, rtol=0.01)


@torch.no_grad()
def test_the_listener_answers_for_every_frame():
    hz, voiced = PitchListener(PitchListener.Config(width=8)).eval().pitch(torch.rand(2, 1, 80, 7))
    assert hz.shape == voiced.shape == (2, 7) and (LOWEST <= hz).all() and (hz <= HIGHEST).all() and (0 <= voiced).all() and (voiced <= 1).all()
