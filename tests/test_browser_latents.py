"""The studio of the latent sliders in a real browser, with every host but the app's own cut off."""
import re

import numpy as np
import pytest
from playwright.sync_api import expect

from demos import page as shared
from models import checkpoint
from models.atlas import FaceAtlas
from models.pictures import to_tensor
from models.vae import VAE

AT_REST = """async () => {
    const {face} = await import(new URL('latent/web/face.js', document.baseURI));
    if (!face.resting) await new Promise((done) => face.addEventListener('settle', done, {once: true}));
    return Array.from(face.z);
}"""


@pytest.fixture
def studio(page_of):
    """`studio(query)` opens the tab, once its first face is painted."""
    def opened(query="", **size):
        page = page_of("latent-sliders" + query, **size)
        page.wait_for_selector(".st-face canvas[data-painted]")
        return page
    return opened


def at_rest(page):
    """The numbers of the face, once no glide goes on."""
    return page.evaluate(AT_REST)


def open_panel(page, name):
    page.get_by_role("tab", name=name, exact=True).click()
    return page.get_by_role("tabpanel", name=name, exact=True)


def random_face(page):
    page.get_by_role("button", name="Random face").click()
    expect(page.locator(".st-note")).to_contain_text("A random face")
    return at_rest(page)


def picture(page):
    return page.locator(".st-face canvas").evaluate("canvas => canvas.toDataURL()")


def drag(page, place, start, end, steps=20):
    """Drag within an element, from and to shares of its width and height."""
    place.scroll_into_view_if_needed()
    box = place.bounding_box()
    at = lambda share: (box["x"] + box["width"] * share[0], box["y"] + box["height"] * share[1])
    page.mouse.move(*at(start))
    page.mouse.down()
    for i in range(1, steps + 1):
        page.mouse.move(*at([a + (b - a) * i / steps for a, b in zip(start, end)]))
        page.wait_for_timeout(40)
    page.mouse.up()


def test_a_drag_redraws_the_face_and_is_one_step_of_the_history(studio):
    page = studio()
    slider, canvas = page.locator(".st-row input[type=range]").first, page.locator(".st-face canvas")
    assert page.locator(".st-row").count() == 12
    start, painted = picture(page), int(canvas.get_attribute("data-painted"))
    box = slider.bounding_box()
    place = lambda share: page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] / 2)
    place(0.5)
    page.mouse.down()
    for i in range(300):
        place(0.5 + 0.4 * min(1, i / 20) + 0.05 * (i % 2))
        page.wait_for_timeout(50)
        if i >= 20 and int(canvas.get_attribute("data-painted")) - painted > 3:
            break  # the face is redrawn while the slider is dragged
    page.mouse.up()
    assert i < 299 and float(slider.input_value()) > 1.5
    page.wait_for_function("start => document.querySelector('.st-face canvas').toDataURL() !== start", arg=start)
    z = at_rest(page)
    assert sum(v != 0 for v in z) == 1, "all other latents are held still"
    page.get_by_role("button", name="Undo").click()
    expect(slider).to_have_value("0")
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    page.get_by_role("button", name="Redo").click()
    assert at_rest(page) == z
    slider.focus()
    page.keyboard.press("Control+z")
    expect(slider).to_have_value("0")
    page.keyboard.press("Control+Shift+z")
    assert at_rest(page) == z
    page.keyboard.press("Delete")
    expect(slider).to_have_value("0")


def test_a_double_click_sets_a_slider_back_and_undo_returns_to_before_it(studio):
    page = studio()
    slider = page.locator(".st-row input[type=range]").first
    slider.focus()
    page.keyboard.press("End")
    page.wait_for_timeout(900)
    box = slider.bounding_box()
    page.mouse.dblclick(box["x"] + box["width"] * 0.3, box["y"] + box["height"] / 2)
    expect(slider).to_have_value("0")
    page.get_by_role("button", name="Undo").click()
    expect(slider).to_have_value("3")


def test_the_address_holds_the_face(studio):
    page = studio()
    page.get_by_role("button", name="Random face").click()
    page.wait_for_function("location.search.includes('face=')")
    z, query = at_rest(page), page.evaluate("location.search")
    again = studio(query[query.index("&"):])
    assert max(abs(a - b) for a, b in zip(z, at_rest(again))) <= 0.026
    expect(again.get_by_text("The face of the link.")).to_be_visible()
    again.get_by_role("button", name="Reset").click()
    again.wait_for_function("!location.search.includes('face=')")


@pytest.mark.parametrize("bad", ["AAAA", "%F0%9F%98%80"])
def test_a_bad_address_is_a_sentence_and_the_mean_face(studio, bad):
    page = studio(f"&face={bad}")
    expect(page.get_by_role("alert").filter(has_text="could not be read")).to_be_visible()
    assert not any(at_rest(page))


def test_random_faces_come_from_either_distribution(studio):
    page = studio()
    for name, words in (("N(0, I)", "z drawn from N(0, I)"), ("Fitted mixture", "z drawn from the mixture")):
        page.get_by_role("button", name="Draw z from").click()
        page.get_by_role("menuitemradio", name=re.compile("^" + re.escape(name))).click()
        expect(page.locator(".st-note")).to_contain_text(words)
        assert any(at_rest(page))


def test_the_page_measures_pictures_as_the_atlas_does(studio):
    page = studio()
    net, atlas = checkpoint.load(shared.CHECKPOINTS / "face_vae.safetensors", VAE), checkpoint.load(shared.CHECKPOINTS / "face_atlas.safetensors", FaceAtlas)
    side = net.config.size
    pixels, measured = page.evaluate("""async (latents) => {
        const from = (name) => import(new URL('latent/web/' + name, document.baseURI));
        const [{readouts}, {decodeOnce, opened}] = [await from('axes.js'), await from('live.js')], {tensors} = await opened();
        const image = await decodeOnce(Float32Array.from({length: latents}, (_, i) => Math.sin(i)));
        return [Array.from(image.data), Array.from(readouts(tensors.readout_weight, tensors.readout_bias)(image))];
    }""", net.config.latents)
    expected = atlas.measure(to_tensor(np.array(pixels, np.uint8).reshape(side, side, 4)[..., :3]))[0].tolist()
    assert measured == pytest.approx(expected, abs=0.02)


def test_directions_show_what_came_along(studio):
    page = studio()
    panel = open_panel(page, "Directions")
    rows = panel.locator(".st-direction")
    numbers = lambda: [float(text.replace("−", "-")) for text in rows.locator(".st-number").all_inner_texts()]
    smile = panel.locator("[data-direction=smile]")
    slider = smile.locator("input[type=range]")
    slider.focus()
    page.keyboard.press("End")
    expect(panel.locator(".st-summary")).to_contain_text("asked for +3.0")
    free, k = numbers(), [row.get_attribute("data-direction") for row in rows.all()].index("smile")
    assert free[k] > 0.5 and "st-asked" in smile.get_attribute("class")
    panel.get_by_label("Keep the others still").check()
    expect(panel.locator(".st-summary")).to_contain_text("asked for +3.0")
    at_rest(page)
    page.wait_for_timeout(1500)
    still = numbers()
    assert still != free and still[k] > 0.3 and float(slider.input_value()) == 3
    panel.get_by_role("button", name="All to 0").click()
    expect(slider).to_have_value("0")
    assert max(map(abs, at_rest(page))) < 1e-4, "the way back is the way there"
    page.get_by_role("button", name="Undo").click()
    expect(slider).to_have_value("3")


def test_a_prediction_is_answered(studio):
    page = studio()
    panel = open_panel(page, "Directions")
    panel.get_by_role("button", name="Move it and see").click()
    expect(panel.locator(".st-verdict")).to_contain_text("moved most")
    expect(panel.locator("[data-direction=smile] input[type=range]")).to_have_value("2.5")


def test_the_pad_moves_two_axes_and_draws_a_map_of_49_faces(studio):
    page = studio()
    panel = open_panel(page, "Two axes")
    canvas = panel.locator(".st-pad canvas")
    expect(canvas).to_have_attribute("data-faces", "49")
    colours = canvas.evaluate("""canvas => { const side = canvas.width / 7, seen = new Set();
        for (let n = 0; n < 49; n++) seen.add(canvas.getContext('2d').getImageData(n % 7 * side, Math.floor(n / 7) * side, side, side).data.join());
        return seen.size; }""")
    assert colours == 49
    start = picture(page)
    drag(page, canvas, (0.5, 0.5), (0.8, 0.2))
    told = panel.get_by_role("status")
    expect(told).to_contain_text(re.compile(r"\+2\.1, .*\+2\.1"))
    at_rest(page)
    page.wait_for_timeout(800)
    assert picture(page) != start
    expect(canvas).to_have_attribute("data-faces", "49")  # along its own plane the map stays
    page.keyboard.press("ArrowLeft")
    expect(told).to_contain_text("+2.0")
    page.keyboard.press("Home")
    assert max(map(abs, at_rest(page))) < 1e-4
    across = panel.get_by_label("Across: which axis")
    value = across.evaluate("select => [...select.options].find((option) => option.value.startsWith('latent-')).value")
    across.select_option(value)
    page.keyboard.press("Tab")
    drag(page, canvas, (0.5, 0.5), (0.9, 0.5))
    assert at_rest(page)[int(value.split("-")[1])] == pytest.approx(2.8, abs=0.2)
    with page.expect_download() as download:
        panel.get_by_role("button", name="Save as PNG").click()
    assert download.value.suggested_filename == "faces-7x7.png"


def test_a_film_strip_and_a_morph(studio):
    page = studio()
    first = random_face(page)
    panel = open_panel(page, "Strip & morph")
    film = panel.locator(".st-film")
    expect(film).to_have_attribute("data-drawn", "7")
    expect(panel.locator(".st-end canvas[data-drawn]")).to_have_count(2)
    panel.get_by_label("Frames").select_option("9")
    expect(film).to_have_attribute("data-drawn", "9")
    film.get_by_role("button").last.click()
    assert at_rest(page) != first
    last = random_face(page)
    panel.get_by_role("button", name="Set B to this face").click()
    way = panel.get_by_label("Way from face A to face B")
    way.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Home")
    assert at_rest(page) == first
    page.keyboard.press("End")
    assert at_rest(page) == pytest.approx(last, abs=1e-5)
    panel.get_by_role("button", name="Play").click()
    page.wait_for_timeout(900)
    panel.get_by_role("button", name="Pause").click()
    assert 0 < int(way.input_value()) < 100
    middle = at_rest(page)
    t = int(way.input_value()) / 100
    assert middle == pytest.approx([a + t * (b - a) for a, b in zip(first, last)], abs=1e-4)


def test_a_class_renames_a_latent(studio):
    page = studio()
    page.locator(".st-row .st-rename").first.click()
    page.keyboard.type("the moustache")
    page.keyboard.press("Enter")
    expect(page.get_by_label(re.compile("^the moustache")).first).to_be_visible()
    page.reload()
    expect(page.get_by_label(re.compile("^the moustache")).first).to_be_visible()
    open_panel(page, "Two axes")
    expect(page.get_by_label("Up: which axis").locator("option").filter(has_text="the moustache")).to_have_count(1)
    open_panel(page, "Latents")
    page.get_by_role("button", name="Forget my names").click()
    expect(page.get_by_label(re.compile("^the moustache"))).to_have_count(0)


def test_every_latent_can_be_had_as_a_slider(studio):
    page = studio()
    bars = page.get_by_role("slider", name="Choose a latent by its rank")
    bars.focus()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect(page.locator(".st-row")).to_have_count(13)
    page.keyboard.press("End")
    assert sum(v == 3 for v in at_rest(page)) == 1
    expect(page.get_by_text(re.compile(r"dead \(under 0.1 nats\)"))).to_be_visible()


def test_the_tabs_are_used_by_keyboard(studio):
    page = studio()
    page.get_by_role("tab", name="Latents", exact=True).focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Directions")).to_be_focused()
    expect(page.get_by_role("tabpanel", name="Directions")).to_be_visible()
    expect(page.get_by_role("tabpanel", name="Latents", exact=True)).to_be_hidden()


def test_the_server_draws_where_the_page_cannot(studio):
    page = studio("&way=server")
    expect(page.get_by_text("Drawn by the server")).to_be_visible()
    start = picture(page)
    page.locator(".st-row input[type=range]").first.focus()
    page.keyboard.press("End")
    page.wait_for_function("start => document.querySelector('.st-face canvas').toDataURL() !== start", arg=start)


def test_a_photo_moves_the_sliders(studio):
    page = studio()
    slider = page.locator(".st-row input[type=range]").first
    page.get_by_role("button", name="Take the example").click()
    expect(page.locator(".photo-result").get_by_text("dB").first).to_be_visible()
    expect(slider).not_to_have_value("0")
    page.get_by_role("button", name="Undo").click()
    expect(slider).to_have_value("0")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_panel_overflows_on_a_phone(studio, theme):
    page = studio(f"&__theme={theme}", width=390, height=844)
    for tab in page.locator(".st-tabs [role=tab]").all():
        tab.click()
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        small = page.evaluate("""() => [...document.querySelectorAll('.st button, .st select, .st input[type=range]:not(.st-unseen)')]
            .filter((one) => one.checkVisibility({visibilityProperty: true}) && !one.matches('.st-link') && one.getBoundingClientRect().height < 43.5).map((one) => one.className || one.id)""")
        assert not small, "what is touched is at least 44 pixels high"
