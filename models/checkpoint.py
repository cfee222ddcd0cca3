"""Checkpoints that rebuild themselves: one `.safetensors` file holds weights, constructor arguments, preprocessing and facts.

Nothing is ever unpickled. The file's metadata is JSON text under three keys: `config` (arguments of the network's `Config`),
`preprocessing` (what an input must look like: size, rate, mel settings) and `facts` (data, steps, seed, hours, metrics).
"""
import dataclasses
import functools
import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

KEYS = ("config", "preprocessing", "facts")


def save(path, network, preprocessing: dict, facts: dict):
    """Write `network` in half precision to `path`, with its card beside it as `<name>.md`."""
    path = Path(path)
    weights = {k: (v.half() if v.is_floating_point() else v).contiguous().cpu() for k, v in network.state_dict().items()}
    notes = dict(zip(KEYS, (dataclasses.asdict(network.config), preprocessing, facts)))
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    save_file(weights, unfinished, {k: json.dumps(v) for k, v in notes.items()})
    unfinished.replace(path)
    path.with_suffix(".md").write_text(card(path))


def describe(path) -> dict:
    """`{"config": ..., "preprocessing": ..., "facts": ...}` of a checkpoint file. ValueError where it is missing or damaged."""
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
        return {k: json.loads(metadata[k]) for k in KEYS}
    except (FileNotFoundError, IsADirectoryError):
        raise ValueError(f"The checkpoint {Path(path).name} is missing: get it with the project's files, or train it (see README, Training).") from None
    except (SafetensorError, KeyError, json.JSONDecodeError, OSError):
        raise ValueError(f"The checkpoint {Path(path).name} is damaged: replace it with a fresh copy, or train it (see README, Training).") from None


def load(path, kind, device="cpu"):
    """The network of class `kind` saved at `path`: float32, `eval()`, no gradients, with `.preprocessing` and `.facts` as dicts.

    Loaded once per file and device; the same object is returned again. ValueError where the file is missing, damaged or of another kind.
    """
    path = Path(path)
    changed = path.stat().st_mtime_ns if path.exists() else 0
    return _load(path, kind, str(device), changed)


@functools.lru_cache(maxsize=16)
def _load(path, kind, device, changed):
    notes = describe(path)
    try:
        network = kind(kind.Config(**notes["config"]))
        with safe_open(path, "pt") as file:
            network.load_state_dict({k: file.get_tensor(k) for k in file.keys()})
    except (TypeError, RuntimeError, SafetensorError) as error:
        raise ValueError(f"The checkpoint {path.name} does not fit {kind.__name__}: replace it with a fresh copy.") from error
    network.preprocessing, network.facts = notes["preprocessing"], notes["facts"]
    return network.float().to(device).eval().requires_grad_(False)


def card(path) -> str:
    """Markdown model card: the table is made from the file's own facts, so that it cannot say something else than the file."""
    path, notes = Path(path), describe(path)
    facts = dict(notes["facts"])
    words = facts.pop("words", "")
    rows = {"file": f"{path.name}, {path.stat().st_size / 1e6:.2f} MB, half precision", **facts,
            "network": notes["config"], "preprocessing": notes["preprocessing"]}

    def text(value):
        if isinstance(value, list) and len(value) > 16:
            return f"{len(value)} numbers from {min(value):g} to {max(value):g}"
        return json.dumps(value) if isinstance(value, (dict, list)) else str(value)
    table = "\n".join(f"| {k.replace('_', ' ')} | {text(v)} |" for k, v in rows.items())
    return f"# {path.stem}\n\n{words}\n\n| | |\n|---|---|\n{table}\n"
