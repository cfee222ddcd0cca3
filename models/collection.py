"""Folders and zip files of pictures or recordings, read the same way by the trainers and by the app."""
import hashlib
import io
import zipfile
from pathlib import Path, PurePosixPath

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif")
RECORDINGS = (".wav", ".flac", ".mp3", ".ogg")


class Collection:
    """The files of `path`, a folder or a zip file, whose names end in one of `endings`.

    `names` are sorted paths inside it, with forward slashes; `under` keeps those below one inner folder, at any depth.
    `open(name)` gives a seekable binary file. ValueError where there is no such path, a damaged zip or nothing in it.
    """

    def __init__(self, path, endings, under=""):
        self.path = Path(path)
        if not self.path.exists():
            raise ValueError(f"{self.path} does not exist: give a folder or a zip file.")
        self._archive = None
        if self.path.is_dir():
            found = [p.relative_to(self.path).as_posix() for p in self.path.rglob("*") if p.is_file()]
        else:
            try:
                self._archive = zipfile.ZipFile(self.path)  # stays open: its index is long, and threads may share it
                found = self._archive.namelist()
            except (zipfile.BadZipFile, OSError) as error:
                raise ValueError(f"{self.path} is neither a folder nor a whole zip file.") from error
        inside = lambda name: not under or under in PurePosixPath(name).parts[:-1] or self.path.name == under
        self.names = sorted(n for n in found if n.lower().endswith(endings) and inside(n) and "__MACOSX" not in n)
        if not self.names:
            raise ValueError(f"There is no {'/'.join(endings)} file in {self.path}" + (f" under {under}/." if under else "."))

    def open(self, name):
        if self._archive is None:
            return open(self.path / name, "rb")
        return io.BytesIO(self._archive.read(name))


def gathered(paths, endings, under=""):
    """Pairs (name, function that opens it) over several folders or zip files, in order."""
    collections = [Collection(path, endings, under) for path in ([paths] if isinstance(paths, (str, Path)) else paths)]
    return [(name, lambda c=c, name=name: c.open(name)) for c in collections for name in c.names]


def held_back(name: str, share: float) -> bool:
    """Whether a file or a person of this name is kept for evaluation: the same answer on every machine, for about `share` of names."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) < share * 2 ** 32
