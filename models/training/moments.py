"""The same sixteen latents through growth and training: what `models.moments` shows, kept by the trainer as it goes."""
from pathlib import Path

import torch
from PIL import Image

from models import checkpoint
from models.gan import GAN
from models.moments import SEEDS, TRUNCATION, Moments
from models.pictures import to_picture

MOST = 8  # moments kept: of 128 pixels each takes 0.8 MB
LATER, FEW = 1.6, 2000  # times as many pictures seen as at the last moment of the same size make a new one; fewer than 2000 count as so many
CELL = 64  # pixels of a face on the strip


class Keeper:
    """Collects moments: `look` often, `save` beside the release. Goes on from the moments that lie beside the checkpoint that is resumed, if any do."""

    def __init__(self, resumed: Path | None = None):
        self.moments, self.faces = [], []
        before = resumed and resumed.with_name("face_gan_moments.safetensors")
        if before and before.exists():
            earlier = checkpoint.load(before, Moments)
            self.moments = [*earlier.config.moments]
            self.faces = [getattr(earlier, f"faces_{i}").cpu() for i in range(len(self.moments))]

    def due(self, resolution: int, alpha: float, images: int) -> bool:
        """Whether this is a moment to keep: a new layer is faded in by half, or wholly for the first time, or much more was seen since."""
        last = self.moments[-1] if self.moments else None
        if last is None or (last["resolution"] < resolution and alpha >= 0.5):
            return True
        if last["resolution"] != resolution:
            return False
        return (last["alpha"] < 1 <= alpha) or (alpha == 1 and images >= LATER * max(FEW, last["images"]))

    @torch.no_grad()
    def keep(self, net: GAN, resolution: int, alpha: float, images: int, hours: float):
        """Draws the sixteen faces as `net` draws them now. Of more than eight moments the one least told by is dropped."""
        z = torch.stack([torch.randn(net.config.latents, generator=torch.Generator().manual_seed(seed)) for seed in range(SEEDS)])
        drawn = net.eval().G(z.to(next(net.parameters()).device), resolution, alpha, TRUNCATION)
        self.moments.append({"resolution": resolution, "alpha": round(alpha, 3), "images": images, "hours": round(hours, 3)})
        self.faces.append(((drawn.float().clamp(-1, 1) + 1) * 127.5).round().byte().cpu())
        while len(self.moments) > MOST:
            drop = self._dispensable()
            del self.moments[drop], self.faces[drop]

    def _dispensable(self):
        """The moment whose neighbours are nearest to each other in pictures seen, rather one of a size that is told by another, and never an end."""
        def nearness(i):
            before, here, after = (self.moments[j] for j in (i - 1, i, i + 1))
            alone = here["alpha"] == 1 and here["resolution"] not in (before["resolution"], after["resolution"])
            return alone, (after["images"] + 1) / (before["images"] + 1)
        return min(range(1, len(self.moments) - 1), key=nearness)

    def strip(self) -> Image.Image:
        """One row for each moment, sixteen faces in it."""
        picture = Image.new("RGB", (SEEDS * CELL, max(1, len(self.moments)) * CELL))
        for row, faces in enumerate(self.faces):
            for column, face in enumerate(faces):
                picture.paste(to_picture(face / 127.5 - 1).resize((CELL, CELL), Image.NEAREST if face.shape[-1] <= CELL else Image.BOX), (column * CELL, row * CELL))
        return picture

    def save(self, folder: Path, facts: dict):
        """face_gan_moments.safetensors with its card, and the strip face_gan_moments.png."""
        kept = Moments(Moments.Config(tuple(self.moments)))
        for i, faces in enumerate(self.faces):
            getattr(kept, f"faces_{i}").copy_(faces)
        checkpoint.save(folder / "face_gan_moments.safetensors", kept, {"range": [0, 255], "truncation": TRUNCATION, "seeds": SEEDS}, facts)
        self.strip().save(folder / "face_gan_moments.png")
