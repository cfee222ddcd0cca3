"""A class answers by phone: the teacher's panel for any tab that has questions, and the page and the answers that phones get.

Phones and the teacher's page ask `state` or `board` again and again; each answer waits until there is something new, so a reveal reaches everyone within
half a second, through any proxy, and from any of several processes. The truth of a question is not read from the database before its reveal.
"""
import asyncio
import base64
import contextlib
import functools
import hashlib
import html
import ipaddress
import os
import re
import socket
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import gradio as gr
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Match, Mount, Route

from demos import page
from demos.serving import Modules, Together, object_of
from models.chance import wilson
from models.rooms import THREADS, Away, Limit, NoRoom, NotAllowed, Question, Rooms, TooLate, View

WEB = Path(__file__).parent / "classroom_web"
PATIENCE, GAP, FRESH = 20, 0.25, 0.3  # seconds: an answer waits so long for news, looks so often, and takes a view so old for new
WAITING_AT_MOST = 2000  # answers; those beyond come at once
BODY_AT_MOST = 1000  # bytes
STATUS = {NoRoom: 404, NotAllowed: 403, TooLate: 409, Away: 503}


class Busy(ValueError):
    """Too much of something from one network."""


@functools.cache
def the_rooms() -> Rooms:
    """The rooms of this app."""
    return Rooms()


# -- what is told to whom ----------------------------------------------------------------------------------------------

def for_phone(view: View, choice: int | None, right: int, of: int) -> dict:
    """What one phone is told: the question, its own vote, its own score; after the reveal the truth and how many of the class were right."""
    told = _question(view, str(view.version)) | {"choice": choice, "right": right, "of": of}
    if view.revealed:
        told["share"] = view.votes[view.correct] / sum(view.votes) if sum(view.votes) else None
    return told


def for_board(view: View) -> dict:
    """What the teacher's page shows: how many voted; after the reveal how, the 95 % interval of the share that was right, and the score so far."""
    score = view.score
    told = _question(view, f"{view.version}.{view.joined}.{sum(view.votes)}") | {"code": view.code, "joined": view.joined, "voted": sum(view.votes), "score": None}
    if view.revealed:
        told |= {"votes": view.votes, "rival": view.rival, "interval": wilson(view.votes[view.correct], sum(view.votes)) if sum(view.votes) else None}
    if score.of:
        told["score"] = {"right": score.right, "of": score.of, "interval": score.interval, "majority": score.majority, "questions": score.questions,
                         "rival_right": score.rival_right, "rival_of": score.rival_of}
    return told


def _question(view, tag):
    told = {"tag": tag, "state": view.state, "number": view.number, "prompt": view.prompt, "options": view.options, "picture": view.picture if view.number else None}
    return told | {"correct": view.correct, "told": view.told} if view.revealed else told


# -- where phones find the app -----------------------------------------------------------------------------------------

def invitation(here: str, code: str) -> dict:
    """How phones get to room `code` of the app that the teacher's browser sees at `here`: `address` to type, `qr` (SVG) and a `warning`, or None.

    An address that means "this machine" is replaced by the one in the local network, where the app listens there.
    """
    url = urlsplit(here)
    if url.scheme not in ("http", "https") or not url.hostname or len(here) > 400:
        raise ValueError("The address of this page is none that a phone could open.")
    host, port, warning = url.netloc, url.port or 80, None
    if url.hostname == "localhost" or _loopback(url.hostname):
        lan = _in_the_network(port)
        host = f"{lan}:{port}" if lan else host
        warning = None if lan else "Only this machine can open this address. Start the app with --host 0.0.0.0 to let phones in."
    path = url.path.rsplit("/", 1)[0]
    import segno
    code = segno.make(f"{url.scheme}://{host}{path}/?room={code}", error="m", micro=False)
    return {"address": f"{host}{path}/room", "warning": warning, "qr": code.svg_inline(omitsize=True, border=2, dark="#000", light="#fff")}


def _loopback(host):
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _in_the_network(port):
    """This machine's address in the local network, if something answers on `port` there; else None."""
    with contextlib.suppress(OSError):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))  # chooses a way out; nothing is sent
            lan = probe.getsockname()[0]
        if not _loopback(lan):
            with socket.create_connection((lan, port), timeout=0.5):
                return lan
    return None


# -- answers -----------------------------------------------------------------------------------------------------------

class Invited(Route):
    """`/?room=CODE`, and nothing else at `/`: the page of the app lies there."""

    def matches(self, scope):
        asked = scope["type"] == "http" and re.search(rb"(^|&)room=", scope.get("query_string", b""))
        return super().matches(scope) if asked else (Match.NONE, {})


def routes(rooms: Rooms | None = None) -> list:
    """What the app answers beside its page: the room's page for phones, and the requests of that page and of the teacher's panel."""
    answers = Answers(rooms or the_rooms())
    at = lambda path, handler, method="GET": Route(path, answers.plainly(handler), methods=[method])
    return [Invited("/", lambda request: RedirectResponse(f"room/{_letters(request.query_params['room'])}".rstrip("/"), 303)),
            Mount("/room/web", Modules(directory=WEB)), at("/room", answers.phone_page), at("/room/{code}", answers.phone_page),
            at("/room", answers.open, "POST"), at("/room/{code}/join", answers.join, "POST"), at("/room/{code}/state", answers.state),
            at("/room/{code}/vote", answers.vote, "POST"), at("/room/{code}/picture/{key}", answers.picture), at("/room/{code}/board", answers.board),
            at("/room/{code}/reveal", answers.reveal, "POST"), at("/room/{code}/end", answers.end, "POST"), at("/room/{code}/invitation", answers.invite),
            at("/room/{code}/votes.csv", answers.table)]


class Answers:
    """The requests of phones and of the teacher. A phone's id or the teacher's secret comes as a bearer token; what goes wrong is `{"error": sentence}`."""

    def __init__(self, rooms: Rooms):
        self.rooms, self.threads = rooms, anyio.CapacityLimiter(THREADS)
        self.views, self.pictures, self.waiting, self.purged = {}, {}, 0, -1e9
        self.own = Together(rooms.all_mine, together=500, waiting=WAITING_AT_MOST)
        self.cast = Together(rooms.votes, together=500, waiting=WAITING_AT_MOST)  # a class that votes at once waits for the disk once
        # a class sits behind one address: wrong codes are counted, not right ones, and a phone that has joined is let in in any case
        self.misses, self.all_misses = Limit(30, 60), Limit(600, 60)
        self.joins, self.opened = Limit(600, 60), Limit(30, 3600)

    def plainly(self, handler):
        async def answer(request):
            try:
                if time.monotonic() - self.purged > 3600:
                    self.purged = time.monotonic()
                    await self._do(self.rooms.purge)
                return await handler(request)
            except ClientDisconnect:
                return Response(status_code=400)  # a phone that went out of reach in mid-sentence
            except ValueError as error:
                status = 429 if isinstance(error, Busy) else STATUS.get(type(error), 400)
                return JSONResponse({"error": str(error)}, status, {"Cache-Control": "no-store"})
        return answer

    async def phone_page(self, request: Request):
        return HTMLResponse(*_phone_page())

    async def open(self, request: Request):
        if self.opened.reached(_network(request)):
            raise Busy("Many rooms were opened from this network in the last hour: use one of those, or wait.")
        self.opened.add(_network(request))
        code, secret = await self._do(self.rooms.open)
        return _json({"code": code, "secret": secret})

    async def join(self, request: Request):
        code = await self._enter(request)
        if self.joins.reached(_network(request)):
            raise Busy("Very many phones joined from this network within a minute: wait a little.")
        self.joins.add(_network(request))
        return _json({"phone": await self._do(self.rooms.join, code)})

    async def state(self, request: Request):
        code = await self._enter(request)
        view = await self._news(code, request, lambda view: str(view.version))
        return _json(for_phone(view, *await self.own((code, _token(request)))))

    async def vote(self, request: Request):
        code, said = await self._enter(request), await object_of(request, BODY_AT_MOST)
        number, choice = said.get("question"), said.get("choice")
        if type(number) is not int or type(choice) is not int:
            raise ValueError("A vote is {question: number, choice: number}.")
        await self.cast((code, _token(request), number, choice))
        return _json({"choice": choice})

    async def picture(self, request: Request):
        wanted = (_letters(request.path_params["code"]), request.path_params["key"])
        if wanted not in self.pictures:
            picture = await self._do(self.rooms.picture, *wanted)
            self.pictures = dict([*self.pictures.items()][-15:]) | {wanted: picture}
        picture = self.pictures[wanted]
        kind = "image/png" if picture.startswith(b"\x89PNG") else "image/jpeg"
        return Response(picture, media_type=kind, headers={"Cache-Control": "private, max-age=86400, immutable", "X-Content-Type-Options": "nosniff"})

    async def board(self, request: Request):
        code = await self._teacher(request)
        return _json(for_board(await self._news(code, request, lambda view: for_board(view)["tag"])))

    async def reveal(self, request: Request):
        return await self._act(request, self.rooms.reveal)

    async def end(self, request: Request):
        return await self._act(request, self.rooms.end)

    async def invite(self, request: Request):
        code = await self._teacher(request)
        return _json(await self._do(invitation, request.query_params.get("here", ""), code))

    async def table(self, request: Request):
        code = await self._teacher(request)
        text = await self._do(self.rooms.table, code, _token(request))
        return Response(text, media_type="text/csv", headers={"Content-Disposition": f'attachment; filename="room-{code}.csv"', "Cache-Control": "no-store"})

    # How

    def _do(self, function, *arguments):
        return anyio.to_thread.run_sync(function, *arguments, limiter=self.threads)

    async def _enter(self, request):
        """The code of the room, which exists. Who has tried too many wrong codes learns nothing, unless this room knows them."""
        code, network = _letters(request.path_params["code"]), _network(request)
        tired = self.misses.reached(network) or self.all_misses.reached(None)
        try:
            if tired:
                await self._do(self.rooms.knows, code, _token(request))
            await self._view(code)
        except (NoRoom, NotAllowed):
            self.misses.add(network)
            self.all_misses.add(None)
            if tired:
                raise Busy("Too many wrong codes were tried from this network: wait a minute, then try again.") from None
            raise
        return code

    async def _teacher(self, request):
        code = await self._enter(request)
        await self._do(self.rooms.taught_by, code, _token(request))
        return code

    async def _act(self, request, action):
        code = await self._enter(request)
        await self._do(action, code, _token(request))
        self.views.pop(code, None)
        return _json(for_board(await self._view(code)))

    async def _news(self, code, request, tag):
        """The room, as soon as its `tag` is another than the one that the asker has `seen`, or after a while."""
        seen, until = request.query_params.get("seen"), time.monotonic() + PATIENCE
        self.waiting += 1
        try:
            while True:
                view = await self._view(code)
                if tag(view) != seen or time.monotonic() > until or self.waiting > WAITING_AT_MOST:
                    return view
                await asyncio.sleep(GAP)
        finally:
            self.waiting -= 1

    async def _view(self, code):
        """The room as it was within the last moment: one look into the database serves all who wait."""
        kept = self.views.setdefault(code, _Kept())
        async with kept.lock:
            if time.monotonic() - kept.taken > FRESH:
                started = time.monotonic()
                try:
                    kept.view = await self._do(self.rooms.look, code)
                except ValueError:
                    self.views.pop(code, None)
                    raise
                kept.taken = started
                if len(self.views) > 500:
                    self.views = {code: old for code, old in self.views.items() if old.taken > started - 60}
        return kept.view


class _Kept:
    """A view of a room and when it was taken."""

    def __init__(self):
        self.lock, self.taken, self.view = asyncio.Lock(), -1e9, None


def _json(told):
    return JSONResponse(told, headers={"Cache-Control": "no-store"})


def _letters(code):
    """A code as it is written on the board, whatever was typed: at most four capital letters."""
    return re.sub("[^A-Z]", "", code.upper())[:4]


def _token(request):
    return request.headers.get("authorization", "").removeprefix("Bearer ")[:100]


def _network(request):
    """The address that a request comes from. On a Space it is the last one that its proxies wrote down; elsewhere anyone could write there."""
    hops = request.headers.get("x-forwarded-for") if "SPACE_ID" in os.environ else None
    return hops.rsplit(",", 1)[-1].strip() if hops else request.client.host if request.client else ""


@functools.cache
def _phone_page():
    """Page, status and headers: the page runs its own script and speaks with this app, no more."""
    text = (WEB / "phone.html").read_text()
    script = base64.b64encode(hashlib.sha256(re.search("<script>(.*?)</script>", text, re.S)[1].encode()).digest()).decode()
    return text, 200, {"Content-Security-Policy": f"default-src 'none'; script-src 'sha256-{script}'; style-src 'unsafe-inline'; img-src 'self'; connect-src 'self'; base-uri 'none'",
                       "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-cache"}


# -- the teacher's panel -----------------------------------------------------------------------------------------------

START = """import(new URL('room/web/teacher.js', document.baseURI)).then((panel) => panel.start(element, {server, rival: props.rival}));"""


def build(next_question: Callable[[list[Question]], Question], rival: str = "The network"):
    """Lay out the panel that asks a class. `next_question(past)` gives the question to follow those that the class has seen; `rival` names, at the head of
    a sentence, the network whose answers stand beside those of the class. All panels of a page share one room: a lesson may go through several tabs."""

    def ask_class(code: str, secret: str, after: int) -> str:
        """Asks the class in a room the next question, number `after` + 1."""
        past = the_rooms().past(code, secret)
        the_rooms().ask(code, secret, next_question(past), after)
        return f"Question {after + 1}."

    def ask(wish):
        try:
            if not isinstance(wish, dict) or type(wish.get("after")) is not int:
                raise ValueError("A wish is {code, secret, after}.")
            return {"done": ask_class(str(wish.get("code")), str(wish.get("secret")), wish["after"])}
        except ValueError as error:
            return {"error": str(error)}

    gr.HTML("", html_template=(WEB / "teacher.html").read_text(), css_template=(WEB / "teacher.css").read_text(), js_on_load=START, apply_default_css=False,
            server_functions=[ask], rival=html.escape(rival))
    gr.api(page.plainly(ask_class), api_name="ask_class")
