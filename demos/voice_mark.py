"""Was it made here? The section of the voice tab that looks for the mark which every converted voice carries."""
import torch

from models import watermark

WORDS = """### Was it made here?
Every voice that this tab converts carries a mark: a noise %.0f dB below what sounds at the same moment in the same band, and drowned by it. A program that knows the
noise finds it by laying the two on each other. Give any recording and see.""" % -watermark.STRENGTH
HONEST = """Tried on 490 sentences of ten people, 3.2 s each on average: none was taken for marked before it was, and all were found after. Of pieces of one second 6 of 488
were missed, of two seconds none of 419. Of 123 sentences, none was missed after MP3 (128 and 56 kbit/s) or Ogg, 4 after a telephone's 300 to 3400 Hz, 14 with the echo of a
room, 28 under white noise 20 dB below the voice. What the mark does not survive: playing 1 % faster, or computing the sound anew from its spectrogram (all 123 missed). You should
not hear it: it lies 22.6 dB below the voice, and a judge of quality (DNSMOS, 12 sentences) gives 3.34 with it and 3.36 without. Its key stands in the source of this program, so it answers an
honest question and stops nobody who wants to wash it out or to forge it."""


def answer(wave: torch.Tensor) -> str:
    """Whether the mark is in a recording (T,), in a sentence."""
    found = watermark.detect(wave)
    if found.marked:
        return f"**Yes, it was made here**, or by another copy of this program: the mark stands out by {found.score:.1f} standard deviations; chance reaches that {rarity(found.chance)}."
    if found.chance < 1e-3:
        return f"**Perhaps.** Something stands out by {found.score:.1f} standard deviations; chance reaches that {rarity(found.chance)}. A longer piece would tell."
    return (f"**No mark was found**: nothing stands out by more than {found.score:.1f} standard deviations, which chance reaches {rarity(found.chance)}. "
            "So it was not made here, or the mark did not survive what was done to it.")


def rarity(chance: float) -> str:
    """A probability in words."""
    if chance >= 0.1:
        return f"in {100 * chance:.0f} of 100 unmarked recordings"
    if chance >= 1e-9:
        return f"in one of {round(1 / chance, -len(str(int(1 / chance))) + 2):,.0f} unmarked recordings"
    return "in fewer than one of a billion unmarked recordings"
