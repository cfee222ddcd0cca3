"""Each tab in a real browser, with every host but the app's own cut off."""
import re

import pytest
from playwright.sync_api import expect

from models.painting import painted_horse
from tests.test_app import sound, speech_like


def visible_tab(page):
    return page.locator("[role=tabpanel]:visible")


def test_real_or_fake_a_round_by_keyboard_and_mouse(page_of):
    page = page_of("real-or-fake")
    page.get_by_role("button", name="Start a round").click()
    face = page.locator(".rf-face img")
    expect(face).to_have_attribute("alt", re.compile("Face 1 of 10"))
    names = set()
    for i in range(10):
        names.add(face.get_attribute("src"))
        page.keyboard.press("r") if i % 2 else page.locator("#quiz-fake").click()
        if i < 9:
            expect(page.locator("#quiz-next")).to_be_visible()
            expect(page.locator("#quiz-real")).to_be_hidden()
            page.keyboard.press("n") if i % 2 else page.locator("#quiz-next").click()
            expect(face).to_have_attribute("alt", re.compile(f"Face {i + 2} of 10"))
    expect(page.get_by_text(re.compile(r"\d+ of 10 right \("))).to_be_visible()
    assert len(names) == 10 and page.locator(".rf-all img").count() == 10


def test_latent_sliders_redraw_while_dragging_and_take_a_photo(page_of):
    page = page_of("latent-sliders")
    face, slider = page.locator(".ls canvas"), page.locator(".ls input[type=range]").first
    picture = lambda: face.evaluate("canvas => canvas.toDataURL()")
    blank = face.evaluate("canvas => { const empty = document.createElement('canvas'); empty.width = canvas.width; empty.height = canvas.height; return empty.toDataURL(); }")
    page.wait_for_function("blank => document.querySelector('.ls canvas').toDataURL() !== blank", arg=blank)
    assert page.locator(".ls input[type=range]").count() == 12
    start, box = picture(), slider.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    seen = set()
    for i in range(30):
        page.mouse.move(box["x"] + box["width"] * (0.5 + 0.015 * i), box["y"] + box["height"] / 2)
        page.wait_for_timeout(60)
        seen.add(picture())
    page.mouse.up()
    assert len(seen) > 3, "the face is redrawn while the slider is dragged"
    page.wait_for_timeout(1500)
    assert picture() != start and float(slider.input_value()) > 1.5
    page.get_by_role("button", name="Reset").click()
    expect(slider).to_have_value("0")
    page.get_by_role("button", name="Random face").click()
    expect(slider).not_to_have_value("0")
    before = slider.input_value()
    page.get_by_role("button", name="Take the example").click()
    expect(page.get_by_text("dB").first).to_be_visible()
    expect(slider).not_to_have_value(before)


def test_horse_zebra_translates_an_upload_and_sends_it_back(page_of, tmp_path):
    horse = tmp_path / "horse.png"
    painted_horse(256).save(horse)
    page = page_of("horse-zebra")
    tab = visible_tab(page)
    tab.locator("input[type=file]").first.set_input_files(str(horse))
    expect(tab.get_by_role("button", name="Remove Image")).to_be_visible()
    tab.get_by_role("button", name="Translate", exact=True).click()
    expect(tab.get_by_text("Cycle error")).to_be_visible()
    for alt in ("The picture translated", "The translation translated back"):
        size = tab.get_by_alt_text(alt).evaluate("async image => { await image.decode(); return [image.naturalWidth, image.naturalHeight]; }")
        assert size[0] == size[1] >= 128
    expect(tab.get_by_label("horse → zebra")).to_be_checked()
    tab.get_by_role("button", name="Send the result back").click()
    expect(tab.get_by_label("zebra → horse")).to_be_checked()


def test_voice_converts_an_upload(page_of, tmp_path):
    recording = tmp_path / "hello.wav"
    recording.write_bytes(sound(speech_like(2.0)))
    page = page_of("voice")
    tab = visible_tab(page)
    tab.get_by_label("Upload file").first.click()
    tab.locator("input[type=file]").first.set_input_files(str(recording))
    expect(tab.get_by_text("hello.wav").or_(tab.get_by_label("Play")).first).to_be_visible()
    tab.get_by_role("button", name="Convert", exact=True).click()
    expect(tab.get_by_text("seconds of sound")).to_be_visible()
    for alt in ("Spectrogram: your recording", "Spectrogram: converted"):
        expect(tab.get_by_alt_text(alt)).to_be_visible()


def test_a_bad_file_is_a_message_and_the_tab_lives(page_of, tmp_path):
    text, horse = tmp_path / "text.png", tmp_path / "horse.png"
    text.write_bytes(b"this is no picture")
    painted_horse(64).save(horse)
    page = page_of("horse-zebra")
    tab = visible_tab(page)
    for file, outcome in ((text, page.get_by_text("could not be read as a picture")), (horse, tab.get_by_text("Cycle error"))):
        if file is horse:
            tab.get_by_role("button", name="Remove Image").click()
        tab.locator("input[type=file]").first.set_input_files(str(file))
        expect(tab.get_by_role("button", name="Remove Image")).to_be_visible()
        tab.get_by_role("button", name="Translate", exact=True).click()
        expect(outcome.first).to_be_visible()


@pytest.mark.parametrize("tab", ["real-or-fake", "latent-sliders", "horse-zebra", "voice"])
def test_nothing_overflows_on_a_phone(page_of, tab):
    page = page_of(tab, width=390, height=844)
    expect(visible_tab(page)).to_be_visible()
    page.wait_for_timeout(1500)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
