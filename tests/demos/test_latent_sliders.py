"""Latent sliders: numbers in and out, the way through the network and back, finding a face, and what the page offers to scripts."""
import asyncio
import base64
import io
import math

import gradio as gr
import numpy as np
import pytest
import torch
from PIL import Image

from demos import latent_sliders, page
from demos.latent_face import FaceOfLatents
from demos.latent_sliders import decode_face, encode_face, random_values, sentence, strongest, to_z
from models import checkpoint, sources
from models.pictures import psnr, to_picture, to_tensor
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


def test_a_seed_gives_the_face_that_the_network_samples(net):
    face = decode_face(net, to_z(random_values(8, 5), 8))
    assert random_values(8, 5) != random_values(8, 6)
    assert face.tobytes() == to_picture(net.sample(1, seed=5)).tobytes() or max(map(abs, random_values(8, 5))) > 4


def test_psnr_of_known_differences():
    grey = Image.new("RGB", (8, 8), (100, 100, 100))
    assert psnr(grey, Image.new("RGB", (8, 8), (110, 110, 110))) == pytest.approx(10 * math.log10(255 ** 2 / 100), abs=1e-3)
    assert psnr(grey, grey) == 99


# -- through the network and back --------------------------------------------------------------------------------------

def test_a_photo_is_encoded_and_drawn_again_from_its_values(net, astronaut):
    done = encode_face(net, astronaut)
    assert done.found and done.crop.size == done.reconstruction.size == (32, 32) and len(done.values) == 8
    again = decode_face(net, to_z(done.values, 8))
    assert psnr(again, done.reconstruction) > 50  # but for rounding
    mean, _ = net.encode(to_tensor(done.crop))
    assert np.allclose(done.values, mean[0].clamp(-4, 4), atol=1e-4)
    assert done.psnr == pytest.approx(psnr(done.crop, done.reconstruction))


def test_the_sentence_says_what_was_lost_and_whether_a_face_was_found(net, astronaut):
    done = encode_face(net, astronaut)
    assert "3,072 numbers" in sentence(done) and f"{done.psnr:.1f} dB" in sentence(done) and "21.4 dB" in sentence(done, 21.4)
    assert "No face" not in sentence(done) and "No face was found" in sentence(done._replace(found=False))


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


def sliders(blocks):
    return next(block for block in blocks.blocks.values() if isinstance(block, FaceOfLatents))


def test_scripts_decode_and_encode(tab, trained, astronaut, tmp_path):
    astronaut.save(tmp_path / "a.png")
    blocks = tab()
    assert set(blocks.get_api_info()["named_endpoints"]) == {"/decode_face", "/encode_face"}
    values, told = called(blocks, "encode_face")(str(tmp_path / "a.png"))
    assert len(values) == 8 and told["found"] and "dB" in told["sentence"]
    shown = Image.open(io.BytesIO(base64.b64decode(told["reconstruction"].split(",")[1])))
    assert psnr(Image.open(called(blocks, "decode_face")(values)), shown) > 50
    with pytest.raises(gr.Error, match="A face is a list of 8 numbers"):
        called(blocks, "decode_face")([1, 2])
    with pytest.raises(gr.Error, match="no picture yet"):
        called(blocks, "encode_face")(None)


def test_sliders_stand_in_order_of_strength(tab, trained):
    blocks = tab()
    html = sliders(blocks).html_template
    assert html.index("latent 4 <span>· 3.5 nats") < html.index("latent 1 <span>· 2.5 nats") < html.index("latent 3 <span>· 1.5 nats")
    assert any(getattr(block, "value", None) == "It has learnt nothing." for block in blocks.blocks.values())


def test_a_drag_is_answered_with_a_picture_or_a_sentence(tab, trained, net):
    face = sliders(tab())
    answer = asyncio.run(face.redraw([0.5] * 8))
    shown = Image.open(io.BytesIO(base64.b64decode(answer["picture"].split(",")[1])))
    assert psnr(shown, decode_face(net, to_z([0.5] * 8, 8))) > 30  # a JPEG
    for nonsense in (None, "x", [math.nan] * 8, [1] * 7, {"z": 1}):
        assert "A face is" in asyncio.run(face.redraw(nonsense))["error"]
    assert len(asyncio.run(face.roll(3))["z"]) == 8
    for nonsense in (None, -1, "x", 1.5, 2 ** 80):
        assert "seed" in asyncio.run(face.roll(nonsense))["error"]


def test_a_crowd_waits_without_piling_up(tab, trained, monkeypatch):
    monkeypatch.setattr(latent_sliders, "WAITING", 5)
    face = sliders(tab())

    async def crowd():
        return await asyncio.gather(*(face.redraw([0.1] * 8) for _ in range(40)))
    answers = asyncio.run(crowd())
    assert sum("picture" in answer for answer in answers) == 5 and sum("again" in answer for answer in answers) == 35
    assert "picture" in asyncio.run(face.redraw([0.1] * 8))


def test_a_missing_or_damaged_checkpoint_is_a_sentence(tab, tmp_path, astronaut):
    astronaut.save(tmp_path / "a.png")
    for word in ("missing", "damaged"):
        blocks = tab()
        assert not sliders(blocks).visible
        assert any(word in str(getattr(block, "value", "")) for block in blocks.blocks.values() if isinstance(block, gr.Markdown))
        with pytest.raises(gr.Error, match=word):
            called(blocks, "encode_face")(str(tmp_path / "a.png"))
        with pytest.raises(gr.Error, match=word):
            called(blocks, "decode_face")([0.0] * 12)
        assert "error" in asyncio.run(sliders(blocks).redraw([0.0] * 12))
        (tmp_path / "face_vae.safetensors").write_bytes(b"damaged")
