"""Files for ffmpeg are told by their first bytes, and nothing else reaches it."""
import io
import os
import shutil
import stat
import subprocess
import sys

import numpy as np
import pytest

from models import audio, ffmpeg

HEADS = {b"\x00\x00\x00\x1cftypM4A \x00\x00": "mov", b"\x1aE\xdf\xa3\x9fB\x86\x81": "matroska", b"\xff\xf1\x50\x80\x00\x1f": "aac",
         b"\xff\xfb\x90\x64": None, b"#EXTM3U\nfile:///etc/passwd": None, b"ffconcat version 1.0": None, b"": None}
M4A = b"\x00\x00\x00\x1cftypM4A " + bytes(400)


@pytest.mark.parametrize("head, demuxer", HEADS.items(), ids=str)
def test_only_these_kinds_are_handed_on(head, demuxer, tmp_path):
    (tmp_path / "a").write_bytes(head)
    assert ffmpeg.demuxer_of(head) == ffmpeg.demuxer_of(tmp_path / "a") == ffmpeg.demuxer_of(io.BytesIO(head)) == demuxer
    assert ffmpeg.demuxer_of(tmp_path / "b") is None and ffmpeg.demuxer_of(3.5) is None


def test_without_the_program_a_sentence_says_so(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ValueError, match="ffmpeg, which is not installed"):
        audio.read(M4A)


@pytest.fixture
def pretended(tmp_path, monkeypatch):
    """`pretended(python)` puts a program called ffmpeg into the path that runs these lines."""
    def put(lines):
        program = tmp_path / "ffmpeg"
        program.write_text(f"#!{sys.executable}\nimport sys, time\n{lines}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return put


def test_its_samples_are_taken_and_its_arguments_name_one_file_and_no_address(pretended, tmp_path):
    samples = (0.2 * np.sin(2 * np.pi * 440 * np.arange(2 * ffmpeg.RATE) / ffmpeg.RATE)).astype("<f4")
    (tmp_path / "samples").write_bytes(samples.tobytes() + b"\x00")
    pretended(f"open({str(tmp_path / 'arguments')!r}, 'w').write(' '.join(sys.argv)); sys.stdout.buffer.write(open({str(tmp_path / 'samples')!r}, 'rb').read())")
    wave = audio.read(M4A)
    assert len(wave) == pytest.approx(2 * audio.RATE, abs=2)
    assert np.abs(np.fft.rfft(wave.numpy())).argmax() / 2 == pytest.approx(440, abs=2)
    assert "-protocol_whitelist file,pipe -f mov -i" in (tmp_path / "arguments").read_text()


@pytest.mark.parametrize("lines, said", [("sys.exit(1)", "no sound"), ("time.sleep(20)", "too long")])
def test_its_failures_are_sentences(pretended, monkeypatch, lines, said):
    monkeypatch.setattr(ffmpeg, "PATIENCE", 3)
    pretended(lines)
    with pytest.raises(ValueError, match=said):
        audio.read(M4A)


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
@pytest.mark.parametrize("ending", ["m4a", "mp4", "aac", "webm"])
def test_the_real_one_reads_what_it_wrote(tmp_path, ending):
    file = tmp_path / f"a.{ending}"
    done = subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=frequency=440:duration=2", "-ac", "2", str(file)], capture_output=True)
    if done.returncode:
        pytest.skip(f"this ffmpeg writes no {ending}")
    wave = audio.read(file.read_bytes())
    assert len(wave) == pytest.approx(2 * audio.RATE, rel=0.06) and np.abs(np.fft.rfft(wave.numpy())).argmax() * audio.RATE / len(wave) == pytest.approx(440, abs=3)
