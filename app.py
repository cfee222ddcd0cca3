"""Deep generative modeling, to play with: compose the tabs and serve them."""
import argparse
import os

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported
os.environ.setdefault("GRADIO_SSR_MODE", "False")

try:
    import spaces  # noqa: F401 - on ZeroGPU it must come before torch
except ImportError:
    pass
import gradio as gr

from demos import classroom, horse_zebra, latent_sliders, real_or_fake, serving, voice
from models.device import pick_device

TABS = {"real-or-fake": real_or_fake, "latent-sliders": latent_sliders, "horse-zebra": horse_zebra, "voice": voice}
THEME = gr.themes.Default(primary_hue="indigo", font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]).set(
    color_accent="*primary_700", button_primary_background_fill="*primary_700", button_primary_background_fill_hover="*primary_800",
    button_primary_background_fill_dark="*primary_700", body_text_color_subdued="*neutral_600", block_info_text_color="*neutral_600",
    body_text_color_subdued_dark="*neutral_300", block_info_text_color_dark="*neutral_300", input_placeholder_color="*neutral_500")
CSS = """
.gradio-container {width: 100% !important; max-width: 1180px !important; margin: 0 auto !important; padding-left: 12px !important; padding-right: 12px !important}
.dark {--color-accent: #a5b4fc}
.tab-container button {min-height: 44px}
.prose td {word-break: normal !important; overflow-wrap: anywhere}
.prose td:first-child {white-space: nowrap}
.gradio-container .main.app {padding-left: min(32px, 2vw) !important; padding-right: min(32px, 2vw) !important}
"""
TITLE = "# Deep generative modeling, to play with\nFaces, zebras and voices that networks invented: after the lecture of [MIT 6.S191](http://introtodeeplearning.com) (2020)."


def build(device="cpu", data=None) -> gr.Blocks:
    """The page. `device` as torch names it; `data` a folder or zip file of one's own pictures and recordings."""
    with gr.Blocks(title="Deep generative modeling", delete_cache=(3600, 3600)) as page:
        gr.Markdown(TITLE)
        with gr.Tabs(overflow_behavior="wrap") as tabs:  # four tabs stay in sight on a phone
            for name, tab in TABS.items():
                with gr.Tab(tab.TITLE, id=name):
                    tab.build(device, data)

        def open_tab(request: gr.Request):
            wanted = dict(request.query_params).get("tab")
            return gr.Tabs(selected=wanted) if wanted in TABS else gr.skip()
        page.load(open_tab, None, tabs, queue=False, show_progress="hidden", api_visibility="private")
    return page.queue(max_size=60, default_concurrency_limit=2)


def routes(device="cpu", data=None) -> list:
    """What the app answers beside Gradio's own events: the Starlette routes of the class room, and of every tab that has a `routes(device, data)`."""
    return [serving.shared()] + classroom.routes() + [route for tab in TABS.values() if hasattr(tab, "routes") for route in tab.routes(device, data)]


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", help="address to listen on; 0.0.0.0 lets others on the network in (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to listen on (default: the first free one from 7860)")
    parser.add_argument("--share", action="store_true", help="make a public link for 72 hours (needs a network)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    parser.add_argument("--data", metavar="DIR", help="a folder or zip file of your own pictures and recordings")
    choices = parser.parse_args(arguments)
    try:
        if choices.data and not os.path.exists(choices.data):
            raise ValueError(f"{choices.data} does not exist: --data takes a folder or a zip file.")
        device = str(pick_device(choices.device))
        page = build(device, choices.data)
        page.launch(server_name=choices.host, server_port=choices.port, share=choices.share, theme=THEME, css=CSS, max_file_size="60mb",
                    footer_links=["api", "settings"], run_history=False, app_kwargs={"routes": routes(device, choices.data)})
    except ValueError as error:
        parser.exit(2, f"{error}\n")
    except OSError as error:
        if "port" not in str(error):
            raise
        parser.exit(2, f"Port {choices.port or '7860 and the next ones'} is in use: stop the other program, or choose another with --port.\n")


if __name__ == "__main__":
    main()
