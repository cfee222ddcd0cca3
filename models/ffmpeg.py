"""Recordings that only ffmpeg reads: M4A, AAC, MP4 and WEBM, where that program is installed."""
import io
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

RATE = 48_000  # samples a second that ffmpeg is asked for
PATIENCE = 60  # seconds that it may take


def demuxer_of(source) -> str | None:
    """ffmpeg's name for the kind of file (a path, bytes or a binary file), as its first bytes tell; None for any other kind.

    Only these are ever handed to ffmpeg: among all that it reads there are lists of other files and addresses, which a stranger must not have opened.
    """
    try:
        head = _bytes(source, 12)
    except (OSError, TypeError, ValueError):
        return None
    if head[4:8] == b"ftyp":
        return "mov"
    if head[:4] == b"\x1aE\xdf\xa3":
        return "matroska"
    return "aac" if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0 else None


def decoded(source, demuxer: str, seconds: float) -> tuple[np.ndarray, int]:
    """Samples (T,), float32, the mean of all channels, of at most the first `seconds`, and their rate. ValueError where ffmpeg is not there, or finds no sound."""
    program = shutil.which("ffmpeg")
    if program is None:
        raise ValueError("M4A, AAC, MP4 and WEBM are read by the program ffmpeg, which is not installed on this computer: "
                         "install it (https://ffmpeg.org), or convert the recording to WAV, FLAC, OGG or MP3.")
    with tempfile.TemporaryDirectory() as folder:  # as it is read from both ends, it cannot be piped
        file = Path(folder, "recording")
        file.write_bytes(_bytes(source))
        command = [program, "-v", "error", "-nostdin", "-protocol_whitelist", "file,pipe", "-f", demuxer, "-i", str(file), "-vn", "-sn", "-dn",
                   "-t", str(seconds), "-ac", "1", "-ar", str(RATE), "-f", "f32le", "pipe:1"]
        try:
            done = subprocess.run(command, capture_output=True, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            raise ValueError("ffmpeg took too long over this file: convert the recording to WAV, FLAC, OGG or MP3.") from None
    samples = np.frombuffer(done.stdout[:len(done.stdout) // 4 * 4], "<f4")
    if not len(samples):
        raise ValueError("ffmpeg found no sound in this file: use a recording in WAV, FLAC, OGG, MP3 or M4A.")
    return samples, RATE


def _bytes(source, count=-1):
    """The first `count` bytes, or all."""
    if isinstance(source, bytes):
        return source if count < 0 else source[:count]
    if isinstance(source, io.IOBase):
        source.seek(0)
        return source.read(count)
    with open(source, "rb") as file:
        return file.read(count)
