"""`--dry-run` is each training's test: every parameter moves, and what it saves is loaded as the app loads it."""
import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from models import checkpoint
from models.cyclegan import CycleGAN
from models.gan import GAN
from models.training import cyclegan, data, gan, loop, vae, voice
from models.vae import VAE

TRAINERS = {"vae": (vae, VAE, "face_vae"), "gan": (gan, GAN, "face_gan"), "cyclegan": (cyclegan, CycleGAN, "horse2zebra"), "voice": (voice, CycleGAN, "voice")}
ROOT = Path(__file__).parents[3]


@pytest.fixture(params=TRAINERS)
def trained(request, tmp_path, monkeypatch):
    """A trainer after its dry run: trainer, class, path of the release, weights before training."""
    trainer, kind, name = TRAINERS[request.param]
    before, resume = {}, loop.Run.resume

    def remember(run, network, average, optimizers):
        before.update(copy.deepcopy(network.state_dict()))
        return resume(run, network, average, optimizers)
    monkeypatch.setattr(loop.Run, "resume", remember)
    trainer.main(["--dry-run", "--out", str(tmp_path)])
    return trainer, kind, tmp_path / f"{name}.safetensors", before


def test_every_parameter_moves_and_the_release_loads(trained):
    _, kind, path, before = trained
    after = torch.load(path.with_suffix(".pt"), weights_only=True)["network"]
    parameters = dict(kind(kind.Config(**checkpoint.describe(path)["config"])).named_parameters())
    still = [name for name in parameters if torch.equal(before[name], after[name])]
    assert not still
    net = checkpoint.load(path, kind)
    assert all(p.isfinite().all() for p in net.parameters())
    assert path.with_suffix(".md").read_text() == checkpoint.card(path)
    assert {"steps", "images seen", "seed", "hours", "hardware", "data", "kept back", "held-back metrics"} <= net.facts.keys()
    assert list((path.parent / "samples").glob("*.png")) and json.loads((path.parent / "log.jsonl").read_text().splitlines()[-1])["step"] == net.facts["steps"]


@pytest.mark.parametrize("ending", [".pt", ".safetensors"])
def test_training_goes_on_where_it_stopped(trained, ending):
    trainer, kind, path, _ = trained
    first = checkpoint.describe(path)["facts"]
    trainer.main(["--dry-run", "--out", str(path.parent / "more"), "--resume", str(path.with_suffix(ending))])
    second = checkpoint.describe(path.parent / "more" / path.name)["facts"]
    assert second["steps"] > first["steps"] and second["images seen"] > first["images seen"]
    assert second.get("progress", {}).get("resolution") == first.get("progress", {}).get("resolution")


@pytest.mark.parametrize("name", TRAINERS)
def test_two_processes_train_together(name, tmp_path):
    """torchrun starts two processes; their gradients are averaged, one of them saves."""
    done = subprocess.run([sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", f"models.training.{name}",
                           "--dry-run", "--device", "cpu", "--out", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=300,
                          env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    _, kind, release = TRAINERS[name]
    facts = checkpoint.load(tmp_path / f"{release}.safetensors", kind).facts
    assert facts["images seen"] == facts["steps"] * facts["batch"] * 2 * (2 if kind is CycleGAN else 1)
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 1, "only the first process logs"


def test_growth_reaches_the_top_and_fades_in():
    steps = [gan.growth(i / 1000, 4, 128) for i in range(1001)]
    assert [r for r in dict.fromkeys(r for r, _ in steps)] == [4, 8, 16, 32, 64, 128]
    assert all(a <= b for (r, a), (q, b) in zip(steps, steps[1:]) if r == q), "alpha only grows within a stage"
    assert steps[0] == (4, 1.0) and steps[-1] == (128, 1.0)
    assert gan.growth(0.0, 64, 128) == (64, 1.0), "the stage that is resumed does not fade in again"


def test_people_are_drawn_evenly():
    torch.manual_seed(0)
    names = [f"often/{i}.jpg" for i in range(99)] + ["once/0.jpg"]
    photos = torch.zeros(100, 3, 4, 4, dtype=torch.uint8)
    photos[99] = 255
    drawn = data.People(names, photos, "cpu").batch(2000, 4)
    assert 0.45 < (drawn.mean((1, 2, 3)) > 0).float().mean() < 0.55


def test_the_pool_keeps_fifty_and_gives_old_ones_back():
    torch.manual_seed(0)
    pool = cyclegan.Pool(50)
    shown = torch.cat([pool.swap(torch.full((4, 1, 1, 1), float(i))) for i in range(100)]).flatten()
    newest = torch.arange(100.0).repeat_interleave(4)
    assert len(pool.kept) == 50 and torch.equal(shown[:50], newest[:50])
    assert 0.35 < (shown[50:] != newest[50:]).float().mean() < 0.6


def test_augmentation_lets_gradients_through_and_spares_a_share():
    torch.manual_seed(0)
    x = torch.rand(256, 3, 16, 16, requires_grad=True)
    y = gan.augment(x, 0.25)
    spared = (y == x).flatten(1).all(1).float().mean().item()
    assert spared == pytest.approx(0.75, abs=0.08) and y.shape == x.shape
    y.sum().backward()
    assert x.grad.abs().sum() > 0
