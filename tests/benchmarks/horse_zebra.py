"""Measure horse <-> zebra: what a picture costs, thirty people who press at once, and the live camera: `python -m tests.benchmarks.horse_zebra ADDRESS [--quick]`.

GMAC are those of torch's own flop counter, halved: products of weights with pixels, of convolutions alone.
"""
import argparse
import shutil
import statistics
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import numpy as np
import torch

from demos import page
from models import checkpoint
from models.cyclegan import CycleGAN, Generator
from models.device import bfloat16_is_faster
from models.painting import painted_horse
from models.training.loop import gmac
from tests.conftest import ARGUMENTS

PEOPLE = 30
LATEST = 120  # seconds after which an answer counts as lost


def cost(runs, side=256):
    """Rows of one picture through the published generator and the shipped one, in turns, so that both meet the same machine."""
    shipped = checkpoint.load(page.CHECKPOINTS / "horse2zebra.safetensors", CycleGAN)
    channels_last = lambda net: net.eval().to(memory_format=torch.channels_last)
    networks = {"published generator (9 blocks, width 64)": channels_last(Generator()), "shipped generator": channels_last(shipped.G_AB)}
    picture = (torch.rand(1, 3, side, side) * 2 - 1).to(memory_format=torch.channels_last)
    times = {name: [] for name in networks}
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bfloat16_is_faster(torch.device("cpu"))):
        for turn in range(runs + 2):
            for name, network in networks.items():
                start = time.perf_counter()
                network(picture)
                if turn > 1:  # the first two do not count
                    times[name].append((time.perf_counter() - start) * 1000)
    published = statistics.median(times["published generator (9 blocks, width 64)"])
    for name, network in networks.items():
        median = statistics.median(times[name])
        weights = sum(p.numel() for p in network.parameters()) / 1e6
        yield (f"CycleGAN: {side} x {side}, {name}, {gmac(network, picture):.1f} GMAC, {weights:.2f} M weights, 1/{published / median:.1f} of the published time",
               row(times[name], "ms"))


def row(values, unit, digits=1):
    """Median and 95th percentile of some measurements."""
    return {"median": round(statistics.median(values), digits), "p95": round(float(np.percentile(values, 95)), digits), "runs": len(values), "unit": unit}


def crowd(address, people=PEOPLE):
    """Rows of `people` who press Translate in the same moment: how long each waits, how many were told their place, and how many got nothing."""
    from gradio_client import Client, handle_file
    with tempfile.TemporaryDirectory() as folder:
        horse = Path(folder, "horse.png")
        painted_horse(256).save(horse)
        clients = [Client(address, verbose=False, download_files=folder) for _ in range(people)]
        side = checkpoint.describe(page.CHECKPOINTS / "horse2zebra.safetensors")["preprocessing"]["size"]
        clients[0].predict(handle_file(str(horse)), "horse → zebra", side, api_name="/translate_image")  # the network is loaded
        together, waited, placed = threading.Barrier(people), [], set()

        def press(number):
            together.wait()
            start = time.perf_counter()
            job = clients[number].submit(handle_file(str(horse)), "horse → zebra", side, api_name="/translate_image")
            while not job.done() and time.perf_counter() - start < LATEST:
                if job.status().rank is not None:
                    placed.add(number)
                time.sleep(0.1)
            if job.done() and not job.exception():
                waited.append(time.perf_counter() - start)
        threads = [threading.Thread(target=press, args=(number,)) for number in range(people)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    yield f"Horse <-> zebra: {people} people press at once ({side} px), until the answer; {len(placed)} were told their place", row(waited, "s", 2)
    yield f"Horse <-> zebra: of {people} answers, lost", {"median": people - len(waited), "runs": 1, "unit": "answers"}


def frames(address, seconds):
    """Rows of the camera's route: frames a second for one viewer, and for each of four."""
    import io
    file = io.BytesIO()
    painted_horse(256).resize((256, 192)).save(file, "JPEG", quality=90)

    def watch(side, until, counts):
        count = 0
        while time.perf_counter() < until:
            request = urllib.request.Request(f"{address}/horse/frame?direction=0&side={side}", file.getvalue(), method="POST")
            with urllib.request.urlopen(request, timeout=30) as answer:
                answer.read()
            count += 1
        counts.append(count / seconds)
    for viewers, side in ((1, 192), (1, 256), (4, 192)):
        counts, until = [], time.perf_counter() + seconds
        threads = [threading.Thread(target=watch, args=(side, until, counts)) for _ in range(viewers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        yield f"Horse <-> zebra: camera at {side} px, {viewers} viewer(s), each without a browser", {"median": round(statistics.median(counts), 1), "runs": viewers, "unit": "frames/s"}


def camera(address, seconds):
    """Rows of the tab's live camera in Chromium, on the same machine, as the page itself tells them; none where no browser is installed."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        return
    from playwright.sync_api import sync_playwright
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        tab = browser.new_context(permissions=["camera"]).new_page()
        tab.set_default_timeout(60_000)
        tab.goto(f"{address}/?tab=horse-zebra")
        tab.get_by_role("button", name="Start the camera").click()
        for side in (192, 256):
            tab.locator(f".hl input[value='{side}']").check()
            tab.get_by_text(f"frames a second · {side}").wait_for()
            tab.wait_for_timeout(3500)  # the page takes the rate over three seconds
            told = []
            for _ in range(max(3, int(seconds))):
                told.append(float(tab.locator(".hl-told").inner_text().split(" ")[0]))
                tab.wait_for_timeout(1000)
            yield f"Horse <-> zebra: camera at {side} px in Chromium", {**row(told, "frames/s"), "p95": ""}
        browser.close()


def rows(address, quick):
    """All rows that need the app at `address`."""
    yield from crowd(address, 8 if quick else PEOPLE)
    yield from frames(address, 3 if quick else 8)
    yield from camera(address, 3 if quick else 10)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("address", help="of the running app, as http://127.0.0.1:7860")
    parser.add_argument("--quick", action="store_true", help="few runs")
    choices = parser.parse_args()
    for part in (cost(3 if choices.quick else 12), rows(choices.address, choices.quick)):
        for name, found in part:
            print(f"| {name} | {found['median']} {found['unit']} | {found.get('p95', '')} | {found['runs']} |", flush=True)


if __name__ == "__main__":
    main()
