import json

import pytest
import torch

from models import checkpoint
from models.cyclegan import CycleGAN
from models.vae import VAE

TINY = VAE.Config(size=32, latents=4, width=8)


@pytest.fixture
def saved(tmp_path):
    torch.manual_seed(0)
    net = VAE(TINY)
    checkpoint.save(tmp_path / "tiny.safetensors", net, {"size": 32}, {"words": "Small.", "steps": 7, "data": "none"})
    return net, tmp_path / "tiny.safetensors"


def test_a_saved_network_rebuilds_itself(saved):
    net, path = saved
    loaded = checkpoint.load(path, VAE)
    assert loaded.config == net.config
    assert loaded.preprocessing == {"size": 32} and loaded.facts["steps"] == 7
    assert not loaded.training and all(p.dtype == torch.float32 and not p.requires_grad for p in loaded.parameters())
    z = torch.randn(3, 4)
    with torch.no_grad():
        assert torch.equal(loaded.decode(z), net.half().float().decode(z))
    assert checkpoint.load(path, VAE) is loaded, "loaded once"


def test_weights_are_half_precision(saved):
    net, path = saved
    assert path.stat().st_size < 2.2 * sum(p.numel() for p in net.parameters()) + 20_000


def test_the_card_says_what_the_file_says(saved):
    _, path = saved
    text = path.with_suffix(".md").read_text()
    assert text == checkpoint.card(path)
    assert "| steps | 7 |" in text and "Small." in text and json.dumps({"size": 32}) in text


def test_a_new_file_is_loaded_anew(saved):
    net, path = saved
    first = checkpoint.load(path, VAE)
    with torch.no_grad():
        for p in net.parameters():
            p.add_(1)
    checkpoint.save(path, net, {}, {})
    assert checkpoint.load(path, VAE) is not first


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"no checkpoint" * 99, lambda b: b[:8] + b"{" * 50 + b[58:]])
def test_a_damaged_file_is_one_sentence(saved, damage):
    _, path = saved
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match="tiny.safetensors is damaged"):
        checkpoint.load(path, VAE)


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(ValueError, match="nothing.safetensors is missing"):
        checkpoint.load(tmp_path / "nothing.safetensors", VAE)


def test_another_network_is_one_sentence(saved):
    with pytest.raises(ValueError, match="does not fit CycleGAN"):
        checkpoint.load(saved[1], CycleGAN)
