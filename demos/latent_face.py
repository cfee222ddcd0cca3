"""The piece of page behind the latent sliders: the studio in which a face is moved."""
import gradio as gr

from demos import page

SKELETON = """<div class="studio" style="min-height: 480px"><p role="status">The sliders are being fetched ...</p></div>"""
# All that happens on the page lies in demos/latent_web, one module for each panel; the template never changes, so that Gradio leaves its content alone.
BEGIN = page.begin("latent/web/studio.js")


class FaceOfLatents(gr.HTML):
    """The studio: everything that moves a face of Z latents, and the face; its value is the list of all Z latents.

    `notes`, which the page is told as JSON: `latents` Z, `size` of the picture, `kl` (Z) in nats, `attributes` (A dicts of key, label, low, high, how, r),
    `names` (for each latent [key, r] or None), `natural` and `still` (A lists of Z), `absent` (why there are no attributes, or ""), `sweep`
    (`picture` and `rows`, or None).
    """

    def __init__(self, notes: dict, **kwargs):
        super().__init__([0.0] * notes["latents"], html_template=SKELETON, js_on_load=BEGIN, notes=notes, apply_default_css=False, **kwargs)

    def api_info(self):
        return {"type": "array", "items": {"type": "number"}, "description": "the Z latents of a face"}
