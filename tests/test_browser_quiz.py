"""The quiz in a real browser, with every host but the app's own cut off."""
import json
import re

import pytest
from playwright.sync_api import expect

from models import sources


@pytest.fixture
def quiz(page_of):
    """`quiz(game)` opens the tab, once the quiz is laid out, and chooses what to play."""
    def opened(game="One at a time", query="", **size):
        page = page_of("real-or-fake" + query, **size)
        expect(page.get_by_role("button", name="Start")).to_be_enabled()
        page.get_by_role("radio", name=re.compile("^" + game)).check()
        return page
    return opened


def begin(page, sure=False):
    if not sure:
        page.get_by_label("Ask how sure I am").uncheck()
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("Face 1 of 10")).to_be_visible()


def test_nothing_that_reaches_the_browser_tells_the_truth_before_the_vote(quiz):
    """All traffic of a round: what comes before a vote has the same addresses, headers and lengths for both kinds, and says nothing."""
    page = quiz()
    heard, now = [], {"face": 0}
    page.on("response", lambda answer: heard.append((now["face"], answer)))
    page.on("websocket", lambda socket: pytest.fail("a socket was opened: its frames would have to be read here, too"))
    begin(page)
    faces, truths = {}, {}
    for number in range(10):
        expect(page.get_by_text(f"Face {number + 1} of 10")).to_be_visible()
        page.wait_for_timeout(300)  # for what comes late
        now["face"] = number + 1
        page.keyboard.press("r")
        expect(page.locator(".qz-verdict")).to_be_visible()
        page.keyboard.press("Enter")
    expect(page.get_by_text("95 % interval").first).to_be_visible()
    for turn, answer in heard:
        address, kind = answer.url.split("/", 3)[3].split("?")[0], answer.headers.get("content-type", "")
        if kind.startswith("text/event-stream") or "heartbeat" in address or answer.status in (204, 304):
            continue  # Gradio's own sign of life
        body = answer.body()
        if address.endswith("/vote"):
            told = json.loads(body)["told"][0]
            truths[told["face"]] = told["real"]
        elif match := re.fullmatch(r"quiz/[\w-]{16}/face/(\d+)", address):
            assert kind == "image/jpeg"
            headers = {name: value for name, value in answer.all_headers().items() if name != "date"}
            faces[int(match[1])] = (len(body), sorted(headers.items()), len(answer.request.all_headers()))
        elif not address.endswith("/report") and turn < 10 and "json" in kind:
            assert not re.search(rb'"real"|"seed"|"fake"|invented', body), f"{address} tells too much"
    assert sorted(faces) == sorted(truths) == list(range(10)) and 3 <= sum(truths.values()) <= 7
    assert len({str(face) for face in faces.values()}) == 1, "of length and headers nothing goes with the truth, since nothing differs"


def test_a_round_by_keyboard_with_all_that_can_be_asked(quiz):
    page = quiz()
    page.get_by_text("Ask me why").click()
    begin(page, sure=True)
    seen = set()
    for number in range(10):
        face = page.locator(".qz-frame img").first
        expect(face).to_have_attribute("alt", re.compile(f"Face {number + 1} of 10"))
        seen.add(face.get_attribute("src"))
        page.get_by_role("button", name="hair").click()
        page.keyboard.press("r" if number % 2 else "f")
        expect(page.get_by_text("How sure are you?")).to_be_visible()
        page.keyboard.press(str(1 + number % 3))
        expect(page.locator(".qz-verdict")).to_have_text(re.compile("Right|Wrong"))
        if number == 0:
            page.get_by_role("button", name="What the discriminator looked at").click()
            assert page.locator(".qz-heat").evaluate("async image => { await image.decode(); return image.naturalWidth; }") >= 16
        page.get_by_role("button", name="Your report" if number == 9 else "Next face").focus()
        page.keyboard.press("Enter")
    expect(page.get_by_text(re.compile(r"^\d+ of 10 right"))).to_be_visible()
    for said in ("9 of 10 or better beats guessing", "n = 315 people", "n = 219 people", "Hautus 1995", "hair", "fairly sure", "The discriminator, same faces"):
        expect(page.get_by_text(said).first).to_be_visible()
    assert len(seen) == 10 and page.locator(".qz-grid img").count() == 10 and page.locator(".qz-roc path").count() == 3
    page.keyboard.press("Enter")
    expect(page.get_by_text("Face 1 of 10")).to_be_visible()


def test_the_lectures_opening_and_faces_that_go_after_a_second(quiz):
    page = quiz("The lecture’s opening")
    page.get_by_role("radio", name="1 s", exact=True).check()
    page.keyboard.press("Enter")
    expect(page.locator(".qz-asked")).to_contain_text("Who is real?")
    expect(page.get_by_text("Gone. What do you say?")).to_have_count(3)
    page.keyboard.press("2")
    expect(page.get_by_role("button", name="B is real")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Enter")
    expect(page.get_by_text("None of them is real, as in the lecture")).to_be_visible()
    expect(page.get_by_text("This is nobody; seed")).to_have_count(3)
    expect(page.locator(".qz-cover:visible")).to_have_count(0)
    page.keyboard.press("Enter")
    expect(page.locator(".qz-asked")).to_contain_text("Who is real?")


def test_oneself_among_them_by_a_file_after_a_tick(quiz, tmp_path):
    sources.portrait().save(tmp_path / "me.jpg")
    page = quiz()
    page.get_by_text("Put yourself among them").click()
    expect(page.get_by_role("button", name="Use the camera")).to_be_disabled()
    page.get_by_text("I agree that my picture is used for this.").click()
    expect(page.get_by_role("button", name="Use the camera")).to_be_enabled()
    page.locator(".qz-file input").set_input_files(str(tmp_path / "me.jpg"))
    expect(page.get_by_alt_text("You, as the training faces were cut")).to_be_visible()
    begin(page)
    for number in range(10):
        expect(page.get_by_text(f"Face {number + 1} of 10")).to_be_visible()
        page.get_by_role("button", name="Real", exact=False).dblclick()
        expect(page.locator(".qz-verdict")).to_be_visible()
        page.keyboard.press("Enter")
    expect(page.locator(".qz-grid figcaption", has_text="you")).to_have_count(1)
    expect(page.get_by_text(re.compile(r"^\d+ of 9 right"))).to_be_visible()


def test_watch_it_learn(quiz):
    page = quiz()
    dial, words = page.get_by_label("Stage of growth"), page.locator(".gr-words")
    expect(words).to_contain_text("the network as it ships")
    dial.evaluate("dial => { dial.value = 0; dial.dispatchEvent(new Event('input')); }")
    expect(words).to_contain_text("pictures")  # a moment that the trainer kept
    page.get_by_label("size by size").check()
    expect(words).to_contain_text("the network as it ships")
    painted = lambda: page.locator(".growth canvas").evaluate("canvas => canvas.toDataURL()")
    seen = {painted()}
    for value, said in (("0", "4 × 4 pixels"), ("1.5", "alpha 0.50"), ("2", "16 × 16 pixels")):
        dial.evaluate("(dial, value) => { dial.value = value; dial.dispatchEvent(new Event('input')); }", value)
        expect(words).to_contain_text(said)
        seen.add(painted())
    assert len(seen) == 4


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_on_a_phone_nothing_overflows_and_all_can_be_touched(quiz, theme):
    page = quiz("Spot the moment", query=f"&__theme={theme}", width=390, height=844)
    small = """() => [...document.querySelectorAll('.quiz button:not(.qz-link), .quiz summary, .qz-tick, .qz-choice span, .growth button, .growth input')]
        .filter((one) => one.offsetParent && one.getBoundingClientRect().height < 43.5).map((one) => one.outerHTML)"""
    expect(page.get_by_text("all, early to late")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390 and not page.evaluate(small)
    begin(page, sure=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390 and not page.evaluate(small)
    page.get_by_role("button", name="Fake").click()
    page.get_by_role("button", name="certain").click()
    expect(page.locator(".qz-verdict")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390 and not page.evaluate(small)
