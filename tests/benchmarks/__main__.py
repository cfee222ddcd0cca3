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
from models.cyclegan import CycleGAN, Generator
from models.device import bfloat16_is_faster
from models.gan import GAN
from models.vae import VAE

ROOT = Path(__file__).parents[2]
DEVICE = torch.device("cpu")


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
    vae, gan, zebra, voice = load("face_vae", VAE), load("face_gan", GAN), load("horse2zebra", CycleGAN), load("voice", CycleGAN)
    z = torch.randn(1, vae.config.latents)
    picture = (torch.rand(1, 3, 256, 256) * 2 - 1).to(memory_format=torch.channels_last)
    with torch.inference_mode():
        yield f"VAE: decode one face, {vae.config.size} px", timed(lambda: vae.decode(z), runs)
        yield f"GAN: one face, {gan.config.resolution} px", timed(lambda: gan.sample([1]), runs)
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16_is_faster(DEVICE)):
            yield "CycleGAN: 256 x 256, shipped generator", timed(lambda: zebra.G_AB(picture), runs)
        yield "CycleGAN: 256 x 256, shipped generator, float32", timed(lambda: zebra.G_AB(picture), runs)
        published = Generator().eval().to(memory_format=torch.channels_last)
        yield "CycleGAN: 256 x 256, published generator (9 blocks, width 64), float32", timed(lambda: published(picture), max(3, runs // 5))
        yield from speech(voice, runs)


def speech(nets, runs):
    """Rows of the voice, in milliseconds for one second of sound."""
    settings = audio.MelConfig(**nets.preprocessing["mel"])
    seconds = 5
    wave = 0.1 * torch.randn(seconds * audio.RATE)
    mel = audio.to_mel(wave, settings)
    for name, function in (("spectrogram", lambda: audio.to_mel(wave, settings)), ("conversion", lambda: nets.G_AB.translate(mel)),
                           ("Griffin-Lim, 32 rounds", lambda: audio.to_wave(mel, settings))):
        row = timed(function, max(3, runs // 4))
        yield f"Voice: {name}, for 1 s of sound", {**row, "median": round(row["median"] / seconds, 2), "p95": round(row["p95"] / seconds, 2)}


def server():
    """Rows of the app in a process of its own: start to first page, and memory before and after the networks are loaded."""
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
        client.predict(api_name="/quiz_round")
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
    for rows in (networks(5 if choices.quick else 40), server()):
        for name, row in rows:
            table[name] = row
            print(f"| {name} | {row['median']} {row['unit']} | {row.get('p95', '')} | {row['runs']} |", flush=True)
    if choices.json:
        Path(choices.json).write_text(json.dumps(table, indent=1))


if __name__ == "__main__":
    main()
