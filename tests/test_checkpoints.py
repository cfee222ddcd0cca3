"""Every checkpoint that ships loads, and its card says what it is."""
from pathlib import Path

import pytest
import torch

from models import checkpoint
from models.atlas import FaceAtlas
from models.conversion import VoiceGAN
from models.cyclegan import CycleGAN
from models.gan import GAN
from models.moments import SEEDS, Moments, levels
from models.vae import VAE
from models.vocoder import Vocoder

FOLDER = Path(__file__).parent.parent / "checkpoints"
SHIPPED = {"face_vae": VAE, "face_gan": GAN, "face_gan_moments": Moments, "face_atlas": FaceAtlas, "horse2zebra": CycleGAN, "voice": VoiceGAN, "vocoder": Vocoder}

FITTED = {"face_atlas"}  # in closed form, without steps


def test_all_are_there_and_nothing_else():
    assert {p.stem for p in FOLDER.glob("*.safetensors")} == set(SHIPPED)
    assert sum(p.stat().st_size for p in FOLDER.iterdir()) < 30e6


@pytest.mark.parametrize("name", SHIPPED)
def test_it_loads_and_its_card_matches(name):
    path = FOLDER / f"{name}.safetensors"
    net = checkpoint.load(path, SHIPPED[name])
    assert all(p.isfinite().all() and p.dtype == (torch.uint8 if SHIPPED[name] is Moments else torch.float32) for p in net.state_dict().values())
    assert path.with_suffix(".md").read_text() == checkpoint.card(path), "write the card anew: models.checkpoint.card"
    assert {"words", "data", "kept back", "hours", "hardware", "seed"} <= net.facts.keys()
    assert {"fitted on"} <= net.facts.keys() if name in FITTED else {"steps", "images seen"} <= net.facts.keys()
    assert len(net.facts["words"]) > 40, "the card says in words what the network can and cannot do"


def test_the_face_vae_tells_its_latents():
    net = checkpoint.load(FOLDER / "face_vae.safetensors", VAE)
    assert len(net.facts["kl_per_latent"]) == len(net.facts["mean_std_per_latent"]) == net.config.latents
    assert net.facts["held-back metrics"]["psnr_db"] >= 20
    assert net.preprocessing["size"] == net.config.size


def test_the_face_atlas_belongs_to_the_face_vae():
    path = FOLDER / "face_atlas.safetensors"
    atlas, vae = checkpoint.load(path, FaceAtlas), checkpoint.load(FOLDER / "face_vae.safetensors", VAE)
    assert atlas.config.latents == vae.config.latents and atlas.preprocessing == vae.preprocessing
    assert path.stat().st_size < 1.1e6 and [note["key"] for note in atlas.facts["attributes"]] == list(atlas.config.attributes)
    moved = torch.tensor([atlas.facts["moved"][way] for way in ("natural", "still")])
    assert (moved.diagonal(dim1=1, dim2=2) - 1).abs().max() < 0.3, "one step along a direction moves its attribute by about one standard deviation"


def test_the_moments_are_of_the_face_gan_and_enough_for_the_levels():
    gan, kept = (checkpoint.load(FOLDER / f"{name}.safetensors", SHIPPED[name]) for name in ("face_gan", "face_gan_moments"))
    seen = [moment["images"] for moment in kept.config.moments]
    assert seen == sorted(seen) and seen[-1] <= gan.facts["images seen"] and kept.config.moments[-1]["resolution"] <= gan.config.resolution
    assert len(levels(gan, kept)) >= 4
    assert len({face.tobytes() for face in kept.pictures(len(seen) - 1)}) == SEEDS


def test_voice_brings_its_mel_settings():
    from models.audio import MelConfig
    for name in ("voice", "vocoder"):
        net = checkpoint.load(FOLDER / f"{name}.safetensors", SHIPPED[name])
        assert MelConfig(**net.preprocessing["mel"]).mels == net.config.mels == 80
    assert sum((FOLDER / f"{name}.safetensors").stat().st_size for name in ("voice", "vocoder")) < 6e6
