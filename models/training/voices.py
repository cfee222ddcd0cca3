"""What a voice converter learns from: one voice in disguise as many, two voices saying the same sentence, and recordings of others.

A recording whose pitch and resonances are moved is another person saying the same at the same pace, and the recording itself tells what its own voice
would make of it (after the information perturbation of Choi et al. 2021, arXiv:2110.14513). All of it happens on magnitudes, where moving is a
matter of stretching the frequency axis, and no phase has to be found.
"""
from pathlib import PurePosixPath

import numpy as np
import torch
from torch.nn import functional as F

from models import audio

MARGIN = 4  # frames around a passage, so that every window is full
CUT = 35  # samples of 1/16 ms: quefrencies below tell the resonances, those above the pitch
PITCHES = (80.0, 300.0)  # Hz, median pitch of the people a voice is disguised as
CEPSTRA = 24  # of a mel picture's cosine transform along frequency: resonances without the pitch


def log_spectrum(wave: torch.Tensor, stretch: float, settings: audio.MelConfig = audio.MelConfig()) -> torch.Tensor:
    """(T,) -> natural logarithm of the magnitudes (window + 1, F) at twice the bins of `to_mel`, seen through a window `stretch` (at most 2) times as
    long: once the frequency axis is stretched by as much, harmonics are as wide as those of a person who speaks at that pitch."""
    length = round(settings.window * stretch)
    magnitudes = torch.stft(wave, 2 * settings.window, settings.hop, length, torch.hann_window(length), pad_mode="constant", return_complex=True).abs()
    return (magnitudes / stretch).clamp_min(1e-6).log()


def disguised(spectrum: torch.Tensor, pitch: float, tract: float, settings: audio.MelConfig = audio.MelConfig()) -> torch.Tensor:
    """`log_spectrum` (window + 1, F) -> mel picture (1, M, F) with the pitch `pitch` times and the resonances `tract` times as high."""
    last = int(0.955 * settings.window)  # bins above hold what filters left of the highest tones
    cepstrum = torch.fft.irfft(spectrum, dim=0)
    cepstrum[CUT:-CUT + 1] = 0
    envelope = torch.fft.rfft(cepstrum, dim=0).real
    places = torch.arange(settings.window // 2 + 1) * 2.0
    moved = _read(envelope, places / tract, last) + _read(spectrum - envelope, places / pitch, last)
    mel = (audio.mel_filters(settings) @ moved.exp()).clamp_min(settings.floor).log()
    return ((mel - settings.center) / settings.scale)[None]


def _read(rows, places, last):
    """Rows at fractional places; beyond the last one they go back."""
    places = torch.where(places > last, 2 * last - places, places)
    below = places.long().clamp_max(last - 1)
    return torch.lerp(rows[below], rows[below + 1], (places - below)[:, None])


def worn(mels: torch.Tensor, settings: audio.MelConfig = audio.MelConfig()) -> torch.Tensor:
    """(B, 1, M, F) as if recorded elsewhere: another loudness, another colour of the microphone, and noise 40 to 85 dB below the loudest."""
    batch, _, rows, frames = mels.shape
    draw = lambda *shape: torch.rand(*shape, device=mels.device)
    waves = torch.cos(torch.linspace(0, torch.pi, rows, device=mels.device)[None, :] * torch.arange(5, device=mels.device)[:, None])  # (5, M)
    colour = torch.randn(batch, 2, 5, device=mels.device) * torch.tensor([0.3, 0.3, 0.25, 0.2, 0.15], device=mels.device) @ waves  # nats
    logs = mels * settings.scale + settings.center + colour[:, :1, :, None]
    noise = logs.amax((2, 3), keepdim=True) - (40 + 45 * draw(batch, 1, 1, 1)) * np.log(10) / 20 + colour[:, 1:, :, None]
    noise = noise + (draw(batch, 1, rows, frames).clamp_min(1e-3).log().neg() + 1e-3).log() / 2 * 0.7
    mixed = torch.logaddexp(2 * logs, 2 * noise) / 2
    return ((mixed - settings.center) / settings.scale).clamp_min((np.log(settings.floor) - settings.center) / settings.scale)


def envelope_cepstra(mels: torch.Tensor) -> torch.Tensor:
    """(..., M, F) -> (..., CEPSTRA, F): the cosine transform along frequency, orthonormal, its first rows."""
    rows = mels.shape[-2]
    angle = torch.pi / rows * (torch.arange(rows) + 0.5)[None] * torch.arange(CEPSTRA)[:, None]
    table = angle.cos() * (2 / rows) ** 0.5
    table[0] /= 2 ** 0.5
    return table.to(mels) @ mels


def alignment(source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mel pictures (1, M, F) and (1, M, G) of one sentence -> (F,), the frame of the target that fits each of the source (dynamic time warping)."""
    import librosa
    features = []
    for mel in (source, target):
        cepstra = envelope_cepstra(mel[0].float())
        cepstra[0] = cepstra[0] - cepstra[0].amax()
        features.append(cepstra.numpy())
    _, way = librosa.sequence.dtw(*features, metric="euclidean")
    fits = np.zeros(source.shape[-1])
    np.add.at(fits, way[:, 0], way[:, 1])
    return torch.from_numpy((fits / np.bincount(way[:, 0])).round()).long()


def distance_db(a: torch.Tensor, b: torch.Tensor, settings: audio.MelConfig = audio.MelConfig()) -> float:
    """Mel-cepstral distance in dB between two pictures (1, M, F), (1, M, G) of one sentence after alignment, loudness left out."""
    fits = alignment(a, b)
    difference = (envelope_cepstra(a[0]) - envelope_cepstra(b[0][:, fits]))[1:] * settings.scale / (settings.mels / 2) ** 0.5
    return float(10 / np.log(10) * 2 ** 0.5 * difference.norm(dim=0).mean())


def filled(hz: np.ndarray) -> np.ndarray:
    """(F,) with 0 where nothing is voiced -> pitch (F,) that goes on in between, along straight lines."""
    voiced = np.flatnonzero(hz)
    return np.interp(np.arange(len(hz)), voiced, hz[voiced]).astype(np.float32)


class Voices:
    """Passages of `frames` frames: of target voices in disguise, of one target voice and how another says the same, and of anyone.

    `pitches`: pitch (F,) in Hz of each recording by name, 0 where nothing is voiced; `medians`: median pitch of each target voice.
    """

    def __init__(self, recordings, targets, pitches, medians, frames, settings=audio.MelConfig()):
        self.targets, self.medians, self.frames, self.settings = targets, medians, frames, settings
        long_enough = [r for r in recordings if r.mel.shape[-1] >= frames and pitches[r.name].any()]
        self.hz = {r.name: torch.from_numpy(filled(pitches[r.name])) for r in long_enough}
        self.voiced = {r.name: torch.from_numpy(pitches[r.name] > 0).float() for r in long_enough}
        self.median = {name: float(hz[self.voiced[name] > 0].median()) for name, hz in self.hz.items()}
        self.of = [[r for r in long_enough if r.speaker == target] for target in targets]
        self.others = [r for r in long_enough if r.speaker not in targets]
        self.pairs = []  # (source, target's number, target's picture on the source's time)

    def _start(self, recording):
        return int(torch.randint(recording.mel.shape[-1] - self.frames + 1, ()))

    def _melody(self, recording, start):
        """Pitch (frames,) in Hz of a passage, and whether it is voiced (frames,)."""
        part = slice(start, start + self.frames)
        return self.hz[recording.name][part], self.voiced[recording.name][part]

    def _ratio(self, recording, target):
        """How many times as high a target speaks in general."""
        return self.medians[target] / self.median[recording.name]

    def in_disguise(self, n):
        """What someone else says (n, 1, M, frames) at which pitch (n, frames), whose voice it was (n,), and how and at which pitch that voice said it
        (n, 1, M, frames), (n, frames); and which frames are voiced (n, frames)."""
        heard, said, high, hz, voiced, whose = [], [], [], [], [], torch.arange(n) % len(self.targets)
        for target in whose.tolist():
            recording = self.of[target][int(torch.randint(len(self.of[target]), ()))]
            start, hop = self._start(recording), self.settings.hop
            least, most = (np.log(pitch / self.medians[target]) for pitch in PITCHES)
            pitch = float(np.exp(least + (most - least) * torch.rand(()).item()))
            tract = float(np.exp(0.3 * np.log(pitch) + 0.08 * torch.randn(()).item()).clip(0.75, 1.35))
            wave = F.pad(recording.wave, (MARGIN * hop, (MARGIN + 1) * hop))[start * hop:(start + self.frames + 2 * MARGIN) * hop]
            spectrum = log_spectrum(wave, min(pitch, 2.0), self.settings)[:, MARGIN:MARGIN + self.frames]
            heard.append(disguised(spectrum, pitch, tract, self.settings))
            said.append(recording.mel[..., start:start + self.frames])
            own, sounds = self._melody(recording, start)
            high.append(own * pitch)
            hz.append(own)
            voiced.append(sounds)
        return torch.stack(heard), torch.stack(high), whose, torch.stack(said), torch.stack(hz), torch.stack(voiced)

    def align(self, convert):
        """Pair every sentence of a target with that of the others: `convert(mel, target number)` brings it near first, so that the alignment is easy."""
        self.pairs = []
        for target, theirs in enumerate(self.of):
            by_sentence = {PurePosixPath(r.name).stem: r for r in theirs}
            for source in (r for whose in self.of if whose is not theirs for r in whose if PurePosixPath(r.name).stem in by_sentence):
                said = by_sentence[PurePosixPath(source.name).stem].mel
                self.pairs.append((source, target, said[..., alignment(convert(source.mel, target), said)]))

    def paired(self, n):
        """Passages of targets (n, 1, M, frames), the voice they are to be converted to (n,), how that one said the same, brought to their pace, and three
        times (n, frames): their pitch, the one that is wanted, what is voiced."""
        sources, whose, said, hz, wanted, voiced = [], [], [], [], [], []
        for i in torch.randint(len(self.pairs), (n,)).tolist():
            source, target, fitted = self.pairs[i]
            start = self._start(source)
            sources.append(source.mel[..., start:start + self.frames])
            said.append(fitted[..., start:start + self.frames])
            whose.append(target)
            own, sounds = self._melody(source, start)
            hz.append(own)
            wanted.append(own * self._ratio(source, target))
            voiced.append(sounds)
        return torch.stack(sources), torch.tensor(whose), torch.stack(said), torch.stack(hz), torch.stack(wanted), torch.stack(voiced)

    def anyone(self, n):
        """Passages of other people (n, 1, M, frames), the target of each (n,), and three times (n, frames): the pitch for that target, the one for the
        other target, what is voiced."""
        mels, whose, hz, others, voiced = [], torch.arange(n) % len(self.targets), [], [], []
        for target in whose.tolist():
            recording = self.others[int(torch.randint(len(self.others), ()))]
            start = self._start(recording)
            mels.append(recording.mel[..., start:start + self.frames])
            own, sounds = self._melody(recording, start)
            hz.append(own * self._ratio(recording, target))
            others.append(own * self._ratio(recording, 1 - target))
            voiced.append(sounds)
        return torch.stack(mels), whose, torch.stack(hz), torch.stack(others), torch.stack(voiced)
