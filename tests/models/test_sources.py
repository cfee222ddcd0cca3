"""The sources of pictures and recordings: those at hand, and the downloads against a server on this very computer."""
import errno
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path

import numpy as np
import pooch.downloaders
import pytest
from PIL import Image
from skimage import data
from sklearn.datasets import _lfw
from sklearn.datasets._base import RemoteFileMetadata

from models import download as downloading, painting, sources

ALL = ("faces", "horses", "clips")


class Server:
    """Serves `files` {path: bytes} with ranges on 127.0.0.1 and counts.

    `spoil` {path: "half", "silent", "no ranges" or a status} spoils answers; `gate`, where set, holds every answer of more than 100 kB
    at its half until it opens.
    """

    def __init__(self):
        self.files, self.spoil, self.requests, self.bytes_served, self.gate = {}, {}, [], 0, None
        self.silence = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self):
                self.answer(False)

            def do_GET(self):
                self.answer(True)

            def answer(self, with_body):
                server.requests.append((self.command, self.path, self.headers.get("Range")))
                whole, spoil = server.files.get(self.path), server.spoil.get(self.path)
                if whole is None or isinstance(spoil, int):
                    return self.send_error(spoil or 404)
                if spoil == "silent":
                    return server.silence.wait(10)
                start, end = 0, len(whole)
                wanted = None if spoil == "no ranges" else self.headers.get("Range")
                if wanted:
                    first, last = wanted.removeprefix("bytes=").split("-")
                    start, end = int(first), min(int(last) + 1, len(whole))
                body = whole[start:end]
                self.send_response(206 if wanted else 200)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Accept-Ranges", "bytes")
                if wanted:
                    self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(whole)}")
                self.end_headers()
                if with_body:
                    half = len(body) // 2
                    self.send(body[:half])
                    if server.gate and len(body) > 100_000:
                        server.gate.wait(10)
                    if spoil != "half":
                        self.send(body[half:])

            def send(self, part):
                server.bytes_served += len(part)
                self.wfile.write(part)
                self.wfile.flush()

            def log_message(self, *words):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.http.handle_error = lambda request, address: None  # a client that hangs up is part of the tests
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        self.silence.set()
        self.http.shutdown()
        self.http.server_close()


def picture_bytes(seed, size):
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (size, size, 3), np.uint8)).save(file, "JPEG")
    return file.getvalue()


@pytest.fixture(scope="module")
def photos():
    """29 small photos of one person and one of another, in a .tgz laid out like Labeled Faces in the Wild."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for i in range(30):
            photo = picture_bytes(i, 120)
            person, number = ("Ann_Example", i + 1) if i < 29 else ("Bob_Example", 1)
            entry = tarfile.TarInfo(f"lfw_funneled/{person}/{person}_{number:04d}.jpg")
            entry.size = len(photo)
            archive.addfile(entry, io.BytesIO(photo))
    return file.getvalue()


@pytest.fixture(scope="module")
def horses():
    """80 photos stored in a zip of about 2 MB laid out like horse2zebra."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for i, part in enumerate(("trainA", "testA", "testB", "trainB")):
            for number in range(20):
                archive.writestr(f"horse2zebra/{part}/n{number:02d}.jpg", picture_bytes(100 * i + number, 160))
    return file.getvalue()


@pytest.fixture
def server(monkeypatch, photos, horses):
    server = Server()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    texts = [RemoteFileMetadata(text.filename, f"{server.url}/{text.filename}", hashlib.sha256(b"pairs").hexdigest()) for text in _lfw.TARGETS]
    monkeypatch.setattr(_lfw, "TARGETS", tuple(texts))
    monkeypatch.setattr(_lfw, "FUNNELED_ARCHIVE", RemoteFileMetadata("lfw-funneled.tgz", f"{server.url}/faces.tgz", hashlib.sha256(photos).hexdigest()))
    monkeypatch.setattr(sources, "MANY_PHOTOS", 20)
    monkeypatch.setattr(sources, "HORSE2ZEBRA", f"{server.url}/horses.zip")
    monkeypatch.setattr(sources, "CLIPS_AT", f"{server.url}/audio/")
    clips = {f"clip{i}.ogg": np.random.default_rng(i).bytes(150_000) for i in range(3)}
    monkeypatch.setattr(sources, "CLIPS", {name: hashlib.sha256(clip).hexdigest() for name, clip in clips.items()})
    server.files = {f"/{text.filename}": b"pairs" for text in texts} | {f"/audio/{name}": clip for name, clip in clips.items()}
    server.files |= {"/faces.tgz": photos, "/horses.zip": horses}
    yield server
    server.stop()


def make(name, cache):
    return {"faces": sources.faces_in_the_wild, "horses": sources.horse_photos, "clips": sources.speech_clips}[name](cache)


def main_path(name):
    return {"faces": "/faces.tgz", "horses": "/horses.zip", "clips": "/audio/clip1.ogg"}[name]


def run(download):
    download.start()
    download.wait(20)
    return download


def assert_failed_cleanly(download, cache, *words):
    assert download.state == "failed", download.message
    assert all(word in download.message for word in words), download.message
    assert download.message.endswith(".") and "Error" not in download.message
    assert list(Path(cache).iterdir()) == []
    with pytest.raises(ValueError, match="could not|damaged|refused|disk"):
        download.result()


# At hand

def test_small_faces_are_a_hundred_different_grey_pictures():
    faces = sources.small_faces()
    assert len({face.tobytes() for face in faces}) == 100
    assert {(face.mode, face.size) for face in faces} == {("L", (25, 25))}
    first_half = data.lfw_subset()[:100] * 255  # "100 first images are faces and subsequent 100 are non-faces"
    assert np.abs(np.stack(faces) - first_half).max() <= 0.5 and first_half.max() > 200


def test_portrait_is_a_colour_picture():
    assert (sources.portrait().mode, sources.portrait().size) == ("RGB", (512, 512))


def test_painted_horse_is_brown_on_green_under_blue_and_its_seed_alone_changes_it():
    picture = painting.painted_horse(128)
    pixels = np.asarray(picture, float)
    assert (picture.mode, picture.size) == ("RGB", (128, 128))
    sky, horse, grass = pixels[:25].mean((0, 1)), pixels[58:72, 35:85].mean((0, 1)), pixels[118:].mean((0, 1))
    assert sky.argmax() == 2 and horse.argmax() == 0 and grass.argmax() == 1
    assert horse[0] > 1.4 * horse[1]
    assert painting.painted_horse(128, seed=0).tobytes() == picture.tobytes() != painting.painted_horse(128, seed=1).tobytes()


def test_face_crop_takes_the_centre_144_of_250_pixels():
    photo = np.zeros((250, 250, 3), np.uint8)
    photo[53:197, 53:197] = 255
    assert np.asarray(sources.face_crop(Image.fromarray(photo))).min() == 255
    assert sources.face_crop(Image.fromarray(photo)).size == (128, 128)
    photo[53] = 0
    assert np.asarray(sources.face_crop(Image.fromarray(photo)))[0].max() < 255
    larger = Image.fromarray(photo).resize((500, 500), Image.NEAREST)
    assert np.asarray(sources.face_crop(larger))[-1].min() == 255


def test_nothing_heavy_is_imported_with_the_module():
    code = "import sys, models.sources; print([m for m in ('gradio', 'torch', 'sklearn', 'skimage', 'librosa', 'fsspec', 'pooch', 'aiohttp') if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True, cwd=Path(sources.__file__).parents[1]).strip() == "[]"


def test_clips_are_the_ones_librosa_names():
    package = resources.files("librosa.util.example_data")
    registry = dict(line.split() for line in (package / "registry.txt").read_text().splitlines())
    assert {name: registry[name] for name in sources.CLIPS} == sources.CLIPS
    index = (package / "index.json").read_text()
    assert all(name.removesuffix(".ogg") in index for name in sources.CLIPS)


# Fetched

@pytest.mark.parametrize("name", ALL)
def test_a_download_fills_its_folder_and_is_found_again_without_the_server(name, server, tmp_path):
    download = make(name, tmp_path / "cache")
    assert (download.state, download.progress) == ("absent", 0)
    with pytest.raises(ValueError, match="not fetched yet"):
        download.result()
    assert download.credit in sources.CREDITS.values()
    run(download)
    assert (download.state, download.progress) == ("ready", 1), download.message
    assert len(download.result()) == {"faces": 30, "horses": 6, "clips": 3}[name]
    assert all(path.is_file() for path in download.result())
    assert os.listdir(tmp_path / "cache") == [download.folder.name]
    asked = len(server.requests)
    server.stop()
    again = make(name, tmp_path / "cache")
    assert again.state == "ready" and again.result() == download.result()
    again.start()
    assert again.wait(1) == "ready" and len(server.requests) == asked


def test_faces_come_as_folders_of_people_and_scikit_learn_finds_them(server, tmp_path):
    paths = run(sources.faces_in_the_wild(tmp_path)).result()
    assert paths[-1] == tmp_path / "faces/lfw_home/lfw_funneled/Bob_Example/Bob_Example_0001.jpg"
    assert sources.face_crop(Image.open(paths[0])).size == (128, 128)
    server.stop()
    people = _lfw.fetch_lfw_people(data_home=tmp_path / "faces", color=True, min_faces_per_person=20, download_if_missing=False)
    assert list(people.target_names) == ["Ann Example"]
    assert sorted(p.name for p in (tmp_path / "faces/lfw_home").iterdir() if p.suffix == ".tgz") == []


def test_of_the_horses_only_a_part_is_fetched_and_it_is_the_right_part(server, horses, tmp_path):
    paths = run(sources.horse_photos(tmp_path, count=3)).result()
    assert [path.parent.name for path in paths] == ["testA", "testA", "testB"]
    with zipfile.ZipFile(io.BytesIO(horses)) as archive:
        assert all(path.read_bytes() == archive.read(f"horse2zebra/{path.parent.name}/{path.name}") for path in paths)
    assert all(asked for command, path, asked in server.requests if command == "GET")
    assert 0 < server.bytes_served < len(horses) / 2


@pytest.mark.parametrize("count", (0, 241))
def test_a_count_of_horses_that_cannot_be(count, tmp_path):
    with pytest.raises(ValueError, match="Ask for 1 to 240"):
        sources.horse_photos(tmp_path, count)


@pytest.mark.parametrize("name", ("faces", "clips"))
def test_progress_is_told_while_bytes_arrive_and_a_second_start_does_nothing(name, server, tmp_path):
    server.gate = threading.Event()
    download = make(name, tmp_path)
    download.start()
    for _ in range(500):
        if download.progress:
            break
        download.wait(0.01)
    assert download.state == "running" and 0 < download.progress < 1
    assert download.name in download.message
    with pytest.raises(ValueError):
        download.result()
    threads = threading.active_count()
    download.start()
    assert threading.active_count() <= threads
    server.gate.set()
    assert download.wait(20) == "ready"
    assert len([path for _, path, _ in server.requests if path == main_path(name)]) == 1


def test_horse_progress_never_goes_back(server, tmp_path):
    download, told = sources.horse_photos(tmp_path), []
    report = download._report
    download._report = lambda fraction, sentence: (told.append(fraction), report(fraction, sentence))
    run(download)
    assert told == sorted(told) and len(told) == 7 and 0 < told[0] < told[-1] < 1


# Failures

@pytest.mark.parametrize("name", ALL)
def test_without_a_network_a_sentence_and_later_another_try(name, server, tmp_path, monkeypatch):
    with monkeypatch.context() as away:
        away.setattr(sources, "HORSE2ZEBRA", "http://127.0.0.1:9/horses.zip")
        away.setattr(sources, "CLIPS_AT", "http://127.0.0.1:9/")
        away.setattr(_lfw, "TARGETS", tuple(t._replace(url="http://127.0.0.1:9/t") for t in _lfw.TARGETS))
        download = run(make(name, tmp_path))
        assert_failed_cleanly(download, tmp_path, "No network", "--data")
    assert run(download).state == "ready", download.message
    assert download.result()


@pytest.mark.parametrize("name", ALL)
def test_a_broken_archive(name, server, tmp_path):
    whole = server.files[main_path(name)]
    server.files[main_path(name)] = b"<html>Please log in to this network.</html>" * 400
    download = run(make(name, tmp_path))
    assert_failed_cleanly(download, tmp_path, "damaged", "--data")
    server.files[main_path(name)] = whole
    assert run(download).state == "ready", download.message


def test_an_archive_that_ends_early_but_has_the_right_checksum(server, tmp_path, photos, monkeypatch):
    server.files["/faces.tgz"] = photos[:len(photos) // 2]
    checksum = hashlib.sha256(server.files["/faces.tgz"]).hexdigest()
    monkeypatch.setattr(_lfw, "FUNNELED_ARCHIVE", _lfw.FUNNELED_ARCHIVE._replace(checksum=checksum))
    assert_failed_cleanly(run(sources.faces_in_the_wild(tmp_path)), tmp_path, "damaged")


def test_a_photo_whose_bytes_were_changed(server, tmp_path, horses):
    with zipfile.ZipFile(io.BytesIO(horses)) as archive:
        at = archive.getinfo("horse2zebra/testA/n00.jpg").header_offset + 1000
    server.files["/horses.zip"] = horses[:at] + bytes(100) + horses[at + 100:]
    assert_failed_cleanly(run(sources.horse_photos(tmp_path)), tmp_path, "damaged")


@pytest.mark.parametrize("name", ALL)
def test_half_a_download(name, server, tmp_path):
    server.spoil[main_path(name)] = "half"
    download = run(make(name, tmp_path))
    assert_failed_cleanly(download, tmp_path, "broke off", "--data")
    server.spoil.clear()
    assert run(download).state == "ready", download.message


@pytest.mark.parametrize("name", ALL)
def test_a_full_disk(name, server, tmp_path, monkeypatch):
    def full(*anything, **more):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    class FullFile(io.BytesIO):
        write = full

    with monkeypatch.context() as disk:
        disk.setattr(pooch.downloaders, "open", lambda *a, **k: FullFile(), raising=False)
        disk.setattr(Path, "write_bytes", full)
        download = run(make(name, tmp_path))
        assert_failed_cleanly(download, tmp_path, "disk is full", download.size, str(tmp_path))
    assert run(download).state == "ready", download.message


def test_a_disk_that_fills_while_unpacking(server, tmp_path, monkeypatch):
    count = iter(range(10_000))
    real = tarfile.bltn_open

    def open_until_full(path, mode="r", *more):
        if mode == "wb" and next(count) > 10:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(path, mode, *more)

    monkeypatch.setattr(tarfile, "bltn_open", open_until_full)
    assert_failed_cleanly(run(sources.faces_in_the_wild(tmp_path)), tmp_path, "disk is full")


@pytest.mark.parametrize("name", ALL)
def test_a_server_that_refuses(name, server, tmp_path):
    server.spoil[main_path(name)] = 403
    assert_failed_cleanly(run(make(name, tmp_path)), tmp_path, "403", "--data")


@pytest.mark.parametrize("name", ALL)
def test_a_server_that_says_nothing(name, server, tmp_path, monkeypatch):
    monkeypatch.setattr(downloading, "SILENCE", 0.2)
    server.spoil[main_path(name)] = "silent"
    assert_failed_cleanly(run(make(name, tmp_path)), tmp_path, "could not be fetched", "--data")


def test_a_server_that_moved_the_file_away(server, tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "HORSE2ZEBRA", server.url + "/gone.zip")
    assert_failed_cleanly(run(sources.horse_photos(tmp_path)), tmp_path, "404")


def test_a_server_without_ranges_is_not_read_in_full(server, tmp_path, horses):
    server.spoil["/horses.zip"] = "no ranges"
    server.files["/horses.zip"] = bytes(20_000_000) + horses
    assert_failed_cleanly(run(sources.horse_photos(tmp_path)), tmp_path, "something else")
    assert server.bytes_served < 12_000_000


def test_a_cache_that_cannot_be_written(server, tmp_path):
    (tmp_path / "file").write_text("no folder")
    download = run(sources.speech_clips(tmp_path / "file" / "cache"))
    assert download.state == "failed" and "could not be written" in download.message


def test_what_a_killed_program_left_is_not_taken_for_whole_and_goes_after_a_day(server, tmp_path):
    old, new = tmp_path / "librivox.part-old", tmp_path / "librivox.part-new"
    for left in (old, new):
        (left / "whole").mkdir(parents=True)
        (left / "whole" / "clip0.ogg").write_bytes(b"half")
    os.utime(old, (0, 0))
    download = sources.speech_clips(tmp_path)
    assert download.state == "absent"
    assert run(download).state == "ready"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["librivox", "librivox.part-new"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_error_that_nobody_expects_ends_the_download_too(tmp_path):
    def fetch(folder, callback):
        raise KeyError("surprise")

    download = run(downloading.Download("Surprise", "", "1 MB", tmp_path / "surprise", (".png",), fetch))
    assert download.state == "failed" and "surprise" in download.message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_missing_library_ends_the_download_with_its_name(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    download = run(sources.horse_photos(tmp_path))
    assert download.state == "failed" and "aiohttp" in download.message


def test_two_programs_may_fetch_the_same_at_once(server, tmp_path):
    first, second = sources.speech_clips(tmp_path), sources.speech_clips(tmp_path)
    server.gate = threading.Event()
    first.start()
    second.start()
    server.gate.set()
    assert (first.wait(20), second.wait(20)) == ("ready", "ready")
    assert first.result() == second.result()
    assert os.listdir(tmp_path) == ["librivox"]
