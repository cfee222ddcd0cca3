"""Horse <-> zebra in a real browser with a fake camera, with every host but the app's own cut off."""
import re

import pytest
from playwright.sync_api import expect

TAB = "[role=tabpanel]:visible"


@pytest.fixture
def tab_of(page_of):
    """`tab_of()` opens the tab once its live section is there: (page, tab)."""
    def opened(**size):
        page = page_of("horse-zebra", **size)
        tab = page.locator(TAB)
        expect(tab.get_by_role("button", name="Start the camera")).to_be_visible()
        return page, tab
    return opened


def natural_size(picture):
    return picture.evaluate("async image => { await image.decode(); return [image.naturalWidth, image.naturalHeight]; }")


def test_predict_then_reveal_then_disturb(tab_of):
    page, tab = tab_of()
    tab.locator(".gallery-item").nth(2).click()
    expect(tab.get_by_text("Will the spots become stripes?")).to_be_visible()
    expect(tab.get_by_text("Were you right?")).to_be_hidden()
    tab.get_by_role("button", name="Translate", exact=True).click()
    expect(tab.get_by_text("Were you right?")).to_be_visible()
    expect(tab.get_by_text(re.compile(r"Cycle error \d"))).to_be_visible()
    expect(tab.get_by_text(re.compile(r"critic gives the translation"))).to_be_visible()
    sizes = [natural_size(tab.get_by_alt_text(alt)) for alt in ("The picture as the network is given it", "The picture translated", "The translation translated back",
                                                                "Eight times the difference between the start and the end of the cycle",
                                                                "The critic's map: orange", "The translation, dark where it is the picture as it was")]
    assert len(set(map(tuple, sizes))) == 1 and max(sizes[0]) >= 128

    tab.get_by_role("button", name="Disturb it, and go back").click()
    expect(tab.get_by_text(re.compile(r"PSNR of the way back \d"))).to_be_visible()
    assert natural_size(tab.get_by_alt_text("The translation, disturbed")) == sizes[0]
    tab.get_by_role("button", name="Draw the curve").click()
    expect(tab.locator(".hh circle")).to_have_count(7)
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_the_camera_is_translated_and_stops(tab_of):
    page, tab = tab_of(width=390, height=844)
    start, told = tab.get_by_role("button", name="Start the camera"), tab.locator(".hl-told")
    start.click()
    expect(told).to_contain_text(re.compile(r"\d+\.\d frames a second · 192 × 144 pixels · \d+ ms on the server"))
    drawn = "canvas => new Set(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data).size"
    assert tab.get_by_label("Its translation").evaluate(drawn) > 20
    tab.locator(".hl input[value='256']").check()
    expect(told).to_contain_text("256 × 192 pixels")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    with page.expect_download() as download:
        tab.get_by_role("button", name="Keep this frame").click()
    assert download.value.suggested_filename == "live zebra.png"
    tab.get_by_role("button", name="Stop the camera").click()
    expect(told).to_have_text("The camera is off.")
    expect(start).to_be_visible()


@pytest.mark.parametrize("scrolled", [False, True])
def test_the_camera_ends_with_its_tab(tab_of, scrolled):
    page, tab = tab_of(width=390, height=844)
    tab.get_by_role("button", name="Start the camera").click()
    expect(tab.locator(".hl-told")).to_contain_text("frames a second")
    page.evaluate("() => { window.tracks = [...document.querySelectorAll('.hl video')].flatMap((video) => video.srcObject.getTracks()); }")
    if scrolled:  # the camera is on and out of sight before the tab is left
        page.evaluate("() => new Promise((done) => { scrollTo(0, 0); new IntersectionObserver(([entry]) => entry.isIntersecting || done()).observe(document.querySelector('.hl')); })")
    page.get_by_role("tab", name="Voice", exact=True).click()
    page.wait_for_function("() => window.tracks.length && window.tracks.every((track) => track.readyState === 'ended')")  # nothing is filmed that nobody sees


@pytest.mark.parametrize("name, said", [("NotAllowedError", "The camera was refused"), ("NotFoundError", "No camera was found"), ("NotReadableError", "in use by another program")])
def test_a_camera_that_is_not_to_be_had_is_a_sentence(tab_of, name, said):
    page, tab = tab_of()
    page.evaluate("name => { navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', name); }; }", name)
    tab.get_by_role("button", name="Start the camera").click()
    expect(tab.locator(".hl-told")).to_contain_text(said)
    expect(tab.get_by_role("button", name="Start the camera")).to_be_enabled()


def test_a_crowd_and_a_missing_network_are_sentences(tab_of):
    page, tab = tab_of()
    page.route("**/horse/frame?**", lambda route: route.fulfill(status=503, body="Many cameras are being translated.", headers={"Retry-After": "1"}))
    tab.get_by_role("button", name="Start the camera").click()
    expect(tab.locator(".hl-told")).to_have_text("Many cameras are being translated.")
    expect(tab.get_by_role("button", name="Stop the camera")).to_be_visible()
    page.unroute("**/horse/frame?**")
    page.route("**/horse/frame?**", lambda route: route.fulfill(status=503, body="The checkpoint is missing."))
    expect(tab.locator(".hl-told")).to_have_text("The checkpoint is missing.")
    expect(tab.get_by_role("button", name="Start the camera")).to_be_visible()
