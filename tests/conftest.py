"""The app in a process of its own, and a browser to use it with."""
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
             "--disable-sync", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def nets():
    """Horse <-> zebra networks of few weights, untrained, the same for every test."""
    import torch

    from models.cyclegan import CycleGAN
    torch.manual_seed(0)
    return CycleGAN(CycleGAN.Config(width=8, blocks=1, downs=0, unshuffle=4, halfway=4, resize_convolution=True, gate=True, critic_width=4)).eval().requires_grad_(False)


@pytest.fixture(scope="session")
def app(tmp_path_factory):
    """Address of the app, started by its own command line; its output lies in `app.log`."""
    port, log = free_port(), tmp_path_factory.mktemp("app") / "app.log"
    quiet = {**os.environ, "HF_HUB_OFFLINE": "1", "GRADIO_TEMP_DIR": str(log.parent / "uploads"), "XDG_CACHE_HOME": str(log.parent / "cache")}
    with open(log, "w") as output:
        process = subprocess.Popen([sys.executable, "app.py", "--port", str(port), "--device", "cpu"], cwd=ROOT, stdout=output, stderr=output, env=quiet)
    address = f"http://127.0.0.1:{port}"
    for _ in range(600):
        try:
            urllib.request.urlopen(address, timeout=2).read()
            break
        except OSError:
            if process.poll() is not None:
                pytest.fail(f"the app did not start:\n{log.read_text()}")
            time.sleep(0.2)
    yield address
    alive = process.poll() is None
    process.terminate()
    process.wait(20)
    assert alive, f"the app ended by itself:\n{log.read_text()}"
    assert "Traceback" not in log.read_text(), f"a stack trace was printed:\n{log.read_text()}"


@pytest.fixture(scope="session")
def client(app):
    from gradio_client import Client
    return Client(app, verbose=False)


@pytest.fixture(scope="session")
def chromium():
    """A browser; tests that need it are skipped where none is installed."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium is installed: the browser tests do not run")
    from playwright.sync_api import expect, sync_playwright
    expect.set_options(timeout=60_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page_of(chromium, app):
    """`page_of(tab)` opens a tab of the app with every other host cut off; afterwards no script has failed and no other host was asked."""
    opened = []

    def open_tab(name, width=1280, height=900):
        context = chromium.new_context(viewport={"width": width, "height": height}, permissions=["microphone", "camera"])
        page, asked, failed = context.new_page(), [], []

        def guard(route):
            if route.request.url.startswith((app, "data:", "blob:")):
                route.continue_()
            else:
                asked.append(route.request.url)
                route.abort()
        context.route("**/*", guard)
        page.on("pageerror", lambda error: failed.append(str(error)))
        page.set_default_timeout(60_000)
        page.goto(f"{app}/?tab={name}")
        opened.append((context, asked, failed))
        return page
    yield open_tab
    for context, asked, failed in opened:
        context.close()
        assert not asked, "another host was asked for something"
        assert not failed, "a script failed on the page"
