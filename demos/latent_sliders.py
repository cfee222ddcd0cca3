"""Tab 2: latent sliders. A face is a list of numbers, z; the decoder draws it anew while one of them is moved."""
import base64

import gradio as gr
import torch
from PIL import Image

from demos import latent_live, latent_photo, page
from demos.latent_face import FaceOfLatents
from models import checkpoint
from models.atlas import FaceAtlas
from models.pictures import to_picture
from models.vae import FARTHEST, VAE

TITLE = "Latent sliders"
WORDS = """**A face in {latents} numbers.** A variational autoencoder squeezes every face into {latents} *latent variables*, z, and learns to draw it again from them.
In training they are pressed towards z ~ N(0, I): each one spread like a bell curve around 0, none telling what another already tells. So 0 everywhere is the mean face,
and {latents} numbers drawn at random are a face that nobody has."""

SLIDERS = 12


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


def studio_notes(notes: dict, atlas: FaceAtlas | None, absent: str = "") -> dict:
    """What the page is told about the network, as `FaceOfLatents` wants it; `notes` as in the checkpoint of the VAE, `absent` says why there is no atlas."""
    facts, latents = notes["facts"], notes["config"].get("latents", 0)
    told = {"latents": latents, "size": notes["config"].get("size", 96), "kl": facts.get("kl_per_latent") or [0.0] * latents, "sweep": with_picture(facts.get("sweep")),
            "absent": absent, "attributes": [], "names": [None] * latents, "natural": [], "still": []}
    if atlas is not None:
        known = {attribute["key"]: attribute for attribute in atlas.facts["attributes"]}
        told |= {"attributes": [known[key] for key in atlas.config.attributes],
                 "names": [name and [name[0], round(float(name[1]), 2)] for name in atlas.names()],
                 "natural": rounded(atlas.natural), "still": rounded(atlas.still)}
    return told


def with_picture(sweep: dict | None) -> dict | None:
    """A sweep of beta, {`picture`, `rows`}, with its picture, the name of a file beside the checkpoint, as an address that holds it; None where it is not there."""
    file = page.CHECKPOINTS / sweep["picture"] if sweep and sweep.get("picture") else None
    if file is None or not file.is_file():
        return sweep and {**sweep, "picture": None}
    kind = {".webp": "webp", ".png": "png"}.get(file.suffix, "jpeg")
    return {**sweep, "picture": f"data:image/{kind};base64,{base64.b64encode(file.read_bytes()).decode()}"}


def rounded(tensor: torch.Tensor) -> list:
    """The numbers of a tensor, with as many digits as the page has use for."""
    return [[round(v, 4) for v in row] for row in tensor.tolist()]


# -- page --------------------------------------------------------------------------------------------------------------

def network() -> VAE:
    """The network, on the CPU: one face takes milliseconds there, and a GPU may have to be waited for. ValueError where its checkpoint is no good."""
    return checkpoint.load(page.CHECKPOINTS / "face_vae.safetensors", VAE)


def atlas() -> FaceAtlas:
    """What was measured about the network's latents. ValueError where there is none, or that of another network."""
    found, latents = checkpoint.load(page.CHECKPOINTS / "face_atlas.safetensors", FaceAtlas), page.notes(page.CHECKPOINTS / "face_vae.safetensors")[0]["config"].get("latents")
    if found.config.latents != latents:
        raise ValueError(f"The checkpoint face_atlas.safetensors was made for a network of {found.config.latents} latents, and this one has {latents}.")
    return found


def routes(device: str, data: str | None) -> list:
    """What the page of this tab asks for by itself."""
    return latent_live.routes(network, atlas)


def build(device: str, data: str | None):
    """Lay out the tab."""
    path = page.CHECKPOINTS / "face_vae.safetensors"
    notes, absent = page.notes(path)
    latents, order = notes["config"].get("latents", 0), [latent for latent, _ in strongest(notes)]
    try:
        told = studio_notes(notes, atlas())
    except ValueError as error:
        told = studio_notes(notes, None, f"The sliders have no names and there are no directions to move in. {error} To make it: python -m models.training.atlas")

    gr.Markdown(absent or WORDS.format(latents=latents))
    FaceOfLatents(told, elem_id="latent-face", visible=not absent, padding=False)
    gr.Markdown(notes["facts"].get("words", ""))
    latent_photo.build(network, atlas)
    if not absent:
        with gr.Accordion("Which network is this?", open=False):
            gr.Markdown(checkpoint.card(path))
    values = gr.JSON(visible=False)
    picture = gr.Image(visible=False, type="filepath")

    # -- events --------------------------------------------------------------------------------------------------------

    @page.plainly
    def decode(values):
        """The face of a list of numbers: all Z latents, or one for each of the twelve strongest in their order with the other latents 0."""
        net = network()
        return page.kept("face.png", decode_face(net, to_z(values, net.config.latents, order)).save)

    values.change(decode, values, picture, queue=False, api_name="decode_face")
