"""The built app as scripts use it, on good input and bad."""
import io

import numpy as np
import pytest
import soundfile
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from models import audio, watermark
from models.painting import painted_horse

RATE = 16_000


def saved(folder, name, data):
    path = folder / name
    path.write_bytes(data)
    return handle_file(str(path))


def encoded(picture, kind="PNG", **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def speech_like(seconds, rate=RATE, channels=1):
    """A buzz whose loudness goes up and down like syllables."""
    t = np.arange(int(seconds * rate)) / rate
    wave = 0.2 * np.sign(np.sin(2 * np.pi * 130 * t)) * np.abs(np.sin(2 * np.pi * 2 * t))
    return np.stack([wave] * channels, 1)


def sound(samples, rate=RATE, kind="WAV", **options):
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=kind, **options)
    return file.getvalue()


# -- Real or fake? -----------------------------------------------------------------------------------------------------

def test_a_round_from_start_to_report(client):
    game = client.predict("one", 10, "final", api_name="/quiz_round")
    assert game["faces"] == 10 and game.keys() == {"round", "mode", "faces", "size", "levels"}, "nothing more is told before the votes"
    for face in range(10):
        answer = client.predict(game["round"], face, "real", 2, api_name="/quiz_vote")
        told = answer["told"][0]
        assert told["right"] == told["real"] and (told["seed"] is None) == told["real"]
        assert (answer["report"] is not None) == (face == 9)
    assert answer["report"]["score"]["of"] == 10


def test_two_rounds_do_not_know_each_other(client):
    one, two = (client.predict("one", count, "final", api_name="/quiz_round") for count in (10, 20))
    assert one["round"] != two["round"]
    for game in (one, two):
        assert client.predict(game["round"], 0, "fake", 0, api_name="/quiz_vote")["told"][0]["face"] == 0


@pytest.mark.parametrize("vote, said", [(("nothing", 0, "real", 0), "begin another"), ((None, 3, "real", 0), "One face after the other"), ((None, 0, "maybe", 0), "real or fake"), ((None, 0, "real", 7), "How sure")])
def test_a_vote_that_is_none_is_a_sentence(client, vote, said):
    game = client.predict("one", 10, "final", api_name="/quiz_round")
    with pytest.raises(AppError, match=said):
        client.predict(vote[0] or game["round"], *vote[1:], api_name="/quiz_vote")


# -- Horse <-> zebra ---------------------------------------------------------------------------------------------------

BAD_PICTURES = {
    "text.png": (b"this is no picture", "could not be read"),
    "cut.jpg": (encoded(Image.effect_noise((400, 400), 80), "JPEG")[:3000], "could not be read"),
    "bomb.png": (encoded(Image.new("1", (20_000, 10_000))), "megapixels"),
}
GOOD_PICTURES = {
    "alpha.png": encoded(Image.new("RGBA", (90, 60), (200, 30, 30, 90))),
    "cmyk.jpg": encoded(Image.new("RGB", (90, 60), (120, 80, 30)).convert("CMYK"), "JPEG"),
    "sixteen.png": encoded(Image.fromarray(np.linspace(0, 65535, 5400).reshape(60, 90).astype(np.uint16))),
    "moving.gif": encoded(Image.new("RGB", (90, 60), "red"), "GIF", save_all=True, append_images=[Image.new("RGB", (90, 60), "blue")]),
    "phone.jpg": encoded(painted_horse(64).resize((4032, 2688)), "JPEG"),
}


@pytest.mark.parametrize("name", BAD_PICTURES)
@pytest.mark.parametrize("call", ["/translate_image", "/encode_face"])
def test_a_bad_picture_is_one_sentence_and_the_app_goes_on(client, tmp_path, name, call):
    data, said = BAD_PICTURES[name]
    with pytest.raises(AppError, match=said):
        client.predict(saved(tmp_path, name, data), api_name=call)


@pytest.mark.parametrize("name", GOOD_PICTURES)
def test_an_unusual_picture_is_translated_in_its_own_shape(client, tmp_path, name):
    fake, rec, sentence = client.predict(saved(tmp_path, name, GOOD_PICTURES[name]), "horse → zebra", 256, api_name="/translate_image")
    for path in (fake, rec):
        with Image.open(path) as picture:
            assert picture.size == (256, 171)
    assert "ms" in sentence and "Cycle error" in sentence


def test_orientation_is_honoured(client, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    fake, *_ = client.predict(saved(tmp_path, "turned.jpg", encoded(Image.new("RGB", (120, 60), "tan"), "JPEG", exif=exif)), "zebra → horse", 256, api_name="/translate_image")
    with Image.open(fake) as picture:
        assert picture.size == (128, 256)


def test_a_list_of_pictures_is_answered_by_lists(client, tmp_path):
    given = [saved(tmp_path, name, GOOD_PICTURES[name]) for name in ("alpha.png", "phone.jpg")]
    fakes, recs, sentences = client.predict(given, "zebra → horse", 256, api_name="/translate_image")
    assert len(fakes) == len(recs) == len(sentences) == 2 and all("Cycle error" in sentence for sentence in sentences)
    for path in fakes + recs:
        with Image.open(path) as picture:
            assert picture.size == (256, 171)


def test_no_picture_is_one_sentence(client):
    with pytest.raises(AppError, match="no picture yet"):
        client.predict(None, api_name="/translate_image")


# -- Voice -------------------------------------------------------------------------------------------------------------

GOOD_SOUNDS = {
    "stereo.wav": (sound(speech_like(1.5, 48_000, 2), 48_000), 1.5),
    "eight.wav": (sound(speech_like(1.5, 8_000), 8_000), 1.5),
    "float.wav": (sound(speech_like(1.5), subtype="FLOAT"), 1.5),
    "compressed.mp3": (sound(speech_like(1.5, 44_100), 44_100, "MP3"), 1.5),
    "free.ogg": (sound(speech_like(1.5), RATE, "OGG"), 1.5),
}
BAD_SOUNDS = {
    "silent.wav": (sound(np.zeros(RATE * 2)), "silent"),
    "blip.wav": (sound(speech_like(0.1)), "0.1 s"),
    "text.wav": (b"this is no sound", "could not be read"),
    "phone.m4a": (b"\x00\x00\x00\x1cftypM4A " + bytes(400), "ffmpeg"),
}


@pytest.mark.parametrize("name", GOOD_SOUNDS)
def test_every_kind_of_recording_is_converted(client, tmp_path, name):
    data, seconds = GOOD_SOUNDS[name]
    wav, words = client.predict(saved(tmp_path, name, data), api_name="/convert_voice")
    samples, rate = soundfile.read(wav)
    assert rate == RATE and len(samples) / rate == pytest.approx(seconds, abs=0.15) and np.abs(samples).max() > 0.01
    assert "conversion" in words and "real-time factor" in words


def test_a_script_chooses_voice_vocoder_and_pitch(client, tmp_path):
    given = saved(tmp_path, "a.wav", sound(speech_like(1.0)))
    wav, words = client.predict(given, "bdl", "Griffin-Lim", 2, api_name="/convert_voice")
    assert soundfile.info(wav).duration == pytest.approx(1.0, abs=0.1)


def test_two_people_at_once_get_their_own(app, tmp_path):
    waiting = [Client(app, verbose=False).submit(saved(tmp_path, f"{seconds}.wav", sound(speech_like(seconds))), voice, api_name="/convert_voice")
               for seconds, voice in ((1.0, "slt"), (2.0, "bdl"))]
    assert [round(soundfile.info(job.result()[0]).duration) for job in waiting] == [1, 2]


def test_what_a_script_gets_is_marked(client, tmp_path):
    wav, _ = client.predict(saved(tmp_path, "a.wav", sound(speech_like(5.0))), api_name="/convert_voice")
    assert watermark.detect(audio.read(wav)).marked


@pytest.mark.parametrize("name", BAD_SOUNDS)
def test_a_bad_recording_is_one_sentence(client, tmp_path, name):
    data, said = BAD_SOUNDS[name]
    with pytest.raises(AppError, match=said):
        client.predict(saved(tmp_path, name, data), api_name="/convert_voice")


def test_of_ten_minutes_the_first_is_converted(client, tmp_path):
    wav, sentence = client.predict(saved(tmp_path, "long.wav", sound(speech_like(600, 8_000), 8_000)), api_name="/convert_voice")
    assert soundfile.info(wav).duration == pytest.approx(60, abs=0.5) and "first minute" in sentence


def test_no_recording_is_one_sentence(client):
    with pytest.raises(AppError, match="no recording yet"):
        client.predict(None, api_name="/convert_voice")
