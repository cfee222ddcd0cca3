"""Each tab in a real browser, with every host but the app's own cut off."""
import pytest
from playwright.sync_api import expect

from models.painting import painted_horse


def visible_tab(page):
    """The panel of the tab that is open; a tab may hold tabs of its own, whose panels come after it."""
    return page.locator("[role=tabpanel]:visible").first


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
    expect(tab.get_by_label("horse → zebra").first).to_be_checked()
    tab.get_by_role("button", name="Send the result back").click()
    expect(tab.get_by_label("zebra → horse").first).to_be_checked()


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
