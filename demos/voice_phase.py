"""Why a spectrogram is not a sound: the section of the voice tab that gives a recording's magnitudes other phases, to be heard one after another."""
import gradio as gr
import torch

from demos import page
from demos.spectrogram_picture import text
from models import audio, phase

WORDS = """### Why a spectrogram is not a sound
A spectrogram says how loud each tone is at each moment. It does not say where in its swing the tone is, its *phase*, and without phases there is no sound. Here your
recording keeps its magnitudes to the last digit, and gets its phases from elsewhere."""
EXCERPT = 6.0  # seconds that are taken apart of a longer recording, the loudest ones
ZOOM = 0.03  # seconds of waveform that are drawn large

SKELETON = """<div class="vc-phase"></div>"""
BEGIN = page.begin("voice/web/phase.js")
HEARD = {"true": ("True phase", "Nothing is missing: magnitudes and phases together are the sound."),
         "zero": ("Zero phase", "Every tone is at its crest in the middle of every window: the voice of a robot that buzzes with the windows, {windows:.0f} times a second."),
         "random": ("Random phase", "Every tone begins anywhere: words survive, the voice does not. It whispers in a tiled room."),
         1: ("Griffin-Lim, 1 round", "One round of asking neighbouring windows what they agree on: still hoarse."),
         8: ("Griffin-Lim, 8 rounds", "The pitch is back, with a metallic echo."),
         32: ("Griffin-Lim, 32 rounds", "What this tab's other choice of vocoder does: some shimmer is left."),
         100: ("Griffin-Lim, 100 rounds", "The magnitudes are nearly met. What is still wrong lies in the phases, and is hard to hear."),
         "neural": ("Neural vocoder", "It was given {mels} numbers a frame instead of {bins}, and invents the rest from what it has learnt of voices: further from these magnitudes, and nearer to speech.")}


class PhaseLesson(gr.HTML):
    """The recording with each kind of phase; its value is what `facts` gives, or None."""

    def __init__(self, **kwargs):
        super().__init__(None, html_template=SKELETON, js_on_load=BEGIN, apply_default_css=False, **kwargs)

    def api_info(self):
        return {"type": "object", "description": "sounds with the magnitudes of one recording, and how well each of them meets these magnitudes, in dB"}


def loudest(wave: torch.Tensor, seconds: float = EXCERPT) -> torch.Tensor:
    """The `seconds` of a recording (T,) that hold most energy, or all of a shorter one."""
    length = int(seconds * audio.RATE)
    if len(wave) <= length:
        return wave
    energy = torch.cat([torch.zeros(1, dtype=torch.float64), wave.double().square().cumsum(0)])
    start = int((energy[length:] - energy[:-length])[::256].argmax()) * 256
    return wave[start:start + length]


@torch.inference_mode()
def variants(wave: torch.Tensor, vocoder, settings: audio.MelConfig = audio.MelConfig(), callback=lambda fraction: None) -> dict:
    """(T,) -> for each key of `HEARD` a sound, shorter by less than a frame, and its spectral convergence in dB; without a vocoder (None) there is none of that kind."""
    wave = wave[:len(wave) // settings.hop * settings.hop]
    magnitudes = phase.spectrum(wave, settings).abs()
    sounds = {"true": phase.with_true_phase(wave, settings), "zero": phase.with_zero_phase(magnitudes, settings), "random": phase.with_random_phase(magnitudes, settings)}
    done = 0
    for rounds in (1, 8, 32, 100):
        callback(done / 141)
        sounds[rounds] = audio.griffin_lim(magnitudes, settings, rounds)
        done += rounds
    if vocoder is not None:
        sounds["neural"] = vocoder(audio.to_mel(wave, settings).to(next(vocoder.parameters()).device))[0].float().cpu()
    return {key: (sound, phase.convergence(sound, magnitudes, settings)) for key, sound in sounds.items()}


def facts(found: dict, excerpt: bool, settings: audio.MelConfig = audio.MelConfig()) -> dict:
    """What the page is told of `variants`; `excerpt`, whether they are of a part of the recording only."""
    numbers = {"windows": settings.rate / settings.hop, "mels": settings.mels, "bins": settings.window // 2 + 1}
    middle = int(found["true"][0].abs().argmax())
    start = max(0, min(middle - int(ZOOM / 2 * settings.rate), len(found["true"][0]) - int(ZOOM * settings.rate)))
    return {"rate": settings.rate, "excerpt": excerpt, "zoom": [start, int(ZOOM * settings.rate)],
            "sounds": [{"name": HEARD[key][0], "words": HEARD[key][1].format(**numbers), "decibels": round(decibels, 1), "sound": text(audio.to_pcm(sound).astype("<i2").tobytes())}
                       for key, (sound, decibels) in found.items()]}
