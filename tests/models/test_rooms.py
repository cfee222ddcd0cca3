"""Rooms on SQLite, and on a real PostgreSQL server where one is installed."""
import concurrent.futures
import csv
import glob
import io
import os
import pwd
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.chance import by_guessing, wilson
from models.rooms import LETTERS, Away, Limit, NoRoom, NotAllowed, Question, Rooms, TooLate

ROOT = Path(__file__).parents[2]
FACE = Question(b"\xff\xd8 a picture", "Real?", ("real", "invented"), 1, "Nobody; seed 4711.", 0)


@pytest.fixture(scope="module")
def postgresql():
    """URL of a PostgreSQL server of our own, on a socket that only this test knows."""
    programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
    if not programs:
        pytest.skip("no PostgreSQL is installed (Debian: apt-get install postgresql): rooms are tested on SQLite alone")
    pytest.importorskip("psycopg")
    folder = tempfile.mkdtemp(prefix="pg", dir="/tmp")  # short: the path of a socket takes 107 bytes at most
    user = {}
    if os.geteuid() == 0:  # the server refuses to run as root
        who = next((entry for entry in pwd.getpwall() if entry.pw_name in ("postgres", "nobody")), None)
        user = {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}
        os.chown(folder, who.pw_uid, who.pw_gid)
    call = lambda name, *rest: subprocess.run([f"{programs[-1]}/{name}", *rest], check=True, stdout=subprocess.DEVNULL, timeout=120, cwd=folder, **user)
    call("initdb", "-D", f"{folder}/data", "-U", "teacher", "--auth", "trust", "-E", "UTF8", "--no-sync")
    call("pg_ctl", "-D", f"{folder}/data", "-w", "-l", f"{folder}/log", "-o", f"-k {folder} -c listen_addresses='' -c fsync=off", "start")
    yield f"postgresql://teacher@/postgres?host={folder}"
    call("pg_ctl", "-D", f"{folder}/data", "-w", "-m", "immediate", "stop")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    return f"sqlite:///{tmp_path}/rooms.sqlite" if request.param == "sqlite" else request.getfixturevalue("postgresql")


@pytest.fixture
def rooms(url):
    return Rooms(url)


def test_a_lesson(rooms):
    code, secret = rooms.open()
    assert len(code) == 4 and set(code) <= set(LETTERS) and rooms.look(code).state == "open"
    rooms.ask(code, secret, FACE, 0)
    one, two, three = (rooms.join(code) for _ in range(3))
    assert len({one, two, three}) == 3 and rooms.look(code).joined == 3
    rooms.vote(code, one, 1, 0)
    rooms.vote(code, one, 1, 1)  # changed her mind
    rooms.vote(code, two, 1, 0)
    view = rooms.look(code)
    assert (view.state, view.votes) == ("voting", (1, 1)) and view.correct is view.told is view.rival is None
    assert rooms.mine(code, one) == (1, 0, 0) and rooms.mine(code, three) == (None, 0, 0)
    rooms.reveal(code, secret)
    view = rooms.look(code)
    assert (view.state, view.correct, view.told, view.rival, view.votes) == ("revealed", 1, "Nobody; seed 4711.", 0, (1, 1))
    assert rooms.mine(code, one) == (1, 1, 1) and rooms.mine(code, two) == (0, 0, 1) and rooms.mine(code, three) == (None, 0, 0)
    rooms.ask(code, secret, Question(b"\x89PNG second", "Which?", ("a", "b", "c"), 2, rival=2), 1)
    assert rooms.picture(code, rooms.look(code).picture) == b"\x89PNG second" and rooms.mine(code, one) == (None, 1, 1)
    rooms.vote(code, one, 2, 2)
    rooms.reveal(code, secret)
    score = rooms.look(code).score
    assert (score.right, score.of, score.majority, score.questions, score.rival_right, score.rival_of) == (2, 3, 1, 2, 1, 2)
    assert score.interval == wilson(2, 3)
    assert [question.told for question in rooms.past(code, secret)] == ["Nobody; seed 4711.", ""]
    rooms.end(code, secret)
    assert rooms.look(code).state == "ended"
    table = list(csv.DictReader(io.StringIO(rooms.table(code, secret))))
    assert sorted((row["question"], row["correct"], row["answer"], row["right"]) for row in table) == [
        ("1", "invented", "invented", "1"), ("1", "invented", "real", "0"), ("2", "c", "c", "1")]
    assert {row["phone"] for row in table} == {"1", "2"} and one[:16] not in str(table)


def test_only_the_secret_moves_a_room(rooms):
    (code, secret), (_, other) = rooms.open(), rooms.open()
    rooms.ask(code, secret, FACE, 0)
    phone = rooms.join(code)
    for wrong in (other, "", secret[:-1], phone, "é\ud800", "0" * 64):
        for act in (lambda: rooms.ask(code, wrong, FACE, 1), lambda: rooms.reveal(code, wrong), lambda: rooms.end(code, wrong),
                    lambda: rooms.table(code, wrong), lambda: rooms.past(code, wrong), lambda: rooms.taught_by(code, wrong)):
            with pytest.raises(NotAllowed):
                act()
    assert rooms.look(code).version == 1


def test_the_secret_itself_is_not_in_the_database(tmp_path):
    rooms = Rooms(f"sqlite:///{tmp_path}/rooms.sqlite")
    _, secret = rooms.open()
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"class_rooms" in kept and secret.encode() not in kept


def test_votes_of_several_rooms_are_written_together(rooms):
    (one, secret), (other, _) = rooms.open(), rooms.open()
    phone, second, stranger = rooms.join(one), rooms.join(one), rooms.join(other)
    rooms.ask(one, secret, FACE, 0)
    answers = rooms.votes([(one, phone, 1, 0), (other, stranger, 1, 0), (one, phone, 1, 1), (one, stranger, 1, 0), (one, second, 1, 2), ("ZZZZ", phone, 1, 0), (one, second, 1, 0)])
    assert [type(wrong) for wrong in answers] == [type(None), TooLate, type(None), NotAllowed, ValueError, NoRoom, type(None)]
    assert rooms.look(one).votes == (1, 1) and rooms.mine(one, phone)[0] == 1, "of one phone's votes the last one counts"
    assert not sum(rooms.look(other).votes)
    assert rooms.votes([]) == []


def test_votes_that_do_not_count(rooms):
    (code, secret), (other, _) = rooms.open(), rooms.open()
    phone = rooms.join(code)
    with pytest.raises(TooLate):
        rooms.vote(code, phone, 0, 0)  # no question yet
    rooms.ask(code, secret, FACE, 0)
    for choice in (-1, 2, 10 ** 9):
        with pytest.raises(ValueError, match="options 0 to 1"):
            rooms.vote(code, phone, 1, choice)
    for stranger in ("", "0" * 32, rooms.join(other), phone[:-1], phone + "0", "é" * 32, "\ud800" * 32):
        with pytest.raises(NotAllowed):
            rooms.vote(code, stranger, 1, 0)
    for number in (0, 2, -1):
        with pytest.raises(TooLate):
            rooms.vote(code, phone, number, 0)
    for nowhere in ("AAAA", "", "BBBBB", "b'--", "\x00\x00\x00\x00", code.lower()):
        with pytest.raises(NoRoom):
            rooms.vote(nowhere, phone, 1, 0)
    rooms.reveal(code, secret)
    with pytest.raises(TooLate):
        rooms.vote(code, phone, 1, 0)
    assert rooms.look(code).votes == (0, 0) and rooms.look(code).score.of == 0
    rooms.end(code, secret)
    for act in (lambda: rooms.vote(code, phone, 1, 0), lambda: rooms.join(code), lambda: rooms.ask(code, secret, FACE, 1), lambda: rooms.reveal(code, secret)):
        with pytest.raises(TooLate, match="ended"):
            act()


def test_pressing_twice_is_pressing_once(rooms):
    code, secret = rooms.open()
    with pytest.raises(TooLate, match="no question"):
        rooms.reveal(code, secret)
    rooms.ask(code, secret, FACE, 0)
    rooms.ask(code, secret, FACE, 0)
    assert rooms.look(code).number == 1
    with pytest.raises(TooLate, match="Reveal"):
        rooms.ask(code, secret, FACE, 1)
    rooms.reveal(code, secret)
    rooms.reveal(code, secret)
    rooms.end(code, secret)
    rooms.end(code, secret)
    assert rooms.look(code).version == 3


def test_a_picture_opens_by_its_name_alone(rooms):
    code, secret = rooms.open()
    rooms.ask(code, secret, FACE, 0)
    name = rooms.look(code).picture
    assert rooms.picture(code, name) == FACE.picture
    for wrong in ("1", "1-", name[:-1], "1-" + "0" * 16, "2" + name[1:], "²" + name[1:], "é", ""):
        with pytest.raises(NoRoom):
            rooms.picture(code, wrong)


def test_rooms_expire_after_a_day_and_leave_nothing(url):
    now = [1e9]
    rooms = Rooms(url, clock=lambda: now[0])
    code, secret = rooms.open()
    rooms.ask(code, secret, FACE, 0)
    rooms.vote(code, rooms.join(code), 1, 0)
    now[0] += 86_399
    assert rooms.look(code).votes == (1, 0)
    now[0] += 2
    with pytest.raises(NoRoom):
        rooms.look(code)
    rooms.purge()
    from models.rooms import QUESTIONS, ROOMS, VOTES
    from sqlalchemy import func, select
    with rooms._reading() as db:
        assert [db.scalar(select(func.count()).select_from(table).where(table.c.code == code)) for table in (ROOMS, QUESTIONS, VOTES)] == [0, 0, 0]


def test_votes_at_the_same_moment_are_all_kept_and_none_comes_after_the_reveal(url):
    """Two processes' worth of engines; phones vote and change their minds while the teacher reveals."""
    rooms, others = Rooms(url), Rooms(url)
    code, secret = rooms.open()
    rooms.ask(code, secret, FACE, 0)
    phones = [rooms.join(code) for _ in range(40)]

    def vote(i):
        try:
            (rooms, others)[i % 2].vote(code, phones[i], 1, i % 2)
            return True
        except TooLate:
            return False
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        voted = [pool.submit(vote, i) for i in range(30)]
        concurrent.futures.wait(voted)
        late = [pool.submit(vote, i) for i in range(30, 40)]
        others.reveal(code, secret)
    kept = 30 + sum(vote.result() for vote in late)
    assert all(vote.result() for vote in voted) and sum(rooms.look(code).votes) == kept == len(rooms.table(code, secret).splitlines()) - 1


PROCESS = "import sys; from models.rooms import Rooms; rooms = Rooms(sys.argv[1]); print(*rooms.open())"


def test_processes_that_start_together_share_a_database(url):
    """And a room outlives the process that opened it."""
    started = [subprocess.Popen([sys.executable, "-c", PROCESS, url], cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    opened = [process.communicate(timeout=120)[0].split() for process in started]
    rooms = Rooms(url)
    for code, secret in opened:
        rooms.ask(code, secret, FACE, 0)
        assert rooms.look(code).number == 1


def test_sqlite_keeps_a_journal_of_writes(tmp_path):
    Rooms(f"sqlite:///{tmp_path}/rooms.sqlite").open()
    assert sqlite3.connect(tmp_path / "rooms.sqlite").execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_the_database_lies_where_the_system_says(tmp_path, monkeypatch):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    Rooms().open()
    assert list(tmp_path.rglob("class-rooms.sqlite"))
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/other.sqlite")
    Rooms().open()
    assert (tmp_path / "other.sqlite").exists()


@pytest.mark.parametrize("wrong", ["mysql://host/base", "nonsense", "http://x"])
def test_another_database_is_one_sentence(wrong):
    with pytest.raises(ValueError, match="DATABASE_URL is written postgresql://"):
        Rooms(wrong).open()


def test_a_server_that_is_away_is_one_sentence(tmp_path):
    pytest.importorskip("psycopg")
    with pytest.raises(Away, match="does not answer"):
        Rooms("postgres://user:secret@127.0.0.1:9/base").open()
    with pytest.raises(Away, match="does not answer"):
        Rooms(f"sqlite:///{tmp_path}/no/folder/rooms.sqlite").open()


def test_without_psycopg_the_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ValueError, match="pip install"):
        Rooms("postgresql://127.0.0.1/base").open()


@pytest.mark.parametrize("options, correct, rival", [(("a",), 0, None), (("a", "b"), 2, None), (("a", "b"), 0, 2), (tuple("abcdefg"), 0, None)])
def test_a_question_that_is_none(options, correct, rival):
    with pytest.raises(ValueError, match="2 to 6 options"):
        Question(b"", "?", options, correct, "", rival)


def test_a_limit():
    now = [0.0]
    limit = Limit(3, 60, clock=lambda: now[0])
    for _ in range(3):
        assert not limit.reached("a")
        limit.add("a")
    assert limit.reached("a") and not limit.reached("b")
    now[0] = 61
    assert not limit.reached("a")
    for i in range(20_000):
        now[0] += 1
        limit.add(i)
    assert len(limit._times) <= 10_001


@given(st.integers(1, 10_000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_the_interval_holds_the_share(counts):
    right, of = counts
    low, high = wilson(right, of)
    assert -1e-9 <= low <= right / of + 1e-9 and right / of - 1e-9 <= high <= 1 + 1e-9


def test_known_intervals():
    assert wilson(9, 10) == pytest.approx((0.5958, 0.9821), abs=1e-4)  # Newcombe 1998 gives such values for Wilson's method
    assert by_guessing(9, 10) == 11 / 1024
    with pytest.raises(ValueError):
        wilson(0, 0)
