"""What the voice converter learns from: disguises, alignments, passages."""
import numpy as np
import pytest
import torch

from models import audio
from models.training import listening, recordings, voice, voices


def buzz(hz, seconds=1.0, bright=1.0):
    """(T,) harmonics of `hz`, each `bright` / k high."""
    time = torch.arange(int(seconds * audio.RATE)) / audio.RATE
    return 0.3 * sum(torch.sin(2 * torch.pi * hz * k * time) / k ** bright for k in range(1, int(7500 / hz)))


def test_no_disguise_is_the_recording_itself():
    wave = buzz(150)
    assert (voices.disguised(voices.log_spectrum(wave, 1.0), 1.0, 1.0) - audio.to_mel(wave)[0])[:, :76].abs().max() < 0.05


@pytest.mark.parametrize("pitch", [0.6, 1.5])
def test_a_disguise_speaks_at_the_other_pitch(pitch):
    """Its picture is that of a buzz of that pitch, in the rows where harmonics can be told apart."""
    got = voices.disguised(voices.log_spectrum(buzz(160), pitch), pitch, 1.0)[0, :20, 20:40]
    wanted = audio.to_mel(buzz(160 * pitch))[0, 0, :20, 20:40]
    own = audio.to_mel(buzz(160))[0, 0, :20, 20:40]
    likeness = lambda a, b: torch.corrcoef(torch.stack([(a - a.mean(0)).flatten(), (b - b.mean(0)).flatten()]))[0, 1]
    assert likeness(got, wanted) > 0.75 and likeness(got, wanted) > likeness(got, own) + 0.2


def test_a_longer_tract_lowers_the_resonances():
    """The centre of gravity of a noise with one resonance moves with `tract`."""
    import scipy.signal
    sos = scipy.signal.butter(2, (1800, 2200), "bandpass", fs=audio.RATE, output="sos")
    wave = torch.from_numpy(scipy.signal.sosfilt(sos, np.random.default_rng(0).normal(size=audio.RATE))).float()
    peaks = [voices.disguised(voices.log_spectrum(wave, 1.0), 1.0, tract)[0].mean(1).argmax().item() for tract in (0.8, 1.0, 1.25)]
    centres = __import__("librosa").mel_frequencies(82, fmin=60, fmax=7600)[1:-1]
    assert [centres[p] for p in peaks] == pytest.approx([1600, 2000, 2500], rel=0.1)


def test_worn_recordings_differ_and_stay_pictures():
    torch.manual_seed(0)
    mel = audio.to_mel(buzz(150)).expand(16, -1, -1, -1)
    worn = voices.worn(mel)
    assert worn.shape == mel.shape and worn.isfinite().all() and worn.min() >= audio.to_mel(torch.zeros(4000)).min() - 1e-5
    assert (worn[0] - worn[1]).abs().mean() > 0.01
    loud = mel[0, 0] > 0.3
    assert (worn - mel)[:, 0][:, loud].std() < 0.3, "what is loud keeps its shape up to a colour"


def test_alignment_undoes_another_pace():
    made = torch.cat([audio.to_mel(buzz(140, 0.4, bright)) for bright in (0.5, 2.0, 1.0, 3.0)], -1)[0]
    slow = made.repeat_interleave(2, -1)
    fits = voices.alignment(slow, made)
    assert fits.shape == (slow.shape[-1],) and (fits.diff() >= 0).all()
    assert (fits - torch.arange(len(fits)) // 2).abs().float().mean() < 3
    assert voices.distance_db(slow, made) < 0.5 < 3 < voices.distance_db(made.flip(-1), made)


def test_distance_leaves_loudness_out():
    mel = audio.to_mel(buzz(140))[0]
    assert voices.distance_db(mel + 0.2, mel) < 0.01


@pytest.fixture
def passages():
    torch.manual_seed(0)
    made, hz = voice.synthetic(("bdl", "slt"), audio.MelConfig())
    return voices.Voices(made, ("bdl", "slt"), hz, (115.0, 175.0), 32)


def test_passages_fit_together(passages):
    heard, high, whose, said, hz, voiced = passages.in_disguise(6)
    assert heard.shape == said.shape == (6, 1, 80, 32) and high.shape == hz.shape == voiced.shape == (6, 32) and whose.tolist() == [0, 1] * 3
    assert ((high / hz).std(1) < 1e-4).all() and (60 < high).all() and (high < 330).all()
    passages.align(lambda mel, target: mel)
    assert len(passages.pairs) == 6
    source, to, fitted, own, wanted, sounds = passages.paired(8)
    assert source.shape == fitted.shape == (8, 1, 80, 32) and own.shape == wanted.shape == sounds.shape == (8, 32)
    assert (wanted.median(1).values - torch.tensor([115.0, 175.0])[to]).abs().max() < 1
    stranger, either, as_either, as_other, theirs = passages.anyone(4)
    assert stranger.shape == (4, 1, 80, 32) and either.tolist() == [0, 1, 0, 1] and theirs.min() == 1
    assert (as_either * as_other).sqrt().mean().item() == pytest.approx((115 * 175) ** 0.5, rel=0.01)


def test_masks_hide_one_stretch_of_about_half():
    torch.manual_seed(0)
    masks = voice.masks(torch.zeros(400, 1, 80, 100))
    assert masks.shape == (400, 1, 1, 100) and set(masks.unique().tolist()) == {0.0, 1.0}
    hidden = masks[:, 0, 0] == 0
    assert 0.35 < hidden.any(1).float().mean() < 0.65 and hidden.sum(1).max() < 24
    assert ((hidden.float().diff(dim=1) > 0).sum(1) <= 1).all()


def test_held_back_are_the_same_sentences_and_two_whole_people():
    names = [f"{s}/arctic_a{i:04d}.flac" for s in ("bdl", "slt") for i in range(1, 101)] + [f"{s}/{i}.flac" for s in ("SF1", "SF2") for i in range(100091, 100111)]
    back = recordings.held_back_recordings(names)
    of = lambda who: {name.split("/")[1] for name in back if name.startswith(who)}
    assert of("bdl") == of("slt") and len(of("bdl")) == 40
    assert of("SF1") == {f"{i}.flac" for i in range(100101, 100111)} and len(of("SF2")) == 20


def test_word_errors_count_words():
    assert listening.words_of("“Well, I don't know!”") == ["well", "i", "don't", "know"]
    assert listening.edits("a b c d".split(), "a x c".split()) == 2 and listening.edits([], ["a"]) == 1 and listening.edits(["a"], ["a"]) == 0
