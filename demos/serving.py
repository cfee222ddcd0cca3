"""What the tabs' own routes share: work that waits together, refusals in a sentence, and the page's modules.

Routes of Starlette, because one request of one's own takes half the time of Gradio's events.
"""
import asyncio
import functools
import json
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from models.device import one_core

ASK_AGAIN = {"Cache-Control": "no-cache"}  # kept by the browser, which asks each time whether it is still the newest


class Unavailable(Exception):
    """A sentence that says why there is no answer now; `again`, whether it is worth asking again soon."""

    def __init__(self, sentence, again=False):
        super().__init__(sentence)
        self.again = again


class Together:
    """`await together(item)` is the answer of `work(items)` to this item: what comes in while a batch is worked on waits for the next.

    `work` takes at most `together` items, gives a list of answers, of which those that are exceptions are raised, and runs in a thread of its own.
    Of more than `waiting` items the newest get `Unavailable`.
    """

    def __init__(self, work: Callable[[list], list], together=8, waiting=120, crowded="Many people are asking at this moment."):
        self.work, self.together, self.most, self.crowded = work, together, waiting, crowded
        self.waiting: deque[tuple[object, asyncio.Future]] = deque()
        self.runner: asyncio.Task | None = None
        self.thread = ThreadPoolExecutor(1, "together", one_core)

    async def __call__(self, item):
        if len(self.waiting) >= self.most:
            raise Unavailable(self.crowded, again=True)
        answer = asyncio.get_running_loop().create_future()
        self.waiting.append((item, answer))
        if self.runner is None:
            self.runner = asyncio.create_task(self.run())
        return await answer

    async def run(self):
        try:
            while self.waiting:
                batch = [self.waiting.popleft() for _ in range(min(self.together, len(self.waiting)))]
                batch = [(item, answer) for item, answer in batch if not answer.done()]  # not for who has left
                try:
                    answers = await asyncio.get_running_loop().run_in_executor(self.thread, self.work, [item for item, _ in batch])
                except Exception as error:  # it belongs to those who asked, and the next batch is none of its business
                    answers = [error] * len(batch)
                for (_, future), answer in zip(batch, answers):
                    if future.done():
                        continue
                    future.set_exception(answer) if isinstance(answer, Exception) else future.set_result(answer)
        finally:
            self.runner = None


class Modules(StaticFiles):
    """The page's modules, asked for again after an update of the app."""

    def file_response(self, *args, **kwargs):
        response = super().file_response(*args, **kwargs)
        response.headers.update(ASK_AGAIN)
        return response


def shared() -> Mount:
    """GET /web/<name>: the modules that those of all tabs are built from."""
    return Mount("/web", Modules(directory=Path(__file__).parent / "web"))


def plainly(handler):
    """The handler with its ValueErrors (400) and what is unavailable (503) turned into sentences."""

    @functools.wraps(handler)
    async def told(request):
        try:
            return await handler(request)
        except ValueError as error:
            return PlainTextResponse(str(error), 400)
        except Unavailable as error:
            return PlainTextResponse(str(error), 503, {"Retry-After": "1"} if error.again else None)
        except ClientDisconnect:
            return Response(status_code=400)  # which nobody reads
    return told


async def body_of(request: Request, most: int) -> bytes:
    """The body of a request. ValueError beyond `most` bytes, of which no more is read."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise ValueError(f"This is too long: at most {most:,} bytes are read here.")
    return bytes(body)


async def object_of(request: Request, most: int) -> dict:
    """The JSON object in the body of a request. ValueError for anything else, and beyond `most` bytes."""
    body = await body_of(request, most)
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise ValueError("The body of this request is a JSON object.")
    return said
