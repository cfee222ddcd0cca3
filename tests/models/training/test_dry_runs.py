"""`--dry-run` is each training's test: every parameter moves, and what it saves is loaded as the app loads it."""
import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import models.cyclegan
from models import checkpoint, painting, strip
from models.conversion import VoiceGAN
from models.cyclegan import CycleGAN
from models.gan import GAN
from models.training import background, cycle_losses, cyclegan, data, gan, loop, vae, vocoder, voice
from models.vae import VAE
from models.vocoder import Vocoder

TRAINERS = {"vae": (vae, VAE, "face_vae"), "gan": (gan, GAN, "face_gan"), "cyclegan": (cyclegan, CycleGAN, "horse2zebra"), "voice": (voice, VoiceGAN, "voice"),
            "vocoder": (vocoder, Vocoder, "vocoder")}
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


def test_a_strip_of_one_horse_is_left_and_goes_on(tmp_path):
    cyclegan.main(["--dry-run", "--out", str(tmp_path)])
    moments = strip.read_strip(tmp_path / "horse2zebra_moments.png")
    assert [step for step, _ in moments] == [0, 1, 2, 4] and {picture.size for _, picture in moments} == {(128, 128)}
    cyclegan.main(["--dry-run", "--out", str(tmp_path / "more"), "--resume", str(tmp_path / "horse2zebra.pt")])
    later = strip.read_strip(tmp_path / "more" / "horse2zebra_moments.png")
    assert [step for step, _ in later] == [0, 1, 2, 4, 8] and later[3][1].tobytes() == moments[3][1].tobytes()


def test_the_face_gan_goes_on_at_the_rate_that_is_asked_for_now(tmp_path):
    gan.main(["--dry-run", "--out", str(tmp_path / "first")])
    gan.main(["--dry-run", "--out", str(tmp_path), "--resume", str(tmp_path / "first" / "face_gan.pt"), "--rate", "1e-5"])
    optimizers = torch.load(tmp_path / "face_gan.pt", weights_only=True)["optimizers"]
    assert [group["lr"] for optimizer in optimizers for group in optimizer["param_groups"]] == pytest.approx([1e-6, 1e-5, 1e-5]), "and a tenth for the styles"


def test_zebras_in_disguise_are_learned_from_and_told_on_the_card(tmp_path):
    cyclegan.main(["--dry-run", "--disguise", "--out", str(tmp_path)])
    notes = checkpoint.describe(tmp_path / "horse2zebra.safetensors")
    assert notes["facts"]["disguised"] == "0 of 4 pictures of zebra", "noise has no outline"
    assert notes["config"]["shrink"] == 8 / 7 and notes["preprocessing"]["size"] == 256 and notes["facts"]["training crops"] == 32


def pair(**weights):
    """The loss on a pair whose generators keep their gates shut, without the critics' opinion: a grey square painted over the left half."""
    nets = models.cyclegan.CycleGAN(cyclegan.TINY)
    for net in (nets.G_AB, nets.G_BA, nets.D_A, nets.D_B):
        torch.nn.init.zeros_(net.layers[-1].weight)
    for net in (nets.G_AB, nets.G_BA):
        torch.nn.init.constant_(net.layers[-1].bias, -50)
    plain, real, disguise, mask = torch.full((1, 3, 32, 32), 0.5), torch.ones(1, 3, 32, 32), torch.ones(1, 3, 32, 32), torch.zeros(1, 1, 32, 32)
    mask[..., :16], disguise[..., :16] = 1, 0.5
    losses, painted = cycle_losses.GeneratorLosses(nets, 5.0, weights.get("around", 0), weights.get("gated", 0)), weights.get("painted", 0)
    with torch.no_grad():
        return losses(plain, real, False, 10.0, disguise, mask, painted, mask if weights.get("outlined") else None)[0].item() - losses(plain, real, False, 10.0)[0].item() - 1  # 1: (0 - 1)^2, the critic's


def test_the_parts_of_a_pair():
    assert pair(around=10) == pytest.approx(0), "nothing was changed beside it"
    assert pair(painted=8) == pytest.approx(8 * (0.5 + 0.5) / 2), "both ways, half of the picture"
    shut = -np.log(1e-4) / 2  # on the half that was painted over, and rightly so beside it
    assert pair(gated=3) == pytest.approx(3 * (3 * shut + np.log(cycle_losses.LEAST / 1e-4)), rel=1e-3), "three gates that have a mask, and one that has none"
    assert pair(gated=3, outlined=True) == pytest.approx(3 * 5 * shut, rel=1e-3), "the horse has one, too, there and back"


def test_half_the_disguises_wear_the_middle_of_a_horse():
    torch.manual_seed(0)
    disguise, real_A, mask = torch.zeros(64, 3, 16, 16), torch.zeros(64, 3, 16, 16), torch.zeros(64, 1, 16, 16)
    real_A[..., 3:13, 3:13], mask[..., :8] = 1, 1
    worn = cycle_losses.worn(disguise, real_A, mask)
    assert torch.equal(worn[..., 8:], disguise[..., 8:])
    assert set(worn[..., :8].flatten(1).mean(1).tolist()) == {0.0, 1.0} and 0.3 < worn[..., :8].mean() < 0.7


def test_moments_are_kept_at_powers_of_two_and_at_the_end():
    net = models.cyclegan.Generator(models.cyclegan.Generator.Config(width=4, blocks=0, downs=0, unshuffle=4, resize_convolution=True, gate=True))
    moments = cyclegan.Moments(torch.zeros(1, 3, 16, 16))
    for step in range(21):
        moments.look(net, step)
    moments.look(net, 20, last=True)
    assert moments.steps == [0, 1, 2, 4, 8, 16, 20] and cyclegan.Moments(moments.picture, moments.state()).steps == moments.steps


def test_crops_are_cut_out_of_what_is_stored():
    torch.manual_seed(0)
    stored = torch.arange(2 * 3 * 12 * 12).remainder(251).to(torch.uint8).view(2, 3, 12, 12)
    batch = data.Crops(stored, 8).batch(40)
    assert batch.shape == (40, 3, 8, 8) and batch.is_contiguous(memory_format=torch.channels_last)
    windows = data.as_floats(stored).unfold(2, 8, 1).unfold(3, 8, 1).permute(0, 2, 3, 1, 4, 5).reshape(-1, 3, 8, 8)
    windows = torch.cat([windows, windows.flip(3)])
    found = {int((windows - crop).abs().flatten(1).sum(1).argmin()) for crop in batch}
    assert all((windows - crop).abs().flatten(1).sum(1).min() == 0 for crop in batch) and len(found) > 20, "both pictures, many places, both ways round"


def test_the_trainer_s_network_is_small():
    nets = models.cyclegan.CycleGAN(cyclegan.SMALL).enlarged(8 / 7)
    assert sum(p.numel() for p in nets.parameters()) * 2 < 9e6, "bytes of the tab's weights in half precision"
    assert loop.gmac(nets.G_AB, torch.zeros(1, 3, 256, 256)) < 49.6 / 14


def test_animals_are_found_in_front_of_a_meadow():
    picture = painting.painted_horse(256)
    mask = background.animal_mask(picture)
    assert mask.shape == (256, 256) and background.believable(mask)
    assert mask[120:150, 90:170].mean() > 0.9 and mask[:60].mean() < 0.1, "the body, not the sky"
    after = Image.fromarray(np.where(mask[..., None], 255 - np.asarray(picture), np.asarray(picture)))
    inside, outside = background.change_inside_outside(picture, after, mask)
    assert inside > 30 and outside == 0


def test_the_pool_keeps_fifty_and_gives_old_ones_back():
    torch.manual_seed(0)
    pool = cycle_losses.Pool(50)
    shown = torch.cat([pool.swap(torch.full((4, 1, 1, 1), float(i))) for i in range(100)]).flatten()
    newest = torch.arange(100.0).repeat_interleave(4)
    assert len(pool.kept) == 50 and torch.equal(shown[:50], newest[:50])
    assert 0.35 < (shown[50:] != newest[50:]).float().mean() < 0.6


def test_augmentation_lets_gradients_through_and_spares_a_share():
    torch.manual_seed(0)
    x = torch.rand(256, 3, 16, 16, requires_grad=True)
    y = data.augment(x, 0.25)
    spared = (y == x).flatten(1).all(1).float().mean().item()
    assert spared == pytest.approx(0.75, abs=0.08) and y.shape == x.shape
    y.sum().backward()
    assert x.grad.abs().sum() > 0
