"""How near a recording is to each of the voices that a converter knows: by its average spectrum, by its pitch, and by the critic's opinion."""
import math
from dataclasses import dataclass

import torch

from models import audio

LOUD = 30.0  # dB: loud frames are at most so far below the loudest (the 98th percentile of all)
VOICED = 0.5  # probability from which a frame counts as voiced
FEW = 10  # voiced frames, 0.16 s: fewer tell no pitch


@dataclass(frozen=True)
class Pitch:
    """`hz` (F,) and whether each frame is `voiced` (F,); `median` of the voiced ones in Hz, None where there are hardly any, as in a whisper."""

    hz: torch.Tensor
    voiced: torch.Tensor

    @property
    def median(self) -> float | None:
        return float(self.hz[self.voiced].median()) if int(self.voiced.sum()) >= FEW else None


@dataclass(frozen=True)
class Likeness:
    """How far a recording is from a voice: `spectrum` in dB, `semitones` that its median pitch lies above (None where it has none), and the critic's
    `realness`, about 1 for recordings of that voice and 0 for invented ones."""

    spectrum: float
    semitones: float | None
    realness: float


def decibels(settings: audio.MelConfig = audio.MelConfig()) -> float:
    """What a difference of 1 in a mel picture is in dB."""
    return 20 / math.log(10) * settings.scale


@torch.inference_mode()
def pitch_of(mel: torch.Tensor, listener) -> Pitch:
    """The pitch of each frame of a mel picture (1, 1, M, F), as a network with `pitch(mel)` hears it in the picture: a vocoder, or a converter's listener."""
    hz, voiced = (answer[0].float().cpu() for answer in listener.pitch(mel.to(next(listener.parameters()).device)))
    return Pitch(hz, voiced > VOICED)


def loud_frames(mel: torch.Tensor, settings: audio.MelConfig = audio.MelConfig()) -> torch.Tensor:
    """(1, 1, M, F) -> (F,), whether the mean level over all bands is at most `LOUD` dB below the loudest."""
    level = mel[0, 0].mean(0)
    return level >= level.quantile(0.98) - LOUD / decibels(settings)


def spectrum_of(mel: torch.Tensor, settings: audio.MelConfig = audio.MelConfig()) -> torch.Tensor:
    """(1, 1, M, F) -> (M,), the average over the loud frames."""
    return mel[0, 0][:, loud_frames(mel, settings)].mean(1)


def spectral_distance(a: torch.Tensor, b: torch.Tensor, settings: audio.MelConfig = audio.MelConfig()) -> float:
    """Root mean square difference in dB of two average spectra (M,), their difference in loudness left out."""
    apart = (a - b) * decibels(settings)
    return float((apart - apart.mean()).square().mean().sqrt())


@torch.inference_mode()
def likeness(nets, mel: torch.Tensor, pitch: Pitch, settings: audio.MelConfig = audio.MelConfig()) -> dict[str, Likeness]:
    """For each of a `VoiceGAN`'s voices how near (1, 1, M, F) and its pitch are to it. Shorter pictures than the critic needs are repeated at their end."""
    spectrum, median = spectrum_of(mel.float().cpu(), settings), pitch.median
    device = next(nets.parameters()).device
    seen = torch.nn.functional.pad(mel, (0, max(0, 16 - mel.shape[-1]), 0, 0), mode="replicate").to(device)
    return {target: Likeness(spectral_distance(spectrum, nets.spectra[i].float().cpu(), settings),
                             None if median is None else 12 * math.log2(median / float(nets.pitches[i, 1])),
                             float(nets.realness(seen, target).mean())) for i, target in enumerate(nets.config.targets)}


def in_words(of_result: dict[str, Likeness], target: str) -> str:
    """Whether the result is nearer to its target than to the other voices, measure by measure."""
    others = [near for name, near in of_result.items() if name != target]
    mine = of_result[target]
    for_it = ["its average spectrum"] if all(mine.spectrum < near.spectrum for near in others) else []
    for_it += ["its pitch"] if mine.semitones is not None and all(abs(mine.semitones) < abs(near.semitones) for near in others) else []
    for_it += ["the critic"] if all(mine.realness > near.realness for near in others) else []
    against = [name for name in ("its average spectrum", "its pitch", "the critic") if name not in for_it and not (name == "its pitch" and mine.semitones is None)]
    said = lambda names: " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    voices = "the other voice" if len(others) == 1 else "the other voices"
    words = f"{said(for_it)} put{'s' if len(for_it) == 1 else ''} the result nearer to {target} than to {voices}" if for_it else f"no measure puts the result nearer to {target}"
    words += f"; {said(against)} do{'es' if len(against) == 1 else ''} not." if for_it and against else "."
    if mine.semitones is None:
        words += " It has hardly any voiced sound, so pitch says nothing."
    return words[0].upper() + words[1:]
