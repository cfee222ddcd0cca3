"""Pictures and recordings to start from: some lie in scikit-image, others are fetched in the background where there is a network."""
import errno
import gzip
import logging
import shutil
import tarfile
import tempfile
import threading
import time
import zipfile
import zlib
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from models.collection import PICTURES, RECORDINGS, Collection

CREDITS = {
    "small faces": "100 faces of 25 x 25 pixels from Labeled Faces in the Wild (Huang et al. 2007), news photographs, as scikit-image ships them.",
    "portrait": "Eileen Collins, astronaut, photographed by NASA; public domain; as scikit-image ships it.",
    "painted horse": "Painted by a program on a horse's outline by Andreas Preuss (CC0) and grass by linolafett (CC0), as scikit-image ships them.",
    "Labeled Faces in the Wild": "Labeled Faces in the Wild, Huang, Ramesh, Berg & Learned-Miller 2007: news photographs collected as a research benchmark; "
                                 "no licence is granted on the photographs.",
    "horse2zebra": "horse2zebra, Zhu, Park, Isola & Efros 2017: photographs from ImageNet, for non-commercial research and education.",
    "LibriVox": "LibriVox recordings read by Garth Comira, Anders Lankford and Heather Barnett, by way of LibriSpeech and librosa; public domain.",
}
HORSE2ZEBRA = "http://efrosgans.eecs.berkeley.edu/cyclegan/datasets/horse2zebra.zip"
CLIPS_AT = "https://librosa.org/data/audio/"
CLIPS = {  # librosa's examples libri1, libri2 and libri3 with the SHA-256 that librosa gives
    "5703-47212-0000.ogg": "a284612b46af0535f7e1873758c4387bb8369f6dbbe192ffdec1f171108f98dd",
    "3436-172162-0000.ogg": "780e482b52f2c8a500356babf60178ce005449cc171a8537eb3ef2961eb3e855",
    "198-209-0000.ogg": "0473ba9613befa1026db5e254546f105aeffba8366b5468fc5e8d474d844ca1d",
}
MANY_PHOTOS = 500  # of one person in Labeled Faces in the Wild: just one person has more
CONNECT, SILENCE = 10, 30  # seconds: for a connection, and between two pieces of an answer
DAY = 86_400  # seconds


# Without a network

def small_faces() -> list[Image.Image]:
    """100 grey faces, 25 x 25 pixels, mode L."""
    from skimage import data
    return [Image.fromarray((face * 255).round().astype(np.uint8)) for face in data.lfw_subset()[:100]]  # the other 100 are no faces


def portrait() -> Image.Image:
    """An astronaut in colour, 512 x 512 pixels, RGB."""
    from skimage import data
    return Image.fromarray(data.astronaut())


def face_crop(photo: Image.Image) -> Image.Image:
    """The face of a Labeled Faces in the Wild photo, 128 x 128, as the training faces were cut: the centre 144 of its 250 pixels.

    A photo of another size is cut to the same share of its shorter side.
    """
    side = min(photo.size) * 144 / 250
    left, top = (photo.width - side) / 2, (photo.height - side) / 2
    return photo.crop([round(edge) for edge in (left, top, left + side, top + side)]).resize((128, 128), Image.LANCZOS)


def painted_horse(size: int = 256, seed: int = 0) -> Image.Image:
    """A bay horse on a meadow, `size` x `size`, RGB: a silhouette painted to look like a photograph. `seed` changes clouds, trees and coat."""
    from scipy import ndimage
    from skimage import data
    rng = np.random.default_rng(seed)
    soft = ndimage.gaussian_filter
    y, x = np.mgrid[:512, :512] / 512
    u, v = (x - 0.075) * 465, (y - 0.225) * 465  # the silhouette's own 400 x 328 pixels: all anatomy below is placed in these

    def noise(*scales):  # standard deviation about 1, one layer for each scale in pixels
        layers = [np.fft.irfft2(ndimage.fourier_gaussian(np.fft.rfft2(rng.normal(size=x.shape)), scale, n=512)) for scale in scales]
        return sum(layer / layer.std() for layer in layers) / len(layers)

    def step(values, start, end):
        ramp = np.clip((values - start) / (end - start), 0, 1)
        return ramp * ramp * (3 - 2 * ramp)

    def blob(centre_u, centre_v, width, height):
        return np.exp(-((u - centre_u) / width) ** 2 - ((v - centre_v) / height) ** 2)

    def over(picture, colour, alpha):
        return picture + (colour - picture) * np.asarray(alpha)[..., None]

    def paint(red, green, blue):
        return np.full((512, 512, 3), (red, green, blue), float)

    # Sky with clouds, and a line of trees far behind
    horizon = 0.43
    picture = over(paint(118, 160, 208), paint(226, 232, 234), step(y, -0.1, 0.42))
    picture = over(picture, paint(250, 250, 248), 0.75 * step(noise((14, 40), (7, 20), (3, 8)), 0.2, 1.6))
    trees = over(paint(62, 78, 52) + 14 * noise(6, 3, 1.5)[..., None], paint(82, 106, 84), 1 - step(y, 0.3, 0.45))
    treetops = horizon - 0.07 - 0.022 * noise((60, 26), (40, 9), (30, 4))[0]
    picture = over(picture, trees, soft(step(y - treetops, -0.012, 0.012), 2))

    # A photograph of grass laid flat under the horizon, at two scales, with dry patches
    nearer = 1 / np.clip(y - horizon + 0.05, 0.02, 1)
    grass = data.grass() / 255
    grass -= grass.mean()
    lawn, blades = (ndimage.map_coordinates(grass, [nearer * rows, (x - 0.5) * nearer * columns], order=1, mode="wrap")
                    for rows, columns in ((190, 230), (437, 530)))
    front = step(y, horizon, 1)
    light = 1 + (0.5 + 0.9 * front) * (lawn + 0.6 * blades) + 0.09 * noise((9, 60), (4, 30))
    meadow = over(paint(92, 112, 44), paint(158, 158, 84), step(noise((12, 60), (6, 25)) + 1.2 * (1 - front), -1.5, 2.5))
    meadow *= (light * (1.1 - 0.28 * front))[..., None]
    picture = over(picture, meadow, soft(step(y - horizon, -0.004, 0.004), 1))

    # The body: the silhouette inflated, haunch, shoulder, belly and cheek raised, hollows between them, light from the upper left
    outline = soft(np.pad(~data.horse(), 120).astype(float), 1.2)
    outline = step(ndimage.map_coordinates(outline, [v + 120, u + 120], order=1), 0.3, 0.7)
    relief = 1.5 * sum(soft(outline, scale) * scale for scale in (3, 7, 14, 28)) + 2 * noise(9)
    relief += 14 * blob(95, 128, 34, 36) + 15 * blob(272, 138, 22, 36) + 12 * blob(185, 135, 52, 28) + 9 * blob(342, 64, 12, 14)
    relief += 6 * blob(78, 195, 12, 30) + 6 * blob(262, 200, 10, 28)
    relief -= 7 * blob(300, 100, 7, 36) + 7 * blob(236, 125, 9, 40) + 6 * blob(133, 150, 9, 34)
    down, right = np.gradient(relief)
    normal = np.stack([-right, -down, np.full_like(right, 1.1)], -1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    lit = (normal @ [-0.38, -0.72, 0.58]).clip(0)
    shine = (normal @ [-0.22, -0.62, 0.75]).clip(0) ** 14

    # The coat of a bay: brown, the legs and the muzzle black, the legs of the far side in shade
    black = paint(30, 24, 22)
    legs = step(v + 3 * noise(8), 222, 262)
    coat = over(paint(128, 70, 34), paint(165, 98, 52), 0.5 * step(noise(22, 12), -1, 1.5))
    coat = over(coat, black, 0.9 * legs)
    coat = over(coat, black, 0.85 * step(u * 0.5 + v * 0.85, 254, 272) * (u > 330))
    coat = over(coat, paint(96, 52, 28), 0.5 * step(v, 150, 185) * (1 - legs))
    far_side = step(v, 175, 205) * ((u > 87) & (u < 150)) + step(v, 190, 250) * ((u > 235) & (u < 266 - 0.02 * v))
    coat *= (1 - 0.45 * soft(far_side, 1.5))[..., None]
    body = coat * ((0.34 + 0.86 * lit) * (1 + 0.05 * noise((1, 4), (0.7, 2))))[..., None]
    body += shine[..., None] * [62, 53, 43] + normal[..., 1:2].clip(0) * [6, 10, 3]  # sky on the back, grass under the belly

    # Mane, forelock and tail in strands; eye, nostril and hoofs
    strands = noise((9, 0.8), (14, 1.6))
    from_crest = v - v[np.argmax(outline > 0.5, axis=0), 0]
    hair = step(-from_crest + 5 * strands, -34, -20) * step(u, 240, 262) * (1 - step(u, 344, 350)) * (v < 100)
    hair = np.maximum(hair, blob(361, 27, 5, 13) > 0.4)
    hair = np.maximum(hair, (1 - step(u + 0.02 * v, 54, 60)) * (v > 84) * (v < 262))
    hair = np.maximum(hair, (1 - step(u + 0.9 * (v - 88), 50, 66)) * (v < 120))
    body = over(body, paint(38, 28, 24) * (0.65 + 0.4 * strands + 0.8 * lit)[..., None], soft(hair, 1.0))
    body = over(body, paint(14, 10, 10), step(blob(357, 48, 3.6, 2.7), 0.3, 0.6))
    body = over(body, paint(150, 155, 160), step(blob(356.2, 47, 1, 0.8), 0.4, 0.7))
    body = over(body, paint(12, 9, 9), 0.8 * step(blob(381, 84, 3.2, 2.2), 0.3, 0.7))
    body = over(body, paint(74, 66, 58), 0.6 * step(v, 298, 302))

    # Its shadow, the hoofs among the blades, and the lens
    shadow = sum(np.exp(-(((u - at) / length) ** 2 + ((v - 306) / 7) ** 2) ** 1.5) for at, length in ((150, 150), (75, 50), (275, 45)))
    picture *= (1 - 0.55 * soft(shadow, 3).clip(0, 1))[..., None]
    picture = over(picture, body, soft(outline, 0.8) * (1 - 0.9 * step(v + 5 * noise((6, 0.9), (4, 0.7)), 299, 316)))
    picture = picture * (1.03 - 0.25 * ((x - 0.5) ** 2 + (y - 0.5) ** 2))[..., None] + 1.8 * noise(0.8)[..., None]
    return Image.fromarray(picture.clip(0, 255).astype(np.uint8)).resize((size, size), Image.LANCZOS)


# With a network

class Download:
    """Files that are fetched once, in the background, and found in their cache `folder` from then on.

    `fetch(folder, callback)` fills an empty folder and tells `callback(fraction, sentence)` how far it is. The folder gets its name only
    when it is whole: a failure, a full disk or a killed program leaves nothing that a later start would take for whole.
    `state` is "absent", "running", "ready" or "failed"; `progress` 0..1; `message` a sentence for a person; `size` says in words how much
    is fetched.
    """

    def __init__(self, name, credit, size, folder, endings, fetch):
        self.name, self.credit, self.size, self.folder, self.endings = name, credit, size, Path(folder), endings
        self._fetch, self._lock, self._thread = fetch, threading.Lock(), None
        self.state, self.progress, self.message = "absent", 0.0, f"{name}: not fetched yet ({size})."
        self._found()

    def start(self):
        """Fetches in a thread of its own; does nothing where that runs already or is done. After a failure it tries again."""
        with self._lock:
            if self.state in ("running", "ready") or self._found():
                return
            self.state, self.progress, self.message = "running", 0.0, f"{self.name}: connecting ..."
            self._thread = threading.Thread(target=self._run, name=f"download {self.name}", daemon=True)
            self._thread.start()

    def wait(self, seconds: float | None = None) -> str:
        """The state once the download has ended, or after `seconds`."""
        if self._thread:
            self._thread.join(seconds)
        return self.state

    def result(self) -> list[Path]:
        """The paths of the pictures or recordings, sorted. ValueError with the message where they are not here."""
        if self.state != "ready":
            raise ValueError(self.message)
        return [self.folder / name for name in Collection(self.folder, self.endings).names]

    def _run(self):
        try:
            cache = self.folder.parent
            cache.mkdir(parents=True, exist_ok=True)
            for left in cache.glob(f"{self.folder.name}.part-*"):  # by a program that was killed
                if left.stat().st_mtime < time.time() - DAY:
                    shutil.rmtree(left, ignore_errors=True)
            with tempfile.TemporaryDirectory(prefix=f"{self.folder.name}.part-", dir=cache, ignore_cleanup_errors=True) as room:
                whole = Path(room, "whole")
                whole.mkdir()
                self._fetch(whole, self._report)
                if not self.folder.exists():  # a second program may have been faster
                    whole.rename(self.folder)
        except Exception as error:  # of any kind: the page must not wait for a thread that is gone
            logging.getLogger(__name__).warning("%s could not be fetched: %r", self.name, error)
            sentence = None
            try:
                sentence = _sentence(error, self)
            finally:
                self.message, self.state = sentence or f"{self.name} could not be fetched: {error!r}.", "failed"
            if not sentence:
                raise
        else:
            self._found()

    def _report(self, fraction, sentence):
        self.progress, self.message = min(1.0, max(0.0, fraction)), sentence

    def _found(self):
        if self.folder.is_dir():
            self.progress, self.message, self.state = 1.0, f"{self.name}: ready.", "ready"
        return self.folder.is_dir()


def _sentence(error, download):
    """What a person can do about an error of a download; None for an error that nobody expects."""
    import aiohttp
    import requests
    chain = [error]
    while chain[-1].__cause__ or chain[-1].__context__:
        chain.append(chain[-1].__cause__ or chain[-1].__context__)
    among = lambda *kinds: any(isinstance(link, kinds) for link in chain)
    if any(getattr(link, "errno", None) in (errno.ENOSPC, errno.EDQUOT) for link in chain):
        return f"The disk is full: {download.name} takes {download.size} in {download.folder.parent}. Make room there and try again."
    for link in chain:
        status = getattr(getattr(link, "response", None), "status_code", None) or getattr(link, "status", None)
        if status:
            return f"The server of {download.name} refused with status {status}. Try again later, or start with --data."
    if among(requests.RequestException, aiohttp.ClientError, TimeoutError, ConnectionError):
        if download.progress or among(requests.exceptions.ChunkedEncodingError, aiohttp.ClientPayloadError):
            return f"The connection broke off: {download.name} could not be fetched whole. Try again, or start with --data."
        return f"No network, or the server is away: {download.name} could not be fetched. Try again later, or start with --data."
    if among(ValueError, EOFError, zipfile.BadZipFile, tarfile.TarError, zlib.error, gzip.BadGzipFile):
        return (f"What arrived for {download.name} is damaged or something else, like the login page of a network. "
                "Check the connection in a browser and try again, or start with --data.")
    if isinstance(error, OSError):
        return f"{download.folder.parent} could not be written ({error.strerror or error}): give it to this user, or start with --data."
    return None


class _Progress:
    """What pooch wants of a progress bar; calls `callback(bytes so far, bytes in all)`."""

    def __init__(self, callback):
        self.callback, self.total, self.done = callback, 0, 0

    def update(self, count):
        self.done += count
        if self.total:
            self.callback(min(self.done, self.total), self.total)

    def reset(self):
        self.done = 0

    def close(self):
        pass


def _fetch_file(url, sha256, path, callback):
    """One file of known checksum, written to `path`. ValueError where the checksum is another."""
    import pooch
    downloader = pooch.HTTPDownloader(timeout=(CONNECT, SILENCE), chunk_size=2 ** 16, progressbar=_Progress(callback))
    pooch.retrieve(url, sha256, fname=path.name, path=path.parent, downloader=downloader)


def _cache(folder):
    import pooch
    return Path(folder or pooch.os_cache("deep-generative-lecture")).expanduser()


def faces_in_the_wild(cache=None) -> Download:
    """13,233 colour photos of 250 x 250 pixels, <Person>/<Person>_NNNN.jpg; `face_crop` cuts the face out of one.

    They lie in lfw_home/lfw_funneled in the download's folder, which is a `data_home` for scikit-learn. The addresses and checksums are
    scikit-learn's; its own way of fetching them knows neither progress nor a time limit, so its archive is put where it looks first.
    """
    def fetch(folder, callback):
        from sklearn.datasets import _lfw, fetch_lfw_people
        home = folder / "lfw_home"
        for text in _lfw.TARGETS:
            _fetch_file(text.url, text.checksum, home / text.filename, lambda done, total: None)
        archive = _lfw.FUNNELED_ARCHIVE
        _fetch_file(archive.url, archive.checksum, home / archive.filename, lambda done, total: callback(
            0.9 * done / total, f"Labeled Faces in the Wild: {done / 1e6:.0f} of {total / 1e6:.0f} MB ..."))
        callback(0.9, "Labeled Faces in the Wild: unpacking ...")
        # it unpacks all photos and reads those of the one person who has so many, made small: reading all would fill gigabytes
        fetch_lfw_people(data_home=folder, color=True, funneled=True, min_faces_per_person=MANY_PHOTOS, resize=0.1, download_if_missing=False)
        shutil.rmtree(home / "joblib", ignore_errors=True)  # what it read is not needed

    return Download("Labeled Faces in the Wild", CREDITS["Labeled Faces in the Wild"], "240 MB to fetch, 500 MB while unpacking",
                    _cache(cache) / "faces", PICTURES, fetch)


def horse_photos(cache=None, count: int = 6) -> Download:
    """`count` photos of 256 x 256 pixels from the tests of horse2zebra: the first half horses (in testA), the others zebras (in testB).

    Only their bytes and the list of contents are fetched, not the whole archive of 111 MB. ValueError where it has not so many.
    """
    if not 1 <= count <= 240:
        raise ValueError(f"{count} photos cannot be had: horse2zebra has 120 test photos of horses and 140 of zebras. Ask for 1 to 240.")

    def fetch(folder, callback):
        import aiohttp
        import fsspec
        patience = aiohttp.ClientTimeout(total=None, connect=CONNECT, sock_connect=CONNECT, sock_read=SILENCE)
        with fsspec.open(HORSE2ZEBRA, "rb", block_size=2 ** 16, skip_instance_cache=True,
                         client_kwargs={"timeout": patience, "trust_env": True}) as remote:
            callback(0.1, "horse2zebra: reading the list of photos ...")
            archive = fsspec.filesystem("zip", fo=remote)
            chosen = []
            for inner, share in (("testA", count - count // 2), ("testB", count // 2)):
                names = sorted(archive.glob(f"horse2zebra/{inner}/*.jpg"))
                if len(names) < share:
                    raise ValueError(f"There are only {len(names)} photos in {inner}.")
                chosen += [names[i * len(names) // share] for i in range(share)]  # evenly spread: neighbours are often alike
            for done, name in enumerate(chosen):
                callback(0.2 + 0.8 * done / count, f"horse2zebra: photo {done + 1} of {count} ...")
                target = folder / PurePosixPath(name).parent.name / PurePosixPath(name).name
                target.parent.mkdir(exist_ok=True)
                target.write_bytes(archive.cat_file(name))

    return Download("horse2zebra", CREDITS["horse2zebra"], "about 1 MB", _cache(cache) / f"horse2zebra-{count}", PICTURES, fetch)


def speech_clips(cache=None) -> Download:
    """Three recordings of about 15 s, each of one person reading from a book."""
    def fetch(folder, callback):
        for i, (name, sha256) in enumerate(CLIPS.items()):
            _fetch_file(CLIPS_AT + name, sha256, folder / name, lambda done, total: callback(
                (i + done / total) / len(CLIPS), f"LibriVox: recording {i + 1} of {len(CLIPS)} ..."))

    return Download("LibriVox", CREDITS["LibriVox"], "less than 1 MB", _cache(cache) / "librivox", RECORDINGS, fetch)
