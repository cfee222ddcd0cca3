"""How near a recording is to each voice."""
import pytest
import torch

from models import audio
from models.conversion import VoiceGAN
from models.likeness import Likeness, Pitch, decibels, in_words, likeness, loud_frames, pitch_of, spectral_distance, spectrum_of
from models.vocoder import Vocoder

TINY = VoiceGAN.Config(width=16, blocks=1, patches=4, condition=8, critic_width=4, pitch_width=8)


def test_loud_frames_leave_pauses_out():
    mel = torch.full((1, 1, 80, 100), -1.0)
    mel[..., 20:60] = torch.linspace(-1, 0.5, 80)[:, None]
    assert loud_frames(mel).tolist() == [20 <= i < 60 for i in range(100)]
    torch.testing.assert_close(spectrum_of(mel), torch.linspace(-1, 0.5, 80))


def test_the_distance_is_in_decibels_and_leaves_loudness_out():
    a = torch.randn(80)
    assert spectral_distance(a, a + 0.3) == pytest.approx(0, abs=1e-4)
    tilted = a + torch.where(torch.arange(80) % 2 > 0, 3.0, -3.0) / decibels()
    assert spectral_distance(a, tilted) == pytest.approx(3.0, abs=1e-3)


def test_a_doubled_wave_is_six_decibels_louder_in_a_picture():
    wave = 0.1 * torch.randn(16_000)
    assert float((audio.to_mel(2 * wave) - audio.to_mel(wave)).mean()) * decibels() == pytest.approx(6.02, abs=0.01)


def test_whispers_have_no_pitch():
    hz, voiced = torch.linspace(100, 200, 101), torch.zeros(101, dtype=torch.bool)
    assert Pitch(hz, voiced).median is None
    voiced[40:61] = True
    assert Pitch(hz, voiced).median == pytest.approx(150)


@pytest.mark.parametrize("listener", [Vocoder(Vocoder.Config(width=8, blocks=1, pitch_width=8, pitch_blocks=1)), VoiceGAN(TINY).P], ids=["vocoder", "converter"])
def test_pitch_has_a_number_for_each_frame(listener):
    pitch = pitch_of(torch.randn(1, 1, 80, 57), listener)
    assert pitch.hz.shape == pitch.voiced.shape == (57,) and pitch.voiced.dtype == torch.bool and 50 < pitch.hz.min() and pitch.hz.max() < 520


@pytest.mark.parametrize("frames", [3, 19, 400])
def test_every_voice_gets_three_numbers(frames):
    torch.manual_seed(0)
    nets, mel = VoiceGAN(TINY), torch.randn(1, 1, 80, frames)
    nets.spectra[:] = torch.stack([spectrum_of(mel), torch.zeros(80)])
    nets.pitches[:, 1] = torch.tensor([100.0, 200.0])
    near = likeness(nets, mel, Pitch(torch.full((frames,), 200.0), torch.ones(frames, dtype=torch.bool)))
    assert list(near) == ["bdl", "slt"] and near["bdl"].spectrum < 1e-3 < near["slt"].spectrum
    if frames > 10:
        assert near["bdl"].semitones == pytest.approx(12) and near["slt"].semitones == pytest.approx(0, abs=1e-5)
    assert isinstance(near["slt"].realness, float)


@pytest.mark.parametrize("slt, words", [
    (Likeness(1.0, 0.1, 0.9), "Its average spectrum, its pitch and the critic put the result nearer to slt than to the other voice."),
    (Likeness(1.0, 9.0, 0.1), "Its average spectrum puts the result nearer to slt than to the other voice; its pitch and the critic do not."),
    (Likeness(1.0, None, 0.9), "Its average spectrum and the critic put the result nearer to slt than to the other voice. It has hardly any voiced sound, so pitch says nothing."),
    (Likeness(9.0, 9.0, 0.1), "No measure puts the result nearer to slt.")], ids=str)
def test_the_verdict_names_its_measures(slt, words):
    assert in_words({"bdl": Likeness(5.0, None if slt.semitones is None else -6.0, 0.5), "slt": slt}, "slt") == words
