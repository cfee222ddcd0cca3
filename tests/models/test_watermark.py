"""The mark is found after what happens to sounds, and not where it was never put."""
import io

import numpy as np
import pytest
import soundfile
import torch

from models import audio, speaking, watermark


@pytest.fixture(scope="module")
def speech():
    """Six seconds of different voices."""
    return torch.cat([speaking.spoken_by_formulas(pitch, tract) for pitch, tract in ((110, 1.0), (200, 1.16), (150, 1.08))])


@pytest.fixture(scope="module")
def marked(speech):
    return watermark.embed(speech)


def resampled(wave, start, end):
    import librosa
    return librosa.resample(np.asarray(wave), orig_sr=start, target_sr=end)


def coded(wave, kind, rate, **options):
    """(T,) at 16 kHz through a coder at `rate` and back."""
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", samplerate=rate, channels=1, format=kind, **options) as writer:
        writer.write(resampled(wave, audio.RATE, rate))
    size = len(file.getvalue())
    file.seek(0)
    return torch.from_numpy(resampled(soundfile.read(file, dtype="float32")[0], rate, audio.RATE)), 8e-3 * size / (len(wave) / audio.RATE)


def test_the_noise_is_white_and_the_same_everywhere():
    noise = watermark.noise()
    assert noise.square().mean() == pytest.approx(1, abs=1e-3) and torch.fft.rfft(noise)[1:-1].abs().std() < 1e-2 * watermark.PERIOD ** 0.5
    torch.testing.assert_close(noise[:3], torch.tensor([-1.1120, -0.3500, 0.9622]), atol=1e-3, rtol=0)


def test_it_lies_under_the_sound(speech, marked):
    assert marked.shape == speech.shape and marked.abs().max() <= 1
    below = 10 * torch.log10((marked - speech).square().mean() / speech.square().mean())
    assert below == pytest.approx(watermark.STRENGTH, abs=2)
    silent = torch.cat([speech, torch.zeros(16_000)])
    assert (watermark.embed(silent) - silent)[-12_000:].abs().max() < 1e-6, "where there is nothing to cover it, there is no mark"


def test_it_is_found_and_only_with_its_key(speech, marked):
    assert watermark.detect(marked).marked and watermark.detect(marked).score > 12
    assert not watermark.detect(speech).marked and not watermark.detect(marked, b"another key").marked
    assert not watermark.detect(watermark.embed(speech, key=b"another key")).marked


@pytest.mark.parametrize("change", [
    lambda wave: 0.05 * wave, lambda wave: -wave, lambda wave: wave[12_345:], lambda wave: wave[20_001:56_000], lambda wave: torch.cat([torch.zeros(7_777), wave]),
    lambda wave: torch.from_numpy(resampled(resampled(wave, 16_000, 44_100), 44_100, 16_000)), lambda wave: torch.from_numpy(resampled(resampled(wave, 16_000, 48_000), 48_000, 16_000)),
    lambda wave: wave + 0.1 * wave.square().mean().sqrt() * torch.randn(len(wave), generator=torch.Generator().manual_seed(0)),
    lambda wave: audio.read(coded_bytes(wave))],
    ids=["softer", "turned over", "begins later", "a piece", "after silence", "44.1 kHz", "48 kHz", "noise at -20 dB", "as the tab reads it"])
def test_it_survives(marked, change):
    assert watermark.detect(change(marked)).marked


def coded_bytes(wave):
    file = io.BytesIO()
    soundfile.write(file, wave.numpy(), audio.RATE, format="WAV")
    return file.getvalue()


@pytest.mark.skipif("MP3" not in soundfile.available_formats(), reason="this libsndfile writes no MP3")
def test_it_survives_mp3_at_128_kbit_a_second(marked):
    back, kilobits = coded(marked, "MP3", 44_100, subtype="MPEG_LAYER_III", bitrate_mode="CONSTANT", compression_level=0.65)
    assert kilobits == pytest.approx(128, rel=0.06)
    assert watermark.detect(back).marked and watermark.detect(back[10_001:60_000]).marked


def test_it_survives_ogg(marked):
    assert watermark.detect(coded(marked, "OGG", 44_100)[0]).marked


@pytest.mark.parametrize("length", [0, 1, 700, 5_000])
def test_very_short_sounds_are_no_error(speech, length):
    short = watermark.embed(speech[3_000:3_000 + length])
    assert len(short) == length
    if length:
        assert watermark.detect(short).chance >= 0
