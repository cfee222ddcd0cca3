"""What the page of the latent sliders asks for by itself: its modules, the network to draw faces with, and faces for a browser that cannot.

Routes of Starlette, because one request of one's own takes half the time of Gradio's events. One thread draws: decodes that wait together are one
forward, and a page is asked to come again before the wait gets long.
"""
import copy
import functools
import hashlib
import io
import json
import mimetypes
import threading
import time
from collections.abc import Callable
from pathlib import Path

import anyio
import numpy as np
import torch
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from demos.serving import ASK_AGAIN, Modules, Together, Unavailable, body_of, plainly
from models import page_decoder
from models.atlas import FaceAtlas
from models.pictures import to_picture
from models.vae import FARTHEST, VAE

WEB = Path(__file__).parent / "latent_web"
TOGETHER, WAITING = 8, 120  # faces in one forward, and faces that may wait for theirs


# -- pure functions ----------------------------------------------------------------------------------------------------

def to_z(body: bytes, latents: int) -> torch.Tensor:
    """Z little-endian float32 -> z (Z,), each brought to -4..4. ValueError for any other body."""
    if len(body) != 4 * latents:
        raise ValueError(f"A face is {latents} numbers in {4 * latents} bytes; these are {len(body)}.")
    values = np.frombuffer(body, "<f4")
    if not np.isfinite(values).all():
        raise ValueError("A face is made of finite numbers: one of these is none.")
    return torch.from_numpy(values.astype(np.float32)).clamp(-FARTHEST, FARTHEST)


def jpeg(picture) -> bytes:
    """RGB picture -> JPEG at quality 92 with all of its colour: 4 kB for a face of 96 px."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=92, subsampling=0)
    return file.getvalue()


@torch.inference_mode()
def draw(net: VAE, bodies: list[bytes]) -> list[bytes | ValueError]:
    """The JPEG of each face, all drawn by one forward; or the sentence why a body is no face."""
    answers: list = [None] * len(bodies)
    good, z = [], []
    for i, body in enumerate(bodies):
        try:
            z.append(to_z(body, net.config.latents))
            good.append(i)
        except ValueError as error:
            answers[i] = error
    if good:
        for i, face in zip(good, net.decode(torch.stack(z))):
            answers[i] = jpeg(to_picture(face))
    return answers


def seed_and_prior(body: bytes) -> tuple[int, str]:
    """JSON of a seed and "normal" (which may be left out) or "mixture" -> the two. ValueError for any other body."""
    try:
        asked = json.loads(body)
    except ValueError:
        asked = None
    if not isinstance(asked, dict):
        raise ValueError('A random face is asked for by JSON: {"seed": 7, "prior": "normal"}.')
    seed, prior = asked.get("seed"), asked.get("prior", "normal")
    if type(seed) is not int or not 0 <= seed < 2 ** 63:
        raise ValueError("A seed is a whole number from 0.")
    if prior not in ("normal", "mixture"):
        raise ValueError("A prior is normal or mixture.")
    return seed, prior


def random_z(latents: int, seed: int, atlas: FaceAtlas | None = None) -> list[float]:
    """The latents of a random face, cut at -4 and 4: from N(0, I), as `VAE.sample(1, seed)` has them, or from the mixture of the atlas."""
    if atlas is None:
        z = torch.randn(1, latents, generator=torch.Generator().manual_seed(seed))
    else:
        z = atlas.sample(1, seed)
    return [round(v, 4) for v in z[0].clamp(-FARTHEST, FARTHEST).tolist()]


# -- routes ------------------------------------------------------------------------------------------------------------

def routes(net_of: Callable[[], VAE], atlas_of: Callable[[], FaceAtlas]) -> list:
    """The routes below /latent. `net_of()` and `atlas_of()` give what `checkpoint.load` gives on the CPU, or raise its ValueError.

    | route | in | out |
    |---|---|---|
    | GET  /latent/web/<name> | | a module of the page |
    | GET  /latent/face.safetensors | | `page_decoder.page_file` of the network, with the atlas where there is one |
    | POST /latent/decode | Z little-endian float32 | the face as JPEG; `Server-Timing` tells the milliseconds from question to answer |
    | POST /latent/random | {"seed": whole number, "prior": "normal" or "mixture"} | {"z": Z numbers} |

    A body that is none of these is answered by 400 and a sentence; a missing or damaged checkpoint and too many people by 503 and a sentence.
    """
    mimetypes.add_type("text/javascript", ".js")  # some Windows machines say text/plain, and no browser runs that as a module
    made, making = {}, threading.Lock()

    def available(load):
        try:
            return load()
        except ValueError as error:
            raise Unavailable(str(error)) from error

    @functools.lru_cache(maxsize=1)
    def quicker(net):  # a copy, as others may be computing with this one
        return copy.deepcopy(net).to(memory_format=torch.channels_last)

    def page_file():
        net = available(net_of)
        try:
            atlas = atlas_of()
        except ValueError:
            atlas = None  # the faces are the same without it
        with making:
            if made.get("of") != (net, atlas):
                content = page_decoder.page_file(net, atlas)
                made.update(of=(net, atlas), content=content, tag=f'"{hashlib.sha256(content).hexdigest()[:32]}"')
            return made["content"], made["tag"]

    together = Together(lambda bodies: draw(quicker(available(net_of)), bodies), TOGETHER, WAITING, "Many people are drawing faces at this moment.")

    @plainly
    async def face_file(request):
        content, tag = await anyio.to_thread.run_sync(page_file)
        headers = {"ETag": tag, **ASK_AGAIN}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(content, media_type="application/octet-stream", headers=headers)

    @plainly
    async def decode(request):
        start = time.perf_counter()
        picture = await together(await body_of(request, 4096))
        return Response(picture, media_type="image/jpeg",
                        headers={"Cache-Control": "no-store", "Server-Timing": f"drawn;dur={(time.perf_counter() - start) * 1000:.1f}"})

    @plainly
    async def random(request):
        seed, prior = seed_and_prior(await body_of(request, 256))

        def sampled():
            latents = available(net_of).config.latents
            return random_z(latents, seed, available(atlas_of) if prior == "mixture" else None)
        return JSONResponse({"z": await anyio.to_thread.run_sync(sampled)})

    return [Route("/latent/face.safetensors", face_file), Route("/latent/decode", decode, methods=["POST"]),
            Route("/latent/random", random, methods=["POST"]), Mount("/latent/web", Modules(directory=WEB))]
