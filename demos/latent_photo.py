"""From a photo to latents: the section of the latent sliders that takes a person's own face apart, number by number."""
import base64
import io

import gradio as gr
from PIL import Image

from demos import page
from models import sources
from models.encoding import encode, in_words, loss_of, rarity_of
from models.faces import crop_of, find_faces
from models.painting import painted_horse
from models.pictures import read_picture
from models.vae import FARTHEST

WORDS = """### From a photo to latents
The encoder looks at a face and answers with a bell curve for every latent: where it lies, and how sure that is. Give it a photo of one face or of several, seen
from the front, and the sliders above move to where that face is."""
PRIVACY = """The photo is read once, to answer you; no face and no number of it is stored. The file that was sent lies in Gradio's temporary folder on
the computer that runs this app, and is cleared from there within two hours."""


# -- pure functions ----------------------------------------------------------------------------------------------------

def face_facts(net, atlas, crop: Image.Image) -> dict:
    """What the page tells of one face: pictures as data URIs, `mean`, `sigma` and `kl` of all Z latents, the parts of its loss, how unusual it is."""
    done = encode(net, crop)
    loss, rarity = loss_of(done, net.facts), atlas and rarity_of(done, atlas)
    off = 255 / 10 ** (done.psnr / 20)
    return {"crop": data_uri(crop), "reconstruction": data_uri(done.reconstruction), "psnr": round(done.psnr, 2),
            "sentence": f"{3 * crop.width * crop.height:,} numbers went through {len(done.mean)} latents and came back; a colour value is off by {off:.0f} of 255 (root mean square).",
            "mean": rounded(done.mean), "sigma": rounded((done.log_variance / 2).exp()), "kl": rounded(done.kl),
            "loss": {**{key: round(value, 4) for key, value in loss._asdict().items()}, "total": round(loss.total, 2)},
            "rarity": rarity and {**{key: round(value, 2) for key, value in rarity._asdict().items()}, "sentence": in_words(rarity)}}


def photo_facts(net, atlas, photo: Image.Image) -> dict:
    """`faces`, the facts of each face in an RGB photo, largest first, and `found`; where none is found, the centre square is the one face."""
    found = find_faces(photo)
    return {"found": bool(found), "faces": [face_facts(net, atlas, crop_of(photo, face, net.config.size)) for face in found or [None]]}


def names_of(atlas) -> list:
    """For each latent the label of the attribute that it goes with, and r; or None."""
    labels = {attribute["key"]: attribute["label"] for attribute in atlas.facts["attributes"]}
    return [name and [labels[name[0]], round(float(name[1]), 2)] for name in atlas.names()]


def rounded(tensor) -> list[float]:
    return [round(v, 4) for v in tensor.tolist()]


def data_uri(picture: Image.Image) -> str:
    """The picture as a PNG, in an address that holds it."""
    file = io.BytesIO()
    picture.save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


# -- page --------------------------------------------------------------------------------------------------------------

SKELETON = """<div class="photo-result" aria-live="polite"></div>"""
# All that happens on the page lies in demos/latent_web/photo.js; the template never changes, so that Gradio leaves its content alone.
BEGIN = page.begin("latent/web/photo.js")


class FacesOfPhoto(gr.HTML):
    """The faces of a photo in numbers; its value is what `photo_facts` gives, with `names`, `absent`, `typical`, `sharpness` and `which`, or None."""

    def __init__(self, **kwargs):
        super().__init__(None, html_template=SKELETON, js_on_load=BEGIN, apply_default_css=False, **kwargs)

    def api_info(self):
        return {"type": "object", "description": "found (whether a face was), faces (largest first, each with crop, reconstruction, psnr in dB, mean, sigma, "
                                                 "kl in nats, loss, rarity, sentence), which of them the values are of"}


def build(network, atlas):
    """Lay out the section. `network()` and `atlas()` give what `checkpoint.load` gives on the CPU, or raise its ValueError."""
    gr.Markdown(WORDS)
    with gr.Row():
        with gr.Column(min_width=280):
            photo = page.PictureInput(label="A photo with one face or several", height=280)
        with gr.Column(min_width=280):
            example = gr.Button("Take the example")
            horse = gr.Button("Try a horse")
            gr.Markdown(PRIVACY)
            gr.Markdown(f"Example: {sources.CREDITS['portrait']} Horse: {sources.CREDITS['painted horse']}")
    result = FacesOfPhoto(elem_id="latent-photo", padding=False)
    which = gr.Number(0, precision=0, visible=False, label="which face, 0 is the largest")
    values = gr.JSON(visible=False, label="the Z latents of this face, each brought to -4..4")

    # -- events --------------------------------------------------------------------------------------------------------

    def encoded(photo, which=0, taken=False):
        net = network()
        try:
            known, absent = atlas(), ""
        except ValueError as error:
            known, absent = None, str(error)
        facts = photo_facts(net, known, photo)
        if not 0 <= which < len(facts["faces"]):
            raise ValueError(f"There is no face {which} on this photo: it has {len(facts['faces'])}, counted from 0.")
        held_back = net.facts.get("held-back metrics", {})
        facts |= {"which": which, "taken": taken, "names": known and names_of(known), "absent": absent, "sharpness": net.facts.get("sharpness", 0),
                  "typical": {"psnr": held_back.get("psnr_db"), "kl": held_back.get("kl_nats")}}
        return [max(-FARTHEST, min(FARTHEST, v)) for v in facts["faces"][which]["mean"]], facts

    @page.plainly
    def encode_photo(photo, which):
        """The Z latents of a face on a photo, and the facts of all its faces."""
        return encoded(read_picture(photo), which or 0)

    @page.plainly
    def encode_example():
        portrait = sources.portrait()
        return page.kept("portrait.png", portrait.save), *encoded(portrait)

    @page.plainly
    def encode_horse():
        painted = painted_horse(512)
        return page.kept("horse.png", painted.save), *encoded(painted, taken=True)

    nothing = dict(fn=lambda: None, inputs=None, outputs=result, queue=False, show_progress="hidden", api_visibility="private")
    photo.upload(encode_photo, [photo, which], [values, result], api_name="encode_face", show_progress_on=result).failure(**nothing)
    photo.clear(**nothing)
    for button, take in ((example, encode_example), (horse, encode_horse)):
        button.click(take, None, [photo, values, result], api_visibility="private", show_progress_on=result).failure(**nothing)
