"""A lesson in the app itself: many phones, a restart in its midst, and the pages in a browser."""
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request

import pytest
from gradio_client import Client

from tests.benchmarks import classroom
from tests.conftest import ROOT, free_port

expect = pytest.importorskip("playwright.sync_api").expect
ROOM = ".cr-room"


class App:
    """The app on a port and a database of its own, to be killed and started again."""

    def __init__(self, folder):
        self.port, self.folder = free_port(), folder
        self.address = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self):
        quiet = {**os.environ, "HF_HUB_OFFLINE": "1", "GRADIO_TEMP_DIR": str(self.folder / "uploads"), "DATABASE_URL": f"sqlite:///{self.folder}/rooms.sqlite"}
        self.process = subprocess.Popen([sys.executable, "app.py", "--port", str(self.port), "--device", "cpu"], cwd=ROOT, env=quiet, stdout=subprocess.DEVNULL)
        for _ in range(900):
            try:
                return urllib.request.urlopen(self.address, timeout=2).read()
            except OSError:
                assert self.process.poll() is None, "the app did not start"
                time.sleep(0.2)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)

    def ask(self, path, token="", body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data, {"Authorization": f"Bearer {token}"})
        return json.loads(urllib.request.urlopen(request, timeout=30).read())


def test_forty_phones_lose_no_vote(app):
    times, counts = classroom.lesson(app, phones=40, questions=2, within=2.0)
    assert counts == [40, 40] and len(times) == 80
    assert sorted(times)[75] < 3, "a vote is acknowledged at once, on a busy machine within seconds"


def test_a_restart_in_mid_lesson_loses_no_vote(tmp_path):
    app = App(tmp_path)
    try:
        room = app.ask("/room", body={})
        code, secret = room["code"], room["secret"]
        Client(app.address, verbose=False).predict(code, secret, 0, api_name="/ask_class")
        phones = [app.ask(f"/room/{code}/join", body={})["phone"] for _ in range(10)]
        for i, phone in enumerate(phones):
            app.ask(f"/room/{code}/vote", phone, {"question": 1, "choice": i % 2})
        app.kill()
        app.start()
        told = app.ask(f"/room/{code}/state", phones[3])
        assert told["state"] == "voting" and told["number"] == 1 and told["choice"] == 1
        app.ask(f"/room/{code}/vote", phones[3], {"question": 1, "choice": 0})
        assert app.ask(f"/room/{code}/reveal", secret, {})["votes"] == [6, 4]
    finally:
        app.kill()


@pytest.fixture
def phone_of(chromium, app):
    """`phone_of(code)` opens the link of a room on one more phone of 390 pixels; afterwards no script has failed on any."""
    opened = []

    def open_phone(code):
        context = chromium.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
        page, failed = context.new_page(), []
        page.on("pageerror", lambda error: failed.append(str(error)))
        page.on("console", lambda message: failed.append(message.text) if "Content Security Policy" in message.text else None)
        page.set_default_timeout(60_000)
        page.goto(f"{app}/?room={code}")
        opened.append((context, failed))
        return page
    yield open_phone
    for context, failed in opened:
        context.close()
        assert not failed, "a script failed on a phone"


def test_a_lesson_with_two_phones(page_of, phone_of):
    board = page_of("real-or-fake", width=1400)
    board.get_by_role("button", name="Open a room").click()
    code = board.locator(".cr-code")
    expect(code).to_have_text(re.compile("^[A-Z]{4}$"))
    expect(board.locator(".cr-qr svg")).to_be_visible()
    one, two = phone_of(code.inner_text()), phone_of(code.inner_text())
    expect(one.get_by_text("You are in.")).to_be_visible()
    expect(board.get_by_text("2 phones in the room")).to_be_visible()
    board.get_by_role("button", name="First question").click()
    for phone in (one, two):
        expect(phone.locator("#picture")).to_be_visible()
        assert phone.locator("#picture").evaluate("async image => { await image.decode(); return image.naturalWidth; }") > 90
        assert phone.evaluate("document.documentElement.scrollWidth") <= 390 and phone.evaluate("document.documentElement.scrollHeight") <= 844
        assert all(box["height"] >= 72 for box in (button.bounding_box() for button in phone.locator("#options button").all()))
    one.get_by_role("button", name="Photograph").tap()
    expect(one.get_by_text("your vote")).to_be_visible()
    one.get_by_role("button", name="Invented").tap()
    expect(one.get_by_role("button", name="Invented")).to_contain_text("✓ your vote")
    one.reload()
    expect(one.get_by_role("button", name="Invented")).to_contain_text("✓ your vote")
    two.get_by_role("button", name="Photograph").tap()
    expect(board.get_by_text("2 votes from 2 phones")).to_be_visible()
    assert board.locator(".cr-bar").count() == 0
    board.reload()  # the teacher's page lands in its room again
    expect(board.get_by_text("2 votes from 2 phones")).to_be_visible()
    board.get_by_role("button", name="Reveal").click()
    expect(board.locator(".cr-bar")).to_have_count(2)
    expect(board.get_by_text("50 % of 2 votes right")).to_be_visible()
    said = sorted(phone.locator("#verdict", has_text=re.compile("Right|Wrong")).inner_text() for phone in (one, two))
    assert said == ["✓ Right!", "✗ Wrong."]
    board.get_by_role("button", name="Next", exact=True).click()
    expect(one.get_by_text("Question 2")).to_be_visible()
    expect(one.locator("#options button[aria-pressed=true]")).to_have_count(0)
    board.get_by_role("button", name="End", exact=True).click()
    expect(one.get_by_text("The room is closed.")).to_be_visible()
    with board.expect_download() as download:
        board.get_by_role("button", name="Votes as CSV").click()
    assert download.value.suggested_filename == f"room-{code.inner_text()}.csv" and len(download.value.path().read_text().splitlines()) == 3
    board.get_by_role("button", name="Open a new room").click()
    expect(board.get_by_text("0 phones in the room")).to_be_visible()


def test_a_phone_whose_network_drops_says_so_and_sends_its_vote_later(app, phone_of):
    with classroom.Teacher(app) as teacher:
        phone = phone_of(teacher.code)
        teacher.next()
        expect(phone.locator("#picture")).to_be_visible()
        phone.context.set_offline(True)
        phone.get_by_role("button", name="Invented").tap()
        expect(phone.get_by_text("Trying again")).to_be_visible()
        phone.context.set_offline(False)
        expect(phone.get_by_role("button", name="Invented")).to_contain_text("✓ your vote")
        teacher.end()
        expect(phone.get_by_text("The room is closed.")).to_be_visible()


def test_a_wrong_code_asks_for_the_right_one(app, phone_of):
    with classroom.Teacher(app) as teacher:
        phone = phone_of("BBBB" if teacher.code != "BBBB" else "CCCC")
        expect(phone.get_by_text("There is no room")).to_be_visible()
        phone.get_by_label("The four letters on the board").fill(teacher.code.lower())
        phone.get_by_role("button", name="Enter").tap()
        expect(phone.get_by_text("You are in.")).to_be_visible()
        teacher.end()
