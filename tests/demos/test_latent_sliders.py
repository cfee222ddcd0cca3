"""Latent sliders: numbers in and out, the way through the network and back, and what the page is told and offers to scripts."""
import base64
import io
import json
import math
import re
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest
import torch
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from demos import latent_sliders, page
from demos.latent_face import FaceOfLatents
from demos.latent_sliders import strongest, studio_notes, to_z, with_picture
from models import checkpoint, sources
from models.pictures import psnr
from models.vae import VAE

TINY = VAE.Config(size=32, latents=8, width=8)
NATS = [0.1, 2.5, 0.0, 1.5, 3.5, 0.2, 0.3, 0.4]


@pytest.fixture
def net():
    torch.manual_seed(0)
    return VAE(TINY).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def astronaut():
    return sources.portrait()


# -- numbers -----------------------------------------------------------------------------------------------------------

def test_the_strongest_latents_come_first():
    notes = {"config": {"latents": 8}, "facts": {"kl_per_latent": NATS}}
    assert strongest(notes, 3) == [(4, 3.5), (1, 2.5), (3, 1.5)]
    assert len(strongest(notes)) == 8 and strongest({"config": {}, "facts": {}}) == []


def test_slider_values_go_to_their_latents_and_the_others_are_zero():
    assert to_z([1, -2.5], 8, order=(4, 1)).tolist() == [[0, -2.5, 0, 0, 1, 0, 0, 0]]
    assert to_z([0.5] * 8, 8, order=(4, 1)).tolist() == [[0.5] * 8]


def test_values_are_cut_to_four():
    assert to_z([9, -9], 2).tolist() == [[4, -4]]


@pytest.mark.parametrize("values", [None, "12345678", 3, {}, [], [0.0] * 7, [0.0] * 9, [math.nan] * 8, [math.inf] * 8, ["1"] * 8, [None] * 8,
                                    [[0.0]] * 8, [10 ** 400] * 8, [1e300] * 8])
@pytest.mark.parametrize("order", [(), (4, 1)])
def test_what_is_no_face_is_a_sentence(values, order):
    with pytest.raises(ValueError, match="A face is"):
        to_z(values, 8, order)


def test_psnr_of_known_differences():
    grey = Image.new("RGB", (8, 8), (100, 100, 100))
    assert psnr(grey, Image.new("RGB", (8, 8), (110, 110, 110))) == pytest.approx(10 * math.log10(255 ** 2 / 100), abs=1e-3)
    assert psnr(grey, grey) == 99


# -- the page ----------------------------------------------------------------------------------------------------------

@pytest.fixture
def tab(tmp_path, monkeypatch):
    """Builds the tab's page with `checkpoints` in an empty folder."""
    monkeypatch.setattr(page, "CHECKPOINTS", tmp_path)

    def build():
        with gr.Blocks() as blocks:
            latent_sliders.build("cpu", None)
        return blocks
    return build


@pytest.fixture
def trained(tmp_path, net):
    checkpoint.save(tmp_path / "face_vae.safetensors", net, {"size": 32}, {"words": "It has learnt nothing.", "kl_per_latent": NATS})


def called(blocks, name):
    return next(function.fn for function in blocks.fns.values() if function.api_name == name)


def studio(blocks):
    return next(block for block in blocks.blocks.values() if isinstance(block, FaceOfLatents))


def test_scripts_decode_and_encode(tab, trained, astronaut, tmp_path):
    astronaut.save(tmp_path / "a.png")
    blocks = tab()
    assert set(blocks.get_api_info()["named_endpoints"]) == {"/decode_face", "/encode_face"}
    values, told = called(blocks, "encode_face")(str(tmp_path / "a.png"), 0)
    shown = Image.open(io.BytesIO(base64.b64decode(told["faces"][0]["reconstruction"].split(",")[1])))
    assert psnr(Image.open(called(blocks, "decode_face")(values)), shown) > 50
    with pytest.raises(gr.Error, match="A face is a list of 8 numbers"):
        called(blocks, "decode_face")([1, 2])


ATTRIBUTES = [{"key": key, "label": label, "low": "little", "high": "much", "how": "It is measured.", "r": 0.9, "n": 9} for key, label in (("smile", "smile"), ("turn", "turn of the head"))]


@pytest.fixture
def atlas():
    """What the page needs of an atlas: its facts' attributes lie in another order than its tensors."""
    return SimpleNamespace(config=SimpleNamespace(latents=8, attributes=("turn", "smile")), facts={"attributes": ATTRIBUTES},
                           names=lambda: [("smile", -0.4567)] + [None] * 7, natural=torch.arange(16.0).view(2, 8) / 3, still=torch.eye(2, 8))


def test_the_page_is_told_what_the_latents_mean(atlas):
    notes = {"config": {"latents": 8, "size": 32}, "facts": {"kl_per_latent": NATS, "sweep": {"rows": [{"beta": 1}]}}}
    told = studio_notes(notes, atlas)
    assert json.loads(json.dumps(told)) == told and (told["latents"], told["size"], told["kl"], told["absent"]) == (8, 32, NATS, "")
    assert [attribute["key"] for attribute in told["attributes"]] == ["turn", "smile"] and told["names"][:2] == [["smile", -0.46], None]
    assert told["natural"][0][:2] == [0.0, 0.3333] and told["still"] == torch.eye(2, 8).tolist() and told["sweep"] == {"rows": [{"beta": 1}], "picture": None}


def test_the_picture_of_a_sweep_lies_beside_the_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr(page, "CHECKPOINTS", tmp_path)
    (tmp_path / "sweep.webp").write_bytes(b"picture")
    assert with_picture({"picture": "sweep.webp", "rows": []}) == {"picture": "data:image/webp;base64," + base64.b64encode(b"picture").decode(), "rows": []}
    assert with_picture({"picture": "none.webp", "rows": []}) == {"picture": None, "rows": []} and with_picture(None) is None


def test_without_an_atlas_the_sliders_have_no_names_and_a_sentence_says_why(tab, trained):
    blocks = tab()
    notes = studio(blocks).props["notes"]
    assert (notes["kl"], notes["attributes"], notes["natural"], notes["names"], notes["sweep"]) == (NATS, [], [], [None] * 8, None)
    assert "face_atlas.safetensors is missing" in notes["absent"] and "models.training.atlas" in notes["absent"]
    assert any(getattr(block, "value", None) == "It has learnt nothing." for block in blocks.blocks.values())


def test_the_atlas_of_another_network_is_none(trained, atlas, tmp_path, monkeypatch):
    monkeypatch.setattr(page, "CHECKPOINTS", tmp_path)
    atlas.config.latents = 64
    monkeypatch.setattr(latent_sliders.checkpoint, "load", lambda path, kind: atlas)
    with pytest.raises(ValueError, match="64 latents, and this one has 8"):
        latent_sliders.atlas()


def test_all_that_moves_on_the_page_is_served(tab, trained):
    client = TestClient(Starlette(routes=latent_sliders.routes("cpu", None)))
    web = Path(latent_sliders.__file__).parent / "latent_web"
    assert "latent/web/studio.js" in studio(tab()).js_on_load
    seen, waiting = set(), ["studio.js"]
    while waiting:  # every module that a module imports is there
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            assert client.get(f"/latent/web/{name}").text == (web / name).read_text()
            waiting += re.findall(r"""(?:from|import\()\s*'\./([\w.]+)'""", (web / name).read_text())
    assert {"face.js", "live.js", "decoder.js", "pad.js"} <= seen and client.get("/latent/web/studio.css").status_code == 200


def test_a_missing_or_damaged_checkpoint_is_a_sentence(tab, tmp_path, astronaut):
    astronaut.save(tmp_path / "a.png")
    for word in ("missing", "damaged"):
        blocks = tab()
        assert not studio(blocks).visible
        assert any(word in str(getattr(block, "value", "")) for block in blocks.blocks.values() if isinstance(block, gr.Markdown))
        with pytest.raises(gr.Error, match=word):
            called(blocks, "encode_face")(str(tmp_path / "a.png"), 0)
        with pytest.raises(gr.Error, match=word):
            called(blocks, "decode_face")([0.0] * 12)
        (tmp_path / "face_vae.safetensors").write_bytes(b"damaged")
