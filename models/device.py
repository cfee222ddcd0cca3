"""Where the networks compute, on how many cores, and in which precision they compute fastest there."""
import time
from functools import lru_cache

import torch
from threadpoolctl import threadpool_limits


def pick_device(name: str) -> torch.device:
    """`auto` is CUDA where there is one, else the CPU. ValueError for `cuda` without a GPU, or another name."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError("No CUDA GPU was found on this machine: use --device cpu or --device auto.")
    try:
        return torch.device(name)
    except RuntimeError:
        raise ValueError(f"There is no device {name}: use auto, cpu or cuda.") from None


@lru_cache
def bfloat16_is_faster(device: torch.device) -> bool:
    """On a GPU yes; of CPUs only some have matrix units for it, so one convolution is timed both ways."""
    if device.type == "cuda":
        return True
    layer, x = torch.nn.Conv2d(64, 64, 3, padding=1), torch.randn(4, 64, 32, 32)
    seconds = {}
    for dtype in (torch.float32, torch.bfloat16):
        layer, x = layer.to(dtype=dtype, memory_format=torch.channels_last), x.to(dtype=dtype, memory_format=torch.channels_last)
        with torch.no_grad():
            layer(x)
            start = time.perf_counter()
            for _ in range(5):
                layer(x)
        seconds[dtype] = time.perf_counter() - start
    return seconds[torch.bfloat16] < 0.7 * seconds[torch.float32]


def one_core():
    """Bind this thread's forwards to one core: OpenMP threads wait for each other, and on a busy machine that takes ten times what they save."""
    torch.get_num_threads()  # sets the thread up, with as many as there are cores
    threadpool_limits(1, user_api="openmp")


def describe(device: torch.device) -> str:
    """The device in a person's words."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
