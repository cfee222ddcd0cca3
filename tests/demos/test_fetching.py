import threading

import gradio as gr
import pytest

from demos import fetching
from models.collection import PICTURES
from models.download import Download


@pytest.fixture
def offered(tmp_path):
    """`offered(fetch, wanted)` lays out a button; gives the download, and what its three events do: a click, a tick of the clock, the opening of the page."""
    def laid_out(fetch, wanted=lambda: True):
        download = Download("Six horses", "By nobody.", "1 MB", tmp_path / "horses", PICTURES, fetch)
        with gr.Blocks() as page:
            shown = gr.Markdown()
            fetching.offer(download, "Fetch six", lambda: "Two are painted.", wanted, lambda: "eight", shown)
        return download, [event.fn for event in page.fns.values()]
    return laid_out


def seen(answer):
    """The words, whether the button is there and can be pressed, whether the clock ticks, and what is shown."""
    words, button, clock, shown = answer
    return words, button.visible, button.interactive, clock.active, shown


def test_what_is_fetched_is_shown_once_it_is_there(offered):
    go_on = threading.Event()
    download, (click, tick, opened) = offered(lambda folder, callback: (callback(0.5, "Six horses: half."), go_on.wait(20)))
    assert seen(opened())[:4] == ("Two are painted.", True, True, False)
    words, visible, interactive, ticking, shown = seen(click())
    assert (visible, interactive, ticking) == (True, False, True) and words.startswith("Two are painted.\n\nSix horses: ") and shown == gr.skip()
    go_on.set()
    assert download.wait(20) == "ready"
    assert seen(tick()) == ("Two are painted.", False, True, False, "eight") == seen(opened())


def test_a_failure_is_a_sentence_and_may_be_tried_again(offered):
    def fails(folder, callback):
        raise ConnectionError
    download, (click, tick, _) = offered(fails)
    click()
    assert download.wait(20) == "failed"
    words, visible, interactive, ticking, _ = seen(tick())
    assert "No network" in words and visible and interactive and not ticking


def test_where_nothing_is_wanted_there_is_no_button(offered):
    _, (_, _, opened) = offered(lambda folder, callback: None, wanted=lambda: False)
    assert not seen(opened())[1]
