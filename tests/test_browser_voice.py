"""The voice in a real browser: recorded, converted, played, taken apart, and found again by its mark."""
import re
import wave

import pytest
from playwright.sync_api import expect

from demos.voice_examples import wav
from models import audio, speaking, watermark
from tests.test_app import sound, speech_like


@pytest.fixture
def tab(page_of):
    """`tab()` opens the tab, once its recorder is there."""
    def opened(query="", **size):
        page = page_of("voice" + query, **size)
        expect(page.get_by_text("Your recording", exact=True)).to_be_visible()
        return page
    return opened


def give(page, path, recorder=0):
    page.locator("[role=tabpanel]:visible input[type=file]").nth(recorder).set_input_files(str(path))
    expect(page.locator(".vc-kept").nth(recorder)).to_be_visible()


def convert(page):
    page.get_by_role("button", name="Convert", exact=True).click()
    expect(page.locator("#voice-line .vc-path")).to_be_visible()
    expect(page.get_by_text("seconds of sound took")).to_be_visible()


def test_an_upload_goes_through_the_whole_line(tab, tmp_path):
    file = tmp_path / "hello.wav"
    file.write_bytes(wav(speaking.spoken_by_formulas().repeat(2)))
    page = tab()
    give(page, file)
    page.get_by_role("button", name="Convert", exact=True).dblclick()
    expect(page.locator("#voice-line .vc-path")).to_be_visible()
    line = page.locator("#voice-line")

    # Time, frequency and level where the mouse is; one playhead on both sides while either sounds; space stops and plays.
    line.get_by_role("slider", name="Spectrogram: Your recording").hover()
    expect(line.locator(".vc-told")).to_have_text(re.compile(r"\d s · \d+ Hz · before −?\d+ dB · after −?\d+ dB · difference [+−]?\d+ dB"))
    heads = "() => [...document.querySelectorAll('#voice-line .vc-head')].map((head) => parseFloat(head.style.left))"
    line.get_by_role("slider", name=re.compile("Spectrogram: In a woman")).click(position={"x": 100, "y": 60})
    page.wait_for_function(f"start => Math.min(...({heads})()) > start", arg=page.evaluate(heads)[0])
    assert len(set(page.evaluate(heads))) == 1
    expect(line.locator(".vc-play[aria-pressed=true]")).to_have_count(1)
    page.keyboard.press("Space")
    expect(line.locator(".vc-play[aria-pressed=true]")).to_have_count(0)
    page.keyboard.press("Space")
    expect(line.locator(".vc-play[aria-pressed=true]")).to_have_count(1)

    # The result is there to be kept after one tick, and is known again.
    save = line.get_by_role("button", name="Download the result")
    expect(save).to_be_disabled()
    line.get_by_text("This is my own voice").click()
    with page.expect_download() as download:
        save.click()
    assert download.value.suggested_filename == "to-slt.wav"
    download.value.save_as(tmp_path / "result.wav")
    with wave.open(str(tmp_path / "result.wav")) as result:
        assert result.getframerate() == audio.RATE and result.getnframes() / audio.RATE == pytest.approx(4.0, abs=0.2)
    assert watermark.detect(audio.read(tmp_path / "result.wav")).marked
    give(page, tmp_path / "result.wav", 1)
    expect(page.get_by_text("Yes, it was made here")).to_be_visible()

    page.get_by_role("button", name="And back again").click()
    expect(page.locator("#voice-back .vc-path")).to_be_visible()
    expect(page.get_by_text("there is no way home")).to_be_visible()

    page.get_by_role("button", name="Forget it").first.click()
    expect(page.locator("#voice-line .vc-path")).to_have_count(0)
    page.get_by_role("button", name="Ask about the result above").click()
    expect(page.get_by_text("There is no result yet").first).to_be_visible()


def test_an_example_is_taken_apart_phase_by_phase(tab):
    page = tab()
    page.get_by_text("a man made of formulas").click()
    expect(page.locator(".vc-kept").first).to_be_visible()
    page.get_by_role("button", name="Take my recording apart").click()
    variants = page.locator(".vc-variant")
    expect(variants).to_have_count(8)
    for i in (0, 2, 7):
        variants.nth(i).get_by_role("button").click()
        expect(page.locator(".vc-variant button[aria-pressed=true]")).to_have_count(1)
        expect(variants.nth(i).get_by_role("button")).to_have_attribute("aria-pressed", "true")
    errors = [float(text.removesuffix(" dB").replace("−", "-")) for text in variants.locator("output").all_inner_texts()[2:7]]
    assert errors == sorted(errors, reverse=True)
    convert(page)
    expect(page.get_by_role("button", name="Download the result")).to_be_enabled()  # nobody's voice needs nobody's consent


def test_the_microphone_is_recorded_into_the_page(tab):
    page = tab()
    page.get_by_role("button", name="Record", exact=True).click()
    expect(page.locator(".vc-clock").first).to_have_text(re.compile(r"[1-9]\.\d s"))
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator(".vc-kept").first).to_be_visible()
    assert page.evaluate("document.querySelector('.vc-kept audio').src").startswith("blob:")
    convert(page)
    expect(page.get_by_role("button", name="Download the result")).to_be_disabled()


def test_bad_files_are_a_sentence_and_the_tab_lives(tab, tmp_path):
    (tmp_path / "text.wav").write_text("this is no sound")
    (tmp_path / "short.wav").write_bytes(sound(speech_like(0.1)))
    (tmp_path / "silent.wav").write_bytes(sound(0 * speech_like(1.0)))
    (tmp_path / "good.wav").write_bytes(sound(speech_like(1.0, 48_000, 2), 48_000))
    page = tab()
    page.get_by_role("button", name="Convert", exact=True).click()
    expect(page.get_by_text("There is no recording yet").first).to_be_visible()
    for name, words in (("text.wav", "could not be read as a recording"), ("short.wav", "0.1 s"), ("silent.wav", "silent")):
        give(page, tmp_path / name)
        page.get_by_role("button", name="Convert", exact=True).click()
        expect(page.get_by_text(words).first).to_be_visible()
    give(page, tmp_path / "good.wav")
    convert(page)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_overflows_on_a_phone_and_all_can_be_touched(tab, theme):
    page = tab(f"&__theme={theme}", width=390, height=844)
    page.get_by_text("a man made of formulas").click()
    expect(page.locator(".vc-kept").first).to_be_visible()
    convert(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    small = page.evaluate("""() => [...document.querySelectorAll('.vc button, .vc-zone button, .vc-button, .vc-check')]
        .filter((one) => one.offsetParent && one.getBoundingClientRect().height < 43.5).map((one) => one.textContent)""")
    assert not small, "what is touched is at least 44 pixels high"
