"""What every trainer shares: the command line, the clock, precision, averaging, saving and resuming, and one line of progress."""
import argparse
import json
import os
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel
from torch.utils.flop_counter import FlopCounterMode

from models import checkpoint
from models.device import bfloat16_is_faster, describe, pick_device


def arguments(description, **defaults):
    """The parser all trainers start from; `defaults` overrides the default of any option."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--data", nargs="+", metavar="PATH", help="folders or zip files of pictures or recordings")
    parser.add_argument("--out", type=Path, default=Path("runs"), help="folder for the release, the full state, samples and the log")
    parser.add_argument("--minutes", type=float, default=60, help="train this long, counting from the start of this run")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", type=Path, help="a full state (.pt) or a shipped checkpoint (.safetensors)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 leaves the choice to PyTorch")
    parser.add_argument("--every", type=float, default=2, metavar="MINUTES", help="pace of samples and saves; a line of losses comes ten times as often")
    parser.add_argument("--words", default="", help="sentences for the card, about what the checkpoint can and cannot do")
    parser.add_argument("--compile", action="store_true", help="torch.compile: some minutes to start, then faster steps")
    parser.add_argument("--dry-run", action="store_true", help="train a tiny network for a few steps on synthetic data and save it")
    parser.set_defaults(**defaults)
    return parser


class Run:
    """One training run: where it computes, how long it has, and what it leaves behind.

    `network` is averaged (decay `decay`) into the release; `optimizers` and `progress` (plain numbers) go into the full state only.
    """

    def __init__(self, options):
        self.options = options
        self.rank, self.world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        if self.world > 1 and not dist.is_initialized():
            dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
        self.device = pick_device(options.device)
        if self.device.type == "cuda":
            self.device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
            torch.cuda.set_device(self.device)
        if options.threads:
            torch.set_num_threads(options.threads)
        torch.manual_seed(options.seed + self.rank)
        self.bfloat16 = not options.dry_run and bfloat16_is_faster(self.device)
        self.step, self.images, self.earlier_hours, self.first_step = 0, 0, 0.0, 0
        self.started = self.last_line = self.last_save = time.monotonic()

    def close(self):
        """All processes wait for the last, and end at once.

        Threads of gloo live as long as anything refers to their group, and one that asks for Python's lock while the interpreter is taken down
        aborts the process (SIGABRT, "terminate called without an active exception"): so it is not taken down.
        """
        if self.world > 1:
            dist.barrier()
            dist.destroy_process_group()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(0)

    # -- compute ---------------------------------------------------------------------------------------------------

    def autocast(self):
        return torch.autocast(self.device.type, torch.bfloat16) if self.bfloat16 else nullcontext()

    def place(self, network):
        """The network on this run's device, in the memory layout that convolutions are fastest in."""
        return network.to(self.device, memory_format=torch.channels_last)

    def parallel(self, losses):
        """A module whose forward gives losses, its gradients averaged over all processes."""
        if self.world == 1:
            return losses
        return DistributedDataParallel(losses, broadcast_buffers=False, find_unused_parameters=True)

    @staticmethod
    def average(network, decay=0.999):
        """Exponential moving average of the weights, the network that is released; it looks back over a tenth of the steps at most."""

        @torch.no_grad()
        def mix(averaged, current, count):
            torch._foreach_lerp_(averaged, current, 1 - min(decay, (1 + count.item()) / (10 + count.item())))
        return AveragedModel(network, multi_avg_fn=mix, use_buffers=True)

    # -- the clock -------------------------------------------------------------------------------------------------

    @property
    def fraction(self) -> float:
        """Share of the granted time that is used, 0 to 1."""
        if self.options.dry_run:
            return min(1.0, (self.step - self.first_step) / 4)
        return min(1.0, (time.monotonic() - self.started) / 60 / self.options.minutes)

    def goes_on(self) -> bool:
        over = torch.tensor([self.fraction >= 1.0], dtype=torch.int32, device=self.device)
        if self.world > 1:
            dist.broadcast(over, 0)  # all processes stop at the same step
        return not over.item()

    def hours(self) -> float:
        return self.earlier_hours + (time.monotonic() - self.started) / 3600

    def advance(self, images):
        self.step += 1
        self.images += images * self.world

    # -- what it leaves behind -------------------------------------------------------------------------------------

    def due(self, what="line") -> bool:
        """True once every `--every` minutes ("save") or ten times as often ("line"), on the first process alone."""
        pace = self.options.every * 60 * (1 if what == "save" else 0.1)
        last = "last_save" if what == "save" else "last_line"
        if self.rank or time.monotonic() - getattr(self, last) < pace:
            return False
        setattr(self, last, time.monotonic())
        return True

    def line(self, **numbers):
        """Print and log one line of losses and metrics."""
        numbers = {k: round(float(v), 4) for k, v in numbers.items()}
        rate = self.images / max(1e-9, self.hours() * 3600)
        print(f"step {self.step}  images {self.images}  {rate:.1f}/s  {self.hours() * 60:.1f} min  " + "  ".join(f"{k} {v}" for k, v in numbers.items()), flush=True)
        self.options.out.mkdir(parents=True, exist_ok=True)
        with open(self.options.out / "log.jsonl", "a") as log:
            log.write(json.dumps({"step": self.step, "images": self.images, "hours": round(self.hours(), 4), **numbers}) + "\n")

    def picture(self, name, picture):
        folder = self.options.out / "samples"
        folder.mkdir(parents=True, exist_ok=True)
        picture.save(folder / f"{name}_{self.step:07d}.png")

    def save(self, name, network, average, optimizers, preprocessing, facts, release=None, **progress):
        """The slim release `<name>.safetensors` (the average, or what was made of it) with its card, and the full state `<name>.pt`."""
        if self.rank:
            return
        self.options.out.mkdir(parents=True, exist_ok=True)
        options = {k: v for k, v in vars(self.options).items() if isinstance(v, int | float) and v is not False and k not in ("batch", "seed", "every", "threads", "dry_run")}
        made = {"options": options, "steps": self.step, "images seen": self.images, "seed": self.options.seed, "hours": round(self.hours(), 3),
                "hardware": hardware(self.device, self.world), "precision": "bfloat16" if self.bfloat16 else "float32", "code": code_commit()}
        checkpoint.save(self.options.out / f"{name}.safetensors", release or average.module, preprocessing, {"words": self.options.words, **facts, **made})
        unfinished = self.options.out / f"{name}.pt.part"
        torch.save({"network": network.state_dict(), "average": average.state_dict(), "optimizers": [o.state_dict() for o in optimizers],
                    "step": self.step, "images": self.images, "hours": self.hours(), "progress": progress}, unfinished)
        unfinished.replace(self.options.out / f"{name}.pt")

    def resume(self, network, average, optimizers) -> dict:
        """Go on from `--resume`: a full state gives everything back, a release gives the weights and its counters. Returns `progress`."""
        path = self.options.resume
        if path is None:
            return {}
        if path.suffix == ".safetensors":
            released = checkpoint.load(path, type(network))
            network.load_state_dict(released.state_dict())
            average.module.load_state_dict(released.state_dict())
            facts = released.facts
            self._count_from(facts.get("steps", 0), facts.get("images seen", 0), facts.get("hours", 0.0))
            return facts.get("progress", {})
        state = torch.load(path, map_location=self.device, weights_only=True)
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        for optimizer, saved in zip(optimizers, state["optimizers"]):
            optimizer.load_state_dict(saved)
        self._count_from(state["step"], state["images"], state["hours"])
        return state["progress"]

    def _count_from(self, step, images, hours):
        self.step = self.first_step = step
        self.images, self.earlier_hours = images, hours


def hardware(device, world=1) -> str:
    """What a card says of the machine."""
    return f"{world} x {describe(device)}" + ("" if device.type == "cuda" else f", {torch.get_num_threads()} thread(s)")


def gmac(network, x) -> float:
    """Billions of multiplications with weights that a network takes for `x`."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(x)
    return counter.get_total_flops() / 2e9


def code_commit() -> str:
    found = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=Path(__file__).parent, check=False)
    return found.stdout.strip() or "unknown"
