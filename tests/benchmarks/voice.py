"""Rows of the voice: each stage for five seconds of speech, the whole line with either vocoder as a share of real time, and the mark."""
import torch

from demos import page
from demos.voice import convert
from models import audio, checkpoint, likeness, speaking, watermark
from models.conversion import VoiceGAN
from models.vocoder import Vocoder

SECONDS = 5


def rows(timed, runs, device="cpu"):
    """(name, row) pairs; `timed(function, runs)` is what the other rows are measured with. Speech by formulas, so that pauses and tones are those of speech."""
    nets, vocoder = (checkpoint.load(page.CHECKPOINTS / f"{name}.safetensors", kind, device) for name, kind in (("voice", VoiceGAN), ("vocoder", Vocoder)))
    settings, target = audio.MelConfig(**nets.preprocessing["mel"]), nets.config.targets[-1]
    wave = speaking.spoken_by_formulas().repeat(3)[:SECONDS * audio.RATE]
    with torch.inference_mode():
        mel = audio.to_mel(wave, settings)
        fake = nets.convert(mel.to(device), target)
        stages = {"spectrogram": lambda: audio.to_mel(wave, settings), "conversion": lambda: nets.convert(mel.to(device), target).cpu(), "neural vocoder": lambda: vocoder(fake).cpu(),
                  "Griffin-Lim, 32 rounds": lambda: audio.to_wave(fake, settings), "mark": lambda: watermark.embed(wave), "looking for the mark": lambda: watermark.detect(wave),
                  "pitch and likeness": lambda: likeness.likeness(nets, mel, likeness.pitch_of(mel, vocoder), settings)}
        for name, function in stages.items():
            yield f"Voice: {name}, {SECONDS} s of sound", timed(function, max(3, runs // 4))
    for name, speaks in (("neural vocoder", vocoder), ("Griffin-Lim", None)):
        row = timed(lambda: convert(nets, speaks, wave, target, settings=settings), max(3, runs // 4))
        yield f"Voice: {SECONDS} s of speech back, {name}", row
        yield f"Voice: real-time factor, {name}", {**row, "median": round(row["median"] / 1000 / SECONDS, 3), "p95": round(row["p95"] / 1000 / SECONDS, 3), "unit": ""}
