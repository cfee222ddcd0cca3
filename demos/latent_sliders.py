"""Tab 2: latent sliders. A face is a list of numbers, z; the decoder draws it anew while one of them is moved."""
import base64
import io
from typing import NamedTuple

import anyio
import gradio as gr
import torch
from PIL import Image

from demos import page
from demos.latent_face import Comparison, FaceOfLatents
from models import checkpoint, sources
from models.faces import training_crop
from models.pictures import psnr, read_picture, to_picture, to_tensor
from models.vae import VAE

TITLE = "Latent sliders"
WORDS = """**A face in {latents} numbers.** A variational autoencoder squeezes every face into {latents} *latent variables* and learns to draw it again from them;
what each of them means, nobody told it. Hold all but one still, move that one, and see what it stands for. The {sliders} sliders are the strongest latents,
those that tell most about a face; how much is given in nats (1 nat = 1.44 bits)."""
PHOTO_WORDS = """### From a photo to latents
Give a photo of one face, seen from the front. The encoder turns it into latents, and the sliders move to where this face is.
This app stores nothing; the photo itself lies in Gradio's temporary folder on the computer that runs the app, and is cleared from there within two hours."""

SLIDERS = 12
FARTHEST = 4  # a latent may be, when a photo or a script says so
AT_ONCE, WAITING = 2, 60  # faces that are drawn at the same time, and drags that may wait for one; who comes then is asked to come again


# -- pure functions ----------------------------------------------------------------------------------------------------

def strongest(notes: dict, count: int = SLIDERS) -> list[tuple[int, float]]:
    """(latent, its mean KL divergence in nats) of the `count` latents that tell most, strongest first; `notes` as in a checkpoint."""
    return sorted(enumerate(notes["facts"].get("kl_per_latent", [])), key=lambda latent: -latent[1])[:count]


def to_z(values, latents: int, order=()) -> torch.Tensor:
    """A list of numbers -> z (1, Z), each brought to -4..4: all Z latents, or those in `order` with the others 0. ValueError for any other list."""
    if not isinstance(values, (list, tuple)) or len(values) not in {latents, len(order) or latents}:
        raise ValueError(f"A face is a list of {latents} numbers" + (f", or of {len(order)} for the sliders." if order else "."))
    if not all(isinstance(v, (int, float)) and -1e9 < v < 1e9 for v in values):  # no comparison holds for NaN
        raise ValueError("A face is made of finite numbers: one of these is none.")
    near = torch.tensor([float(v) for v in values]).clamp(-FARTHEST, FARTHEST)
    if len(values) == latents:
        return near[None]
    z = torch.zeros(1, latents)
    z[0, list(order)] = near
    return z


@torch.inference_mode()
def decode_face(net: VAE, z: torch.Tensor) -> Image.Image:
    """z (1, Z) -> RGB picture."""
    return to_picture(net.decode(z))


class Encoded(NamedTuple):
    """A face that went through the network and back."""

    crop: Image.Image  # what the encoder was given
    found: bool  # whether a face was found in the photo, else its centre was taken
    values: list[float]  # the Z latents: the mean of q(z | crop)
    reconstruction: Image.Image
    psnr: float  # of the reconstruction, in dB


@torch.inference_mode()
def encode_face(net: VAE, photo: Image.Image) -> Encoded:
    """The face on an RGB photo of any size -> latents, and what the decoder makes of them."""
    crop, found = training_crop(photo, net.config.size)
    mean, _ = net.encode(to_tensor(crop))
    z = mean.clamp(-FARTHEST, FARTHEST)
    reconstruction = decode_face(net, z)
    return Encoded(crop, found, [round(v, 4) for v in z[0].tolist()], reconstruction, psnr(crop, reconstruction))


def sentence(done: Encoded, typical: float | None = None) -> str:
    """What the way through the latents cost, beside the PSNR that is `typical` of unknown faces; and where no face was found."""
    off = 255 / 10 ** (done.psnr / 20)
    told = (f"{3 * done.crop.width * done.crop.height:,} numbers went through {len(done.values)} latents. PSNR {done.psnr:.1f} dB: "
            f"a colour value is off by {off:.0f} of 255 (root mean square)."
            + (f" Faces it was never trained on come to {typical:.1f} dB." if typical else ""))
    return told if done.found else f"No face was found, so the centre of the photo was taken. Try one face, from the front, in good light. {told}"


def random_values(latents: int, seed: int) -> list[float]:
    """The latents of `VAE.sample(1, seed)`."""
    return torch.randn(1, latents, generator=torch.Generator().manual_seed(seed))[0].tolist()


def data_uri(picture: Image.Image, format="JPEG", **options) -> str:
    """The picture as an address that holds it."""
    file = io.BytesIO()
    picture.save(file, format, **options)
    return f"data:image/{format.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"


# -- page --------------------------------------------------------------------------------------------------------------

def build(device: str, data: str | None):
    """Lay out the tab. The network stays on the CPU: one face takes milliseconds there, and a GPU may have to be waited for."""
    path = page.CHECKPOINTS / "face_vae.safetensors"
    network = lambda: checkpoint.load(path, VAE).to(memory_format=torch.channels_last)
    notes, absent = page.notes(path)
    sliders, latents = strongest(notes), notes["config"].get("latents", 0)
    order = [latent for latent, _ in sliders]
    turn, crowd = anyio.CapacityLimiter(AT_ONCE), 0

    async def redraw(values):
        """The face of Z latents; or `again`, why to ask later; or `error`, why it is none."""
        nonlocal crowd
        if crowd >= WAITING:
            return {"again": "Many people are drawing faces at this moment."}
        crowd += 1
        try:
            frame = lambda: data_uri(decode_face(network(), to_z(values, latents)), quality=92, subsampling=0)
            return {"picture": await anyio.to_thread.run_sync(frame, limiter=turn)}
        except ValueError as error:
            return {"error": str(error)}
        finally:
            crowd -= 1

    async def roll(seed):
        """The Z latents of a random face."""
        if not isinstance(seed, int) or not 0 <= seed < 2 ** 63:
            return {"error": "A seed is a whole number from 0."}
        return {"z": random_values(latents, seed)}

    if absent:
        gr.Markdown(absent)
    else:
        gr.Markdown(WORDS.format(latents=latents, sliders=len(sliders)))
    face = FaceOfLatents(latents, sliders, [redraw, roll], elem_id="latent-face", visible=not absent, padding=False)
    gr.Markdown(notes["facts"].get("words", ""))
    gr.Markdown(PHOTO_WORDS)
    with gr.Row():
        with gr.Column(min_width=280):
            photo = page.PictureInput(label="A photo of a face", height=320)
            example = gr.Button("Take the example", min_width=160)
        with gr.Column(min_width=280):
            comparison = Comparison(padding=False)
    gr.Markdown(f"Example: {sources.CREDITS['portrait']}")
    if not absent:
        with gr.Accordion("Which network is this?", open=False):
            gr.Markdown(checkpoint.card(path))
    values = gr.JSON(visible=False)
    picture = gr.Image(visible=False, type="filepath")

    # -- events --------------------------------------------------------------------------------------------------------

    def encoded(photo):
        done = encode_face(network(), photo)
        return done.values, {"crop": data_uri(done.crop, "PNG"), "reconstruction": data_uri(done.reconstruction, "PNG"),
                             "psnr": round(done.psnr, 2), "found": done.found, "sentence": sentence(done, notes["facts"].get("held-back metrics", {}).get("psnr_db"))}

    @page.plainly
    def encode(photo):
        """The Z latents of the face on a photo; and its crop, its reconstruction and how near that comes."""
        return encoded(read_picture(photo))

    @page.plainly
    def encode_example():
        portrait = sources.portrait()
        return page.kept("portrait.png", portrait.save), *encoded(portrait)

    @page.plainly
    def decode(values):
        """The face of a list of numbers: all Z latents, or one for each slider in the order of the page with the other latents 0."""
        net = network()
        return page.kept("face.png", decode_face(net, to_z(values, net.config.latents, order)).save)

    nothing = dict(fn=lambda: None, inputs=None, outputs=comparison, queue=False, show_progress="hidden", api_visibility="private")
    photo.upload(encode, photo, [face, comparison], api_name="encode_face", show_progress_on=comparison).failure(**nothing)
    photo.clear(**nothing)
    example.click(encode_example, None, [photo, face, comparison], api_visibility="private", show_progress_on=comparison)
    values.change(decode, values, picture, queue=False, api_name="decode_face")
