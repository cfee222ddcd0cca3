"""Tab 4: voice. A recording becomes a picture of its sound, the picture is translated as horses are, and becomes a recording again."""
import math
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
import numpy as np
import torch

from demos import page
from demos.spectrogram_picture import draw
from models import audio, checkpoint, sources, speaking
from models.collection import RECORDINGS, Collection
from models.cyclegan import CycleGAN
from models.device import bfloat16_is_faster, describe
from models.download import Download

TITLE = "Voice"
WORDS = """**The same network, another kind of picture.** A spectrogram shows which tones sound when: time from left to right, frequency from below to above,
brightness for loudness. A CycleGAN translates it from one speaker's pictures to another's, though the two never had to say the same sentence; then the sound
is computed back. Only magnitudes are translated: the phase is guessed, which you can hear."""
CONSENT = """A voice belongs to its person: convert your own, or one whose owner has agreed. What you record or upload stays on the computer that runs this page, in
Gradio's temporary folder, where it is deleted after one to two hours; it trains nothing."""
DIRECTIONS = ("to a woman's voice (slt)", "to a man's voice (bdl)")  # by G_AB and by G_BA: A is bdl, B is slt
CHUNK, OVERLAP = 512, 64  # frames that are translated at once (8 s), and that neighbours have in common at least
MOST_OWN = 12  # of one's own recordings among the examples
CREDITS = "Examples: the two voices are nobody's; a program computes them, a buzz sent through five resonances."
READERS = {"5703-47212-0000": ("Garth Comira reads", DIRECTIONS[0]), "3436-172162-0000": ("Anders Lankford reads", DIRECTIONS[0]),
           "198-209-0000": ("Heather Barnett reads", DIRECTIONS[1])}  # LibriVox clips by file name


# -- pure functions ----------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Conversion:
    """A converted recording, both spectrograms, and how long each stage took."""

    wave: torch.Tensor  # (T,)
    real: torch.Tensor  # (1, 1, M, F), the recording
    fake: torch.Tensor  # (1, 1, M, F), its translation
    seconds: dict[str, float]  # stage -> seconds of work


def convert(nets: CycleGAN, wave: torch.Tensor, direction: str, settings: audio.MelConfig,
            callback: Callable[[float, str], None] = lambda fraction, stage: None) -> Conversion:
    """Convert a recording (T,) as `audio.read` gives it. `callback(fraction, stage)` is told how far it is. ValueError for no such direction."""
    if direction not in DIRECTIONS:
        raise ValueError(f"There is no direction {direction}: choose {' or '.join(DIRECTIONS)}.")
    there = nets.G_AB if direction == DIRECTIONS[0] else nets.G_BA
    device = next(nets.parameters()).device
    clock = [time.perf_counter()]
    callback(0.0, "spectrogram")
    real = audio.to_mel(wave, settings)
    clock.append(time.perf_counter())
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=bfloat16_is_faster(device)):
        fake = in_chunks(lambda mel: there.translate(mel.to(device, memory_format=torch.channels_last)).float().cpu(), real,
                         lambda fraction: callback(0.1 + 0.4 * fraction, "conversion"))
    clock.append(time.perf_counter())
    callback(0.5, "sound")
    sound = audio.to_wave(fake, settings)
    clock.append(time.perf_counter())
    return Conversion(sound, real, fake, dict(zip(("spectrogram", "conversion", "sound"), np.diff(clock).tolist())))


def in_chunks(network, mel: torch.Tensor, callback: Callable[[float], None] = lambda fraction: None) -> torch.Tensor:
    """`network` applied to (1, 1, M, F), `CHUNK` frames at a time, so that memory stays bounded; neighbours fade into each other."""
    frames = mel.shape[-1]
    length, count = min(CHUNK, frames), max(1, math.ceil((frames - OVERLAP) / (CHUNK - OVERLAP)))
    joined, end = torch.empty_like(mel), 0
    for i in range(count):
        callback(i / count)
        start = round(i * (frames - length) / max(1, count - 1))  # evenly spread, so that the last one is as long as the others
        part, shared = network(mel[..., start:start + length]), end - start
        if i:
            joined[..., start:end].lerp_(part[..., :shared], torch.arange(1, shared + 1) / (shared + 1))
            part, start = part[..., shared:], end
        end = start + part.shape[-1]
        joined[..., start:end] = part
    return joined


def sentence(done: Conversion, reading: float, device: str, cut: bool) -> str:
    """What was converted and what each stage cost."""
    work = ", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in {"reading": reading, **done.seconds}.items())
    note = f"**Only the first {audio.LONGEST:.0f} seconds were converted.** " if cut else ""
    return f"{note}{len(done.wave) / audio.RATE:.1f} seconds of sound. Work: {work}, on {describe(torch.device(device))}."


@dataclass(frozen=True)
class Example:
    """A recording to start from: its name on the page, the direction that suits it (None: whatever is chosen), how to write its file."""

    name: str
    direction: str | None
    write: Callable[[Path], object]
    ending: str = ".wav"


def examples_at_hand(data=None) -> list[Example]:
    """What there is without a network: two voices made of formulas, and the first recordings of `data`."""
    found = [Example("“We were away a year ago”, a man made of formulas", DIRECTIONS[0], lambda file: write_wav(file, speaking.spoken_by_formulas())),
             Example("the same, a woman", DIRECTIONS[1], lambda file: write_wav(file, speaking.spoken_by_formulas(200.0, 1.16)))]
    try:
        own = Collection(data, RECORDINGS) if data else None
    except ValueError:
        own = None  # pictures only, for the other tabs
    for name in own.names[:MOST_OWN] if own else ():
        found.append(Example(Path(name).stem, None, lambda file, name=name: file.write_bytes(own.open(name).read()), Path(name).suffix))
    return found


def examples_fetched(clips: Download) -> list[Example]:
    """The downloaded recordings, or none where they are not here."""
    found = clips.result() if clips.state == "ready" else []
    return [Example(*READERS[clip.stem], lambda file, clip=clip: shutil.copy(clip, file), clip.suffix) for clip in found]


def write_wav(file: Path, wave: torch.Tensor):
    """(T,) in -1..1 -> a 16-bit WAV file."""
    import soundfile
    soundfile.write(file, audio.to_pcm(wave), audio.RATE)


# -- page --------------------------------------------------------------------------------------------------------------

def build(device: str, data: str | None):
    """Lay out the tab."""
    path = page.CHECKPOINTS / "voice.safetensors"
    notes, absent = page.notes(path)
    clips = sources.speech_clips()
    at_hand = examples_at_hand(data)
    examples = lambda: at_hand + examples_fetched(clips)
    listed = lambda found: dict(samples=[[example.name] for example in found], sample_labels=[example.name for example in found])

    gr.Markdown(WORDS)
    words = absent or notes["facts"].get("words", "")
    gr.Markdown(words, visible=bool(words))
    shown = gr.Dataset(components=["textbox"], **listed(at_hand), type="index", samples_per_page=24, label="Examples: click one to load it")
    with gr.Row():
        with gr.Column(min_width=280):
            recording = gr.Audio(sources=["microphone", "upload"], type="filepath", label="Your recording", buttons=["download"],
                                 waveform_options=gr.WaveformOptions(sample_rate=audio.RATE))
            gr.Markdown(CONSENT)
        with gr.Column(min_width=280):
            direction = gr.Radio(DIRECTIONS, value=DIRECTIONS[0], label="Direction")
            go = gr.Button("Convert", variant="primary")
            told = gr.Markdown()
    result = gr.Audio(label="Converted", interactive=False, buttons=["download"])
    with gr.Row():
        before, after = (gr.Image(label=f"Spectrogram: {of}", alt_text=f"Spectrogram: {of}", interactive=False, min_width=280, buttons=["download", "fullscreen"])
                         for of in ("your recording", "converted"))
    with gr.Row():
        with gr.Column(min_width=280, scale=2):
            news = gr.Markdown()
        with gr.Column(min_width=280):
            fetch = gr.Button(f"Fetch three LibriVox clips ({clips.size})", size="sm")
    if not absent:
        with gr.Accordion("Which network is this?", open=False):
            gr.Markdown(checkpoint.card(path))
    clock = gr.Timer(1, active=False)

    # -- events --------------------------------------------------------------------------------------------------------

    @page.GPU(duration=30)
    @page.plainly  # within: a borrowed GPU hands back only errors of the page
    def convert_voice(recording, direction, progress=gr.Progress()):
        """A recording in another's voice, the spectrograms before and after, and a sentence on what was done."""
        progress(0.0, "reading")
        start = time.perf_counter()
        wave = audio.read(recording)
        reading = time.perf_counter() - start
        nets = checkpoint.load(path, CycleGAN, device).to(memory_format=torch.channels_last)
        settings = audio.MelConfig(**nets.preprocessing["mel"])
        done = convert(nets, wave, direction, settings, lambda fraction, stage: progress(0.1 + 0.9 * fraction, stage))
        return (page.kept("converted.wav", lambda file: write_wav(file, done.wave)), page.kept("recording.png", draw(done.real, settings).save),
                page.kept("converted.png", draw(done.fake, settings).save), sentence(done, reading, device, audio.seconds(recording) > audio.LONGEST))

    def take(index):
        example = examples()[index]
        return page.kept("example" + example.ending, example.write), example.direction or gr.skip()

    def look():
        """What the download is doing: new examples once it is done."""
        running, ready = clips.state == "running", clips.state == "ready"
        told = clips.message if running or clips.state == "failed" else f"{CREDITS} {clips.credit if ready else ''}"
        return (gr.Dataset(**listed(examples())) if ready else gr.skip(), told, gr.Button(visible=not ready, interactive=not running),
                gr.Timer(active=running))

    def begin():
        clips.start()
        return look()

    light = dict(queue=False, show_progress="hidden", api_visibility="private")
    go.click(convert_voice, [recording, direction], [result, before, after, told], concurrency_id="heavy", concurrency_limit=1, show_progress_on=[result],
             api_name="convert_voice")
    shown.click(take, shown, [recording, direction], **light)
    fetching = [shown, news, fetch, clock]
    fetch.click(begin, None, fetching, **light)
    clock.tick(look, None, fetching, **light)
    gr.on(None, look, None, fetching, **light)  # when the page is opened
