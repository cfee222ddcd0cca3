"""Every checkpoint that ships loads, and its card says what it is."""
from pathlib import Path

import pytest
import torch

from models import checkpoint
from models.cyclegan import CycleGAN
from models.gan import GAN
from models.vae import VAE

FOLDER = Path(__file__).parent.parent / "checkpoints"
SHIPPED = {"face_vae": VAE, "face_gan": GAN, "horse2zebra": CycleGAN, "voice": CycleGAN}


def test_all_are_there_and_nothing_else():
    assert {p.stem for p in FOLDER.glob("*.safetensors")} == set(SHIPPED)
    assert sum(p.stat().st_size for p in FOLDER.iterdir()) < 30e6


@pytest.mark.parametrize("name", SHIPPED)
def test_it_loads_and_its_card_matches(name):
    path = FOLDER / f"{name}.safetensors"
    net = checkpoint.load(path, SHIPPED[name])
    assert all(p.isfinite().all() and p.dtype == torch.float32 for p in net.state_dict().values())
    assert path.with_suffix(".md").read_text() == checkpoint.card(path), "write the card anew: models.checkpoint.card"
    assert {"words", "data", "kept back", "steps", "images seen", "hours", "hardware", "seed"} <= net.facts.keys()
    assert len(net.facts["words"]) > 40, "the card says in words what the network can and cannot do"


def test_the_face_vae_tells_its_latents():
    net = checkpoint.load(FOLDER / "face_vae.safetensors", VAE)
    assert len(net.facts["kl_per_latent"]) == len(net.facts["mean_std_per_latent"]) == net.config.latents
    assert net.facts["held-back metrics"]["psnr_db"] >= 20
    assert net.preprocessing["size"] == net.config.size


def test_voice_brings_its_mel_settings():
    from models.audio import MelConfig
    net = checkpoint.load(FOLDER / "voice.safetensors", CycleGAN)
    assert MelConfig(**net.preprocessing["mel"]).mels == 80 and net.config.channels == 1
