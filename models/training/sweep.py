"""What beta does, on one face: a picture and figures of several face VAEs that differ in it, put on the card of the one that ships.

    python -m models.training.sweep runs/beta*/face_vae.safetensors --data lfw_faces.zip --into checkpoints/face_vae.safetensors

The picture is checkpoints/face_vae_betas.png: the example portrait and its reconstructions in the first row, samples from N(0, I) below. `--samples`
writes 1,000 samples of each as pictures, to be measured by one's own yardstick; `--measured` puts the outcome on the card.
"""
import argparse
import json
from pathlib import Path

import torch

from models import checkpoint, pictures, sources
from models.faces import training_crop
from models.training import data
from models.training.vae import opinion
from models.vae import VAE

SEEDS = 3  # samples below each reconstruction: the same z for all


@torch.inference_mode()
def column(net, portrait, kept_photos):
    """A portrait (1, 3, S, S) reconstructed and `SEEDS` samples (1 + SEEDS, 3, S, S), and the figures of `net` on photos (N, 3, S, S) it never saw."""
    _, psnr, ssim, kl, _ = opinion(net, kept_photos)
    figures = {"beta": net.facts["beta"], "images_seen": net.facts["images seen"], "psnr_db": round(psnr, 2), "ssim": round(ssim, 4),
               "kl_nats": round(kl.sum().item(), 1), "dead": int((kl < 0.1).sum()), "n": len(kept_photos)}
    return torch.cat([net.decode(net.encode(portrait)[0]), net.sample(SEEDS, seed=1)]), figures


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("vaes", nargs="+", type=Path, metavar="RELEASE")
    parser.add_argument("--data", nargs="+", required=True, metavar="PATH", help="photos as the trainer reads them")
    parser.add_argument("--into", type=Path, required=True, metavar="RELEASE", help="the release whose card tells of the sweep; the picture is put beside it")
    parser.add_argument("--samples", type=Path, metavar="DIR", help="write 1,000 samples from N(0, I) of each VAE there, to measure them")
    parser.add_argument("--measured", type=json.loads, default={}, metavar="JSON", help='more figures by beta: {"1.0": {"frechet_normal": 99.5}}')
    choices = parser.parse_args(arguments)

    nets = sorted((checkpoint.load(path, VAE) for path in choices.vaes), key=lambda net: net.facts["beta"])
    size = nets[0].config.size
    _, _, kept_photos = data.faces(choices.data, size)
    portrait = pictures.to_tensor(training_crop(sources.portrait(), size)[0])
    columns, rows = zip(*(column(net, portrait, data.as_floats(kept_photos)) for net in nets))
    for row in rows:
        row |= choices.measured.get(str(row["beta"]), {})
        print(json.dumps(row), flush=True)

    original = torch.cat([portrait, torch.ones(SEEDS, *portrait.shape[1:])])  # white below it: a photo has no samples
    picture = pictures.sheet(torch.stack([original, *columns], 1).flatten(0, 1), len(nets) + 1)
    file = choices.into.with_name(f"{choices.into.stem}_betas.png")
    picture.save(file)
    released = checkpoint.load(choices.into, VAE)
    checkpoint.save(choices.into, released, released.preprocessing, {**released.facts, "sweep": {"picture": file.name, "chosen": released.facts["beta"], "rows": list(rows)}})

    if choices.samples:
        for net in nets:
            folder = choices.samples / f"beta{net.facts['beta']:g}"
            folder.mkdir(parents=True, exist_ok=True)
            for i, face in enumerate(torch.cat([net.sample(100, seed) for seed in range(10)])):
                pictures.to_picture(face).save(folder / f"{i:04d}.png")


if __name__ == "__main__":
    main()
