import io

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings, strategies as st

from models import audio


def recording(samples, rate=16_000, kind="WAV", **options):
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=kind, **options)
    return file.getvalue()


def tone(seconds, rate=16_000, frequency=440.0):
    return 0.3 * np.sin(2 * np.pi * frequency * np.arange(int(seconds * rate)) / rate).astype(np.float32)


def loudest(wave):
    """Frequency in Hz of the strongest line of a wave at 16 kHz."""
    return np.abs(np.fft.rfft(wave.numpy())).argmax() * audio.RATE / len(wave)


@pytest.mark.parametrize("options", [
    dict(), dict(rate=48_000), dict(rate=8_000), dict(rate=44_100, subtype="FLOAT"), dict(subtype="PCM_24"), dict(subtype="PCM_U8"),
    dict(kind="FLAC"), dict(kind="OGG"), dict(kind="MP3", rate=44_100)], ids=str)
def test_every_kind_of_file_gives_the_same_sound(options):
    rate = options.pop("rate", 16_000)
    wave = audio.read(recording(tone(1.5, rate), rate, **options))
    assert wave.dtype == torch.float32 and len(wave) == pytest.approx(1.5 * audio.RATE, rel=0.06)
    assert loudest(wave) == pytest.approx(440, abs=3)
    assert wave.square().mean().sqrt().item() == pytest.approx(audio.LOUDNESS, rel=0.05)


def test_stereo_is_averaged_and_rumble_is_filtered():
    left, right = tone(1.5), tone(1.5, frequency=660)
    rumble = 0.3 * np.sin(2 * np.pi * 20 * np.arange(len(left)) / 16_000)
    wave = audio.read(recording(np.stack([left + rumble, right + rumble], 1)))
    spectrum = np.abs(np.fft.rfft(wave.numpy()))
    at = lambda hertz: spectrum[round(hertz * len(wave) / audio.RATE)]
    assert at(440) == pytest.approx(at(660), rel=0.1) and at(20) < 0.05 * at(440)


@pytest.mark.parametrize("source, said", [
    (None, "no recording yet"), (b"", "could not be read"), (b"this is no sound at all", "could not be read"),
    (recording(np.zeros(32_000, np.float32)), "silent"), (recording(tone(0.1)), "0.1 s"), (recording(np.zeros(0, np.float32)), "0.0 s"),
    ("/nowhere/at/all.wav", "could not be read")])
def test_what_is_no_recording_is_one_sentence(source, said):
    with pytest.raises(ValueError, match=said):
        audio.read(source)


def test_of_ten_minutes_the_first_is_heard():
    long = recording(tone(600, 8_000), 8_000)
    assert len(audio.read(long)) == audio.LONGEST * audio.RATE
    assert audio.listen(long).longer and not audio.listen(recording(tone(60))).longer


def test_silence_at_both_ends_is_cut_off():
    speech = tone(2.0) * np.repeat([1, 0.2, 0, 1], 8_000)  # a pause within stays
    quiet = 1e-4 * np.random.default_rng(0).standard_normal(80_000).astype(np.float32)
    padded = quiet.copy()
    padded[24_000:56_000] += speech
    heard = audio.listen(recording(padded))
    assert heard.before == pytest.approx(1.45, abs=0.07) and heard.after == pytest.approx(1.45, abs=0.07) and not heard.longer
    assert len(heard.wave) / audio.RATE == pytest.approx(5 - heard.before - heard.after)
    assert heard.wave.square().mean().sqrt().item() == pytest.approx(audio.LOUDNESS, rel=0.01)


def test_a_click_in_silence_is_one_sentence():
    click = np.zeros(32_000, np.float32)
    click[16_000:16_400] = 0.5
    with pytest.raises(ValueError, match="more than silence"):
        audio.listen(recording(click))


def test_noise_and_whispers_are_recordings():
    noise = 0.01 * np.random.default_rng(0).standard_normal(16_000).astype(np.float32)
    assert len(audio.listen(recording(noise)).wave) == 16_000


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_give_a_recording_or_a_sentence(data):
    try:
        audio.read(data)
    except ValueError as error:
        assert str(error).endswith(".")


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(width=32, allow_nan=True, allow_infinity=True), min_size=1, max_size=40))
def test_odd_samples_stay_in_range(samples):
    try:
        wave = audio.read(recording(np.resize(np.array(samples, np.float32), 6000), subtype="FLOAT"))
    except ValueError:
        return
    assert wave.isfinite().all() and wave.abs().max() <= 1


def test_mel_is_a_picture_in_range():
    mel = audio.to_mel(audio.read(recording(tone(1.0))))
    settings = audio.MelConfig()
    assert mel.shape == (1, 1, settings.mels, 16_000 // settings.hop + 1)
    assert -1.2 < mel.min() and mel.max() < 1.5
    low, high = (audio.to_mel(torch.from_numpy(tone(1.0, frequency=f)))[0, 0, :, 30].argmax() for f in (300, 3000))
    assert low < high, "row 0 is the lowest band"


def test_to_wave_finds_the_sound_again():
    wave = audio.read(recording(tone(1.0) + 0.5 * tone(1.0, frequency=1200)))
    mel = audio.to_mel(wave)
    back = audio.to_wave(mel)
    assert len(back) == (mel.shape[-1] - 1) * audio.MelConfig().hop
    assert loudest(back) == pytest.approx(440, abs=12)
    again = audio.to_mel(back)
    assert (again - mel)[..., 4:-4].abs().mean() < 0.12
    assert torch.equal(audio.to_wave(mel, seed=3), audio.to_wave(mel, seed=3))


def test_pcm_keeps_loudness():
    assert audio.to_pcm(torch.tensor([0.0, 0.25, -1.0, 2.0])).tolist() == [0, 8191, -32767, 32767]
