"""What all tabs share on the page: files handed over as they are, sentences in place of stack traces, how far a network got."""
import functools
from pathlib import Path

import gradio as gr

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
            raise gr.Error(str(error), print_exception=False, duration=12, title="That did not work") from error
    return told

from gradio.events import Dependency

class PictureInput(gr.Image):
    """A picture from upload, camera or clipboard, handed over as the path of the very file: `models.pictures.read_picture` reads it."""

    is_template = True

    def __init__(self, **kwargs):
        super().__init__(type="filepath", image_mode=None, sources=["upload", "webcam", "clipboard"], **kwargs)

    def preprocess(self, payload):
        return payload.path if payload else None
    from typing import Callable, Literal, Sequence, Any, TYPE_CHECKING
    from gradio.blocks import Block
    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component


def missing(*names) -> str:
    """A sentence where one of the checkpoints is not there, else an empty string."""
    absent = [name for name in names if not (CHECKPOINTS / f"{name}.safetensors").exists()]
    return "" if not absent else f"**This tab waits for its network:** `checkpoints/{absent[0]}.safetensors` is missing. Get it with the project's files, or train it (README, *Training*)."