"""The piece of page that takes a recording, from the microphone, a file or an example, and hands it over without a file on the server's disk.

Gradio's own recorder sends every sound to a folder first. Here the recording stays in the browser and travels with the question that is asked about it.
"""
import base64
import binascii

import gradio as gr

from demos import page
from models import audio

LARGEST = 30_000_000  # bytes of a file
SOURCES = ("microphone", "file", "example")

SKELETON = """<div class="vc-recorder" style="min-height: 132px"><p role="status">The recorder is being fetched ...</p></div>"""
BEGIN = page.begin("voice/web/recorder.js")


class Recorder(gr.HTML):
    """Microphone, upload and a player; its value is None or {`name`, `source`, one of `SOURCES`, `data`, the file's bytes in base64}.

    `microphone=False` leaves the upload alone. The event `load` tells that the tab was opened, `input`
    that a person has given another recording, `clear` that it was taken away.
    """

    def __init__(self, label: str, microphone=True, **kwargs):
        notes = {"label": label, "microphone": microphone, "longest": audio.LONGEST, "largest": LARGEST}
        super().__init__(None, html_template=SKELETON, js_on_load=BEGIN, notes=notes, apply_default_css=False, **kwargs)

    def api_info(self):
        return {"type": "object", "description": "name of a file, its source (microphone, file or example), data (its bytes in base64)"}


def recording(content: bytes, name: str, source: str) -> dict:
    """The value of a `Recorder` that holds a file."""
    return {"name": name, "source": source, "data": base64.b64encode(content).decode()}


def bytes_of(value) -> bytes | None:
    """The file that a `Recorder` holds, or None. ValueError for any other value."""
    if value is None:
        return None
    if not isinstance(value, dict) or not isinstance(value.get("data"), str) or value.get("source") not in SOURCES:
        raise ValueError("This is no recording: press record, upload a file, or choose an example.")
    if len(value["data"]) > LARGEST * 4 / 3 + 4:
        raise ValueError(f"This file is larger than {LARGEST / 1e6:.0f} MB: cut out the minute that you want to hear.")
    try:
        return base64.b64decode(value["data"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("This recording did not arrive whole: try again.") from error
