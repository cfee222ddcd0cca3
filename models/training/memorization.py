"""Whether the face GAN has memorised: beside each of 64 invented faces the training photo that is nearest to it.

    python -m models.training.memorization --data lfw_faces.zip --out runs

Near in features of the face VAE: the means of its latents, each divided by its spread over the training photos, so that all count alike. A face that
was learned by heart lies far nearer to its photo than a person who was held back lies to the nearest photo of anyone else: both distances are told.
"""
import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image
from torch.nn import functional as F

from models import checkpoint, moments, pictures
from models.gan import GAN
from models.training import data
from models.vae import VAE

SAMPLES, ACROSS, CELL, BATCH = 64, 8, 96, 64


class Nearest(NamedTuple):
    """For each sample the index of the nearest photo, and the distance to it, (N,) each."""

    index: torch.Tensor
    distance: torch.Tensor


def nearest(samples: torch.Tensor, photos: torch.Tensor) -> Nearest:
    """The nearest of `photos` (M, F) to each of `samples` (N, F), by Euclidean distance between features."""
    distance, index = torch.cdist(samples, photos).min(1)
    return Nearest(index, distance)


def features(faces: torch.Tensor, of: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    """Bytes (N, 3, S, S) -> (N, F), by `of` in batches of -1..1."""
    with torch.inference_mode():
        return torch.cat([of(data.as_floats(faces[i:i + BATCH])).float().cpu() for i in range(0, len(faces), BATCH)])


def vae_means(vae: VAE) -> Callable[[torch.Tensor], torch.Tensor]:
    """(B, 3, S, S) in -1..1 of any size -> the means of the latents, (B, Z)."""
    return lambda x: vae.encode(F.interpolate(x.to(next(vae.parameters()).device), (vae.config.size,) * 2, mode="bilinear", antialias=True, align_corners=False))[0]


def compare(samples: torch.Tensor, photos: torch.Tensor, held_back: torch.Tensor, of: Callable[[torch.Tensor], torch.Tensor]) -> tuple[Nearest, dict]:
    """The nearest photo of each sample, bytes all; and the distances of samples and of people held back to the nearest photo, with how many of the
    samples lie nearer to one than 99 % of those people do."""
    known, invented, others = (features(faces, of) for faces in (photos, samples, held_back))
    spread = known.std(0).clamp_min(1e-6)
    found, usual = nearest(invented / spread, known / spread), nearest(others / spread, known / spread).distance
    line = usual.quantile(0.01).item()
    return found, {"n": [len(samples), len(held_back), len(photos)], "median distance of a sample": round(found.distance.median().item(), 3),
                   "median distance of a person held back": round(usual.median().item(), 3), "nearest sample": round(found.distance.min().item(), 3),
                   "nearer than 99 % of people held back": int((found.distance < line).sum())}


def sheet(samples: torch.Tensor, photos: torch.Tensor) -> Image.Image:
    """Pairs of bytes (N, 3, S, S), each sample with the photo right of it, eight pairs to a row."""
    rows = -(-len(samples) // ACROSS)
    picture = Image.new("RGB", (ACROSS * (2 * CELL + 8), rows * (CELL + 8)), "white")
    for i, pair in enumerate(zip(samples, photos)):
        for side, face in enumerate(pair):
            picture.paste(pictures.to_picture(face / 127.5 - 1).resize((CELL, CELL), Image.BICUBIC), (i % ACROSS * (2 * CELL + 8) + side * CELL, i // ACROSS * (CELL + 8)))
    return picture


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--data", nargs="+", required=True, metavar="PATH", help="folders or zip files of photos as <Person>/<photo>")
    parser.add_argument("--gan", type=Path, default=Path("checkpoints/face_gan.safetensors"))
    parser.add_argument("--vae", type=Path, default=Path("checkpoints/face_vae.safetensors"), help="the network whose features tell what is near")
    parser.add_argument("--out", type=Path, default=Path("runs"), help="folder for memorization.png and memorization.json")
    choices = parser.parse_args(arguments)
    net, vae = checkpoint.load(choices.gan, GAN), checkpoint.load(choices.vae, VAE)
    names, photos, held_back = data.faces(choices.data, vae.config.size)
    drawn = moments.drawn_at(net, range(SAMPLES), net.config.resolution)
    samples = ((drawn.clamp(-1, 1) + 1) * 127.5).round().byte()
    found, told = compare(samples, photos, held_back, vae_means(vae))
    choices.out.mkdir(parents=True, exist_ok=True)
    sheet(samples, photos[found.index]).save(choices.out / "memorization.png")
    (choices.out / "memorization.json").write_text(json.dumps({**told, "features": f"means of {choices.vae.name}", "names": [names[i] for i in found.index.tolist()]}, indent=1))
    print(json.dumps(told))


if __name__ == "__main__":
    main()
