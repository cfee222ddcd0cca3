"""Tab 3: horse <-> zebra. A picture, its translation, and the translation of that back again: one turn of the cycle."""
import base64
import functools
import io

import gradio as gr
import torch

from demos import fetching, horse_hidden, horse_live, page
from demos.horse_examples import CREDITS, examples_at_hand, examples_fetched
from demos.horse_scripts import Pictures, Sentences
from models import checkpoint, sources
from models.cyclegan import PATCH, CycleGAN
from models.device import describe
from models.pictures import read_picture
from models.strip import read_strip
from models.translation import BETWEEN, DIRECTIONS, INVENTED, REAL, Translation, difference, gate_picture, qualities, realness_picture, translate

TITLE = "Horse ↔ zebra"
WORDS = """**Nobody has two photographs of one animal, once as a horse and once as a zebra.** A CycleGAN learns without them. Two generators translate, one
each way; two critics learn to tell their pictures from photographs; and the cycle ties it together: there and back again must give the picture we came from."""
CRITIC = """### What the critic sees
It looks at patches of {patch} × {patch} pixels (of a picture of {learned}), never at the whole: that stripes end at the edge of the animal, or that it has four legs, is more than it can see."""
GATE = """### Where it paints
This network paints over the picture through a gate of its own, that it opens at some pixels and keeps shut at others: what is dark here was left as it was."""
STRIP = """### The same horse in the course of the training
One painted horse, translated by the network as it was after so many steps. *Which came first, the stripes or the place for them?*"""
CHECKPOINT, MOMENTS = "horse2zebra.safetensors", "horse2zebra_moments.png"


# -- pure functions ----------------------------------------------------------------------------------------------------

def sentence(done: Translation, device: str) -> str:
    """What the way back did not keep, and what it all cost."""
    width, height = done.real.size
    return (f"**Cycle error {done.cycle_error:.1f}** of 255 grey levels, between where we started and where the way back ends; the translation itself changed "
            f"{done.change:.1f}.\n\n{width} × {height} pixels, there and back in {done.milliseconds:.0f} ms on {describe(torch.device(device))}.")


def opinion(done: Translation) -> str:
    """The critic's map in a number."""
    target = done.direction.split(" → ")[1]
    if done.critic is None:
        return f"This picture is too narrow for the {target} critic."
    return (f"The {target} critic gives the translation **{done.critic:.2f}** in the mean, and gave the picture that it was made from **{done.before:.2f}**: "
            "near 1 it believes a photograph, near 0 it does not.")


def legend() -> str:
    """The colours of the critic's map."""
    colours = ", ".join(f"rgb{colour}" for colour in (INVENTED, BETWEEN, REAL))
    return ('<div class="hz-legend" role="img" aria-label="Orange: 0, invented. White: one half. Purple: 1, a photograph."><span>0 invented</span>'
            f'<i style="background: linear-gradient(90deg, {colours})"></i><span>1 photograph</span></div>')


def turned(direction: str) -> str:
    """The other direction."""
    return DIRECTIONS[direction == DIRECTIONS[0]]


def strip_html(moments) -> str:
    """(step, picture) of each moment as a row of figures that may be scrolled."""
    figures = []
    for step, picture in moments:
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=88)
        figures.append(f'<figure><img src="data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}" alt="The horse after {step:,} steps">'
                       f"<figcaption>{step:,}</figcaption></figure>")
    return f'<div class="hz-strip" tabindex="0" role="group" aria-label="The same horse after growing numbers of steps">{"".join(figures)}</div>'


# -- page --------------------------------------------------------------------------------------------------------------

STYLE = """<style>
.hz-picture img {object-fit: contain !important}
.hz-picture {min-width: 140px !important}
.hz-choice label {min-height: 44px}
.hz-legend {display: flex; align-items: center; gap: 10px; font-size: 13px; color: var(--body-text-color)} .hz-legend i {flex: 1; height: 12px; border-radius: 6px}
.hz-strip {display: flex; gap: 6px; overflow-x: auto; padding: 2px 0 8px} .hz-strip figure {flex: 1 0 104px; max-width: 160px; margin: 0}
.hz-strip img {display: block; width: 100%; border-radius: 8px} .hz-strip figcaption {font-size: 13px; text-align: center; color: var(--body-text-color-subdued)}
</style>"""


def network_of(device: str) -> CycleGAN:
    """The shipped networks, loaded once. ValueError where they are missing or damaged."""
    return checkpoint.load(page.CHECKPOINTS / CHECKPOINT, CycleGAN, device).to(memory_format=torch.channels_last)


def routes(device: str, data: str | None) -> list:
    """What the live camera asks for."""
    return horse_live.routes(lambda: network_of(device))


def build(device: str, data: str | None):
    """Lay out the tab."""
    path = page.CHECKPOINTS / CHECKPOINT
    notes, absent = page.notes(path)
    network = functools.partial(network_of, device)
    learned = notes["preprocessing"].get("size", 256)
    sizes = qualities(learned)
    photos = sources.horse_photos()
    at_hand = examples_at_hand(data)
    examples = lambda: at_hand + examples_fetched(photos)

    gr.Markdown(WORDS)
    gr.Markdown(absent, visible=bool(absent))
    shown = gr.Dataset(components=["image"], samples=[[example.picture] for example in at_hand], type="index", samples_per_page=24,
                       label="Try one of these: predict what happens, then translate it")
    result = functools.partial(gr.Image, type="filepath", image_mode=None, interactive=False, height=260, min_width=140, elem_classes="hz-picture",
                               buttons=["download", "fullscreen"])
    with gr.Row():
        with gr.Column(min_width=280):
            picture = page.PictureInput(label="Your picture", height=320, elem_classes="hz-picture")
        with gr.Column(min_width=280):
            direction = gr.Radio(DIRECTIONS, value=DIRECTIONS[0], label="Direction", elem_classes="hz-choice")
            long_side = gr.Radio(sizes, value=min(sizes, key=lambda side: abs(side - learned)), elem_classes="hz-choice",
                                 label=f"Longer side in pixels (the network learned at {learned})",
                                 info="A larger picture is looked at reduced to that, and painted on as it is." if notes["config"].get("gate", False) else None)
            question = gr.Markdown(visible=False)
            go = gr.Button("Translate", variant="primary")
            send = gr.Button("Send the result back")
            answer = gr.Markdown(visible=False)
    gr.Markdown("### One turn of the cycle")
    with gr.Row():
        real = result(label="Where we start", alt_text="The picture as the network is given it")
        fake = result(label="Translated", alt_text="The picture translated")
        rec = result(label="And back again", alt_text="The translation translated back")
        off = result(label="Lost, × 8", alt_text="Eight times the difference between the start and the end of the cycle")
    told = gr.Markdown()
    with gr.Row():
        with gr.Column(min_width=280):
            gr.Markdown("### Before and after")
            both = gr.ImageSlider(type="filepath", image_mode=None, interactive=False, height=340, max_height=340, label="Drag the line", buttons=["fullscreen"])
        with gr.Column(min_width=280):
            gr.Markdown(CRITIC.format(patch=round(PATCH * notes["config"].get("shrink", 1)), learned=learned))
            seen = result(label="Its map over the translation", alt_text="The critic's map: orange where it calls the translation invented, purple where it believes it")
            gr.HTML(legend(), padding=False)
            judged = gr.Markdown()
        with gr.Column(min_width=280, visible=notes["config"].get("gate", False)):
            gr.Markdown(GATE)
            opened = result(label="What its gate let through", alt_text="The translation, dark where it is the picture as it was")
    done = gr.State(None, time_to_live=3600)
    heavy = dict(concurrency_id="heavy", concurrency_limit=1)
    horse_hidden.build(done, network, result, heavy)
    horse_live.build()
    moments = read_strip(page.CHECKPOINTS / MOMENTS)
    if moments:
        gr.Markdown(STRIP)
        gr.HTML(strip_html(moments), padding=False)
    fetching.offer(photos, "Fetch six more photographs", lambda: f"{CREDITS} {photos.credit if photos.state == 'ready' else ''}",
                   news=lambda: gr.Dataset(samples=[[example.picture] for example in examples()]), shows=shown)
    if not absent:
        gr.Markdown(notes["facts"].get("words", ""))
        with gr.Accordion("Which network is this?", open=False):
            gr.Markdown(checkpoint.card(path))
    gr.HTML(STYLE, padding=False)
    chosen = gr.State(None)  # the number of the example that is being asked about
    asked, answered, back = Pictures(visible=False, label="picture"), Pictures(visible=False, label="translated"), Pictures(visible=False, label="and back again")
    said = Sentences(visible=False, label="sentence")

    # -- events --------------------------------------------------------------------------------------------------------

    def kept(name, picture):
        return page.kept(f"{name}.png", lambda file: picture.save(file, compress_level=1))

    def files(done):
        animal, other = done.direction.split(" → ")
        return kept(other, done.fake), kept(f"{animal} again", done.rec)

    @page.GPU(duration=15)
    @page.plainly  # within: a borrowed GPU hands back only errors of the page
    def translate_image(picture, direction, long_side):
        """A picture translated, translated back again, and a sentence with the cycle error; of a list of pictures, three lists."""
        if isinstance(picture, list):
            turns = translate(network(), [read_picture(one) for one in picture], direction, long_side)
            fakes, recs = zip(*map(files, turns)) if turns else ((), ())
            return list(fakes), list(recs), [sentence(done, device) for done in turns]
        done = translate(network(), read_picture(picture), direction, long_side)
        return *files(done), sentence(done, device)

    @page.GPU(duration=15)
    @page.plainly
    def translate_shown(picture, direction, long_side, chosen):
        done = translate(network(), read_picture(picture), direction, long_side)
        fake, rec = files(done)
        real = kept("start", done.real)
        about = examples()[chosen].answer if chosen is not None else ""
        revealed = f"{about} **Here {done.change:.1f} of 255 grey levels were changed in the mean.** Were you right?" if about else ""
        map_of = kept("critic", realness_picture(done.realness, done.fake, done.step)) if done.realness is not None else None
        gate = kept("gate", gate_picture(done.gate, done.fake)) if done.gate is not None else None
        return (real, fake, rec, kept("difference", difference(done.rec, done.real)), (real, fake), map_of, gate, sentence(done, device), opinion(done),
                gr.Markdown(revealed, visible=bool(revealed)), done)

    @page.plainly
    def send_back(fake, direction):
        if fake is None:
            raise ValueError("There is no result yet: translate a picture first.")
        return fake, turned(direction)

    def take(index):
        example = examples()[index]
        return (page.kept("example.png", example.picture.save), example.direction or gr.skip(), index,
                gr.Markdown(example.question, visible=bool(example.question)), gr.Markdown(visible=False))

    def forget():
        """A picture of one's own: nothing is asked about it, and the last answer belongs to another."""
        return None, gr.Markdown(visible=False), gr.Markdown(visible=False)

    light = dict(queue=False, show_progress="hidden", api_visibility="private")
    cycle = dict(fn=translate_shown, inputs=[picture, direction, long_side, chosen], outputs=[real, fake, rec, off, both, seen, opened, told, judged, answer, done],
                 show_progress_on=[fake, rec], api_visibility="private", **heavy)
    asking = [chosen, question, answer]
    go.click(**cycle)
    send.click(send_back, [fake, direction], [picture, direction], show_progress="hidden", api_visibility="private").success(  # in the queue:
        forget, None, asking, **light).then(**cycle)  # errors of other events never reach the page
    shown.click(take, shown, [picture, direction, *asking], **light)
    picture.input(forget, None, asking, **light)
    gr.Button(visible=False).click(translate_image, [asked, direction, long_side], [answered, back, said], api_name="translate_image", **heavy)
