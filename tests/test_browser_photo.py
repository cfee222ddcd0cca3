"""A photo taken apart in a real browser, with every host but the app's own cut off."""
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from demos import page as shared
from models import checkpoint, sources
from models.atlas import FaceAtlas

FACE = "async () => { const {face} = await import(new URL('latent/web/face.js', document.baseURI)); return Array.from(face.goal.z); }"
NUMBER = r"(\(?[−-]?\d+\.\d+\)?)"


@pytest.fixture
def section(page_of):
    """`section()` opens the tab, once the section of the photo is there."""
    def opened(query="", **size):
        page = page_of("latent-sliders" + query, **size)
        expect(page.locator(".ph-empty")).to_be_visible()
        return page
    return opened


def give(page, path):
    page.locator("[role=tabpanel]:visible input[type=file]").first.set_input_files(str(path))


def samples(page):
    """The five pictures, once they are all drawn."""
    page.wait_for_function("() => document.querySelector('.ph-differ')?.textContent.includes('root mean square')")
    return page.locator(".ph-sample canvas").evaluate_all("all => all.map((canvas) => canvas.toDataURL())")


def afresh(page, act):
    """The five pictures after an act that draws them anew."""
    page.locator(".ph-differ").evaluate("line => { line.textContent = ''; }")
    act()
    return samples(page)


def numbers(text):
    return [float(found.strip("()").replace("−", "-")) for found in re.findall(NUMBER, text)]


def dial(page, value):
    page.locator(".ph-dial input").evaluate("(dial, value) => { dial.value = value; dial.dispatchEvent(new Event('input')); }", str(value))


def test_the_example_is_taken_apart(section):
    page = section()
    page.get_by_role("button", name="Take the example").click()
    expect(page.get_by_alt_text("The face cut out of the photo")).to_be_visible()
    expect(page.get_by_alt_text("The face drawn again from its latents")).to_be_visible()
    expect(page.get_by_text(re.compile(r"PSNR \d+\.\d dB"))).to_be_visible()
    assert any(page.evaluate(FACE)), "the sliders move there"

    # The sum of the loss, and the ledger.
    rows = page.locator(".ph-loss tr td:last-child").all_inner_texts()
    assert sum(map(float, rows[:-1])) == pytest.approx(float(rows[-1]), abs=0.2)
    ledger = [float(text) for text in page.locator(".ph-row > span:last-child").all_inner_texts()]
    assert ledger == sorted(ledger, reverse=True) and len(ledger) == 8
    page.locator(".ph-bars").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".ph-row").nth(1)).to_have_attribute("aria-pressed", "true")
    assert f"{ledger[1]:.2f} nats" in page.locator(".ph-told").inner_text()

    # The trick: formula, dial, again, and a sample for the studio.
    first = samples(page)
    assert len(set(first)) == 5
    mu, sigma, scale, epsilon, z = numbers(page.locator(".ph-formula span").inner_text())
    assert z == pytest.approx(mu + scale * sigma * epsilon, abs=0.02 + 0.006 * abs(epsilon)) and scale == 1
    assert set(afresh(page, lambda: page.get_by_role("button", name="Sample again").click())).isdisjoint(first)
    assert len(set(afresh(page, lambda: dial(page, 0)))) == 1, "without chance all samples are the face at the mean"
    far = afresh(page, lambda: dial(page, 3))
    assert set(afresh(page, lambda: page.get_by_label("times as strongly").check())).isdisjoint(far)
    before = page.evaluate(FACE)
    page.get_by_role("button", name="Sample 2: send it to the studio").click()
    expect(page.get_by_text("Sample 2 is now the face of the studio.")).to_be_visible()
    assert page.evaluate(FACE) != before
    page.get_by_role("button", name="Play with this face").click()
    page.wait_for_function("() => { const top = document.querySelector('.studio').getBoundingClientRect().top; return top > -200 && top < 300; }")
    assert page.evaluate(FACE) == before


def test_one_of_several_faces_is_chosen_by_keyboard(section, tmp_path):
    portrait, photo = sources.portrait(), Image.new("RGB", (1400, 800), "grey")
    for side, place in ((300, (20, 100)), (512, (400, 50)), (400, (950, 300))):
        photo.paste(portrait.resize((side, side)), place)
    photo.save(tmp_path / "group.jpg")
    page = section()
    give(page, tmp_path / "group.jpg")
    expect(page.get_by_text("3 faces were found")).to_be_visible()
    expect(page.get_by_role("radio")).to_have_count(3)
    crop, z = page.get_by_alt_text("The face cut out of the photo"), page.evaluate(FACE)
    shown = crop.get_attribute("src")
    page.get_by_role("radio").first.focus()
    page.keyboard.press("ArrowRight")
    expect(crop).not_to_have_attribute("src", shown)
    assert page.evaluate(FACE) != z


def test_without_a_face_the_centre_is_offered(section, tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 8, 3), dtype=np.uint8)).save(tmp_path / "strip.png")
    page = section()
    give(page, tmp_path / "strip.png")
    expect(page.get_by_text("No face was found in this photo")).to_be_visible()
    assert page.locator(".ph-panel").count() == 0 and not any(page.evaluate(FACE))
    page.get_by_role("button", name="Use the centre anyway").click()
    expect(page.get_by_alt_text("The centre cut out of the photo")).to_be_visible()
    assert any(page.evaluate(FACE))


def test_a_horse_lies_at_the_far_end(section):
    page = section()
    page.get_by_role("button", name="Try a horse").dblclick()
    expect(page.get_by_text("No face was found here")).to_be_visible()
    try:
        checkpoint.load(shared.CHECKPOINTS / "face_atlas.safetensors", FaceAtlas)
    except ValueError:
        expect(page.get_by_text("is not known here")).to_be_visible()
        return
    for meter in page.get_by_role("meter").all():
        assert float(meter.get_attribute("aria-valuenow")) > 90


def test_bad_files_are_a_sentence_and_the_section_lives(section, tmp_path):
    (tmp_path / "text.png").write_text("this is no picture")
    alpha = sources.portrait().convert("RGBA")
    alpha.putalpha(200)
    alpha.save(tmp_path / "alpha.png")
    page = section()
    give(page, tmp_path / "text.png")
    expect(page.get_by_text("could not be read as a picture").first).to_be_visible()
    page.locator("[role=tabpanel]:visible").get_by_role("button", name="Remove Image").click()
    give(page, tmp_path / "alpha.png")
    expect(page.get_by_alt_text("The face cut out of the photo")).to_be_visible()


def test_the_camera_takes_a_picture(section):
    page = section()
    page.get_by_label("Capture from camera").click()
    page.get_by_text("Click to Access Webcam").click()
    page.wait_for_function("[...document.querySelectorAll('video')].some((one) => one.videoWidth && one.currentTime)")
    page.get_by_label("capture photo").click()
    expect(page.locator(".ph-notice, .ph-panels").first).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_overflows_on_a_phone_and_all_can_be_touched(section, theme):
    page = section(f"&__theme={theme}", width=390, height=844)
    page.get_by_role("button", name="Take the example").click()
    samples(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    small = page.evaluate("""() => [...document.querySelectorAll('.ph button, .ph input[type=range], .ph label.ph-check')]
        .filter((one) => !one.matches('.ph-link') && one.getBoundingClientRect().height < 43.5).map((one) => one.className)""")
    assert not small, "what is touched is at least 44 pixels high"
