"""The live camera of horse <-> zebra: frames come in as JPEG, one at a time from each viewer, and go back translated.

The page sends its newest frame when the last answer is there, so a slow network shows fewer frames and never old ones. One thread translates for all;
when several wait already, a viewer is asked to come again.
"""
import io
import mimetypes
import time
from collections.abc import Callable
from pathlib import Path

import gradio as gr
from starlette.responses import Response
from starlette.routing import Mount, Route

from demos import page
from demos.serving import Modules, Together, Unavailable, body_of, plainly
from models.cyclegan import CycleGAN
from models.pictures import read_picture
from models.translation import DIRECTIONS, translate_only

WEB = Path(__file__).parent / "horse_web"
SIZES = (192, 256)  # pixels of the longer side
MOST_BYTES = 300_000  # of a frame: at 256 pixels a JPEG of best quality has a third of it
WAITING = 8  # frames that may wait for theirs: a second or two
WORDS = """### Live, from your camera
Every frame goes to the network when the one before has come back. Only the newest counts: what the camera saw meanwhile is dropped, so the picture is never
late, it only jumps. Hold a horse before the camera, a toy or one on a telephone; or look what it does to you, who are none."""


# -- pure functions ----------------------------------------------------------------------------------------------------

def asked_for(direction: str | None, side: str | None) -> tuple[str, int]:
    """The query of a frame: 0 or 1 of `DIRECTIONS`, and one of `SIZES`. ValueError for any other."""
    if direction not in ("0", "1"):
        raise ValueError("A frame goes in direction 0, horse to zebra, or 1, zebra to horse.")
    if side not in map(str, SIZES):
        raise ValueError(f"A frame is translated at {' or '.join(map(str, SIZES))} pixels.")
    return DIRECTIONS[int(direction)], int(side)


def frame(nets: CycleGAN, body: bytes, direction: str, side: int) -> bytes:
    """A frame as JPEG or another picture -> its translation as JPEG, the longer side `side` pixels. ValueError for what is no picture."""
    file = io.BytesIO()
    translate_only(nets, read_picture(body), direction, side).save(file, "JPEG", quality=88)
    return file.getvalue()


# -- routes ------------------------------------------------------------------------------------------------------------

def routes(nets_of: Callable[[], CycleGAN]) -> list:
    """The routes below /horse. `nets_of()` gives what `checkpoint.load` gives, or raises its ValueError.

    | route | in | out |
    |---|---|---|
    | GET  /horse/web/<name> | | a module of the page |
    | POST /horse/frame?direction=0&side=192 | a picture of at most 300 kB | its translation as JPEG; `Server-Timing` tells the milliseconds from question to answer |

    What is no such frame is answered by 400 and a sentence; a missing or damaged checkpoint and too many viewers by 503 and a sentence.
    """
    mimetypes.add_type("text/javascript", ".js")  # some Windows machines say text/plain, and no browser runs that as a module

    def work(frames):
        try:
            nets = nets_of()
        except ValueError as error:
            raise Unavailable(str(error)) from error
        answers = []
        for body, direction, side in frames:
            try:
                answers.append(frame(nets, body, direction, side))
            except ValueError as error:
                answers.append(error)
        return answers

    in_turn = Together(work, 1, WAITING, "Many cameras are being translated at this moment: yours goes on when there is room.")

    @plainly
    async def translated(request):
        start = time.perf_counter()
        direction, side = asked_for(request.query_params.get("direction"), request.query_params.get("side"))
        picture = await in_turn((await body_of(request, MOST_BYTES), direction, side))
        return Response(picture, media_type="image/jpeg",
                        headers={"Cache-Control": "no-store", "Server-Timing": f"translated;dur={(time.perf_counter() - start) * 1000:.1f}"})

    return [Route("/horse/frame", translated, methods=["POST"]), Mount("/horse/web", Modules(directory=WEB))]


# -- page --------------------------------------------------------------------------------------------------------------

SKELETON = """<div class="horse-live" aria-label="Live camera"></div>"""
# All that happens on the page lies in demos/horse_web/live.js; the template never changes, so that Gradio leaves its content alone.
BEGIN = page.begin("horse/web/live.js")


def build():
    """Lay out the section."""
    gr.Markdown(WORDS)
    gr.HTML(html_template=SKELETON, js_on_load=BEGIN, apply_default_css=False, padding=False)
