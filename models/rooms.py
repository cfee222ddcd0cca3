"""Rooms in which a class answers questions by phone: the rules, and the database that keeps questions and votes.

A room is in one of four states: *open* (no question yet), *voting* on a question, *revealed*, *ended*. Everything lies in the database and nothing
in the process, so a restart in mid-lesson loses nothing, and several processes may serve one room.
"""
import contextlib
import csv
import hashlib
import hmac
import io
import logging
import os
import secrets
import threading
import time
from dataclasses import dataclass

from sqlalchemy import (JSON, Boolean, Column, Float, ForeignKey, ForeignKeyConstraint, Integer, LargeBinary, MetaData, String, Table, Text, create_engine,
                        delete, event, func, insert, select, text, update)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, OperationalError

from models.chance import wilson
from models.download import cache_folder

LETTERS = "BCDFGHJKMNPRSTVWXYZ"  # no I, L, O, Q that look like others, and no vowels that would make words
DAY = 86_400  # seconds that a room lives
QUESTIONS_AT_MOST, PICTURE_AT_MOST, ROOMS_AT_MOST = 200, 2 ** 20, 2000  # in a room; bytes; in the database
THREADS = 8  # that are at the database at once

TABLES = MetaData()
ROOMS = Table("class_rooms", TABLES, Column("code", String(4), primary_key=True), Column("secret", String(64), nullable=False),
              Column("expires", Float, nullable=False, index=True), Column("version", Integer, nullable=False), Column("joined", Integer, nullable=False),
              Column("number", Integer, nullable=False), Column("choices", Integer, nullable=False), Column("revealed", Boolean, nullable=False),
              Column("ended", Boolean, nullable=False))
QUESTIONS = Table("class_questions", TABLES, Column("code", ForeignKey(ROOMS.c.code, ondelete="CASCADE"), primary_key=True),
                  Column("number", Integer, primary_key=True, autoincrement=False), Column("prompt", Text, nullable=False), Column("options", JSON, nullable=False),
                  Column("picture", LargeBinary, nullable=False), Column("correct", Integer, nullable=False), Column("told", Text, nullable=False),
                  Column("rival", Integer), Column("tally", JSON(none_as_null=True)))  # the tally is null until the reveal
VOTES = Table("class_votes", TABLES, Column("code", String(4), primary_key=True), Column("number", Integer, primary_key=True, autoincrement=False),
              Column("phone", String(16), primary_key=True), Column("choice", Integer, nullable=False),
              ForeignKeyConstraint(["code", "number"], [QUESTIONS.c.code, QUESTIONS.c.number], ondelete="CASCADE"))


class NoRoom(ValueError):
    """There is no such room, or not any more."""


class NotAllowed(ValueError):
    """The secret of a teacher, or the id of a phone, does not belong to this room."""


class TooLate(ValueError):
    """The room has gone on meanwhile."""


class Away(ValueError):
    """The database does not answer."""


@dataclass(frozen=True)
class Question:
    """A `picture` (bytes of a JPEG or PNG file, at most 1 MiB), a `prompt`, 2 to 6 `options`, and what stays hidden until the reveal: the index of
    the `correct` option, a sentence that is `told` then, and the option that a network chose as the class's `rival` (None where it did not)."""

    picture: bytes
    prompt: str
    options: tuple[str, ...]
    correct: int
    told: str = ""
    rival: int | None = None

    def __post_init__(self):
        if not 2 <= len(self.options) <= 6 or not 0 <= self.correct < len(self.options) or self.rival not in (None, *range(len(self.options))):
            raise ValueError("A question has 2 to 6 options, and the correct one and the rival's are among them.")
        if len(self.picture) > PICTURE_AT_MOST:
            raise ValueError(f"The picture of a question takes {len(self.picture)} bytes, {PICTURE_AT_MOST} are allowed.")


@dataclass(frozen=True)
class Score:
    """How a class did on the questions revealed so far that anyone voted on. `right` of `of` votes; the most frequent answer was right on `majority` of
    `questions` questions (a tie counts as wrong), the rival on `rival_right` of the `rival_of` that it answered."""

    right: int = 0
    of: int = 0
    majority: int = 0
    questions: int = 0
    rival_right: int = 0
    rival_of: int = 0

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval (Wilson) of the share of right votes, as if votes were independent of each other."""
        return wilson(self.right, self.of)


@dataclass(frozen=True)
class View:
    """A room at a moment. `votes` counts the votes for each option of the question at hand; `correct`, `told` and `rival` are None until the reveal:
    they are not even read from the database before."""

    code: str
    version: int  # grows with each question, reveal and end
    joined: int  # phones
    number: int  # of the question at hand, from 1; 0 before the first
    revealed: bool
    ended: bool
    prompt: str
    options: tuple[str, ...]
    votes: tuple[int, ...]
    picture: str  # what opens the picture of the question at hand
    correct: int | None
    told: str | None
    rival: int | None
    score: Score

    @property
    def state(self) -> str:
        """open, voting, revealed or ended."""
        return "ended" if self.ended else "open" if not self.number else "revealed" if self.revealed else "voting"


class Limit:
    """At most `count` events of one key within `seconds`: a brake for those who try codes, open rooms, or join again and again."""

    def __init__(self, count: int, seconds: float, clock=time.monotonic):
        self.count, self.seconds, self._clock, self._times, self._lock = count, seconds, clock, {}, threading.Lock()

    def add(self, key):
        """One more event of `key`."""
        with self._lock:
            if len(self._times) > 10_000:
                self._times = {k: times for k, times in self._times.items() if times[-1] > self._clock() - self.seconds}
            self._times[key] = [*self._recent(key), self._clock()][-self.count:]

    def reached(self, key) -> bool:
        with self._lock:
            return len(self._recent(key)) >= self.count

    def _recent(self, key):
        return [t for t in self._times.get(key, ()) if t > self._clock() - self.seconds]


class Rooms:
    """The rooms of one database. `url` as SQLAlchemy and hosts write it, `sqlite:///...` or `postgresql://...`; else the environment's DATABASE_URL; else
    a file in this system's folder for caches. The database is opened, and its tables made, on first use. All methods may be called from any thread.

    A vote is on record when `vote` returns. With SQLite that holds when the process is killed; when the power fails, the last seconds may be lost.
    """

    def __init__(self, url: str | None = None, clock=time.time):
        self._url, self._clock, self._opening, self._writer, self._engine = url, clock, threading.Lock(), contextlib.nullcontext(), None

    # What the teacher does

    def open(self) -> tuple[str, str]:
        """A new room: its code, and the secret of its teacher, of which only a hash is kept."""
        secret = secrets.token_urlsafe(24)
        self.purge()
        with self._reading() as db:
            if db.scalar(select(func.count()).select_from(ROOMS)) >= ROOMS_AT_MOST:
                raise TooLate(f"{ROOMS_AT_MOST} rooms are open: wait until some have expired, which takes a day at most.")
        while True:
            code = "".join(secrets.choice(LETTERS) for _ in range(4))
            try:
                with self._writing() as db:
                    db.execute(insert(ROOMS).values(code=code, secret=_hash(secret), expires=self._clock() + DAY, version=0, joined=0, number=0, choices=0,
                                                    revealed=False, ended=False))
                return code, secret
            except IntegrityError:
                pass  # that code is taken

    def taught_by(self, code: str, secret: str):
        """NoRoom where there is no such room, NotAllowed where this is not the secret of its teacher."""
        with self._reading() as db:
            self._taught(db, code, secret)

    def past(self, code: str, secret: str) -> list[Question]:
        """The questions of a room so far, the first one first."""
        with self._reading() as db:
            self._taught(db, code, secret)
            rows = db.execute(select(QUESTIONS).where(QUESTIONS.c.code == code).order_by(QUESTIONS.c.number)).all()
        return [Question(row.picture, row.prompt, tuple(row.options), row.correct, row.told, row.rival) for row in rows]

    def ask(self, code: str, secret: str, question: Question, after: int):
        """Puts `question` to the class as number `after` + 1. Nothing happens where the class is at another number than `after` (a double click).

        TooLate while the question at hand is not revealed, in a room that has ended, and after 200 questions."""
        with self._writing() as db:
            room = self._taught(db, code, secret, lock=True)
            if room.number != after:
                return
            self._living(room)
            if room.number and not room.revealed:
                raise TooLate("Reveal this question first.")
            if room.number >= QUESTIONS_AT_MOST:
                raise TooLate(f"A room takes {QUESTIONS_AT_MOST} questions: open another.")
            db.execute(insert(QUESTIONS).values(code=code, number=after + 1, prompt=question.prompt, options=list(question.options), picture=question.picture,
                                                correct=question.correct, told=question.told, rival=question.rival))
            self._change(db, code, number=after + 1, choices=len(question.options), revealed=False)

    def reveal(self, code: str, secret: str):
        """Ends the vote on the question at hand. Nothing happens where that was done before."""
        with self._writing() as db:
            room = self._taught(db, code, secret, lock=True)
            self._living(room)
            if not room.number:
                raise TooLate("There is no question yet.")
            if not room.revealed:
                here = (QUESTIONS.c.code == code) & (QUESTIONS.c.number == room.number)
                db.execute(update(QUESTIONS).where(here).values(tally=list(self._tally(db, room))))
                self._change(db, code, revealed=True)

    def end(self, code: str, secret: str):
        """Closes the room. A question that was not revealed stays so and does not count; the votes can be fetched until the room expires."""
        with self._writing() as db:
            if not self._taught(db, code, secret, lock=True).ended:
                self._change(db, code, ended=True)

    def table(self, code: str, secret: str) -> str:
        """All votes as CSV: question, correct answer (empty before the reveal), what was told, phone (1, 2, ... in no order), answer, right (1 or 0)."""
        with self._reading() as db:
            self._taught(db, code, secret)
            rows = db.execute(select(QUESTIONS.c.number, QUESTIONS.c.options, QUESTIONS.c.correct, QUESTIONS.c.told, QUESTIONS.c.tally, VOTES.c.phone, VOTES.c.choice)
                              .join_from(QUESTIONS, VOTES).where(QUESTIONS.c.code == code).order_by(QUESTIONS.c.number, VOTES.c.phone)).all()
        phones = {phone: i + 1 for i, phone in enumerate(sorted({row.phone for row in rows}))}
        file = io.StringIO()
        writer = csv.writer(file)
        writer.writerow(["question", "correct", "told", "phone", "answer", "right"])
        for row in rows:
            told = (row.options[row.correct], row.told, int(row.choice == row.correct)) if row.tally is not None else ("", "", "")
            writer.writerow([row.number, told[0], told[1], phones[row.phone], row.options[row.choice], told[2]])
        return file.getvalue()

    # What a phone does

    def join(self, code: str) -> str:
        """An id for one more phone: 16 random digits, and 16 that prove that this room gave them."""
        with self._writing() as db:
            room = self._room(db, code)
            self._living(room)
            db.execute(update(ROOMS).where(ROOMS.c.code == code).values(joined=ROOMS.c.joined + 1))
        phone = secrets.token_hex(8)
        return phone + _sign(room, phone)

    def vote(self, code: str, phone: str, number: int, choice: int):
        """The vote of a phone on question `number`, in place of an earlier one. TooLate after the reveal, and where the class is at another question."""
        (wrong,) = self.votes([(code, phone, number, choice)])
        if wrong:
            raise wrong

    def votes(self, cast: list[tuple[str, str, int, int]]) -> list[ValueError | None]:
        """Votes of many phones, `vote`'s arguments each, in one transaction: a class that votes at once waits for the disk once. For each, what is wrong with it."""
        rooms, kept, answers = {}, {}, []
        with self._writing() as db:
            for code, phone, number, choice in cast:
                try:
                    if code not in rooms:
                        rooms[code] = self._room(db, code, share=True)
                    kept[code, _votes_on(rooms[code], phone, number, choice)] = {"code": code, "number": number, "phone": phone[:16], "choice": choice}
                    answers.append(None)
                except ValueError as wrong:
                    answers.append(wrong)
            if kept:
                vote = (postgresql if db.dialect.name == "postgresql" else sqlite).insert(VOTES)
                # in one order everywhere, so that two processes never wait for each other's rows
                db.execute(vote.on_conflict_do_update(index_elements=list(VOTES.primary_key), set_={"choice": vote.excluded.choice}), [kept[key] for key in sorted(kept)])
        return answers

    def mine(self, code: str, phone: str) -> tuple[int | None, int, int]:
        """What a phone voted on the question at hand (None: nothing yet), and how many of its revealed votes are right, of how many."""
        (answer,) = self.all_mine([(code, phone)])
        if isinstance(answer, ValueError):
            raise answer
        return answer

    def all_mine(self, asked: list[tuple[str, str]]) -> list[tuple[int | None, int, int] | ValueError]:
        """`mine` of many phones, its arguments each, by one look into each room: a class asks at once when a question comes. For each the answer, or what is wrong."""
        rooms, found, answers = {}, {}, []
        with self._reading() as db:
            for code in {code for code, _ in asked}:
                with contextlib.suppress(NoRoom):
                    rooms[code] = self._room(db, code)
                    phones = {phone[:16] for other, phone in asked if other == code}
                    for row in db.execute(select(VOTES.c.phone, VOTES.c.number, VOTES.c.choice, QUESTIONS.c.correct, QUESTIONS.c.tally).join_from(VOTES, QUESTIONS)
                                          .where(VOTES.c.code == code, VOTES.c.phone.in_(phones))):
                        found.setdefault((code, row.phone), []).append(row)
        for code, phone in asked:
            try:
                if code not in rooms:
                    raise _no_room(code)
                own = found.get((code, _member(rooms[code], phone)), [])
                done = [row.choice == row.correct for row in own if row.tally is not None]
                answers.append((next((row.choice for row in own if row.number == rooms[code].number), None), sum(done), len(done)))
            except ValueError as wrong:
                answers.append(wrong)
        return answers

    # What anyone sees

    def knows(self, code: str, token: str):
        """NoRoom or NotAllowed where `token` is neither the secret of the room's teacher nor the id of a phone that has joined it."""
        with self._reading() as db:
            room = self._room(db, code)
            if not secrets.compare_digest(_hash(token), room.secret):
                _member(room, token)

    def look(self, code: str) -> View:
        """The room as it is."""
        with self._reading() as db:
            room = self._room(db, code)
            known = [QUESTIONS.c.correct, QUESTIONS.c.told, QUESTIONS.c.rival, QUESTIONS.c.tally]
            revealed = db.execute(select(*known).where(QUESTIONS.c.code == code, QUESTIONS.c.number < room.number + room.revealed).order_by(QUESTIONS.c.number)).all()
            here = db.execute(select(QUESTIONS.c.prompt, QUESTIONS.c.options).where(QUESTIONS.c.code == code, QUESTIONS.c.number == room.number)).first()
            last = revealed[-1] if room.revealed else None
            votes = last.tally if last else self._tally(db, room)
        return View(code, room.version, room.joined, room.number, room.revealed, room.ended, here.prompt if here else "", tuple(here.options) if here else (),
                    tuple(votes), f"{room.number}-{_sign(room, f'picture {room.number}')}", last and last.correct, last and last.told, last and last.rival, _score(revealed))

    def picture(self, code: str, key: str) -> bytes:
        """The picture that `View.picture` names. NoRoom for any other name."""
        number, _, signed = key.partition("-")
        with self._reading() as db:
            room = self._room(db, code)
            picture = None
            if number.isdecimal() and len(number) < 5 and secrets.compare_digest(signed.encode(), _sign(room, f"picture {number}").encode()):
                picture = db.scalar(select(QUESTIONS.c.picture).where(QUESTIONS.c.code == code, QUESTIONS.c.number == int(number)))
        if picture is None:
            raise _no_room(code)
        return picture

    # Rows and rules

    def _room(self, db, code, lock=False, share=False):
        """The row of a room that has not expired. It is held until the end of the transaction: with `lock` by this one alone, with `share` by votes."""
        wanted = select(ROOMS).where(ROOMS.c.code == code, ROOMS.c.expires > self._clock())
        known = len(code) == 4 and set(code) <= set(LETTERS)
        row = db.execute(wanted.with_for_update(read=share) if lock or share else wanted).first() if known else None  # in SQLite a writer is alone anyway
        if row is None:
            raise _no_room(code)
        return row

    def _taught(self, db, code, secret, lock=False):
        room = self._room(db, code, lock)
        if not secrets.compare_digest(_hash(secret), room.secret):
            raise NotAllowed("Only the teacher who opened this room can do that.")
        return room

    @staticmethod
    def _living(room):
        if room.ended:
            raise TooLate("This room has ended.")

    @staticmethod
    def _change(db, code, **values):
        db.execute(update(ROOMS).where(ROOMS.c.code == code).values(version=ROOMS.c.version + 1, **values))

    @staticmethod
    def _tally(db, room):
        counts = dict(db.execute(select(VOTES.c.choice, func.count()).where(VOTES.c.code == room.code, VOTES.c.number == room.number).group_by(VOTES.c.choice)).all())
        return tuple(counts.get(choice, 0) for choice in range(room.choices))

    # The database

    def purge(self):
        """Deletes the rooms that have expired, with their questions and votes."""
        with self._writing() as db:
            db.execute(delete(ROOMS).where(ROOMS.c.expires <= self._clock()))

    @contextlib.contextmanager
    def _reading(self):
        with _plainly(), self._database().begin() as db:
            yield db

    @contextlib.contextmanager
    def _writing(self):
        with _plainly():
            engine = self._database()
            with self._writer, engine.execution_options(writing=True).begin() as db:
                yield db

    def _database(self):
        with self._opening:
            if self._engine is None:
                engine = _engine(_address(self._url or os.environ.get("DATABASE_URL")))
                with engine.execution_options(writing=True).begin() as db:
                    if db.dialect.name == "postgresql":
                        db.execute(text("SELECT pg_advisory_xact_lock(6191)"))  # processes that start together make the tables one after the other
                    else:
                        self._writer = threading.Lock()  # SQLite lets one write at a time, and its own way of waiting is to sleep longer and longer
                    TABLES.create_all(db)
                self._engine = engine
            return self._engine


def _address(url):
    """The database of a URL as hosts write it; a file in the folder for caches where there is none."""
    if not url:
        file = cache_folder() / "class-rooms.sqlite"
        file.parent.mkdir(parents=True, exist_ok=True)
        return make_url(f"sqlite:///{file}")
    try:
        address = make_url(url)
    except ArgumentError:
        address = None
    if address is not None and address.drivername == "sqlite":
        return address
    if address is not None and address.drivername.split("+")[0] in ("postgres", "postgresql"):
        return address.set(drivername="postgresql+psycopg")
    raise ValueError("DATABASE_URL is written postgresql://user:password@host/database, or sqlite:///file.")


def _engine(address):
    if address.get_backend_name() == "postgresql":
        try:
            return create_engine(address, pool_size=THREADS, pool_pre_ping=True)
        except ImportError:
            raise ValueError("DATABASE_URL names a PostgreSQL server, and the package to speak with one is missing: pip install 'psycopg[binary]'.") from None
    engine = create_engine(address, pool_size=THREADS, connect_args={"timeout": 30})

    @event.listens_for(engine, "connect")
    def prepare(connection, _):
        connection.isolation_level = None  # transactions begin where the next function says
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection):
        connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writing") else "BEGIN")
    return engine


@contextlib.contextmanager
def _plainly():
    try:
        yield
    except (OperationalError, OSError) as error:
        logging.getLogger(__name__).warning("the database of the class rooms: %s", error)
        raise Away("The database of the class rooms does not answer. Try again; if that does not help, look at DATABASE_URL, the server and the disk.") from error


# Small things

def _hash(secret):
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def _sign(room, words):
    """16 digits that only this room can have made; its key is the hash of the teacher's secret, which never leaves the database."""
    return hmac.new(room.secret.encode(), words.encode(errors="replace"), "sha256").hexdigest()[:16]


def _member(room, phone):
    """The 16 digits of a phone's id. NotAllowed where this room did not give it."""
    if not secrets.compare_digest(phone[16:].encode(errors="replace"), _sign(room, phone[:16]).encode()):
        raise NotAllowed("This phone has not joined this room: reload the page.")
    return phone[:16]


def _votes_on(room, phone, number, choice):
    """The 16 digits of a phone whose vote counts. ValueErrors where it does not."""
    phone = _member(room, phone)
    Rooms._living(room)
    if not room.number or number != room.number or room.revealed:
        raise TooLate("The vote on this question is over.")
    if not 0 <= choice < room.choices:
        raise ValueError(f"The question has options 0 to {room.choices - 1}.")
    return phone


def _no_room(code):
    return NoRoom(f"There is no room {code[:4]}. Compare the four letters with those on the board.")


def _score(revealed) -> Score:
    """The score of rows of questions, each with its `correct` option, `rival` and `tally`."""
    voted = [row for row in revealed if sum(row.tally)]
    others = lambda row: max(count for choice, count in enumerate(row.tally) if choice != row.correct)
    rivals = [row.rival == row.correct for row in voted if row.rival is not None]
    return Score(sum(row.tally[row.correct] for row in voted), sum(sum(row.tally) for row in voted), sum(row.tally[row.correct] > others(row) for row in voted),
                 len(voted), sum(rivals), len(rivals))
