"""Voice: what a recording becomes on the way, what the page is told of it, examples, and what the tab offers to scripts."""
import base64
import dataclasses

import gradio as gr
import numpy as np
import pytest
import soundfile
import torch

from demos import page, voice, voice_line, voice_mark, voice_phase
from demos.spectrogram_picture import LOUD, QUIET, centres, meaning, to_bytes
from demos.voice import convert, cycle_error, sentence, way_back
from demos.voice_examples import at_hand, wav
from demos.voice_recorder import LARGEST, bytes_of, recording
from models import audio, checkpoint, likeness, sources, speaking, watermark
from models.conversion import VoiceGAN
from models.vocoder import Vocoder

SETTINGS = audio.MelConfig()
TINY = VoiceGAN.Config(width=16, blocks=1, patches=4, condition=8, critic_width=4, pitch_width=8)
QUICK = Vocoder.Config(width=8, blocks=1, pitch_width=8, pitch_blocks=1)


@pytest.fixture
def nets():
    torch.manual_seed(0)
    nets = VoiceGAN(TINY).eval().requires_grad_(False)
    nets.spectra += 0.1 * torch.randn(2, 80)
    nets.pitches[:] = torch.tensor([[90.0, 120.0, 160.0], [150.0, 180.0, 230.0]])
    return nets


@pytest.fixture
def vocoder():
    torch.manual_seed(0)
    return Vocoder(QUICK).eval().requires_grad_(False)


def tone(frequency, seconds):
    return 0.3 * torch.sin(2 * torch.pi * frequency * torch.arange(int(seconds * audio.RATE)) / audio.RATE)


# -- conversion --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("seconds", [0.3, 1.037, 8.3])
@pytest.mark.parametrize("neural", [True, False])
def test_converted_recordings_last_as_long(nets, vocoder, seconds, neural):
    done = convert(nets, vocoder if neural else None, tone(220, seconds), "slt")
    assert done.real.shape == done.fake.shape == (1, 1, SETTINGS.mels, int(seconds * audio.RATE) // SETTINGS.hop + 1)
    assert len(done.wave) == (done.real.shape[-1] - 1) * SETTINGS.hop and abs(len(done.wave) - seconds * audio.RATE) < SETTINGS.hop
    assert done.wave.abs().max() <= 1 and done.wave.isfinite().all()
    assert list(done.seconds) == ["spectrogram", "conversion", "sound", "mark"] and min(done.seconds.values()) >= 0


def test_the_target_is_handed_on_and_others_are_refused(nets, vocoder, monkeypatch):
    monkeypatch.setattr(nets, "convert", lambda mel, target, semitones: torch.full_like(mel, {"bdl": 0.25, "slt": -0.5}[target]))
    for target, level in (("bdl", 0.25), ("slt", -0.5)):
        done = convert(nets, vocoder, tone(220, 0.5), target)
        torch.testing.assert_close(done.fake, torch.full_like(done.fake, level))
    with pytest.raises(ValueError, match="slt"):
        convert(nets, vocoder, tone(220, 0.5), "a parrot")


def test_progress_only_rises_and_names_every_stage(nets, vocoder):
    told = []
    convert(nets, vocoder, tone(220, 2), "bdl", callback=lambda fraction, stage: told.append((fraction, stage)))
    assert [fraction for fraction, _ in told] == sorted(fraction for fraction, _ in told) and told[-1][0] < 1
    assert [*dict.fromkeys(stage for _, stage in told)] == ["spectrogram", "conversion", "sound", "mark"]


def test_every_result_carries_the_mark(nets, monkeypatch):
    monkeypatch.setattr(nets, "convert", lambda mel, target, semitones: mel)
    speech = torch.cat([speaking.spoken_by_formulas()] * 2)
    assert watermark.detect(convert(nets, lambda mel: speech[None], speech, "slt").wave).marked
    assert not watermark.detect(speech).marked


def test_the_way_back_leads_to_the_nearest_of_the_other_voices(nets):
    assert way_back(nets, "slt", 500.0) == "bdl" and way_back(nets, "bdl", None) == "slt"
    three = VoiceGAN(dataclasses.replace(TINY, targets=("low", "middle", "high")))
    three.pitches[:, 1] = torch.tensor([80.0, 150.0, 300.0])
    assert way_back(three, "low", 140.0) == "middle" and way_back(three, "middle", 100.0) == "low" and way_back(three, "middle", 250.0) == "high"


def test_the_cycle_error_is_in_decibels_of_loud_frames():
    real = torch.full((1, 1, 80, 50), -1.0)
    real[..., 10:30] = 0.5
    rec = real + 1 / likeness.decibels() * torch.where(real > 0, 2.0, 40.0)
    assert cycle_error(real, rec) == pytest.approx(2.0, abs=1e-3)


def test_sentence_tells_what_was_left_out_and_how_long_it_took(nets, vocoder):
    done = convert(nets, vocoder, tone(220, 0.5), "slt")
    heard = audio.Recording(tone(220, 0.5), 1.2, 0.3, True)
    words = sentence(done, heard, 0.1, "cpu")
    assert words.startswith("**Only the first minute") and "1.2 s of silence before and 0.3 s after" in words and "0.5 seconds of sound took" in words and "on CPU" in words
    assert sentence(done, audio.Recording(tone(220, 0.5), 0.0, 0.05, False), 0.1, "cpu").startswith("0.5 seconds of sound")


# -- what the page is told ---------------------------------------------------------------------------------------------

def test_the_same_level_is_the_same_byte_in_every_picture():
    picture = torch.tensor([QUIET - 1, QUIET, (QUIET + LOUD) / 2, LOUD, LOUD + 1]).expand(1, 1, 80, 5)
    assert list(to_bytes(picture)[:5]) == [0, 0, 128, 255, 255] and len(to_bytes(picture)) == 400
    said = meaning(SETTINGS)
    assert said["step"] * 255 == pytest.approx((LOUD - QUIET) * 6 * 20 / np.log(10)) and said["seconds"] == 0.016


def test_a_tone_is_brightest_where_the_axis_says():
    levels = np.frombuffer(to_bytes(audio.to_mel(tone(1000, 1.0))), np.uint8).reshape(80, -1)
    assert abs(centres(SETTINGS)[levels[:, 30].argmax()] - 1000) < 50


def test_the_line_tells_both_sides(nets, vocoder):
    def side(wave, mel):
        pitch = likeness.Pitch(torch.full((mel.shape[-1],), 123.4), torch.arange(mel.shape[-1]) > 4)
        return voice_line.Side("One", wave, mel, pitch, likeness.likeness(nets, mel, pitch))
    done = convert(nets, vocoder, tone(220, 1.0), "slt")
    facts = voice_line.facts(side(tone(220, 1.0), done.real), side(done.wave, done.fake), "slt", [("a", 0.5), ("b", None), ("c", 0.0012)], nets, SETTINGS, "So.", "a.wav", True)
    assert facts["steps"] == [["a", 500], ["b", None], ["c", 1]] and facts["consent"] and [voice["name"] for voice in facts["voices"]] == ["bdl", "slt"]
    for key, wave in (("left", tone(220, 1.0)), ("right", done.wave)):
        told = facts[key]
        assert len(base64.b64decode(told["mel"])) == 80 * told["frames"] and len(told["pitch"]) == told["frames"] and told["pitch"][4:6] == [0, 123]
        np.testing.assert_array_equal(np.frombuffer(base64.b64decode(told["sound"]), "<i2"), audio.to_pcm(wave))
        assert told["likeness"].keys() == {"bdl", "slt"} and told["median"] == pytest.approx(123.4, abs=0.05)


@pytest.mark.parametrize("value, said", [("text", "no recording"), ({"data": 3, "source": "file"}, "no recording"), ({"data": "", "source": "elsewhere"}, "no recording"),
                                         ({"data": "%%%", "source": "file"}, "did not arrive whole"), ({"data": "A" * int(LARGEST * 1.4), "source": "file"}, "30 MB")], ids=str)
def test_what_no_recorder_sends_is_a_sentence(value, said):
    with pytest.raises(ValueError, match=said):
        bytes_of(value)


def test_a_recorder_hands_over_what_it_was_given():
    assert bytes_of(recording(b"\x00\xffRIFF", "a.wav", "example")) == b"\x00\xffRIFF" and bytes_of(None) is None


# -- phases ------------------------------------------------------------------------------------------------------------

def test_the_lesson_orders_the_phases(vocoder):
    found = voice_phase.variants(speaking.spoken_by_formulas()[:16_000], vocoder)
    assert list(found) == list(voice_phase.HEARD) and list(voice_phase.variants(tone(220, 0.4), None)) == list(voice_phase.HEARD)[:-1]
    error = {key: decibels for key, (_, decibels) in found.items()}
    assert error["true"] < -60 < error[100] < error[32] < error[8] < error[1] < error["random"]
    told = voice_phase.facts(found, False)
    assert len(told["sounds"]) == 8 and all("{" not in one["words"] for one in told["sounds"])
    assert 0 <= told["zoom"][0] <= 16_000 - told["zoom"][1]


def test_the_loudest_piece_is_taken():
    wave = torch.zeros(20 * audio.RATE)
    wave[9 * audio.RATE:12 * audio.RATE] = 0.5
    piece = voice_phase.loudest(wave)
    assert len(piece) == 6 * audio.RATE and piece.square().sum() == wave.square().sum()
    assert voice_phase.loudest(piece) is piece


# -- the mark ----------------------------------------------------------------------------------------------------------

def test_the_answer_says_yes_or_no():
    speech = torch.cat([speaking.spoken_by_formulas()] * 2)
    assert voice_mark.answer(watermark.embed(speech)).startswith("**Yes, it was made here**")
    assert voice_mark.answer(speech).startswith("**No mark was found**")


@pytest.mark.parametrize("chance, words", [(0.42, "42 of 100"), (0.012, "one of 83"), (3e-7, "one of 3,300,000"), (1e-40, "a billion")])
def test_chances_are_told_in_words(chance, words):
    assert words in voice_mark.rarity(chance)


# -- examples ----------------------------------------------------------------------------------------------------------

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
        (tmp_path / f"speaker {i:02}.wav").write_bytes(wav(tone(200 + i, 0.5)))
    found = at_hand(tmp_path)
    assert len(found) == 2 + 12 and found[2].name == "speaker 00" and found[2].target is None
    assert all(audio.read(example.content()).ndim == 1 for example in found[:4])


def test_a_folder_without_recordings_is_no_error(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    assert len(at_hand(tmp_path)) == len(at_hand(None)) == 2


# -- the tab -----------------------------------------------------------------------------------------------------------

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


@pytest.fixture
def trained(tmp_path, nets, vocoder):
    notes = {"rate": audio.RATE, "mel": dataclasses.asdict(SETTINGS)}
    checkpoint.save(tmp_path / "voice.safetensors", nets, notes, {"words": "It has learnt nothing."})
    checkpoint.save(tmp_path / "vocoder.safetensors", vocoder, notes, {"words": "Nor has this."})


def called(blocks, name):
    return next(function.fn for function in blocks.fns.values() if name in (function.api_name, function.fn and function.fn.__name__))


def test_scripts_give_and_get_a_file(tab, tmp_path, trained):
    soundfile.write(tmp_path / "a.flac", np.stack([tone(220, 1.5).numpy()] * 2, 1), 48000)
    blocks = tab()
    assert list(blocks.get_api_info()["named_endpoints"]) == ["/convert_voice"]
    assert any(getattr(block, "value", None) == "It has learnt nothing." for block in blocks.blocks.values())
    for way in (voice.NEURAL, voice.GRIFFIN_LIM):
        path, said = called(blocks, "convert_voice")(str(tmp_path / "a.flac"), "slt", way)
        assert soundfile.info(path).subtype == "PCM_16" and soundfile.info(path).samplerate == audio.RATE and "0.5 seconds of sound" in said


def test_the_page_converts_sends_back_and_takes_apart(tab, trained):
    blocks = tab()
    given = recording(wav(torch.cat([speaking.spoken_by_formulas()] * 2)), "a.wav", "microphone")
    facts, held, words, *_ = called(blocks, "convert_here")(given, "bdl", voice.NEURAL)
    assert facts["consent"] and facts["name"] == "to-bdl.wav" and "4.0 seconds of sound" in words and facts["verdict"]
    told, home = called(blocks, "back_again")(held, voice.GRIFFIN_LIM)
    assert "From bdl on to slt" in told and home["target"] == "slt" and home["consent"]
    assert len(called(blocks, "take_apart")(given)["sounds"]) == 8
    assert called(blocks, "ask_about_result")(held).startswith("**")
    assert "No mark" in called(blocks, "look_for_mark")(given)
    example = called(blocks, "take")(1)
    assert example[1] == "bdl" and not called(blocks, "convert_here")(example[0], "slt", voice.NEURAL)[0]["consent"]


def test_without_a_vocoder_griffin_lim_is_left(tab, tmp_path, nets):
    checkpoint.save(tmp_path / "voice.safetensors", nets, {"mel": dataclasses.asdict(SETTINGS)}, {"words": "Alone."})
    blocks = tab()
    offered = [[value for _, value in block.choices] for block in blocks.blocks.values() if isinstance(block, gr.Radio)]
    assert offered == [["slt", "bdl"], [voice.GRIFFIN_LIM]]
    facts = called(blocks, "convert_here")(recording(wav(speaking.spoken_by_formulas()), "a", "example"), "slt", voice.GRIFFIN_LIM)[0]
    assert facts["steps"][2][0] == "Griffin-Lim" and len(facts["left"]["pitch"]) == facts["left"]["frames"], "the converter listens in its place"


def test_bad_input_and_a_missing_checkpoint_are_sentences(tab, tmp_path):
    blocks = tab()
    (tmp_path / "a.wav").write_text("no sound")
    (tmp_path / "b.wav").write_bytes(wav(tone(220, 0.5)))
    for given, words in ((None, "no recording yet"), (tmp_path / "a.wav", "could not be read"), (tmp_path / "b.wav", "missing")):
        with pytest.raises(gr.Error, match=words):
            called(blocks, "convert_voice")(given and str(given), "slt", voice.NEURAL)
        with pytest.raises(gr.Error, match=words):
            called(blocks, "convert_here")(given and recording(given.read_bytes(), "a", "file"), "slt", voice.NEURAL)
    called(blocks, "warm")()  # a tab that is opened without its network says nothing more
    for name, arguments in (("back_again", (None, voice.NEURAL)), ("ask_about_result", (None,)), ("take_apart", (None,))):
        with pytest.raises(gr.Error, match="no re"):
            called(blocks, name)(*arguments)
