"""Train the voice CycleGAN: the trainer of the pictures, on mel spectrograms of two speakers.

    python -m models.training.voice --data arctic_bdl.zip arctic_slt.zip --minutes 60

`--data` holds recordings below two folders named by `--domains` (A first). 40 sentences are kept back, the same of both speakers.
"""
from dataclasses import asdict
from pathlib import PurePosixPath

import torch
from torch.nn import functional as F

from models import audio, cyclegan, pictures
from models.training import data
from models.training.cyclegan import options, rows, train

SMALL = cyclegan.CycleGAN.Config(channels=1, width=48, blocks=6, downs=1, unshuffle=2, resize_convolution=True, residual=True, row_position=True, critic_width=32)
TINY = cyclegan.CycleGAN.Config(channels=1, width=8, blocks=1, downs=1, unshuffle=2, resize_convolution=True, residual=True, row_position=True, critic_width=4)


def main(arguments=None):
    choices = options(__doc__.splitlines()[0], name="voice", domains=("bdl", "slt"), size=96, batch=8).parse_args(arguments)
    settings = audio.MelConfig()
    if choices.dry_run:
        choices.size, choices.batch, config = 32, 2, TINY
        stored = {d: [torch.rand(1, settings.mels, frames) for frames in (20, 40, 60)] for d in choices.domains}
        kept = dict(stored)
    else:
        config, stored, kept = SMALL, {}, {}
        for domain in choices.domains:
            names, decoded = data.mels(choices.data, settings, domain)
            sentences = [PurePosixPath(name).stem for name in names]
            back = data.kept_back(sentences, 40)
            stored[domain] = [m for m, sentence in zip(decoded, sentences) if sentence not in back]
            kept[domain] = [m for m, sentence in zip(decoded, sentences) if sentence in back]
    length = 128 if not choices.dry_run else 32
    held = {d: torch.stack([F.pad(m, (0, max(0, length - m.shape[-1])), mode="replicate")[..., :length] for m in kept[d]]) for d in choices.domains}
    means = {d: torch.cat(stored[d], -1).mean(-1) for d in choices.domains}  # (1, M): the average spectrum of each speaker

    def shown(nets, device):
        sheets, metrics = {}, {}
        for domain, other, a_to_b in zip(choices.domains, reversed(choices.domains), (True, False)):
            real, fake, rec = rows(nets, held[domain].to(device), a_to_b)
            sheets[f"from_{domain}"] = pictures.sheet(torch.cat([real[:6], fake[:6], rec[:6]]).flip(2), min(6, len(real)))
            metrics[f"cycle_{domain}"] = round(F.l1_loss(rec, real).item(), 4)
            # Collapse alarm: does the result's average spectrum lie nearer to the target's than to the source's?
            spectrum = fake.cpu().mean((0, 3))
            to_source, to_target = ((spectrum - means[d]).abs().mean().item() for d in (domain, other))
            metrics[f"nearer_to_target_{domain}"] = round(to_source / (to_source + to_target + 1e-9), 3)
            if to_source < to_target and not choices.dry_run:
                print(f"collapse: what is made from {domain} stays nearer to {domain} than to {other}")
        return sheets, metrics

    facts = {"domains": list(choices.domains), "data": "CMU ARCTIC (Carnegie Mellon University 2003), one US man (bdl) and one US woman (slt): any use, notice kept",
             "recordings": {d: len(stored[d]) for d in choices.domains}, "kept back": "40 sentences of each speaker, lowest hash of the file name"}
    train(choices, config, *(data.Passages(stored[d], choices.size) for d in choices.domains), shown,
          {"rate": audio.RATE, "mel": asdict(settings)}, facts)


if __name__ == "__main__":
    main()
