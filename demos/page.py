"""What all tabs share on the page: files handed over as they are, sentences in place of stack traces, how far a network got."""
import functools
import tempfile
from collections.abc import Callable
from pathlib import Path

import gradio as gr
from gradio.utils import get_upload_folder, is_in_or_equal

from models import checkpoint

try:
    from spaces import GPU  # on a ZeroGPU Space a function borrows a GPU for the time of a call
except ImportError:
    def GPU(function=None, **_):
        """The function as it is: there is no GPU to borrow."""
        return function or (lambda given: given)

CHECKPOINTS = Path(__file__).parent.parent / "checkpoints"


def plainly(function):
    """The function with its ValueErrors turned into messages on the page."""

    @functools.wraps(function)
    def told(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False, duration=12) from error
    return told


def begin(module: str) -> str:
    """The script of a gr.HTML that a module fills, given the module's address as "horse/web/live.js": its `start(element, {props, watch, trigger})` is called."""
    return f"""import(new URL('{module}', document.baseURI)).then((piece) => piece.start(element, {{props, watch, trigger}})).catch((error) => {{
  (element.firstElementChild ?? element).textContent = 'This part of the page did not arrive. Reload the page. (' + error.message + ')';
}});"""


class PictureInput(gr.Image):
    """A picture from upload, camera or clipboard, handed over as the path of the very file: `models.pictures.read_picture` reads it."""

    is_template = True  # to the page it is a gr.Image; its arguments are those of gr.Image, as the page is told them by their names

    def preprocess(self, payload):
        return sent(payload.path) if payload else None


def sent(path: str | None) -> str | None:
    """The path of a file that was sent here. gr.Error for one that lies elsewhere on this machine: of pictures, Gradio 6.31 checks only those that say of
    themselves that they are files."""
    if path and not is_in_or_equal(path, get_upload_folder()):
        raise gr.Error("This picture was not sent here: upload it first.", print_exception=False)
    return path


def kept(name: str, write: Callable[[Path], object]) -> str:
    """The path of a new file, filled by `write(path)`, in the folder that Gradio clears: no two people share one that is being written."""
    Path(get_upload_folder()).mkdir(parents=True, exist_ok=True)
    file = Path(tempfile.mkdtemp(dir=get_upload_folder()), name)
    write(file)
    return str(file)


def notes(path: Path) -> tuple[dict, str]:
    """Config, preprocessing and facts of a checkpoint, and an empty string; or empty ones and the sentence that the tab shows in its place."""
    try:
        return checkpoint.describe(path), ""
    except ValueError as error:
        return {key: {} for key in checkpoint.KEYS}, f"**This tab waits for its network.** {error}"
