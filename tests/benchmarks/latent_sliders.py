"""Measure the latent sliders: from a move to the face on screen, and a class that drags at once: `python -m tests.benchmarks.latent_sliders [--quick]`.

In Chromium the page sets a slider, sends its `input` event, and reads the canvas back in every frame until the picture on it has changed; then it drags
for four seconds with one move per frame. Who draws is laid down by ?way=page and ?way=server, and once more over a way of 100 ms there and back.
"""
import argparse
import asyncio
import contextlib
import json
import multiprocessing
import shutil
import statistics
import threading
import time
import urllib.request
from concurrent.futures import Future

import numpy as np

from demos import latent_live, page
from models import checkpoint
from models.atlas import FaceAtlas
from models.vae import VAE
from tests.conftest import ARGUMENTS, free_port

DELAY = 0.05  # seconds each way, in the rows of a long way
PEOPLE, MOVES, LOST = 30, 4, 5.0  # of a class: how many, how often a second each, and seconds after which an answer counts as lost
BARE = """<!doctype html><title>One slider</title><div class="studio"><canvas width="384" height="384"></canvas><input type="range" min="-3" max="3" step="0.01" value="0"></div>
<script type="module">
import {openPainter} from './latent/web/live.js';
const painter = openPainter(document.querySelector('canvas')), z = new Float32Array(LATENTS);
document.querySelector('input').addEventListener('input', ({target}) => { z[0] = +target.value; painter.paint(z); });
painter.paint(z);
</script>"""
# `move(share)` sets the slider, `changed()` waits for another picture and gives the milliseconds since; null after four seconds without one.
MEASURE = """([sliderAt, canvasAt]) => {
  const slider = document.querySelector(sliderAt), canvas = document.querySelector(canvasAt), pen = canvas.getContext('2d', {willReadFrequently: true});
  const frame = () => new Promise(requestAnimationFrame), sleep = (ms) => new Promise((done) => setTimeout(done, ms));
  const pixels = () => new Uint32Array(pen.getImageData(0, 0, canvas.width, canvas.height).data.buffer);
  const differ = (a, b) => { for (let i = 0; i < a.length; i += 5) if (a[i] !== b[i]) return true; return false; };
  const move = (share) => {
    slider.value = +slider.min + share * (slider.max - slider.min);
    slider.dispatchEvent(new Event('input', {bubbles: true}));
  };
  async function still() {  // until nothing has changed for half a second
    for (let seen = pixels(), since = performance.now(); performance.now() - since < 500; ) {
      await frame();
      const now = pixels();
      if (differ(now, seen)) { seen = now; since = performance.now(); }
    }
  }
  window.measure = {
    async moves(count) {
      const lasted = [];
      await still();
      for (let i = 0; i < count; i++) {
        await sleep(30 + 40 * Math.random());
        const before = pixels(), start = performance.now();
        move(i % 2 ? 0.2 + 0.2 * Math.random() : 0.6 + 0.2 * Math.random());
        do await frame(); while (!differ(pixels(), before) && performance.now() - start < 4000);
        const ms = performance.now() - start;
        lasted.push(ms < 4000 ? ms : null);
      }
      return lasted;
    },
    async drag(seconds) {
      let painted = 0, frames = 0, seen = pixels(), changed = 0;
      const look = () => {
        const now = pixels(), new_ = differ(now, seen);
        if (new_) { seen = now; changed = performance.now(); }
        return new_;
      };
      const start = performance.now();
      while (performance.now() - start < 1000 * seconds) {
        await frame();
        frames++;
        painted += look();
        const t = (performance.now() - start) / 2000;  // there and back in four seconds
        move(0.1 + 0.8 * Math.abs(t % 2 - 1));
      }
      const last = performance.now(), share = 0.37;
      move(share);
      changed = last;
      while (performance.now() - last < 1500) { await frame(); look(); }
      const settled = changed - last, shown = new Uint8ClampedArray(seen.buffer);
      move(0.8);
      await still();
      move(share);
      await still();
      const right = new Uint8ClampedArray(pixels().buffer);
      let worst = 0;
      for (let i = 0; i < right.length; i++) worst = Math.max(worst, Math.abs(right[i] - shown[i]));
      return {fps: painted / seconds, frames: frames / seconds, settled, right: worst <= 2};
    },
  };
}"""


# -- servers -----------------------------------------------------------------------------------------------------------

def serve(port):
    """A page with one slider and one canvas, and the routes of the latent sliders."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.responses import HTMLResponse
    from starlette.routing import Route
    network = lambda: checkpoint.load(page.CHECKPOINTS / "face_vae.safetensors", VAE)
    atlas = lambda: checkpoint.load(page.CHECKPOINTS / "face_atlas.safetensors", FaceAtlas)
    html = BARE.replace("LATENTS", str(network().config.latents))
    routes = [*latent_live.routes(network, atlas), Route("/", lambda request: HTMLResponse(html))]
    uvicorn.run(Starlette(routes=routes), port=port, log_level="warning")


@contextlib.contextmanager
def bare_page():
    """Address of that page, served by a process of its own."""
    port = free_port()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(port,), daemon=True)
    process.start()
    try:
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/").read()
                break
            except OSError:
                if not process.is_alive():
                    raise SystemExit("the page was not served") from None
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.join(20)


@contextlib.contextmanager
def far_away(port, delay=DELAY):
    """The port of a proxy in front of `port` that holds everything back for `delay` seconds, each way, in its order."""
    started = Future()

    async def carry(reader, writer):
        held, loop = asyncio.Queue(), asyncio.get_running_loop()

        async def deliver():
            while True:
                due, data = await held.get()
                await asyncio.sleep(due - loop.time())
                if not data:
                    return
                writer.write(data)
        delivery = asyncio.create_task(deliver())
        try:
            while data := await reader.read(65536):
                held.put_nowait((loop.time() + delay, data))
            held.put_nowait((loop.time() + delay, b""))
            await delivery
        finally:
            writer.close()

    async def connect(reader, writer):
        there, back = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await asyncio.gather(carry(reader, back), carry(there, writer))

    async def work():
        server, stopped = await asyncio.start_server(connect, "127.0.0.1", 0), asyncio.Event()
        started.set_result((asyncio.get_running_loop(), stopped, server.sockets[0].getsockname()[1]))
        await stopped.wait()
        server.close()
    thread = threading.Thread(target=asyncio.run, args=(work(),))
    thread.start()
    loop, stopped, near = started.result(10)
    try:
        yield near
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join()


# -- rows --------------------------------------------------------------------------------------------------------------

def rows(quick=False, address=None, slider=".studio input[type=range]", canvas=".studio canvas"):
    """Names and numbers of the table. `address` of a page with the selectors `slider` and `canvas`, else a bare one is served."""
    with contextlib.nullcontext(address) if address else bare_page() as near:
        yield from in_browser(near, slider, canvas, moves=12 if quick else 80, seconds=2 if quick else 4)
        yield from asyncio.run(a_class(near, seconds=3 if quick else 10))


def in_browser(address, slider, canvas, moves, seconds):
    """Rows of one person who moves and drags a slider, for each way and distance."""
    from playwright.sync_api import sync_playwright
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        print("no Chromium is installed: no rows for the latent sliders on a page", flush=True)
        return
    host, path = address.split("/", 3)[2:]
    port = int(host.split(":")[1])
    with sync_playwright() as playwright, far_away(port) as far:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        for distance, at in (("", port), (f", {2000 * DELAY:.0f} ms away", far)):
            for way in ("page", "server"):
                tab = browser.new_page(viewport={"width": 1280, "height": 900})
                tab.goto(f"http://127.0.0.1:{at}/{path}{'&' if '?' in path else '?'}way={way}")
                tab.wait_for_selector(slider)
                tab.wait_for_timeout(4000)  # the network is fetched and compiled
                tab.evaluate(MEASURE, [slider, canvas])
                lasted = tab.evaluate("count => measure.moves(count)", moves)
                drag = tab.evaluate("seconds => measure.drag(seconds)", seconds)
                tab.close()
                name = f"Latent sliders, drawn by the {way}{distance}"
                yield f"{name}: move to face", spread([ms for ms in lasted if ms is not None], lost=lasted.count(None))
                yield f"{name}: redraws in a second of dragging", {"median": round(drag["fps"], 1), "runs": 1, "unit": f"of {drag['frames']:.0f} frames"}
                yield f"{name}: end of the drag to its face", {"median": round(drag["settled"]), "runs": 1, "unit": "ms" if drag["right"] else "ms, WRONG FACE"}
        browser.close()


async def a_class(address, seconds):
    """Rows of people who drag at once and all need the server, each at a beat of their own that waits for no answer."""
    import aiohttp
    latents = checkpoint.describe(page.CHECKPOINTS / "face_vae.safetensors")["config"]["latents"]
    url, faces, lasted, lost = address.split("?")[0].rstrip("/") + "/latent/decode", np.random.default_rng(0), [], 0

    async def ask(session, body):
        nonlocal lost
        start = time.perf_counter()
        try:
            async with session.post(url, data=body) as answer:
                await answer.read()
                if answer.status == 200:
                    lasted.append((time.perf_counter() - start) * 1000)
                else:
                    lost += 1
        except (aiohttp.ClientError, TimeoutError):
            lost += 1

    async def person(session, phase):
        await asyncio.sleep(phase)
        asked = []
        for _ in range(MOVES * seconds):
            asked.append(asyncio.create_task(ask(session, faces.standard_normal(latents).astype("<f4").tobytes())))
            await asyncio.sleep(1 / MOVES)
        await asyncio.gather(*asked)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(LOST)) as session:
        await ask(session, bytes(4 * latents))
        lasted.clear()
        await asyncio.gather(*(person(session, faces.uniform(0, 1 / MOVES)) for _ in range(PEOPLE)))
    return [(f"Latent sliders, {PEOPLE} people at {MOVES} moves a second by the server: move to face", spread(lasted, lost))]


def spread(lasted, lost):
    """A row of the table: median and 95th percentile of milliseconds, and how many never came."""
    if not lasted:
        return {"median": float("nan"), "runs": lost, "unit": "ms, all lost"}
    return {"median": round(statistics.median(lasted), 1), "p95": round(float(np.percentile(lasted, 95)), 1), "runs": len(lasted) + lost,
            "unit": f"ms, {lost} lost" if lost else "ms"}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", help="of a running app's page, such as http://127.0.0.1:7860/?tab=latent-sliders (default: a bare page of its own)")
    parser.add_argument("--slider", default=".studio input[type=range]", help="selector of the slider that is moved")
    parser.add_argument("--canvas", default=".studio canvas", help="selector of the canvas that is read")
    parser.add_argument("--json", metavar="FILE", help="write the table there, too")
    parser.add_argument("--quick", action="store_true", help="few runs")
    choices = parser.parse_args()
    print("| what | median | p95 | runs |\n|---|---|---|---|")
    table = {}
    for name, row in rows(choices.quick, choices.address, choices.slider, choices.canvas):
        table[name] = row
        print(f"| {name} | {row['median']} {row['unit']} | {row.get('p95', '')} | {row['runs']} |", flush=True)
    if choices.json:
        with open(choices.json, "w") as file:
            json.dump(table, file, indent=1)


if __name__ == "__main__":
    main()
