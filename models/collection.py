"""Folders and zip files of pictures or recordings, read the same way by the trainers and by the app."""
import hashlib
import io
import zipfile
from pathlib import Path, PurePosixPath

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif")
RECORDINGS = (".wav", ".flac", ".mp3", ".ogg")


class Collection:
    """The files of `path`, a folder or a zip file, whose names end in one of `endings`.

    `names` are sorted paths inside it, with forward slashes; `open(name)` gives a seekable binary file. ValueError where there is no such path, a damaged zip or nothing in it.
    """

    def __init__(self, path, endings):
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
        self.names = sorted(n for n in found if n.lower().endswith(endings) and "__MACOSX" not in n)
        if not self.names:
            raise ValueError(f"There is no {'/'.join(endings)} file in {self.path}.")

    def below(self, folder) -> list[str]:
        """The names below an inner folder of that name, at any depth; all of them where `path` itself bears it."""
        return self.names if self.path.name == folder else [n for n in self.names if folder in PurePosixPath(n).parts[:-1]]

    def open(self, name):
        if self._archive is None:
            return open(self.path / name, "rb")
        return io.BytesIO(self._archive.read(name))


def gathered(paths, endings, under=""):
    """Pairs (name, function that opens it) over several folders or zip files, in order; only what lies below a folder `under`, where one is named."""
    collections = [Collection(path, endings) for path in ([paths] if isinstance(paths, (str, Path)) else paths)]
    found = [(name, lambda c=c, name=name: c.open(name)) for c in collections for name in (c.below(under) if under else c.names)]
    if not found:
        raise ValueError(f"There is no folder {under}/ with {'/'.join(endings)} files in {', '.join(str(c.path) for c in collections)}.")
    return found


def held_back(name: str, share: float) -> bool:
    """Whether a file or a person of this name is kept for evaluation: the same answer on every machine, for about `share` of names."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) < share * 2 ** 32
