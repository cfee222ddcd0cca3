"""What the vocoder learns from: recordings, their pitch and phase, passages, and the distances."""
import sys

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import save_file

from models import audio, vocoder
from models.training import recordings as speech, vocoder as trainer

HOP = audio.MelConfig().hop


def humming(hz, frames=64):
    """A tone of ten harmonics (T,) and its pitch (F,)."""
    times = np.arange((frames - 1) * HOP) / audio.RATE
    return sum(np.cos(2 * np.pi * n * hz * times) / n for n in range(1, 11)).astype(np.float32) * 0.05, np.full(frames, hz, np.float32)


def test_held_back_are_the_same_sentences_of_all_and_two_speakers():
    named = [f"{s}/arctic_a{i:04d}.flac" for s in ("bdl", "slt") for i in range(200)]
    pool = [f"{s}/{i}.flac" for s in ("SF1", "TM1", "SF2", "TM2") for i in (100_001, 100_100, 100_101, 100_111)]
    back = speech.held_back_recordings(named + pool)
    assert len(back & set(named)) == 80 and {n[4:] for n in back if n.startswith("bdl")} == {n[4:] for n in back if n.startswith("slt")}
    assert back - set(named) == {n for n in pool if n[:3] in ("SF2", "TM2") or n[4:10] > "100100"}
    assert speech.held_back_recordings(reversed(named + pool)) == back


def test_recordings_are_read_once_and_broken_ones_named(tmp_path, capsys):
    for name in ("a/1.wav", "b/2.wav"):
        (tmp_path / name).parent.mkdir()
        soundfile.write(tmp_path / name, humming(200.0)[0], audio.RATE)
    (tmp_path / "b/3.wav").write_bytes(b"not a sound")
    found = speech.recordings([tmp_path])
    assert [r.name for r in found] == ["a/1.wav", "b/2.wav"] and [r.speaker for r in found] == ["a", "b"]
    assert all(r.mel.shape == (1, 80, len(r.wave) // HOP + 1) for r in found)
    assert "left out b/3.wav" in capsys.readouterr().out
    assert speech.recordings([tmp_path])[0].wave is found[0].wave


@pytest.mark.parametrize("wrong", [0.99, 1.0, 1.015])
def test_the_phase_is_that_of_the_recording_even_where_the_pitch_is_a_little_off(wrong):
    wave, hz = humming(150.0)
    phase = trainer.locked(wave, wrong * hz, HOP)
    true = torch.arange(len(wave) + 1) / audio.RATE * 150 * 2 * torch.pi
    assert phase.shape == true.shape and phase.abs().max() <= np.pi + 1e-5
    assert (phase - true).cos()[2000:-2000].min() > 0.97


def test_the_pulses_of_that_phase_lie_on_those_of_the_recording():
    wave, hz = humming(150.0)
    net = vocoder.Vocoder(trainer.TINY)
    pulses = net.pulses(torch.from_numpy(hz)[None], trainer.locked(wave, 0.99 * hz, HOP)[None])[0]
    middle = slice(2000, -2000)
    assert torch.corrcoef(torch.stack([pulses[middle], torch.from_numpy(wave)[middle]]))[0, 1] > 0.31, "0.326 is what equal harmonics can reach with falling ones"


def test_a_passage_is_one_place_of_a_recording():
    found, hz = trainer.synthetic(audio.MelConfig())
    mel, wave, pitch, voiced, phases = trainer.Passages(found, hz, 16, HOP, {}).batch(3, "cpu")
    assert mel.shape == (3, 1, 80, 16) and wave.shape == (3, 15 * HOP) and pitch.shape == voiced.shape == (3, 16) and phases.shape == (3, 15 * HOP + 1)
    for picture, sound in zip(mel, wave):
        assert (audio.to_mel(sound)[0, ..., 3:-3] - picture[..., 3:-3]).abs().max() < 1e-3
    assert ((90 < pitch) & (pitch < 250)).all()


def test_pairs_are_further_pictures_of_the_same_recordings(tmp_path):
    found, hz = trainer.synthetic(audio.MelConfig())
    save_file({r.name: r.mel[0] + 1 for r in found[:2]}, tmp_path / "pairs.safetensors")
    pairs = trainer.pairs_of(tmp_path / "pairs.safetensors", found)
    assert len(trainer.Passages(found, hz, 16, HOP, pairs).entries) == len(found) + 2
    save_file({found[0].name: found[0].mel[0, :, :-1].contiguous()}, tmp_path / "short.safetensors")
    with pytest.raises(ValueError, match="does not fit"):
        trainer.pairs_of(tmp_path / "short.safetensors", found)


def test_worn_pictures_are_near_and_most_are_whole():
    torch.manual_seed(0)
    mel = torch.randn(400, 1, 80, 16).cumsum(3) / 4
    worn = trainer.worn(mel)
    whole = (worn == mel).flatten(1).all(1).float().mean().item()
    assert whole == pytest.approx(0.65, abs=0.08) and (worn - mel).abs().mean() < 0.1


def test_hiss_is_nearest_to_hiss():
    """Where the recording is hiss, other hiss of its strength is nearer than weaker hiss, and than a buzz."""
    torch.manual_seed(0)
    distances, net = trainer.Distances(audio.MelConfig()), vocoder.Vocoder(trainer.TINY)
    real, fake, other = 0.06 * torch.randn(3, 4, 63 * HOP)
    hz = torch.full((4, 64), 120.0)
    buzz = 0.06 * net.pulses(hz, net.angles(hz))
    alike = distances(fake, other, real)
    for a, b in ((0.8 * fake, 0.8 * other), (1.25 * fake, 1.25 * other), (buzz, buzz), (0.7 * fake + 0.7 * buzz, 0.7 * other + 0.7 * buzz)):
        assert all(x < y for x, y in zip(alike, distances(a, b, real)))
    assert all(x.abs() < 1e-6 for x in distances(real, real, real))


def test_pitch_is_read_back_or_asks_for_its_tool(tmp_path, monkeypatch):
    found, hz = trainer.synthetic(audio.MelConfig())
    np.savez(tmp_path / "pitch.npz", **hz)
    assert speech.pitches(found, tmp_path / "pitch.npz").keys() == hz.keys()
    monkeypatch.setitem(sys.modules, "pyworld", None)
    with pytest.raises(ValueError, match="pip install pyworld"):
        speech.pitches(found, tmp_path / "none.npz")
