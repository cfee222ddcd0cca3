"""Files that are fetched once, in the background, with progress, and kept in a cache."""
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
from pathlib import Path

from models.collection import Collection

CONNECT, SILENCE = 10, 30  # seconds: for a connection, and between two pieces of an answer
DAY = 86_400  # seconds


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


def fetch_file(url, sha256, path, callback):
    """One file of known checksum, written to `path`. ValueError where the checksum is another."""
    import pooch
    downloader = pooch.HTTPDownloader(timeout=(CONNECT, SILENCE), chunk_size=2 ** 16, progressbar=_Progress(callback))
    pooch.retrieve(url, sha256, fname=path.name, path=path.parent, downloader=downloader)


def cache_folder(folder=None) -> Path:
    """The given folder, or the one that this system keeps for caches."""
    import pooch
    return Path(folder or pooch.os_cache("deep-generative-lecture")).expanduser()
