"""The routes of the latent sliders, good questions and bad; and the page's own drawing of faces, in Chromium with a decoder that the test holds."""
import asyncio
import io
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
import uvicorn
from PIL import Image
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from demos import latent_live
from demos.latent_live import Together, Unavailable, random_z, routes, to_z
from models.pictures import psnr, to_picture
from models.vae import VAE
from tests.conftest import free_port

TINY = VAE.Config(size=32, latents=8, width=8)


class Mixture(torch.nn.Module):
    """What the routes need of an atlas."""

    def sample(self, count, seed):
        return torch.full((count, TINY.latents), float(seed))


def absent():
    raise ValueError("The checkpoint is missing: get it.")


@pytest.fixture
def net():
    torch.manual_seed(0)
    return VAE(TINY).eval().requires_grad_(False)


@pytest.fixture
def page_file(monkeypatch):
    """Counts what the page's file is made of."""
    made = []

    def counted(net, atlas):
        made.append((net, atlas))
        return f"file {len(made)}".encode()
    monkeypatch.setattr(latent_live.page_decoder, "page_file", counted)
    return made


def client_of(net_of, atlas_of=absent):
    return TestClient(Starlette(routes=routes(net_of, atlas_of)))  # it raises whatever a route lets through


def finished(coroutine):
    """What a coroutine returns, run in a thread of its own: Playwright, once a test has opened a browser, keeps a loop running in this one."""
    with ThreadPoolExecutor(1) as aside:
        return aside.submit(asyncio.run, coroutine).result()


def body(*values):
    return np.array(values, "<f4").tobytes()


# -- faces -------------------------------------------------------------------------------------------------------------

def test_a_face_is_drawn_as_the_network_draws_it(net):
    z = np.linspace(-2, 2, 8)
    answer = client_of(lambda: net).post("/latent/decode", content=body(*z))
    assert answer.status_code == 200 and answer.headers["content-type"] == "image/jpeg" and "drawn;dur=" in answer.headers["server-timing"]
    expected = to_picture(net.decode(torch.tensor(z, dtype=torch.float32)[None]))
    assert psnr(Image.open(io.BytesIO(answer.content)), expected) > 30


def test_values_are_cut_to_four():
    assert to_z(body(9, -9, 0.5), 3).tolist() == [4, -4, 0.5]


@pytest.mark.parametrize("bad", [b"", b"x", body(*[0] * 7), body(*[0] * 9), body(*[np.nan] * 8), body(*[0] * 7, np.inf), b"0" * 10_000, json.dumps([0] * 8).encode()])
def test_what_is_no_face_is_a_sentence(net, bad):
    answer = client_of(lambda: net).post("/latent/decode", content=bad)
    assert answer.status_code == 400 and answer.text.endswith(".") and answer.headers["content-type"].startswith("text/plain")


def test_other_methods_and_foreign_files_are_refused(net):
    client = client_of(lambda: net)
    assert client.get("/latent/decode").status_code == client.put("/latent/random").status_code == 405
    for path in ("../latent_live.py", "..%2flatent_live.py", "%00", "nothing.js", "a" * 5000, "/etc/passwd", ""):
        assert client.get(f"/latent/web/{path}").status_code == 404
    assert client.post("/latent/web/live.js").status_code == 405


def test_a_missing_checkpoint_is_a_sentence():
    client = client_of(absent)
    for answer in (client.post("/latent/decode", content=body(*[0] * 8)), client.get("/latent/face.safetensors"), client.post("/latent/random", json={"seed": 1})):
        assert answer.status_code == 503 and "missing" in answer.text and "retry-after" not in answer.headers


# -- decodes that wait together ----------------------------------------------------------------------------------------

def test_faces_that_wait_together_are_one_forward(net, monkeypatch):
    sizes = []
    decode = net.decode

    def counted(z):
        sizes.append(len(z))
        time.sleep(0.05)
        return decode(z)
    monkeypatch.setattr(net, "decode", counted)
    together = Together(lambda bodies: latent_live.draw(net, bodies), together=8)

    async def crowd():
        return await asyncio.gather(*(together(body(*[i / 10] * 8)) for i in range(20)))
    answers = finished(crowd())
    assert sum(sizes) == 20 and len(sizes) <= 4 and max(sizes) == 8
    for i, answer in enumerate(answers):  # each gets its own face
        assert psnr(Image.open(io.BytesIO(answer)), to_picture(decode(torch.full((1, 8), i / 10)))) > 30


def test_a_bad_body_does_not_spoil_its_batch(net):
    together = Together(lambda bodies: latent_live.draw(net, bodies))

    async def crowd():
        return await asyncio.gather(*(together(item) for item in (body(*[0] * 8), b"x", body(*[1] * 8))), return_exceptions=True)
    first, bad, last = finished(crowd())
    assert isinstance(bad, ValueError) and first[:2] == last[:2] == b"\xff\xd8"


def test_work_that_fails_is_told_to_who_asked_and_goes_on():
    def work(items):
        if 0 in items:
            raise RuntimeError("broken")
        return items
    together = Together(work, together=1)

    async def crowd():
        return await asyncio.gather(*(together(i) for i in range(3)), return_exceptions=True), await together(7)
    (broken, *rest), later = finished(crowd())
    assert isinstance(broken, RuntimeError) and rest == [1, 2] and later == 7


def test_who_leaves_is_not_drawn_for():
    seen = []

    def work(items):
        time.sleep(0.05)
        seen.extend(items)
        return items
    together = Together(work, together=1)

    async def crowd():
        tasks = [asyncio.create_task(together(i)) for i in range(3)]
        await asyncio.sleep(0.01)
        tasks[1].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)
    answers = finished(crowd())
    assert isinstance(answers[1], asyncio.CancelledError) and seen == [0, 2]


def test_a_crowd_waits_without_piling_up():
    together = Together(lambda items: time.sleep(0.02) or items, together=2, waiting=5)

    async def crowd():
        return await asyncio.gather(*(together(i) for i in range(40)), return_exceptions=True), await together(1)
    answers, later = finished(crowd())
    assert sum(not isinstance(answer, Exception) for answer in answers) == 5 and later == 1
    assert all(answer.again for answer in answers if isinstance(answer, Unavailable))


def test_a_full_room_is_a_sentence_and_a_time_to_come_again(net, monkeypatch):
    async def full(self, item):
        raise Unavailable("Many people are drawing faces at this moment.", again=True)
    monkeypatch.setattr(Together, "__call__", full)
    answer = client_of(lambda: net).post("/latent/decode", content=body(*[0] * 8))
    assert answer.status_code == 503 and answer.text.startswith("Many people") and answer.headers["retry-after"] == "1"


def test_the_thread_that_draws_keeps_to_one_core_and_leaves_the_others_alone():
    before = torch.get_num_threads()
    together = Together(lambda items: [torch.get_num_threads() for _ in items])
    assert finished(together(0)) == 1 and torch.get_num_threads() == before


# -- random faces ------------------------------------------------------------------------------------------------------

def test_random_faces_come_from_either_prior(net):
    client = client_of(lambda: net, Mixture)
    assert client.post("/latent/random", json={"seed": 5}).json()["z"] == random_z(8, 5)
    assert np.allclose(random_z(8, 5), torch.randn(1, 8, generator=torch.Generator().manual_seed(5)), atol=1e-4)
    assert client.post("/latent/random", json={"seed": 2, "prior": "mixture"}).json()["z"] == [2.0] * 8
    assert client.post("/latent/random", json={"seed": 9, "prior": "mixture"}).json()["z"] == [4.0] * 8


@pytest.mark.parametrize("bad", [b"", b"{", b"[]", b"[" * 200, b"{}", b"\xff", b'{"seed": -1}', b'{"seed": 1.5}', b'{"seed": true}', b'{"seed": "1"}', b'{"seed": NaN}',
                                 b'{"seed": 9223372036854775808}', b'{"seed": 1, "prior": "uniform"}', b'{"seed": 1, "prior": []}', b" " * 1000])
def test_what_is_no_question_for_a_random_face_is_a_sentence(net, bad):
    answer = client_of(lambda: net).post("/latent/random", content=bad)
    assert answer.status_code == 400 and answer.text.endswith(".")


def test_without_an_atlas_there_is_no_mixture(net):
    answer = client_of(lambda: net).post("/latent/random", json={"seed": 1, "prior": "mixture"})
    assert answer.status_code == 503 and "missing" in answer.text


# -- files -------------------------------------------------------------------------------------------------------------

def test_the_file_for_the_page_is_made_once_per_network_and_sent_once_per_browser(net, page_file):
    current = [net]
    client = client_of(lambda: current[0])
    first = client.get("/latent/face.safetensors")
    assert first.content == b"file 1" and first.headers["cache-control"] == "no-cache"
    again = client.get("/latent/face.safetensors", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304 and not again.content and page_file == [(net, None)]
    current[0] = VAE(TINY).eval()
    assert client.get("/latent/face.safetensors", headers={"If-None-Match": first.headers["etag"]}).content == b"file 2"


def test_the_atlas_goes_into_the_file_where_there_is_one(net, page_file):
    atlas = Mixture()
    assert client_of(lambda: net, lambda: atlas).get("/latent/face.safetensors").status_code == 200
    assert page_file == [(net, atlas)]


def test_modules_are_asked_for_again(net):
    client = client_of(lambda: net)
    first = client.get("/latent/web/live.js")
    assert first.headers["cache-control"] == "no-cache" and first.headers["content-type"].startswith("text/javascript") and "openPainter" in first.text
    again = client.get("/latent/web/live.js", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304 and again.headers["cache-control"] == "no-cache"


# -- in the browser ----------------------------------------------------------------------------------------------------

PAGE = """<!doctype html><canvas width="64" height="64"></canvas><script type="module">
import {openPainter, decodeOnce} from './latent/web/live.js';
window.seen = {painted: [], ways: [], errors: []};
window.decodeOnce = decodeOnce;
window.painter = openPainter(document.querySelector('canvas'), {
  onpaint: (image, z) => seen.painted.push(z[0]), onway: (way) => { if (seen.ways.at(-1) !== way) seen.ways.push(way); }, onerror: (sentence) => seen.errors.push(sentence)});
window.drag = async (count, pause) => {
  for (let i = 1; i <= count; i++) { painter.paint([i / 100, 0, 0, 0, 0, 0, 0, 0]); await new Promise((done) => setTimeout(done, pause)); }
};
</script>"""
# Draws z[0] as the red of every pixel, so that what lies on the canvas can be read; takes TAKES milliseconds a face, and fails after UNTIL of them.
DECODER = """export async function openDecoder() {
  let count = 0, last = Promise.resolve();
  window.decoded = 0;
  return {size: 32, latents: 8, tensors: {}, notes: {}, decode: (z) => last = last.then(async () => {
    if (++count > UNTIL) throw Error('The worker has ended.');
    await new Promise((done) => setTimeout(done, window.takes ?? TAKES));
    decoded++;
    const image = new ImageData(32, 32);
    for (let i = 0; i < 4096; i += 4) { image.data[i] = Math.round(100 * z[0]); image.data[i + 3] = 255; }
    return image;
  })};
}"""
RED = "() => document.querySelector('canvas').getContext('2d').getImageData(32, 32, 1, 1).data[0]"


@pytest.fixture(scope="module")
def server():
    """Address of an app that has nothing but the routes and a page with one canvas."""
    torch.manual_seed(0)
    net = VAE(TINY).eval().requires_grad_(False)
    app = Starlette(routes=[*routes(lambda: net, absent), Route("/", lambda request: HTMLResponse(PAGE))])
    served = uvicorn.Server(uvicorn.Config(app, port=free_port(), log_level="warning"))
    thread = threading.Thread(target=served.run)
    thread.start()
    while not served.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{served.config.port}"
    served.should_exit = True
    thread.join()


@pytest.fixture
def open_page(chromium, server):
    """`open_page(way, takes, until)` opens that page with a decoder that takes `takes` ms a face and draws `until` of them."""
    contexts = []

    def opened(way="", takes=5, until=1e9, decode=None):
        context = chromium.new_context()
        contexts.append(context)
        page = context.new_page()
        script = DECODER.replace("TAKES", str(takes)).replace("UNTIL", str(until))
        page.route("**/decoder.js", lambda route: route.fulfill(body=script, content_type="text/javascript") if until else route.abort())
        if decode:
            page.route("**/latent/decode", decode)
        page.goto(f"{server}/?way={way}")
        page.wait_for_function("window.painter")
        return page
    yield opened
    for context in contexts:
        context.close()


def test_a_quick_page_draws_by_itself_and_ends_on_the_newest(open_page):
    page = open_page(takes=5)
    page.wait_for_function("painter.way === 'page'")
    page.evaluate("seen.painted.length = 0; drag(100, 4)")
    page.wait_for_timeout(100)
    painted = page.evaluate("seen.painted")
    assert painted == sorted(painted) and painted[-1] == pytest.approx(1) and 30 < len(painted) < 100
    assert page.evaluate(RED) == 100 and page.evaluate("painter.fps") > 30


def test_faces_that_nobody_wants_any_more_are_not_drawn(open_page):
    page = open_page("page", takes=50)
    page.wait_for_function("painter.way === 'page' && window.decoded >= 6")
    page.evaluate("seen.painted.length = 0; for (let i = 0; i <= 100; i++) painter.paint([i / 100, 0, 0, 0, 0, 0, 0, 0]);")
    page.wait_for_function("seen.painted.length >= 2")
    page.wait_for_timeout(150)
    assert page.evaluate("seen.painted") == pytest.approx([0, 1]) and page.evaluate(RED) == 100


def test_a_slow_page_leaves_it_to_the_server(open_page):
    page = open_page(takes=600)
    page.evaluate("drag(3, 10)")
    page.wait_for_function("window.decoded >= 6")
    page.wait_for_timeout(200)
    assert page.evaluate("painter.way") == "server"
    assert page.evaluate("seen.painted.at(-1)") == pytest.approx(0.03)
    page.evaluate("window.takes = 5")  # and takes it back when it has become quick
    page.wait_for_function("painter.way === 'page'")


def test_the_address_decides_who_draws(open_page):
    page = open_page("server", takes=1)
    page.evaluate("drag(10, 10)")
    page.wait_for_function("Math.abs(seen.painted.at(-1) - 0.1) < 1e-6")
    assert page.evaluate("painter.way") == "server" and page.evaluate("window.decoded") is None
    page = open_page("page", takes=90)
    page.wait_for_function("window.decoded >= 6")
    page.evaluate("drag(3, 10)")
    page.wait_for_function("Math.abs(seen.painted.at(-1) - 0.03) < 1e-6")
    assert page.evaluate("painter.way") == "page"


@pytest.mark.parametrize("until", [0, 3, 20])
def test_where_the_page_fails_the_server_draws(open_page, until):
    page = open_page(until=until)
    page.evaluate("drag(60, 10)")
    page.wait_for_function("Math.abs(seen.painted.at(-1) - 0.6) < 1e-6")
    painted = page.evaluate("seen.painted")
    assert painted == sorted(painted) and page.evaluate("painter.way") == "server"


def test_where_the_server_is_gone_a_slow_page_draws(open_page):
    page = open_page(takes=90, decode=lambda route: route.abort())
    page.evaluate("drag(3, 10)")
    page.wait_for_function("painter.way === 'page' && Math.abs(seen.painted.at(-1) - 0.03) < 1e-6")
    assert not page.evaluate("seen.errors.at(-1)")


def test_what_nobody_sees_is_drawn_when_somebody_does(open_page):
    page = open_page("page")
    page.wait_for_function("window.decoded >= 6")
    hide = "hidden => { Object.defineProperty(document, 'hidden', {value: hidden, configurable: true}); document.dispatchEvent(new Event('visibilitychange')); }"
    page.evaluate(hide, True)
    page.evaluate("drag(20, 5)")
    assert page.evaluate("seen.painted") == [] and page.evaluate("window.decoded") == 6
    page.evaluate(hide, False)
    page.wait_for_function("seen.painted.length")
    page.wait_for_timeout(100)
    assert page.evaluate("seen.painted") == pytest.approx([0.2]) and page.evaluate("window.decoded") == 7


def test_over_a_long_way_several_faces_travel_and_none_is_painted_after_a_newer_one(open_page):
    page = open_page("server")
    page.evaluate("""() => {
      const ask = window.fetch;
      let n = 0, open = 0;
      window.most = 0;
      window.fetch = async (...what) => {
        most = Math.max(most, ++open);
        await new Promise((done) => setTimeout(done, [100, 260, 130, 200][n++ % 4]));
        try { return await ask(...what); } finally { open--; }
      };
    }""")
    page.evaluate("drag(150, 16)")
    page.wait_for_function("Math.abs(seen.painted.at(-1) - 1.5) < 1e-6")
    painted = page.evaluate("seen.painted")
    assert painted == sorted(painted) and len(set(painted)) == len(painted) > 15 and page.evaluate("most") == 4


def test_trouble_is_said_and_the_newest_face_comes_after_it(open_page):
    answers = [dict(status=503, body="Many people are drawing faces at this moment.", content_type="text/plain", headers={"Retry-After": "1"}), None]
    page = open_page("server", decode=lambda route: route.fulfill(**answers[0]) if answers and answers[0] else route.abort() if answers else route.continue_())
    page.evaluate("drag(5, 10)")
    page.wait_for_function("seen.errors.some((said) => said.includes('Many people') && said.includes('Trying again'))")
    answers.pop(0)
    page.wait_for_function("seen.errors.some((said) => said.includes('No answer'))")
    answers.clear()
    page.wait_for_function("Math.abs(seen.painted.at(-1) - 0.05) < 1e-6 && seen.errors.at(-1) === ''")


def test_what_cannot_be_drawn_is_said_once(open_page):
    page = open_page("server")
    page.evaluate("painter.paint([1, 2, 3])")
    page.wait_for_function("seen.errors.at(-1)?.includes('A face is 8 numbers')")
    assert "A face is 8 numbers" in page.evaluate("decodeOnce([1]).then(() => '', (error) => error.message)")
    page.evaluate("drag(1, 1)")
    page.wait_for_function("seen.painted.length === 1 && seen.errors.at(-1) === ''")


def test_a_grid_waits_for_the_face_that_is_dragged(open_page):
    page = open_page("page", takes=20)
    page.wait_for_function("window.decoded >= 6")
    order = page.evaluate("""async () => {
      const order = [], faces = [];
      for (let i = 0; i < 10; i++) faces.push(decodeOnce([i / 10, 0, 0, 0, 0, 0, 0, 0]).then((image) => order.push(image.data[0])));
      await faces[1];
      painter.paint([2, 0, 0, 0, 0, 0, 0, 0]);
      const wait = setInterval(() => { if (seen.painted.length) { order.push('painted'); clearInterval(wait); } }, 1);
      await Promise.all(faces);
      return order;
    }""")
    assert [o for o in order if o != "painted"] == list(range(0, 100, 10)) and order.index("painted") <= 4
