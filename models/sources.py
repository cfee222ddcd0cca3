"""Pictures and recordings to start from: some lie in scikit-image, others are fetched in the background where there is a network."""
import shutil
from pathlib import PurePosixPath

import numpy as np
from PIL import Image

from models import download
from models.collection import PICTURES, RECORDINGS
from models.download import Download, cache_folder, fetch_file

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


# With a network

def faces_in_the_wild(cache=None) -> Download:
    """13,233 colour photos of 250 x 250 pixels, <Person>/<Person>_NNNN.jpg; `face_crop` cuts the face out of one.

    They lie in lfw_home/lfw_funneled in the download's folder, which is a `data_home` for scikit-learn. The addresses and checksums are
    scikit-learn's; its own way of fetching them knows neither progress nor a time limit, so its archive is put where it looks first.
    """
    def fetch(folder, callback):
        from sklearn.datasets import _lfw, fetch_lfw_people
        home = folder / "lfw_home"
        for text in _lfw.TARGETS:
            fetch_file(text.url, text.checksum, home / text.filename, lambda done, total: None)
        archive = _lfw.FUNNELED_ARCHIVE
        fetch_file(archive.url, archive.checksum, home / archive.filename, lambda done, total: callback(
            0.9 * done / total, f"Labeled Faces in the Wild: {done / 1e6:.0f} of {total / 1e6:.0f} MB ..."))
        callback(0.9, "Labeled Faces in the Wild: unpacking ...")
        # it unpacks all photos and reads those of the one person who has so many, made small: reading all would fill gigabytes
        fetch_lfw_people(data_home=folder, color=True, funneled=True, min_faces_per_person=MANY_PHOTOS, resize=0.1, download_if_missing=False)
        shutil.rmtree(home / "joblib", ignore_errors=True)  # what it read is not needed

    return Download("Labeled Faces in the Wild", CREDITS["Labeled Faces in the Wild"], "240 MB to fetch, 500 MB while unpacking",
                    cache_folder(cache) / "faces", PICTURES, fetch)


def horse_photos(cache=None, count: int = 6) -> Download:
    """`count` photos of 256 x 256 pixels from the tests of horse2zebra: the first half horses (in testA), the others zebras (in testB).

    Only their bytes and the list of contents are fetched, not the whole archive of 111 MB. ValueError where it has not so many.
    """
    if not 1 <= count <= 240:
        raise ValueError(f"{count} photos cannot be had: horse2zebra has 120 test photos of horses and 140 of zebras. Ask for 1 to 240.")

    def fetch(folder, callback):
        import aiohttp
        import fsspec
        patience = aiohttp.ClientTimeout(total=None, connect=download.CONNECT, sock_connect=download.CONNECT, sock_read=download.SILENCE)
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

    return Download("horse2zebra", CREDITS["horse2zebra"], "about 1 MB", cache_folder(cache) / f"horse2zebra-{count}", PICTURES, fetch)


def speech_clips(cache=None) -> Download:
    """Three recordings of about 15 s, each of one person reading from a book."""
    def fetch(folder, callback):
        for i, (name, sha256) in enumerate(CLIPS.items()):
            fetch_file(CLIPS_AT + name, sha256, folder / name, lambda done, total: callback(
                (i + done / total) / len(CLIPS), f"LibriVox: recording {i + 1} of {len(CLIPS)} ..."))

    return Download("LibriVox", CREDITS["LibriVox"], "less than 1 MB", cache_folder(cache) / "librivox", RECORDINGS, fetch)
