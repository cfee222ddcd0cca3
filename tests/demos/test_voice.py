"""Voice: durations, directions, pieces without seams, spectrogram pictures, examples, and what the page offers to scripts."""
import dataclasses

import gradio as gr
import numpy as np
import pytest
import soundfile
import torch

from demos import page, voice
from demos.spectrogram_picture import BOTTOM, LEFT, RIGHT, SIZE, TOP, draw, row_of
from demos.voice import CHUNK, DIRECTIONS, OVERLAP, convert, examples_at_hand, in_chunks, sentence, write_wav
from models import audio, checkpoint, sources, speaking
from models.cyclegan import CycleGAN

TINY = CycleGAN.Config(channels=1, width=8, blocks=1, downs=1, unshuffle=2, resize_convolution=True, residual=True, row_position=True, critic_width=4)
SETTINGS = audio.MelConfig()


@pytest.fixture
def nets():
    torch.manual_seed(0)
    return CycleGAN(TINY).eval().requires_grad_(False)


@pytest.fixture
def no_sound(monkeypatch):
    """Spares a test the phase reconstruction, which takes longest."""
    monkeypatch.setattr(audio, "to_wave", lambda mel, settings: torch.zeros((mel.shape[-1] - 1) * settings.hop))


def tone(frequency, seconds):
    return 0.3 * torch.sin(2 * torch.pi * frequency * torch.arange(int(seconds * audio.RATE)) / audio.RATE)


@pytest.mark.parametrize("seconds", [0.3, 1.037, 8.3])
def test_converted_recordings_last_as_long(nets, seconds):
    done = convert(nets, tone(220, seconds), DIRECTIONS[0], SETTINGS)
    assert done.real.shape == done.fake.shape == (1, 1, SETTINGS.mels, int(seconds * audio.RATE) // SETTINGS.hop + 1)
    assert abs(len(done.wave) - seconds * audio.RATE) < SETTINGS.hop
    assert done.wave.abs().max() <= 1 and done.wave.isfinite().all()
    assert list(done.seconds) == ["spectrogram", "conversion", "sound"] and min(done.seconds.values()) >= 0


@pytest.mark.parametrize("direction, level", [(DIRECTIONS[0], 0.25), (DIRECTIONS[1], -0.5)])
def test_direction_picks_the_generator(nets, monkeypatch, no_sound, direction, level):
    monkeypatch.setattr(nets.G_AB, "translate", lambda x: torch.full_like(x, 0.25))
    monkeypatch.setattr(nets.G_BA, "translate", lambda x: torch.full_like(x, -0.5))
    done = convert(nets, tone(220, 0.5), direction, SETTINGS)
    torch.testing.assert_close(done.fake, torch.full_like(done.fake, level))


def test_other_directions_are_refused(nets):
    with pytest.raises(ValueError, match="slt"):
        convert(nets, tone(220, 0.5), "to a parrot's voice", SETTINGS)


def test_progress_only_rises_and_names_every_stage(nets, no_sound):
    told = []
    convert(nets, tone(220, 18), DIRECTIONS[0], SETTINGS, lambda fraction, stage: told.append((fraction, stage)))
    assert [fraction for fraction, _ in told] == sorted(fraction for fraction, _ in told) and told[-1][0] < 1
    assert [*dict.fromkeys(stage for _, stage in told)] == ["spectrogram", "conversion", "sound"]
    assert sum(stage == "conversion" for _, stage in told) > 1


@pytest.mark.parametrize("frames", [20, OVERLAP, CHUNK, CHUNK + 1, 2 * CHUNK - OVERLAP, 2 * CHUNK - OVERLAP + 1, 3751])
def test_chunks_leave_no_seams(frames):
    torch.manual_seed(0)
    mel, seen = torch.randn(1, 1, 8, frames), []

    def identity(part):
        seen.append(part.shape[-1])
        return part
    torch.testing.assert_close(in_chunks(identity, mel), mel)
    assert max(seen) == min(seen) == min(CHUNK, frames)

    blur = torch.nn.Conv2d(1, 1, 9, padding=4, bias=False).requires_grad_(False)  # at a chunk's edge it misses 4 frames, which must count little
    whole, pieces = blur(mel), in_chunks(blur, mel)
    assert (whole - pieces).abs().max() < 4 / OVERLAP * whole.abs().max()


def test_neighbours_are_faded_into_each_other():
    levels = iter(range(100))
    faded = in_chunks(lambda part: torch.full_like(part, next(levels)), torch.zeros(1, 1, 4, 3000))[0, 0, 0]
    assert 0 <= faded.diff().min() and faded.diff().max() < 1 / OVERLAP and faded[0] == 0 and faded[-1] == next(levels) - 1


def test_a_tone_is_drawn_where_the_axes_say():
    picture = draw(audio.to_mel(tone(1000, 2.0)))
    assert picture.size == SIZE and picture.mode == "RGB"
    inner = np.asarray(picture.convert("L"), float)[TOP:SIZE[1] - BOTTOM, LEFT:SIZE[0] - RIGHT]
    brightest = inner[:, 100:-100].mean(1).argmax()
    expected = inner.shape[0] * (1 - (row_of(1000) + 0.5) / SETTINGS.mels)
    assert abs(brightest - expected) < inner.shape[0] / SETTINGS.mels


def test_the_same_level_has_the_same_colour_in_every_picture():
    quiet, loud = torch.full((1, 1, 80, 30), -0.2), torch.full((1, 1, 80, 3000), 0.6)
    middle = lambda mel: draw(mel).getpixel((SIZE[0] // 2, SIZE[1] // 2))
    assert middle(quiet) == middle(torch.full((1, 1, 80, 900), -0.2)) != middle(loud)


@pytest.mark.parametrize("pitch, tract", [(110, 1.0), (200, 1.16)])
def test_formulas_speak_at_the_pitch_asked_for(pitch, tract):
    said = speaking.spoken_by_formulas(pitch, tract).numpy()
    assert said.shape == (2.02 * audio.RATE,) and np.abs(said).max() == pytest.approx(0.7)
    vowel = said[int(0.8 * audio.RATE):int(0.9 * audio.RATE)]
    repeats = np.correlate(vowel, vowel, "full")[len(vowel) - 1:]
    period = 40 + repeats[40:400].argmax()
    assert pitch * 1.1 < audio.RATE / period < pitch * 1.35  # the melody is highest in "away"


def test_own_recordings_become_examples(tmp_path):
    for i in range(15):
        write_wav(tmp_path / f"speaker {i:02}.wav", tone(200 + i, 0.5))
    found = examples_at_hand(tmp_path)
    assert len(found) == 2 + 12 and found[2].name == "speaker 00" and found[2].direction is None
    copies = []
    for example in found[:4]:
        copies.append(tmp_path / ("copy" + example.ending))
        example.write(copies[-1])
        assert audio.read(copies[-1]).ndim == 1


def test_a_folder_without_recordings_is_no_error(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    assert len(examples_at_hand(tmp_path)) == len(examples_at_hand(None)) == 2


def test_sentence_tells_when_only_a_part_was_converted(nets, no_sound):
    done = convert(nets, tone(220, 0.5), DIRECTIONS[0], SETTINGS)
    assert sentence(done, 0.1, "cpu", True).startswith("**Only the first 60 seconds")
    assert sentence(done, 0.1, "cpu", False).startswith("0.5 seconds of sound.")


@pytest.fixture
def tab(tmp_path, monkeypatch):
    """Builds the tab's page with `checkpoints` in an empty folder."""
    monkeypatch.setattr(page, "CHECKPOINTS", tmp_path)
    monkeypatch.setattr(sources, "cache_folder", lambda cache: tmp_path / "cache")

    def build():
        with gr.Blocks() as blocks:
            voice.build("cpu", None)
        return blocks
    return build


def called(blocks, name):
    return next(function.fn for function in blocks.fns.values() if function.api_name == name)


def test_the_endpoint_converts_a_file(tab, tmp_path, nets):
    checkpoint.save(tmp_path / "voice.safetensors", nets, {"mel": dataclasses.asdict(SETTINGS)}, {"words": "It has learnt nothing."})
    soundfile.write(tmp_path / "a.flac", np.stack([tone(220, 1.5).numpy()] * 2, 1), 48000)
    blocks = tab()
    assert list(blocks.get_api_info()["named_endpoints"]) == ["/convert_voice"]
    assert any(getattr(block, "value", None) == "It has learnt nothing." for block in blocks.blocks.values())
    wav, before, after, said = called(blocks, "convert_voice")(str(tmp_path / "a.flac"), DIRECTIONS[0])
    assert soundfile.info(wav).subtype == "PCM_16" and soundfile.info(wav).samplerate == audio.RATE
    assert before.endswith("recording.png") and after.endswith("converted.png") and "0.5 seconds of sound" in said


def test_bad_input_and_a_missing_checkpoint_are_sentences(tab, tmp_path):
    convert_voice = called(tab(), "convert_voice")
    (tmp_path / "a.wav").write_text("no sound")
    write_wav(tmp_path / "b.wav", tone(220, 0.5))
    for recording, words in ((None, "no recording yet"), (tmp_path / "a.wav", "could not be read"), (tmp_path / "b.wav", "missing")):
        with pytest.raises(gr.Error, match=words):
            convert_voice(recording and str(recording), DIRECTIONS[0])
