"""Measure speed and memory: `python -m tests.benchmarks [--json FILE] [--quick]`. A table; it judges nothing."""
import argparse
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import psutil
import torch

from demos import page
from models import audio, checkpoint
from models.gan import GAN
from models.vae import VAE
from tests.benchmarks import classroom, horse_zebra, latent_sliders, quiz, voice

ROOT = Path(__file__).parents[2]


def timed(function, runs):
    """Median and 95th percentile of `runs` calls, in milliseconds, after two that do not count."""
    function(), function()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        function()
        times.append((time.perf_counter() - start) * 1000)
    return {"median": round(statistics.median(times), 2), "p95": round(float(np.percentile(times, 95)), 2), "runs": runs, "unit": "ms"}


def networks(runs):
    """Rows of the networks as the tabs call them."""
    load = lambda name, kind: checkpoint.load(page.CHECKPOINTS / f"{name}.safetensors", kind)
    vae, gan = load("face_vae", VAE), load("face_gan", GAN)
    z = torch.randn(1, vae.config.latents)
    with torch.inference_mode():
        yield f"VAE: decode one face, {vae.config.size} px", timed(lambda: vae.decode(z), runs)
        yield f"GAN: one face, {gan.config.resolution} px", timed(lambda: gan.sample([1]), runs)
    yield from voice.rows(timed, runs)
    yield from horse_zebra.cost(max(3, runs // 4))


def server(quick):
    """Rows of the app in a process of its own: start to first page, memory before and after the networks are loaded, faces dragged and a class in it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "app.py", "--port", str(port), "--device", "cpu"], cwd=ROOT, stdout=subprocess.DEVNULL, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    try:
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1).read()
                break
            except OSError:
                if process.poll() is not None or time.perf_counter() - start > 120:
                    raise SystemExit("the app did not start") from None
                time.sleep(0.1)
        yield "App: start to first page", {"median": round((time.perf_counter() - start) * 1000), "runs": 1, "unit": "ms"}
        yield "App: memory after start", memory(process)
        use_all_tabs(f"http://127.0.0.1:{port}")
        yield "App: memory after all four tabs", memory(process)
        yield from latent_sliders.rows(quick, f"http://127.0.0.1:{port}/?tab=latent-sliders")
        yield from classroom.rows(f"http://127.0.0.1:{port}", quick)
        yield from horse_zebra.rows(f"http://127.0.0.1:{port}", quick)
        yield from quiz.rows(f"http://127.0.0.1:{port}", quick)
    finally:
        process.terminate()
        process.wait(20)


def use_all_tabs(address):
    """One call of each tab's network through the page's own endpoints."""
    import tempfile

    import soundfile
    from gradio_client import Client, handle_file
    from models.painting import painted_horse
    from models.sources import portrait
    with tempfile.TemporaryDirectory() as folder:
        horse, face, sound = (str(Path(folder, name)) for name in ("horse.png", "face.png", "sound.wav"))
        painted_horse(256).save(horse)
        portrait().save(face)
        soundfile.write(sound, 0.1 * np.random.default_rng(0).standard_normal(5 * audio.RATE), audio.RATE)
        client = Client(address, verbose=False)
        client.predict("one", 10, "final", api_name="/quiz_round")
        client.predict(handle_file(face), api_name="/encode_face")
        client.predict(handle_file(horse), api_name="/translate_image")
        client.predict(handle_file(sound), api_name="/convert_voice")


def memory(process):
    return {"median": round(psutil.Process(process.pid).memory_info().rss / 2 ** 20), "runs": 1, "unit": "MiB"}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", metavar="FILE", help="write the table there, too")
    parser.add_argument("--quick", action="store_true", help="few runs")
    choices = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}, Python {platform.python_version()}\n")
    print("| what | median | p95 | runs |\n|---|---|---|---|")
    table = {}
    for rows in (networks(5 if choices.quick else 40), server(choices.quick)):
        for name, row in rows:
            table[name] = row
            print(f"| {name} | {row['median']} {row['unit']} | {row.get('p95', '')} | {row['runs']} |", flush=True)
    if choices.json:
        Path(choices.json).write_text(json.dumps(table, indent=1))


if __name__ == "__main__":
    main()
