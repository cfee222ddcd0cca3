"""The button of a tab that offers files to fetch: how far it is, and what is new once they are there."""
from collections.abc import Callable

import gradio as gr

from models.download import Download


def offer(download: Download, label: str, words: Callable[[], str], wanted: Callable[[], bool] = lambda: True, news: Callable[[], object] | None = None, shows=None):
    """Lay out a button `label` with the size of the download, beside it what `words()` says now, and below that how the download goes.

    The button is there while the files are not, and where they are `wanted()`. When the page is opened or the download has ended with the files there,
    the component `shows` is given what `news()` makes of them.
    """
    with gr.Row():
        with gr.Column(min_width=280, scale=2):
            told = gr.Markdown()
        with gr.Column(min_width=280):
            button = gr.Button(f"{label} ({download.size})", visible=False)
    clock = gr.Timer(1, active=False)

    def look():
        running, ready = download.state == "running", download.state == "ready"
        said = words() + (f"\n\n{download.message}" if running or download.state == "failed" else "")
        now = said, gr.Button(visible=wanted() and not ready, interactive=not running), gr.Timer(active=running)
        return now if shows is None else (*now, news() if ready else gr.skip())

    def begin():
        download.start()
        return look()

    events = dict(inputs=None, outputs=[told, button, clock] + ([] if shows is None else [shows]), queue=False, show_progress="hidden", api_visibility="private")
    button.click(begin, **events)
    clock.tick(look, **events)
    gr.on(None, look, **events)  # when the page is opened
