"""The class room over HTTP: what phones and the teacher's page ask, and what strangers learn."""
import gzip
import re
import threading
import time

import pytest
import segno
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from demos import classroom
from models.rooms import Question, Rooms

PICTURE = b"\xff\xd8\xff a picture"
CLOSED = {"told": "Nobody; seed 4711.", "rival": 1}


def question(correct=1, told=CLOSED["told"], rival=CLOSED["rival"]):
    return Question(PICTURE, "Photograph or invented?", ("Photograph", "Invented"), correct, told, rival)


class Class:
    """A room that was opened over HTTP, and all that was answered."""

    def __init__(self, folder):
        self.rooms = Rooms(f"sqlite:///{folder}/rooms.sqlite")
        self.client = TestClient(Starlette(routes=[*classroom.routes(self.rooms), Route("/", lambda request: PlainTextResponse("the app"))]), follow_redirects=False)
        self.heard = []

    def ask(self, path, token="", method="GET", **rest):
        answer = self.client.request(method, path, headers={"Authorization": f"Bearer {token}"}, **rest)
        self.heard.append((path, answer.status_code, answer.headers, answer.content))
        return answer

    def open(self):
        opened = self.ask("/room", method="POST").json()
        self.code, self.secret = opened["code"], opened["secret"]
        return self

    def room(self, path, token="", method="GET", **rest):
        return self.ask(f"/room/{self.code}/{path}", token, method, **rest)

    def join(self):
        return self.room("join", method="POST").json()["phone"]

    def put(self, asked, after=0):
        self.rooms.ask(self.code, self.secret, asked, after)
        time.sleep(classroom.FRESH)

    def vote(self, phone, choice, number=1):
        return self.room("vote", phone, "POST", json={"question": number, "choice": choice})


@pytest.fixture
def lesson(tmp_path):
    lesson = Class(tmp_path)
    with lesson.client:
        yield lesson.open()


def test_a_phone_from_joining_to_the_end(lesson):
    phone = lesson.join()
    assert lesson.room("state", phone).json()["state"] == "open"
    lesson.put(question())
    told = lesson.room("state", phone).json()
    assert told["state"] == "voting" and told["options"] == ["Photograph", "Invented"] and told["choice"] is None and "correct" not in told
    picture = lesson.room(f"picture/{told['picture']}")
    assert picture.content == PICTURE and picture.headers["content-type"] == "image/jpeg" and "immutable" in picture.headers["cache-control"]
    assert lesson.vote(phone, 0).json() == {"choice": 0} and lesson.vote(phone, 1).json() == {"choice": 1}
    assert lesson.room("state", phone).json()["choice"] == 1, "a reload finds the earlier vote"
    late = lesson.join()
    assert lesson.room("state", late).json()["number"] == 1, "who comes late lands in the question at hand"
    told = lesson.room("reveal", lesson.secret, "POST").json()
    assert told["votes"] == [0, 1] and told["correct"] == 1 and told["score"]["right"] == 1 and told["score"]["rival_right"] == 1
    told = lesson.room("state", phone).json()
    assert (told["correct"], told["told"], told["right"], told["of"], told["share"]) == (1, CLOSED["told"], 1, 1, 1.0)
    assert lesson.vote(phone, 0).status_code == 409
    assert lesson.room("end", lesson.secret, "POST").json()["state"] == "ended"
    assert lesson.room("state", phone).json()["state"] == "ended" and lesson.room("join", method="POST").status_code == 409
    table = lesson.room("votes.csv", lesson.secret)
    assert table.headers["content-type"].startswith("text/csv") and table.text.splitlines()[1] == "1,Invented,Nobody; seed 4711.,1,Invented,1"


def test_nothing_that_is_heard_before_the_reveal_depends_on_the_truth(tmp_path):
    """Two lessons that differ in the hidden part of a question alone: with codes, secrets and ids set aside, everyone hears the same, byte for byte."""
    def heard(folder, asked):
        folder.mkdir()
        lesson = Class(folder)
        with lesson.client:
            lesson.open()
            lesson.put(asked)
            phone = lesson.join()
            names = [lesson.room("state", phone).json()["picture"], lesson.room("board", lesson.secret).json()["picture"]]
            lesson.room(f"picture/{names[0]}")
            lesson.vote(phone, 0), lesson.vote(phone, 1), lesson.vote(phone, 2), lesson.vote("", 0)
            time.sleep(classroom.FRESH)
            for _ in range(2):
                lesson.room("state", phone), lesson.room("board", lesson.secret), lesson.room("state"), lesson.room("board", phone)
            lesson.ask(f"/room/{lesson.code}"), lesson.ask(f"/?room={lesson.code}"), lesson.room("reveal", phone, "POST"), lesson.room("votes.csv", phone)
            lesson.room("invitation?here=http://192.0.2.7:7860/", lesson.secret), lesson.room("votes.csv", lesson.secret)
        drawn = lambda body: b"<svg" in body  # the QR code: of a link that holds nothing but the code
        text = repr([(path, status) if drawn(body) else (path, status, sorted(headers.items()), body) for path, status, headers, body in lesson.heard])
        for chance in (lesson.code, lesson.secret, phone, names[0].split("-")[1]):
            text = text.replace(chance, "*")
        return text
    one, other = heard(tmp_path / "a", question()), heard(tmp_path / "b", question(0, "A real photograph.", None))
    assert one == other and "4711" not in one and "A real" not in other
    assert [word for word in ('correct', 'told', 'rival', 'share', 'votes') if f'"{word}":' in one] == []


def test_the_board_counts_votes_and_does_not_split_them(lesson):
    lesson.put(question())
    for choice in (0, 1, 1):
        lesson.vote(lesson.join(), choice)
    time.sleep(classroom.FRESH)
    told = lesson.room("board", lesson.secret).json()
    assert told["voted"] == 3 and told["joined"] == 3 and "votes" not in told and told["score"] is None
    told = lesson.room("reveal", lesson.secret, "POST").json()
    assert told["votes"] == [1, 2] and told["interval"] == pytest.approx([0.2077, 0.9385], abs=1e-3) and told["rival"] == 1


def test_an_answer_waits_for_news(lesson):
    phone = lesson.join()
    tag = lesson.room("state", phone).json()["tag"]
    threading.Timer(0.6, lesson.rooms.ask, (lesson.code, lesson.secret, question(), 0)).start()
    start = time.monotonic()
    assert lesson.room(f"state?seen={tag}", phone).json()["number"] == 1 and 0.5 < time.monotonic() - start < 5


def test_an_answer_without_news_comes_after_a_while(lesson, monkeypatch):
    monkeypatch.setattr(classroom, "PATIENCE", 0.5)
    phone = lesson.join()
    told = lesson.room("state", phone).json()
    assert lesson.room(f"state?seen={told['tag']}", phone).json() == told


@pytest.mark.parametrize("act, method", [("board", "GET"), ("reveal", "POST"), ("end", "POST"), ("votes.csv", "GET"), ("invitation?here=http://x/", "GET")])
def test_only_the_teacher_acts(lesson, act, method):
    for token in ("", lesson.join(), "x" * 5000, lesson.code):
        answer = lesson.room(act, token, method)
        assert answer.status_code == 403 and set(answer.json()) == {"error"}
    assert lesson.room("board", lesson.secret).json()["state"] == "open"


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{}", b"{", b"\xff", b"[" * 900, b'{"question": 1}', b'{"question": "1", "choice": 0}', b'{"question": 1, "choice": true}',
                                  b'{"question": 1, "choice": 0.5}', b'{"question": 1, "choice": 99}', b'{"question": 1e999, "choice": 0}', b'{"question": 1, "choice": -1}',
                                  b'{"question": 1, "choice": 99999999999999999999999}', b" " * 100_000])
def test_a_bad_vote_is_one_sentence(lesson, body):
    lesson.put(question())
    answer = lesson.room("vote", lesson.join(), "POST", content=body)
    assert answer.status_code == 400 and answer.json()["error"].endswith(".") and "Traceback" not in answer.text


def test_a_vote_on_a_question_of_the_far_future(lesson):
    lesson.put(question())
    assert lesson.vote(lesson.join(), 0, 10 ** 30).status_code == 409


def test_codes_are_not_guessed_at_speed_and_a_class_mate_who_tries_locks_nobody_out(lesson):
    phone = lesson.join()
    tried = [lesson.ask(f"/room/{code}/state").status_code for code in ["BBBB", "BBBC"] * 20]
    assert tried[:30] == [404] * 30 and tried[30:] == [429] * 10
    assert lesson.room("join", method="POST").status_code == 429, "the right code is not told from a wrong one"
    assert lesson.room("state", phone).json()["state"] == "open" and lesson.room("board", lesson.secret).json()["state"] == "open"


def test_rooms_are_not_opened_without_end(lesson):
    assert [lesson.ask("/room", method="POST").status_code for _ in range(32)].count(429) == 3


@pytest.mark.parametrize("asked, to", [("?room=BCDF", "room/BCDF"), ("?tab=voice&room=bcdf", "room/BCDF"), ("?room=//evil.example", "room/EVIL"), ("?room=", "room")])
def test_the_link_leads_to_the_room(lesson, asked, to):
    answer = lesson.ask(f"/{asked}")
    assert answer.status_code == 303 and answer.headers["location"] == to


@pytest.mark.parametrize("asked", ["/", "/?tab=voice", "/?classroom=x"])
def test_the_page_of_the_app_stays_where_it_is(lesson, asked):
    assert lesson.ask(asked).text == "the app"


def test_the_page_for_phones_is_small_and_speaks_with_nobody_else(lesson):
    page = lesson.ask("/room/BCDF")
    assert page.status_code == 200 and len(gzip.compress(page.content)) < 4000 and "No name is asked for" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"] and not re.search(r"https?://", page.text)
    assert lesson.ask("/room").text == page.text and lesson.ask("/room/<script>").text == page.text


def test_an_invitation(monkeypatch):
    monkeypatch.setattr(classroom, "_in_the_network", lambda port: "192.0.2.7")
    for here, address, link in [("https://someone-app.hf.space/?tab=voice", "someone-app.hf.space/room", "https://someone-app.hf.space/?room=BCDF"),
                                ("http://192.0.2.9:7860/", "192.0.2.9:7860/room", "http://192.0.2.9:7860/?room=BCDF"),
                                ("http://host/sub/?x", "host/sub/room", "http://host/sub/?room=BCDF"),
                                ("http://127.0.0.1:7860/", "192.0.2.7:7860/room", "http://192.0.2.7:7860/?room=BCDF"),
                                ("http://localhost:8000/", "192.0.2.7:8000/room", "http://192.0.2.7:8000/?room=BCDF")]:
        told = classroom.invitation(here, "BCDF")
        assert told["address"] == address and told["warning"] is None
        assert told["qr"] == segno.make(link, error="m", micro=False).svg_inline(omitsize=True, border=2, dark="#000", light="#fff")
    monkeypatch.setattr(classroom, "_in_the_network", lambda port: None)
    assert "--host 0.0.0.0" in classroom.invitation("http://127.0.0.1:7860/", "BCDF")["warning"]
    for wrong in ("", "javascript:alert(1)", "file:///etc/passwd", "http://", "http://x/" + "y" * 500, "http://x:99999/", "http://[x/"):
        with pytest.raises(ValueError):
            classroom.invitation(wrong, "BCDF")


def test_a_database_that_is_away_is_one_sentence(tmp_path):
    lesson = Class(tmp_path / "nowhere")
    with lesson.client:
        answer = lesson.ask("/room", method="POST")
    assert answer.status_code == 503 and "does not answer" in answer.json()["error"]
