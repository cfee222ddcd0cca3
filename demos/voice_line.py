"""The piece of page that shows the whole line: sound, picture, translated picture, sound, on one axis of time."""
from dataclasses import dataclass

import gradio as gr
import torch

from demos import page
from demos.spectrogram_picture import meaning, text, to_bytes
from models import audio
from models.likeness import Likeness, Pitch

SKELETON = """<div class="vc-line"></div>"""
# All that happens on the page lies in demos/voice_web/line.js; the template never changes, so that Gradio leaves its content alone.
BEGIN = page.begin("voice/web/line.js")


class VoiceLine(gr.HTML):
    """A recording and its translation: waveforms, spectrograms, their difference, pitch and likeness; its value is what `facts` gives, or None.

    `hint` stands there while there is nothing to show.
    """

    def __init__(self, hint: str, **kwargs):
        super().__init__(None, html_template=SKELETON, js_on_load=BEGIN, hint=hint, apply_default_css=False, **kwargs)

    def api_info(self):
        return {"type": "object", "description": "what the page draws: two sides with their sound, spectrogram and pitch"}


@dataclass(frozen=True)
class Side:
    """One end of the line: what it is called, its sound (T,), its spectrogram (1, 1, M, F), its pitch, how near it is to each voice."""

    title: str
    wave: torch.Tensor
    mel: torch.Tensor
    pitch: Pitch
    likeness: dict[str, Likeness]


def facts(left: Side, right: Side, target: str, steps: list[tuple[str, float | None]], nets, settings: audio.MelConfig, verdict: str, name: str, consent: bool) -> dict:
    """What the page is told. `steps`: what leads from each stage to the next and the seconds it took; `nets` a `VoiceGAN`; `name` of the file that may be kept,
    `consent` whether a person has to say first that the voice may be used."""
    voices = [{"name": voice, "range": [round(float(hertz), 1) for hertz in nets.pitches[i]]} for i, voice in enumerate(nets.config.targets)]
    return {"left": _side(left), "right": _side(right), "target": target, "voices": voices, "steps": [[what, seconds and round(1000 * seconds)] for what, seconds in steps],
            "verdict": verdict, "name": name, "consent": consent, "rate": settings.rate, "picture": meaning(settings)}


def _side(side):
    hertz = torch.where(side.pitch.voiced, side.pitch.hz, torch.zeros_like(side.pitch.hz))
    median = side.pitch.median
    return {"title": side.title, "sound": text(audio.to_pcm(side.wave).astype("<i2").tobytes()), "frames": side.mel.shape[-1], "mel": text(to_bytes(side.mel)),
            "pitch": [round(value) for value in hertz.tolist()], "median": median and round(median, 1),
            "likeness": {voice: {"spectrum": round(near.spectrum, 2), "semitones": near.semitones and round(near.semitones, 1), "realness": round(near.realness, 2)}
                         for voice, near in side.likeness.items()}}
