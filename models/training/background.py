"""How much a translation changes inside the animal and outside, on photographs that were kept back from training.

    python -m models.training.background --data horse2zebra.zip --checkpoint checkpoints/horse2zebra.safetensors

Nobody drew the masks: the animal is what differs in colour from everything that the frame of the photograph is connected to (geodesic saliency, after
Wei, Wen, Zhu & Sun 2012). The photograph is cut into some 250 superpixels; each is as salient as the shortest path to the frame is long, a step between
neighbours being as long as their difference in Lab colour. Otsu's threshold on that makes the mask. Horses that touch the frame break its assumption, so
masks are judged: those that take less than 6 % or more than 55 % of the photograph, or more than a fifth of its frame, are not used. That leaves trees and
people: a sheet of photograph, mask and translation lies in `--out`, and `--only` measures the photographs whose mask a person found right.
"""
import argparse
import heapq
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from PIL import Image

from models import checkpoint, pictures
from models.cyclegan import CycleGAN
from models.training import data
from models.translation import DIRECTIONS, translate


def animal_mask(picture: Image.Image, segments=250) -> np.ndarray:
    """RGB picture -> bool (H, W), True where the animal is thought to be."""
    from scipy import ndimage
    from skimage import color, filters, segmentation
    rgb = np.asarray(picture)
    labels = segmentation.slic(rgb, segments, compactness=12, start_label=0, channel_axis=-1)
    lab = color.rgb2lab(ndimage.gaussian_filter(rgb.astype(float) / 255, (1, 1, 0)))
    count = labels.max() + 1
    colours = np.stack([ndimage.mean(lab[..., c], labels, np.arange(count)) for c in range(3)], 1)
    pairs = np.concatenate([np.stack([labels[:-1].ravel(), labels[1:].ravel()], 1), np.stack([labels[:, :-1].ravel(), labels[:, 1:].ravel()], 1)])
    pairs = np.unique(np.sort(pairs[pairs[:, 0] != pairs[:, 1]], 1), axis=0)
    apart = np.linalg.norm(colours[pairs[:, 0]] - colours[pairs[:, 1]], axis=1)
    apart = np.maximum(0, apart - np.quantile(apart, 0.35))  # steps within the meadow cost nothing, or its middle would be salient
    neighbours = [[] for _ in range(count)]
    for (a, b), cost in zip(pairs, apart):
        neighbours[a].append((b, cost))
        neighbours[b].append((a, cost))
    far = np.full(count, np.inf)
    frame = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    far[frame] = 0
    waiting = [(0.0, i) for i in frame]
    while waiting:
        so_far, i = heapq.heappop(waiting)
        if so_far > far[i]:
            continue
        for j, cost in neighbours[i]:
            if so_far + cost < far[j]:
                far[j] = so_far + cost
                heapq.heappush(waiting, (far[j], j))
    salient = far[labels]
    mask = salient > filters.threshold_otsu(salient) if np.ptp(salient) > 0 else np.zeros(labels.shape, bool)
    mask = ndimage.binary_fill_holes(ndimage.binary_closing(mask, iterations=3))
    parts, _ = ndimage.label(mask)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return np.isin(parts, np.flatnonzero(sizes >= 0.1 * sizes.max())) & mask  # specks in the meadow are not the animal


def believable(mask: np.ndarray) -> bool:
    """Whether a mask may be of an animal that stands within the photograph."""
    frame = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    return 0.06 <= mask.mean() <= 0.55 and frame.mean() <= 0.2


def change_inside_outside(before: Image.Image, after: Image.Image, mask: np.ndarray) -> tuple[float, float]:
    """Mean absolute change in grey levels of 255 where the mask is True, and where it is not."""
    change = np.abs(np.asarray(before, np.int16) - np.asarray(after, np.int16)).mean(2)
    return float(change[mask].mean()), float(change[~mask].mean())


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", required=True, metavar="PATH", help="folders or zip files with pictures below the source's domain")
    parser.add_argument("--checkpoint", type=Path, default=Path("checkpoints/horse2zebra.safetensors"))
    parser.add_argument("--out", type=Path, default=Path("runs"), help="folder for the sheet of masks")
    parser.add_argument("--count", type=int, default=8, help="photographs to measure")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="photographs to measure, by their names without ending")
    parser.add_argument("--size", type=int, help="side in pixels (default: what the network learned at)")
    choices = parser.parse_args(arguments)
    nets = checkpoint.load(choices.checkpoint, CycleGAN)
    size = choices.size or nets.preprocessing["size"]
    names, decoded = data.pictures(choices.data, 256, nets.facts["domains"][0])
    stems = [PurePosixPath(name).stem for name in names]
    back = data.kept_back(stems, 60)
    shown, figures = [], []
    for stem, stored in zip(stems, decoded):
        photo = Image.fromarray(stored.permute(1, 2, 0).numpy())
        if stem not in back or choices.only and stem not in choices.only or len(figures) == choices.count:
            continue
        done = translate(nets, photo, DIRECTIONS[0], size)
        mask = animal_mask(done.real.resize((256, 256)))
        if not believable(mask):
            continue
        mask = np.asarray(Image.fromarray(mask).resize(done.real.size, Image.NEAREST))
        figures.append(change_inside_outside(done.real, done.fake, mask))
        print(f"{stem}: {figures[-1][0]:.1f} inside, {figures[-1][1]:.1f} outside; the mask takes {mask.mean():.0%}", flush=True)
        grey = np.where(mask[..., None], np.asarray(done.real), np.asarray(done.real) // 5)
        shown += [pictures.to_tensor(one) for one in (done.real, Image.fromarray(grey.astype(np.uint8)), done.fake)]
    if not figures:
        raise SystemExit("No photograph was found whose mask can be believed: give more of them.")
    inside, outside = np.mean(figures, 0)
    choices.out.mkdir(parents=True, exist_ok=True)
    pictures.sheet(torch.cat(shown), 6).save(choices.out / "background.png")
    print(f"mean absolute change over {len(figures)} photographs at {size} px: {inside:.1f} grey levels inside the animal, {outside:.1f} outside, {inside / outside:.2f} times as much")


if __name__ == "__main__":
    main()
