"""The vocoder without training: its source, its starting filter, its shapes; and the one that ships, on a hummed vowel."""
import math
from pathlib import Path

import pytest
import torch

from models import audio, checkpoint
from models.vocoder import Vocoder

SMALL = Vocoder.Config(width=16, blocks=1, pitch_width=16, pitch_blocks=1)
SHIPPED = Path(__file__).parents[2] / "checkpoints" / "vocoder.safetensors"


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    return Vocoder(SMALL).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def shipped():
    return checkpoint.load(SHIPPED, Vocoder)


def vowel(hz, seconds=1.0, formants=((700, 120), (1200, 150), (2600, 250))):
    """(T,) pulses at a pitch, of which every tenth of a second a little differs, through three resonances: about an "ah"."""
    times = torch.arange(int(seconds * audio.RATE)) / audio.RATE
    phase = 2 * math.pi * (hz * times + 0.15 * torch.sin(2 * math.pi * 5 * times))
    wave = torch.zeros_like(times)
    for n in range(1, int(7000 / hz)):
        strength = sum(1 / (1 + ((n * hz - center) / width) ** 2) for center, width in formants)
        wave += strength * n ** -0.3 * (n * phase).cos()
    wave += 0.001 * torch.randn(len(wave), generator=torch.Generator().manual_seed(0))
    return 0.06 * wave / wave.square().mean().sqrt()


@pytest.mark.parametrize("batch, frames", [(1, 1), (1, 2), (3, 7), (2, 64)])
def test_a_picture_of_any_length_gives_hop_samples_a_frame(small, batch, frames):
    mel = 0.5 * torch.randn(batch, 1, 80, frames)
    wave = small(mel)
    assert wave.shape == (batch, (frames - 1) * audio.MelConfig().hop) and wave.dtype == torch.float32
    assert wave.isfinite().all() and (wave.abs() <= 1).all()
    hz, voiced = small.pitch(mel)
    assert hz.shape == voiced.shape == (batch, frames)
    assert (59 < hz).all() and (hz < 501).all() and (0 <= voiced).all() and (voiced <= 1).all()


@pytest.mark.parametrize("value", [-1e9, -2.0, 2.0, 1e9])
def test_pictures_out_of_range_stay_in_range(small, value):
    wave = small(torch.full((1, 1, 80, 9), value))
    assert wave.isfinite().all() and (wave.abs() <= 1).all()


def test_the_same_picture_and_seed_give_the_same_sound(small):
    mel = 0.3 * torch.randn(2, 1, 80, 20)
    assert torch.equal(small(mel, seed=3), small(mel, seed=3))
    assert not torch.equal(small(mel, seed=3), small(mel, seed=4))
    assert torch.allclose(small(mel)[1:], small(mel[1:]), atol=1e-3), "what lies beside it in the batch changes nothing"


def test_pulses_hold_all_harmonics_below_7800_hz_at_equal_strength(small):
    hz = torch.full((1, 65), 200.0)
    pulses = small.pulses(hz, small.angles(hz))[0]
    assert pulses.square().mean().item() == pytest.approx(1, rel=0.03)
    lines = torch.fft.rfft(pulses[-16_000:]).abs() / 8000  # one a hertz
    harmonics = lines[200:7801:200].clone()
    assert harmonics.min() > 0.9 * harmonics.max()
    lines[200:7801:200] = 0
    assert lines.max() < 0.05 * harmonics.max()


def test_the_phase_stays_exact_for_a_minute(small):
    angles = small.angles(torch.full((1, 3751), 437.0))[0]
    assert len(angles) == 960_001 and angles.abs().max() <= math.pi + 1e-5
    steps = (torch.diff(angles) + math.pi).remainder(2 * math.pi) - math.pi
    assert (steps - 2 * math.pi * 437 / 16_000).abs().max() < 1e-5
    last = 2 * math.pi * (437 * 960_001 / 16_000 % 1)
    assert math.cos(angles[-1].item() - last) > 0.99999


@pytest.mark.parametrize("sound", [0.06 * torch.randn(32_000, generator=torch.Generator().manual_seed(1)), vowel(150.0)], ids=["hiss", "vowel"])
def test_before_training_the_envelope_of_the_picture_is_there(small, sound):
    mel = audio.to_mel(sound)
    wave = small(mel)[0]
    again = audio.to_mel(wave)
    middle = slice(4, -4)
    a, b = (x[0, 0, :, middle].mean(1) for x in (mel, again))
    assert (a - b).abs().mean() < 0.12 and torch.corrcoef(torch.stack([a, b]))[0, 1] > (0.7 if a.std() > 0.1 else -1)


@pytest.mark.parametrize("hz", [95.0, 130.0, 190.0, 240.0])
def test_the_shipped_one_hears_and_keeps_the_pitch_of_a_vowel(shipped, hz):
    mel = audio.to_mel(vowel(hz))
    for picture in (mel, audio.to_mel(shipped(mel)[0])):
        heard, voiced = shipped.pitch(picture)
        assert heard[0, 8:-8].median().item() == pytest.approx(hz, rel=0.04)
        assert voiced[0, 8:-8].median() > 0.5


def test_the_shipped_one_gives_the_picture_back(shipped):
    for sound in (vowel(130.0), 0.06 * torch.randn(16_000, generator=torch.Generator().manual_seed(1))):
        mel = audio.to_mel(sound)
        assert (audio.to_mel(shipped(mel)[0]) - mel).abs().mean() < 0.15


def test_silence_stays_quiet(shipped):
    assert shipped(audio.to_mel(torch.zeros(16_000)))[0].abs().max() < 0.01


def test_the_shipped_one_tells_its_spectrogram_and_stays_small(shipped):
    assert audio.MelConfig(**shipped.preprocessing["mel"]) == audio.MelConfig()
    assert shipped.preprocessing["rate"] == audio.RATE
    assert sum(p.numel() for p in shipped.parameters()) <= 1_000_000 and SHIPPED.stat().st_size <= 2e6
