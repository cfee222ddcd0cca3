"""Tab 3: horse <-> zebra. A picture, its translation, and the translation of that back again: one turn of the cycle."""
import functools
import time
from dataclasses import dataclass

import gradio as gr
import torch
from gradio.media import get_image
from PIL import Image

from demos import page
from models import checkpoint, painting, sources
from models.collection import PICTURES, Collection
from models.cyclegan import CycleGAN
from models.device import bfloat16_is_faster, describe
from models.download import Download
from models.pictures import fit_within, read_picture, to_picture, to_tensor

TITLE = "Horse ↔ zebra"
WORDS = """**Nobody has two photographs of one animal, once as a horse and once as a zebra.** A CycleGAN learns without them. Two generators translate, one
each way; two critics learn to tell their pictures from photographs; and the cycle ties it together: there and back again must give the picture we came from."""
DIRECTIONS = ("horse → zebra", "zebra → horse")  # by G_AB and by G_BA
LONG_SIDES = (128, 192, 256, 384)
SMALLEST_JUDGED = 24  # pixels that a patch of the critic needs
MOST_OWN = 12  # of one's own pictures among the examples
CREDITS = f"Examples: {sources.CREDITS['painted horse']} Cheetah and lion: examples of Gradio. {sources.CREDITS['portrait']}"


# -- pure functions ----------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Translation:
    """One turn of the cycle: the picture as the network was given it, its translation, that one's way back."""

    real: Image.Image
    fake: Image.Image
    rec: Image.Image
    cycle_error: float  # mean absolute difference of `rec` and `real`, in grey levels of 255
    critic: float | None  # how real `fake` looks to the critic: about 1 a photograph, 0 invented; None where the picture is too narrow
    milliseconds: float  # for both translations


def translate(nets: CycleGAN, picture: Image.Image, direction: str, long_side: int) -> Translation:
    """Translate an RGB picture of any shape, brought to `long_side` pixels, and translate the result back. ValueError for no such direction."""
    if direction not in DIRECTIONS:
        raise ValueError(f"There is no direction {direction}: choose {' or '.join(DIRECTIONS)}.")
    there, back, critic = (nets.G_AB, nets.G_BA, nets.D_B) if direction == DIRECTIONS[0] else (nets.G_BA, nets.G_AB, nets.D_A)
    device = next(nets.parameters()).device
    real = to_tensor(fit_within(picture, long_side)).to(device, memory_format=torch.channels_last)
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=bfloat16_is_faster(device)):
        start = time.perf_counter()
        fake = there.translate(real)
        rec = back.translate(fake)
        error = (rec.float().clamp(-1, 1) - real).abs().mean().item() * 127.5  # .item() waits for a GPU
        milliseconds = (time.perf_counter() - start) * 1000
        opinion = critic(fake).float().mean().item() if min(fake.shape[-2:]) >= SMALLEST_JUDGED else None
    return Translation(to_picture(real), to_picture(fake), to_picture(rec), error, opinion, milliseconds)


def sentence(done: Translation, direction: str, device: str) -> str:
    """What the way back did not keep, what the critic says, and what it all cost."""
    width, height = done.real.size
    lines = [f"**Cycle error {done.cycle_error:.1f}** of 255 grey levels, between where we started and where the way back ends.",
             f"{width} × {height} pixels, there and back in {done.milliseconds:.0f} ms on {describe(torch.device(device))}."]
    if done.critic is not None:
        lines.insert(1, f"The {direction.split(' → ')[1]} critic gives the translation **{done.critic:.2f}**: near 1 it believes a photograph, near 0 it does not.")
    return "\n\n".join(lines)


def turned(direction: str) -> str:
    """The other direction."""
    return DIRECTIONS[direction == DIRECTIONS[0]]


@dataclass(frozen=True)
class Example:
    """A picture to start from, and the direction that suits it (None: whatever is chosen)."""

    picture: Image.Image
    direction: str | None = None


def examples_at_hand(data=None) -> list[Example]:
    """What there is without a network: a painted horse, two cats, a portrait, and the first pictures of `data` that can be read."""
    found = [painting.painted_horse(256), *(read_picture(get_image(name)) for name in ("cheetah.jpg", "lion.jpg")), sources.portrait()]
    found = [Example(picture, DIRECTIONS[0]) for picture in found]
    try:
        own = Collection(data, PICTURES) if data else None
    except ValueError:
        return found  # recordings only, for the other tabs
    for name in own.names if own else ():
        if len(found) == 4 + MOST_OWN:
            break
        try:
            with own.open(name) as file:
                found.append(Example(fit_within(read_picture(file), 512)))
        except ValueError:
            continue  # one damaged file among many
    return found


def examples_fetched(photos: Download) -> list[Example]:
    """The downloaded photographs, or none where they are not here."""
    found = photos.result() if photos.state == "ready" else []
    return [Example(read_picture(photo), DIRECTIONS["testB" in photo.parts]) for photo in found]


# -- page --------------------------------------------------------------------------------------------------------------

STYLE = "<style>.hz-picture img {object-fit: contain !important}</style>"  # small pictures are shown as large as others


def build(device: str, data: str | None):
    """Lay out the tab."""
    path = page.CHECKPOINTS / "horse2zebra.safetensors"
    notes, absent = page.notes(path)
    learned_at = min(LONG_SIDES, key=lambda side: abs(side - notes["preprocessing"].get("size", 256)))
    photos = sources.horse_photos()
    at_hand = examples_at_hand(data)
    examples = lambda: at_hand + examples_fetched(photos)

    gr.Markdown(WORDS)
    words = absent or notes["facts"].get("words", "")
    gr.Markdown(words, visible=bool(words))
    shown = gr.Dataset(components=["image"], samples=[[example.picture] for example in at_hand], type="index", samples_per_page=24,
                       label="Examples: click one to translate it")
    with gr.Row():
        direction = gr.Radio(DIRECTIONS, value=DIRECTIONS[0], label="Direction", min_width=280)
        long_side = gr.Radio(LONG_SIDES, value=learned_at, label=f"Longer side in pixels (the network learned at {learned_at})", min_width=280)
    result = functools.partial(gr.Image, type="filepath", image_mode=None, interactive=False, height=300, elem_classes="hz-picture",
                               buttons=["download", "fullscreen"])
    with gr.Row():
        with gr.Column(min_width=280):
            picture = page.PictureInput(label="Your picture", height=300, elem_classes="hz-picture")
            go = gr.Button("Translate", variant="primary")
        with gr.Column(min_width=280):
            fake = result(label="Translated", alt_text="The picture translated")
            send = gr.Button("Send the result back")
        with gr.Column(min_width=280):
            rec = result(label="And back again", alt_text="The translation translated back")
            told = gr.Markdown()
    with gr.Row():
        with gr.Column(min_width=280, scale=2):
            news = gr.Markdown()
        with gr.Column(min_width=280):
            fetch = gr.Button(f"Fetch six more photographs ({photos.size})", size="sm")
    if not absent:
        with gr.Accordion("Which network is this?", open=False):
            gr.Markdown(checkpoint.card(path))
    gr.HTML(STYLE, padding=False)
    clock = gr.Timer(1, active=False)

    # -- events --------------------------------------------------------------------------------------------------------

    @page.GPU(duration=15)
    @page.plainly  # within: a borrowed GPU hands back only errors of the page
    def translate_image(picture, direction, long_side):
        """A picture translated, translated back again, and a sentence with the cycle error."""
        nets = checkpoint.load(path, CycleGAN, device).to(memory_format=torch.channels_last)
        done = translate(nets, read_picture(picture), direction, long_side)
        animal, other = direction.split(" → ")
        return page.kept(f"{other}.png", done.fake.save), page.kept(f"{animal} again.png", done.rec.save), sentence(done, direction, device)

    @page.plainly
    def send_back(fake, direction):
        if fake is None:
            raise ValueError("There is no result yet: translate a picture first.")
        return fake, turned(direction)

    def take(index):
        example = examples()[index]
        return page.kept("example.png", example.picture.save), example.direction or gr.skip()

    def look():
        """What the download is doing: new examples once it is done."""
        running, ready = photos.state == "running", photos.state == "ready"
        told = photos.message if running or photos.state == "failed" else f"{CREDITS} {photos.credit if ready else ''}"
        return (gr.Dataset(samples=[[example.picture] for example in examples()]) if ready else gr.skip(), told,
                gr.Button(visible=not ready, interactive=not running), gr.Timer(active=running))

    def begin():
        photos.start()
        return look()

    heavy = dict(inputs=[picture, direction, long_side], outputs=[fake, rec, told], concurrency_id="heavy", concurrency_limit=1)
    light = dict(queue=False, show_progress="hidden", api_visibility="private")
    go.click(translate_image, **heavy, api_name="translate_image")
    send.click(send_back, [fake, direction], [picture, direction], show_progress="hidden", api_visibility="private").success(
        translate_image, **heavy, api_visibility="private")  # in the queue: errors of other events never reach the page
    shown.click(take, shown, [picture, direction], **light).success(translate_image, **heavy, api_visibility="private")
    fetching = [shown, news, fetch, clock]
    fetch.click(begin, None, fetching, **light)
    clock.tick(look, None, fetching, **light)
    gr.on(None, look, None, fetching, **light)  # when the page is opened
