"""What horse <-> zebra hands to scripts: one picture or many, through components that the page does not show."""
from pathlib import Path

import gradio as gr
from gradio.data_classes import GradioRootModel, ImageData, JsonData

from demos.page import sent


class OneOrMany(GradioRootModel):
    """A picture, a list of pictures, or none."""

    root: ImageData | list[ImageData] | None = None


class Pictures(gr.Image):
    """For scripts: a picture or a list of them, as paths in and out."""

    is_template = True
    data_model = OneOrMany

    def preprocess(self, payload):
        given = payload and payload.root
        return [sent(one.path) for one in given] if isinstance(given, list) else given and sent(given.path)

    def postprocess(self, value):
        as_data = lambda path: ImageData(path=path, orig_name=Path(path).name)
        return OneOrMany(root=[as_data(path) for path in value] if isinstance(value, list) else value and as_data(value))

    def api_info(self):
        return {"type": "object", "description": "a picture, or a list of pictures"}


class Sentences(gr.JSON):
    """For scripts: a sentence or a list of them."""

    is_template = True

    def postprocess(self, value):
        return JsonData(value)
