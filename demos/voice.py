"""Tab 4: voice. A recording becomes a picture of its sound, the picture is translated into another's voice, and becomes a recording again."""
import contextlib
import functools
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import gradio as gr
import torch
from starlette.routing import Mount

from demos import fetching, page, voice_examples, voice_line, voice_mark, voice_phase
from demos.serving import Modules
from demos.voice_examples import wav
from demos.voice_recorder import Recorder, bytes_of, recording
from models import audio, checkpoint, likeness, sources, speaking, watermark
from models.conversion import VoiceGAN
from models.device import describe
from models.vocoder import Vocoder

TITLE = "Voice"
WORDS = """**The idea of the zebras, on sound.** A spectrogram is a picture of sound: time from left to right, frequency from below to above, brightness for loudness. A CycleGAN
translates it from one voice's pictures to another's; then the sound is computed back. What you say and when stays yours; pitch and timbre become theirs."""
CONSENT = """A voice belongs to its person: convert your own, or one whose owner has agreed. What you record or upload is sent to the computer that runs this page and worked on
in its memory; it is written to no file (sound from M4A and video files passes through a temporary one, deleted at once) and trains nothing. The result stays in that memory
for an hour at most, so that you can ask more about it; *Forget it* empties it at once."""
NAMES = {"bdl": "a man's voice (bdl)", "slt": "a woman's voice (slt)"}
NEURAL, GRIFFIN_LIM = "neural", "Griffin-Lim"
VOCODERS = {NEURAL: "a neural vocoder", GRIFFIN_LIM: "Griffin-Lim, 32 rounds"}
REMEMBERED = 3600  # seconds that a result is kept in memory
WEB = Path(__file__).parent / "voice_web"


# -- pure functions ----------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Conversion:
    """A spectrogram, its translation, the sound of that, and how long each stage took."""

    wave: torch.Tensor  # (T,), the result with its mark
    real: torch.Tensor  # (1, 1, M, F), what was translated
    fake: torch.Tensor  # (1, 1, M, F), its translation
    seconds: dict[str, float]  # stage -> seconds of work


def convert(nets: VoiceGAN, vocoder: Vocoder | None, wave: torch.Tensor, target: str, semitones: float = 0.0, settings: audio.MelConfig = audio.MelConfig(),
            callback: Callable[[float, str], None] = lambda fraction, stage: None) -> Conversion:
    """Convert a recording (T,) as `audio.listen` gives it to the target's voice, `semitones` above its usual pitch; without a vocoder (None) by Griffin-Lim.
    `callback(fraction, stage)` is told how far it is. ValueError for no such target."""
    nets.index(target)
    callback(0.0, "spectrogram")
    start = time.perf_counter()
    real = audio.to_mel(wave, settings)
    took = time.perf_counter() - start
    done = translate(nets, vocoder, real, target, semitones, settings, lambda fraction, stage: callback(0.1 + 0.9 * fraction, stage))
    return replace(done, seconds={"spectrogram": took, **done.seconds})


@torch.inference_mode()
def translate(nets: VoiceGAN, vocoder: Vocoder | None, real: torch.Tensor, target: str, semitones: float = 0.0, settings: audio.MelConfig = audio.MelConfig(),
              callback: Callable[[float, str], None] = lambda fraction, stage: None) -> Conversion:
    """`convert` from the spectrogram (1, 1, M, F) on: the whole of it at once, so that there are no seams."""
    device = next(nets.parameters()).device
    clock = [time.perf_counter()]
    callback(0.0, "conversion")
    fake = nets.convert(real.to(device), target, semitones)
    fake = fake.cpu() if vocoder is None else fake
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    clock.append(time.perf_counter())
    callback(0.4, "sound")
    sound = audio.to_wave(fake, settings) if vocoder is None else vocoder(fake)[0].float().cpu()
    clock.append(time.perf_counter())
    callback(0.9, "mark")
    sound = watermark.embed(sound)
    clock.append(time.perf_counter())
    return Conversion(sound, real, fake.cpu(), {stage: later - sooner for stage, sooner, later in zip(("conversion", "sound", "mark"), clock, clock[1:])})


def way_back(nets: VoiceGAN, target: str, hertz: float | None) -> str:
    """The voice to go on to from `target`: of the others the one nearest in pitch to a median of `hertz` (None: unknown)."""
    others = [voice for voice in nets.config.targets if voice != target]
    medians = dict(zip(nets.config.targets, nets.pitches[:, 1].tolist()))
    return min(others, key=lambda voice: abs(math.log(medians[voice] / (hertz or 1.0))))


def cycle_error(real: torch.Tensor, rec: torch.Tensor, settings: audio.MelConfig = audio.MelConfig()) -> float:
    """Mean absolute difference in dB between two spectrograms (1, 1, M, F) over the loud frames of the first: what training makes small where a voice comes home."""
    loud = likeness.loud_frames(real, settings)
    return float((real - rec)[..., loud].abs().mean()) * likeness.decibels(settings)


def sentence(done: Conversion, heard: audio.Recording, reading: float, device: str) -> str:
    """What was converted and what each stage cost."""
    length, stages = len(done.wave) / audio.RATE, {"reading": reading, **done.seconds}
    work = sum(stages.values())
    words = ["**Only the first minute was converted**: the recording is longer."] if heard.longer else []
    if max(heard.before, heard.after) >= 0.1:
        words.append(f"{heard.before:.1f} s of silence before and {heard.after:.1f} s after it were left out.")
    words.append(f"{length:.1f} seconds of sound took {work:.2f} s on {describe(torch.device(device))} ({', '.join(f'{stage} {seconds:.2f}' for stage, seconds in stages.items())}): "
                 f"real-time factor {work / length:.2f}.")
    return " ".join(words)


# -- page --------------------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Held:
    """What the tab remembers of the last conversion of a visitor: the wave with its mark, both pictures, the target, the pitch of the recording, whether it was an example."""

    done: Conversion
    target: str
    pitch: likeness.Pitch
    example: bool


def routes(device: str, data: str | None) -> list:
    """What the page of this tab asks for by itself: its modules."""
    return [Mount("/voice/web", Modules(directory=WEB))]


def build(device: str, data: str | None):
    """Lay out the tab."""
    path, vocoder_path = page.CHECKPOINTS / "voice.safetensors", page.CHECKPOINTS / "vocoder.safetensors"
    notes, absent = page.notes(path)
    silent = page.notes(vocoder_path)[1]
    targets = [(NAMES.get(target, target), target) for target in reversed(notes["config"].get("targets", list(NAMES)))]
    ways = [(VOCODERS[way], way) for way in ([GRIFFIN_LIM] if silent else [NEURAL, GRIFFIN_LIM])]
    clips = sources.speech_clips()
    at_hand = voice_examples.at_hand(data)
    examples = lambda: at_hand + voice_examples.fetched(clips)
    listed = lambda found: dict(samples=[[example.name] for example in found], sample_labels=[example.name for example in found])

    gr.Markdown(WORDS)
    gr.Markdown(absent, visible=bool(absent))
    shown = gr.Dataset(components=["textbox"], **listed(at_hand), type="index", samples_per_page=24, label="Examples: click one to load it")
    with gr.Row():
        with gr.Column(min_width=280):
            recorder = Recorder("Your recording", padding=False)
            gr.Markdown(CONSENT)
        with gr.Column(min_width=280):
            target = gr.Radio(targets, value=targets[0][1], label="To")
            way = gr.Radio(ways, value=ways[0][1], label="Sound by")
            semitones = gr.Slider(-6, 6, 0, step=1, label="Semitones above the voice's usual pitch")
            go = gr.Button("Convert", variant="primary")
            told = gr.Markdown()
    line = voice_line.VoiceLine("Here your recording and its translation will stand side by side.", elem_id="voice-line", padding=False)
    with gr.Column(visible=False) as on:
        back = gr.Button("And back again")
        returned = gr.Markdown()
        home = voice_line.VoiceLine("", elem_id="voice-back", padding=False)
    gr.Markdown(voice_phase.WORDS)
    apart = gr.Button("Take my recording apart")
    lesson = voice_phase.PhaseLesson(elem_id="voice-phase", padding=False)
    gr.Markdown(voice_mark.WORDS)
    with gr.Row():
        with gr.Column(min_width=280):
            doubtful = Recorder("A recording to look at", microphone=False, padding=False)
        with gr.Column(min_width=280):
            ask = gr.Button("Ask about the result above")
            found = gr.Markdown()
            gr.Markdown(voice_mark.HONEST)
    fetching.offer(clips, "Fetch three LibriVox clips", lambda: f"{voice_examples.CREDITS} {clips.credit if clips.state == 'ready' else ''}",
                   news=lambda: gr.Dataset(**listed(examples())), shows=shown)
    gr.Markdown(notes["facts"].get("words", ""))
    for card in ([] if absent else [("Which network converts?", path)]) + ([] if silent else [("Which network speaks?", vocoder_path)]):
        with gr.Accordion(card[0], open=False):
            gr.Markdown(checkpoint.card(card[1]))
    held = gr.State(None, time_to_live=REMEMBERED)
    file, result, script = gr.Audio(visible=False, type="filepath", label="recording"), gr.Audio(visible=False, label="converted"), gr.Button(visible=False)

    # -- events --------------------------------------------------------------------------------------------------------

    def network():
        return checkpoint.load(path, VoiceGAN, device)

    def speaks(way):
        """The vocoder, or None where Griffin-Lim is to do it, or has to."""
        return None if silent or way != NEURAL else checkpoint.load(vocoder_path, Vocoder, device)

    def side(title, wave, mel, nets, settings):
        pitch = likeness.pitch_of(mel, speaks(NEURAL) or nets.P)
        return voice_line.Side(title, wave, mel, pitch, likeness.likeness(nets, mel, pitch, settings))

    def work(source, target, way, semitones, progress):
        """The conversion of a file, its path or its bytes, and the sentence about it."""
        progress(0.0, "reading")
        start = time.perf_counter()
        heard = audio.listen(source)
        reading = time.perf_counter() - start
        nets = network()
        settings = audio.MelConfig(**nets.preprocessing["mel"])
        done = convert(nets, speaks(way), heard.wave, target, semitones, settings, lambda fraction, stage: progress(0.1 + 0.9 * fraction, stage))
        return heard, done, sentence(done, heard, reading, device)

    @page.GPU(duration=30)
    @page.plainly  # within: a borrowed GPU hands back only errors of the page
    def convert_voice(recording, target, way, semitones=0, progress=gr.Progress()):
        """A recording in another's voice, as the path of a WAV file that carries the mark, and a sentence on what was done. Only for voices whose owners have agreed."""
        _, done, words = work(recording, target, way, semitones, progress)
        return page.kept("converted.wav", lambda file: file.write_bytes(wav(done.wave))), words

    @page.GPU(duration=30)
    @page.plainly
    def convert_here(recorded, target, way, semitones=0, progress=gr.Progress()):
        heard, done, words = work(bytes_of(recorded), target, way, semitones, progress)
        nets = network()
        settings, example = audio.MelConfig(**nets.preprocessing["mel"]), recorded["source"] == "example"
        one = side("Your recording" if not example else "The example", heard.wave, done.real, nets, settings)
        other = side(f"In {NAMES.get(target, target)}", done.wave, done.fake, nets, settings)
        steps = [("short-time Fourier transform", done.seconds["spectrogram"]), ("VoiceGAN", done.seconds["conversion"]),
                 ("neural vocoder" if speaks(way) else "Griffin-Lim", done.seconds["sound"])]
        facts = voice_line.facts(one, other, target, steps, nets, settings, likeness.in_words(other.likeness, target), f"to-{target}.wav", not example)
        return facts, Held(done, target, one.pitch, example), words, gr.Column(visible=True), "", None, ""

    @page.GPU(duration=30)
    @page.plainly
    def back_again(held, way, progress=gr.Progress()):
        if held is None:
            raise ValueError("There is no result to send back: convert a recording first. A result is remembered for an hour.")
        nets = network()
        settings, other = audio.MelConfig(**nets.preprocessing["mel"]), way_back(nets, held.target, held.pitch.median)
        done = translate(nets, speaks(way), held.done.fake, other, settings=settings, callback=progress)
        one = side(f"The result, {NAMES.get(held.target, held.target)}", held.done.wave, held.done.fake, nets, settings)
        two = side(f"Sent on, {NAMES.get(other, other)}", done.wave, done.fake, nets, settings)
        steps = [("the picture as it was", None), ("VoiceGAN", done.seconds["conversion"]), ("neural vocoder" if speaks(way) else "Griffin-Lim", done.seconds["sound"])]
        words = (f"From {held.target} on to {other}, of the voices this network speaks in the nearest to your pitch. For {' and '.join(nets.config.targets)} themselves that is the cycle "
                 "of training, which has to end where it began. For anybody else there is no way home: their voice was never a target, so what comes back is their words "
                 f"in {other}'s voice. Here its loud frames are {cycle_error(held.done.real, done.fake, settings):.1f} dB from those of the recording, on average over all bands.")
        return words, voice_line.facts(one, two, other, steps, nets, settings, likeness.in_words(two.likeness, other), f"back-to-{other}.wav", not held.example)

    @page.GPU(duration=30)
    @page.plainly
    def take_apart(recorded, progress=gr.Progress()):
        progress(0.0, "reading")
        wave = audio.listen(bytes_of(recorded)).wave
        piece = voice_phase.loudest(wave)
        variants = voice_phase.variants(piece, speaks(NEURAL), callback=lambda fraction: progress(0.1 + 0.9 * fraction, "Griffin-Lim"))
        return voice_phase.facts(variants, len(piece) < len(wave))

    @page.plainly
    def look_for_mark(recorded):
        return "" if recorded is None else voice_mark.answer(audio.read(bytes_of(recorded)))

    @page.plainly
    def ask_about_result(held):
        if held is None:
            raise ValueError("There is no result yet: convert a recording first. A result is remembered for an hour.")
        return voice_mark.answer(held.done.wave)

    @functools.cache
    def warm():
        """Once a browser has opened the tab: so that the first conversion does not wait for what is loaded once. A borrowed GPU is not there yet."""
        with contextlib.suppress(ValueError):  # of a file that is no good: who converts is told
            if device == "cpu":
                convert(network(), speaks(NEURAL), audio.listen(wav(speaking.spoken_by_formulas())).wave, targets[0][1])

    def take(index):
        example = examples()[index]
        return recording(example.content(), example.name, "example"), example.target or gr.skip()

    def forget():
        return None, None, "", gr.Column(visible=False), "", None, None

    light = dict(queue=False, show_progress="hidden", api_visibility="private")
    heavy = dict(concurrency_id="heavy", concurrency_limit=1)
    script.click(convert_voice, [file, target, way, semitones], [result, told], api_name="convert_voice", **heavy)
    go.click(convert_here, [recorder, target, way, semitones], [line, held, told, on, returned, home, found], show_progress_on=[line], api_visibility="private", **heavy)
    back.click(back_again, [held, way], [returned, home], show_progress_on=[home], api_visibility="private", **heavy)
    apart.click(take_apart, recorder, lesson, show_progress_on=[lesson], api_visibility="private", **heavy)
    doubtful.input(look_for_mark, doubtful, found, api_visibility="private", show_progress_on=[found])
    ask.click(ask_about_result, held, found, api_visibility="private", show_progress_on=[found])
    recorder.load(warm, None, None, **light)
    recorder.clear(forget, None, [line, held, told, on, returned, home, lesson], **light)
    shown.click(take, shown, [recorder, target], **light)
