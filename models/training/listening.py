"""Listen to the voice networks by measures: convert held-back sentences, write them as WAV files, count words and pitch.

    python -m models.training.listening --data arctic_bdl.zip arctic_slt.zip vcc2016_pool.zip --transcripts arctic_transcripts.txt --out listened

Leaves folders <out>/<source>-<target>, and the sources' own sounds in <out>/<speaker>, for whatever else measures sound. Words are counted by a recognizer
(`pip install pocketsphinx`, which brings an English model): its errors on the source itself are the yardstick.
"""
import argparse
import json
import re
from pathlib import Path, PurePosixPath

import numpy as np
import soundfile
import torch

from models import audio, checkpoint
from models.conversion import VoiceGAN
from models.training import recordings
from models.vocoder import Vocoder

CHECKPOINTS = Path(__file__).parents[2] / "checkpoints"


def words_of(text: str) -> list[str]:
    """Lower-case words without punctuation."""
    return re.sub(r"[^a-z' ]", " ", text.lower()).split()


def edits(said: list[str], heard: list[str]) -> int:
    """Fewest words to insert, leave out or replace (Levenshtein 1966)."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
    return row[-1]


def word_errors(waves: dict[str, torch.Tensor], transcripts: dict[str, str]) -> float:
    """Share of wrong words over all sentences {name: wave (T,)} that have a transcript."""
    from pocketsphinx import Decoder
    decoder = Decoder(samprate=audio.RATE, loglevel="FATAL")
    wrong = total = 0
    for name, wave in waves.items():
        decoder.start_utt()
        decoder.process_raw(audio.to_pcm(wave).tobytes(), full_utt=True)
        decoder.end_utt()
        said, heard = words_of(transcripts[name]), words_of(decoder.hyp().hypstr if decoder.hyp() else "")
        wrong, total = wrong + edits(said, heard), total + len(said)
    return wrong / total


def median_pitch(waves) -> float:
    """Median over the voiced frames of all waves (T,), in Hz (Mauch & Dixon 2014)."""
    import librosa
    found = np.concatenate([librosa.pyin(wave.numpy(), fmin=60, fmax=500, sr=audio.RATE)[0] for wave in waves])
    return float(np.nanmedian(found))


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--data", nargs="+", required=True, metavar="PATH", help="folders or zip files of <speaker>/<sentence>.flac")
    parser.add_argument("--transcripts", type=Path, help="lines of ( <sentence> \"<words>\" ), as of CMU ARCTIC; without it no words are counted")
    parser.add_argument("--out", type=Path, default=Path("listened"))
    parser.add_argument("--sentences", type=int, default=20, help="of each speaker")
    parser.add_argument("--voice", type=Path, default=CHECKPOINTS / "voice.safetensors")
    parser.add_argument("--vocoder", type=Path, default=CHECKPOINTS / "vocoder.safetensors", help="a checkpoint, or a number of rounds of Griffin-Lim")
    choices = parser.parse_args(arguments)
    transcripts = {}
    if choices.transcripts:
        for line in choices.transcripts.read_text().splitlines():
            sentence, _, words = line.strip("() \n").partition(" ")
            transcripts[sentence] = words
    nets = checkpoint.load(choices.voice, VoiceGAN)
    settings = audio.MelConfig(**nets.preprocessing["mel"])
    if str(choices.vocoder).isdigit():
        sound = lambda mel: audio.to_wave(mel, settings, rounds=int(str(choices.vocoder)))
    else:
        vocoder = checkpoint.load(choices.vocoder, Vocoder)
        sound = lambda mel: vocoder(mel)[0]
    everyone = recordings.recordings(choices.data, settings)
    back = recordings.held_back_recordings([r.name for r in everyone])
    by_speaker = {}
    for r in everyone:
        kept = by_speaker.setdefault(r.speaker, {})
        if r.name in back and len(kept) < choices.sentences:
            kept[PurePosixPath(r.name).stem] = r
    table = {}

    def listen(name, waves):
        (choices.out / name).mkdir(parents=True, exist_ok=True)
        row = table[name] = {"n": len(waves), "median pitch Hz": round(median_pitch(waves.values()), 1)}
        if all(sentence in transcripts for sentence in waves):
            row["word error rate"] = round(word_errors(waves, transcripts), 3)
        for sentence, wave in waves.items():
            soundfile.write(choices.out / name / f"{sentence}.wav", audio.to_pcm(wave), audio.RATE)
        print(name, json.dumps(row), flush=True)

    with torch.inference_mode():
        for speaker, kept in by_speaker.items():
            if speaker not in nets.config.targets and speaker not in recordings.UNSEEN:
                continue
            listen(speaker, {sentence: r.wave for sentence, r in kept.items()})
            if speaker in nets.config.targets:
                listen(f"{speaker}-vocoder", {sentence: sound(r.mel[None]) for sentence, r in kept.items()})
            for target in nets.config.targets:
                if target != speaker:
                    listen(f"{speaker}-{target}", {sentence: sound(nets.convert(r.mel[None], target)) for sentence, r in kept.items()})
    (choices.out / "listened.json").write_text(json.dumps(table, indent=1))


if __name__ == "__main__":
    main()
