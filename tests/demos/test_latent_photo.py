"""A photo taken apart: several faces, one, none; what scripts and the page are told."""
import base64
import io

import gradio as gr
import numpy as np
import pytest
import torch
from PIL import Image

from demos import latent_photo
from demos.latent_photo import face_facts, names_of, photo_facts
from models import checkpoint, sources
from models.atlas import FaceAtlas
from models.pictures import psnr, to_picture, to_tensor
from models.vae import VAE

TINY = VAE.Config(size=32, latents=8, width=8)
FACTS = {"beta": 0.5, "ssim weight": 100.0, "held-back metrics": {"psnr_db": 21.4, "kl_nats": 9.0}}


@pytest.fixture
def net():
    torch.manual_seed(0)
    net = VAE(TINY).eval().requires_grad_(False)
    net.facts = FACTS
    return net


@pytest.fixture
def atlas():
    atlas = FaceAtlas(FaceAtlas.Config(8, ("smile",), 1))
    correlation = torch.zeros(8, 1)
    correlation[3] = -0.7
    atlas.load_state_dict({**atlas.state_dict(), "prior_weight": torch.ones(1), "prior_scale": torch.eye(8)[None], "correlation": correlation,
                           "error_quantiles": torch.linspace(1, 101, 101), "density_quantiles": torch.linspace(-100, 0, 101)})
    atlas.facts = {"attributes": [{"key": "smile", "label": "a smile"}]}
    return atlas


@pytest.fixture(scope="module")
def astronaut():
    return sources.portrait()


@pytest.fixture(scope="module")
def group(astronaut):
    """Three faces, the largest in the middle."""
    photo = Image.new("RGB", (1400, 800), "grey")
    for side, place in ((300, (20, 100)), (512, (400, 50)), (400, (950, 300))):
        photo.paste(astronaut.resize((side, side), Image.LANCZOS), place)
    return photo


def opened(uri):
    return Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1])))


# -- pure functions ----------------------------------------------------------------------------------------------------

def test_a_face_is_told_with_all_its_numbers(net, atlas):
    crop = Image.effect_noise((32, 32), 60).convert("RGB")
    told = face_facts(net, atlas, crop)
    assert opened(told["crop"]).tobytes() == crop.tobytes()
    assert len(told["mean"]) == len(told["sigma"]) == len(told["kl"]) == 8
    assert opened(told["reconstruction"]).tobytes() == to_picture(net.decode(net.encode(to_tensor(crop))[0])).tobytes()
    loss = told["loss"]
    assert loss["total"] == pytest.approx(loss["squared_error"] + loss["ssim_weight"] * (1 - loss["ssim"]) + loss["beta"] * sum(told["kl"]), rel=1e-3)
    assert (loss["beta"], loss["ssim_weight"]) == (0.5, 100.0)
    assert "3,072 numbers" in told["sentence"] and told["rarity"]["sentence"]
    assert face_facts(net, None, crop)["rarity"] is None


def test_all_faces_of_a_photo_are_told_largest_first(net, group):
    told = photo_facts(net, None, group)
    assert told["found"] and len(told["faces"]) == 3
    first, *others = (opened(one["crop"]) for one in told["faces"])
    assert all(psnr(first, other) > 14 for other in others)  # the same woman, cut out alike


def test_without_a_face_the_centre_is_told(net):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 40, 3), dtype=np.uint8))
    told = photo_facts(net, None, noise)
    assert not told["found"] and len(told["faces"]) == 1


def test_latents_are_called_after_what_they_go_with(atlas):
    assert names_of(atlas) == [None, None, None, ["a smile", -0.7], None, None, None, None]


# -- the page ----------------------------------------------------------------------------------------------------------

@pytest.fixture
def section(net, atlas, tmp_path):
    """The section's page, its network saved; `section(None)` without an atlas."""
    checkpoint.save(tmp_path / "face_vae.safetensors", net, {"size": 32}, FACTS)
    network = lambda: checkpoint.load(tmp_path / "face_vae.safetensors", VAE)

    def build(known=atlas):
        def found():
            if known is None:
                raise ValueError("The checkpoint face_atlas.safetensors is missing.")
            return known
        with gr.Blocks() as blocks:
            latent_photo.build(network, found)
        return blocks
    return build


def called(blocks, name):
    return next(function.fn for function in blocks.fns.values() if name in (function.api_name, function.fn and function.fn.__name__))


def saved(folder, picture, name="a.png"):
    picture.save(folder / name)
    return str(folder / name)


def test_scripts_encode_any_face_of_a_photo(section, group, tmp_path):
    blocks = section()
    assert set(blocks.get_api_info()["named_endpoints"]) == {"/encode_face"}
    encode, photo = called(blocks, "encode_face"), saved(tmp_path, group)
    values, told = encode(photo, 0)
    assert len(values) == 8 and values == [max(-4, min(4, v)) for v in told["faces"][0]["mean"]]
    assert told["names"][3][0] == "a smile" and told["typical"] == {"psnr": 21.4, "kl": 9.0} and not told["absent"]
    other, told = encode(photo, 2)
    assert told["which"] == 2 and other != values
    for nowhere in (3, -1):
        with pytest.raises(gr.Error, match="it has 3"):
            encode(photo, nowhere)
    with pytest.raises(gr.Error, match="no picture yet"):
        encode(None, 0)


def test_without_an_atlas_only_what_it_knows_is_absent(section, astronaut, tmp_path):
    _, told = called(section(None), "encode_face")(saved(tmp_path, astronaut), None)
    assert told["faces"][0]["rarity"] is None and told["names"] is None and "missing" in told["absent"]


def test_the_horse_is_taken_without_a_face(section):
    path, values, told = called(section(), "encode_horse")()
    assert Image.open(path).size == (512, 512) and len(values) == 8 and told["taken"] and not told["found"]
    assert told["faces"][0]["rarity"]["worse"] == 0


def test_a_missing_network_is_a_sentence(atlas, astronaut, tmp_path):
    with gr.Blocks() as blocks:
        latent_photo.build(lambda: checkpoint.load(tmp_path / "face_vae.safetensors", VAE), lambda: atlas)
    with pytest.raises(gr.Error, match="missing"):
        called(blocks, "encode_face")(saved(tmp_path, astronaut), 0)
