"""What the page of the quiz asks for by itself: rounds, faces, votes, what the discriminator looked at, and the player's own picture.

Of a face that waits for its vote the browser gets a file whose address, length and headers are those of any other; its truth is in no answer before that.
"""
import base64
import mimetypes
from pathlib import Path

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from demos.serving import Modules, body_of, object_of
from models.quiz import Gone, NotYet, Quiz
from models.rounds import Vote

WEB = Path(__file__).parent / "quiz_web"
BODY_AT_MOST, PICTURE_AT_MOST = 2_000, 20_000_000  # bytes
AT_ONCE, WAITING = 2, 60  # rounds in the making, and those that may wait for their turn
NEVER_KEPT = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
STATUS = {Gone: 404, NotYet: 403}


class Busy(ValueError):
    """Too many at this moment."""


def routes(quiz: Quiz) -> list:
    """The routes below /quiz. What goes wrong is `{"error": sentence}`.

    | route | in | out |
    |---|---|---|
    | GET  /quiz/about | | `Quiz.about` |
    | POST /quiz/round | {mode, count, level, size, after, own}, each may be left out | `Quiz.begin` |
    | GET  /quiz/<round>/face/<n> | | JPEG |
    | POST /quiz/<round>/vote | {face, votes: [{real, sure, why}]} | {told: [`models.quiz.told`]} |
    | GET  /quiz/<round>/look/<n> | | PNG, to lie over the face |
    | GET  /quiz/<round>/report | | `Quiz.report` |
    | POST /quiz/own?consent=yes | a picture file | {own, crop} |
    | DELETE /quiz/own/<id> | | {} |
    | GET  /quiz/growth, /quiz/growth/<stage> | | `Quiz.growth`, `Quiz.growth_faces` |
    | GET  /quiz/web/<name> | | a module of the page |
    """
    mimetypes.add_type("text/javascript", ".js")  # some Windows machines say text/plain, and no browser runs that as a module
    answers = Answers(quiz)
    at = lambda path, handler, method="GET": Route("/quiz" + path, _plainly(handler), methods=[method])
    return [Mount("/quiz/web", Modules(directory=WEB)), at("/about", answers.about), at("/round", answers.round, "POST"),
            at("/own", answers.own, "POST"), at("/own/{own}", answers.forget, "DELETE"), at("/growth", answers.growth), at("/growth/{stage:int}", answers.stage),
            at("/{round}/face/{number:int}", answers.face), at("/{round}/vote", answers.vote, "POST"), at("/{round}/look/{number:int}", answers.look),
            at("/{round}/report", answers.report)]


class Answers:
    """The requests of the page. What takes longer than a glance runs in a thread, few at a time: more would slow each other."""

    def __init__(self, quiz: Quiz):
        self.quiz, self.making, self.waiting = quiz, anyio.CapacityLimiter(AT_ONCE), 0

    async def about(self, request: Request):
        return _json(await anyio.to_thread.run_sync(self.quiz.about))

    async def round(self, request: Request):
        asked = await object_of(request, BODY_AT_MOST)
        unknown = asked.keys() - {"mode", "count", "level", "size", "after", "own"}
        if unknown:
            raise ValueError(f"A round knows nothing of {', '.join(sorted(unknown))}.")
        for name in ("mode", "level", "after", "own"):
            if not isinstance(asked.get(name), str | None):
                raise ValueError(f"{name} is a word.")
        return _json(await self._do(lambda: self.quiz.begin(**asked)))

    async def face(self, request: Request):
        return Response(self.quiz.face(_round(request), request.path_params["number"]), media_type="image/jpeg", headers=NEVER_KEPT)

    async def vote(self, request: Request):
        said = await object_of(request, BODY_AT_MOST)
        return _json({"told": await self._do(self.quiz.vote, _round(request), said.get("face"), votes(said.get("votes")))})

    async def look(self, request: Request):
        return Response(await self._do(self.quiz.look, _round(request), request.path_params["number"]), media_type="image/png", headers=NEVER_KEPT)

    async def report(self, request: Request):
        return _json(self.quiz.report(_round(request)))

    async def own(self, request: Request):
        if request.query_params.get("consent") != "yes":
            raise ValueError("Your picture is taken only after you have agreed: tick the box first.")
        own, crop = await self._do(self.quiz.keep_own, await body_of(request, PICTURE_AT_MOST))
        return _json({"own": own, "crop": "data:image/png;base64," + base64.b64encode(crop).decode()})

    async def forget(self, request: Request):
        self.quiz.forget_own(request.path_params["own"])
        return _json({})

    async def growth(self, request: Request):
        return _json(await anyio.to_thread.run_sync(self.quiz.growth))

    async def stage(self, request: Request):
        return Response(await self._do(self.quiz.growth_faces, request.path_params["stage"]), media_type="application/octet-stream", headers={"Cache-Control": "max-age=600"})

    async def _do(self, function, *arguments):
        if self.waiting >= WAITING:
            raise Busy("Many people are playing at this moment. Try again in a few seconds.")
        self.waiting += 1
        try:
            return await anyio.to_thread.run_sync(function, *arguments, limiter=self.making)
        finally:
            self.waiting -= 1


def votes(said) -> list[Vote]:
    """Votes out of JSON: [{real: true or false, sure: 1 to 3 or null, why: [...]}]. ValueError for anything else."""
    if not isinstance(said, list) or not 1 <= len(said) <= 3 or not all(isinstance(one, dict) for one in said):
        raise ValueError("Votes are a list of {real, sure, why}.")
    found = []
    for one in said:
        why = one.get("why") or []
        if not isinstance(why, list) or not all(isinstance(reason, str) for reason in why):
            raise ValueError("The reasons are a list of words.")
        found.append(Vote(one.get("real"), one.get("sure"), tuple(why)))
    return found


def _plainly(handler):
    async def answer(request):
        try:
            return await handler(request)
        except ClientDisconnect:
            return Response(status_code=400)  # which nobody reads
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 503 if isinstance(error, Busy) else STATUS.get(type(error), 400), NEVER_KEPT)
    return answer


def _json(told):
    return JSONResponse(told, headers=NEVER_KEPT)


def _round(request):
    return request.path_params["round"]
