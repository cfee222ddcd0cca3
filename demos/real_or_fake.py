"""Tab 1: real or fake? Photographs of people and faces that the GAN invents, one at a time."""
import base64
import functools
import html
import io
import math
import random
from dataclasses import dataclass, replace

import gradio as gr
from PIL import Image

from demos import page
from models import checkpoint, faces, sources
from models.collection import PICTURES, Collection
from models.gan import GAN
from models.pictures import read_picture, to_picture, to_tensor

TITLE = "Real or fake?"
WORDS = """The lecture opens with three faces: *who thinks that A is real?* None of them was. Here real photographs are mixed with faces of nobody,
invented on the spot by a generative adversarial network. Look, decide, and see how you did."""
GUESS = {"real": "a photograph", "fake": "invented"}
SMALL_SIZE = 25  # pixels of the photographs that come with scikit-image
SMALL_CROP = (17 / 128, 17 / 128, 124 / 128, 124 / 128)  # where those lie within a training face: best match of the two mean faces


@dataclass(frozen=True)
class Face:
    """One face of a round: the picture as a JPEG file, whether it is real, and the seed of an invented one."""

    jpeg: bytes
    real: bool
    seed: int | None = None
    critic: float | None = None  # the discriminator's score, above 0 for "real"; None where it was not trained on such pictures


@dataclass(frozen=True)
class Round:
    """Faces in the order they are shown, and the votes so far: True for "real". It stays on the server until a face is voted on."""

    faces: tuple[Face, ...]
    votes: tuple[bool, ...] = ()
    open: bool = True  # the face at hand waits for a vote; else its truth is on show

    @property
    def shown(self) -> int:
        """Index of the face on show."""
        return len(self.votes) - (not self.open)

    @property
    def over(self) -> bool:
        return not self.open and len(self.votes) == len(self.faces)


# -- pure functions ----------------------------------------------------------------------------------------------------

class Photographs:
    """Where real photographs come from: `draw(rng, count)` gives training-like square crops; grey ones of 25 pixels where nothing better is at hand."""

    def __init__(self, data=None, wild=None):
        self.grey, self.credit = False, ""
        if data:
            try:
                own = Collection(data, PICTURES)
            except ValueError:
                own = None  # recordings only: the other sources serve this tab
            if own:
                self.credit, self.names, self.read = f"{len(own.names)} pictures of your own.", own.names, functools.partial(_face_of, own)
                return
        if wild is not None and wild.state == "ready":
            photos = wild.result()
            self.credit, self.names, self.read = wild.credit, photos, lambda path: sources.face_crop(read_picture(path))
            return
        small = sources.small_faces()
        self.grey, self.credit, self.names, self.read = True, sources.CREDITS["small faces"], range(len(small)), lambda i: small[i]

    def draw(self, rng: random.Random, count: int) -> list[Image.Image]:
        """`count` different photographs. ValueError where there are fewer with a face in them."""
        found = []
        for name in rng.sample(list(self.names), len(self.names)):
            picture = self.read(name)
            if picture is not None:
                found.append(picture)
            if len(found) == count:
                return found
        raise ValueError(f"Only {len(found)} pictures with a face were found, {count} are needed: give more with --data, or none.")


@functools.lru_cache(maxsize=512)  # finding a face takes a third of a second
def _face_of(collection, name):
    """The face on a picture, cut as the training faces were; None where no face is found or the file can't be read."""
    try:
        with collection.open(name) as file:
            crop, found = faces.training_crop(read_picture(file), 128)
    except ValueError:
        return None
    return crop if found else None


def new_round(net: GAN, photographs: Photographs, count: int = 10, seed: int | None = None) -> Round:
    """A round of `count` faces, about half of them real: from 30 % to 70 %, so that counting does not help.

    Both kinds pass the same crop, size and codec. The same `seed` gives the same round.
    """
    if not 2 <= count <= 40:
        raise ValueError("A round has 2 to 40 faces.")
    rng = random.Random(seed)
    reals = rng.randint(math.ceil(count * 0.3), math.floor(count * 0.7))
    size = SMALL_SIZE if photographs.grey else net.config.resolution
    seeds = rng.sample(range(1_000_000), count - reals)
    invented = [to_picture(picture) for picture in net.sample(seeds)]
    if photographs.grey:
        invented = [_small(picture) for picture in invented]
    made = [_face(net, picture, False, size, seed=s) for picture, s in zip(invented, seeds)]
    made += [_face(net, picture, True, size) for picture in photographs.draw(rng, reals)]
    rng.shuffle(made)
    return Round(tuple(made))


def _small(picture):
    """An invented face brought to what scikit-image's photographs show: the same part of it, grey, 25 x 25."""
    box = [edge * picture.width for edge in SMALL_CROP]
    return picture.convert("L").resize((SMALL_SIZE, SMALL_SIZE), Image.LANCZOS, box=box)


def _face(net, picture, real, size, seed=None):
    shown = picture.resize((size, size), Image.LANCZOS) if picture.width != size else picture
    file = io.BytesIO()
    shown.resize((4 * size, 4 * size), Image.BICUBIC).save(file, "JPEG", quality=92)
    critic = None
    if shown.mode == "RGB":
        critic = float(net.D(to_tensor(shown).to(next(net.parameters()).device), net.config.resolution))
    return Face(file.getvalue(), real, seed, critic)


def vote(game: Round, real: bool) -> Round:
    """The round after a vote on the face at hand; unchanged where its truth is on show already (a double click)."""
    return replace(game, votes=(*game.votes, real), open=False) if game.open else game


def turn(game: Round) -> Round:
    """The round with the next face on show; unchanged where the face at hand waits for a vote or was the last."""
    return game if game.open or game.over else replace(game, open=True)


def score(game: Round) -> tuple[int, int]:
    """How many votes are right, and how many there are."""
    return sum(said == face.real for said, face in zip(game.votes, game.faces)), len(game.votes)


def wilson(right: int, of: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927)."""
    centre, spread = right / of + z * z / (2 * of), z * math.sqrt(right / of * (1 - right / of) / of + z * z / (4 * of * of))
    return (centre - spread) / (1 + z * z / of), (centre + spread) / (1 + z * z / of)


def by_guessing(right: int, of: int) -> float:
    """Probability that tossing a coin gets at least `right` of `of` right."""
    return sum(math.comb(of, k) for k in range(right, of + 1)) / 2 ** of


def report(game: Round) -> str:
    """The score at the end in Markdown, each number with its sample size."""
    right, of = score(game)
    low, high = wilson(right, of)
    fakes, reals = ([v for v, f in zip(game.votes, game.faces) if f.real is kind] for kind in (False, True))
    enough = next((k for k in range(of + 1) if by_guessing(k, of) < 0.05), None)
    lines = [f"### {right} of {of} right ({100 * right / of:.0f} %, 95 % interval {100 * low:.0f} to {100 * high:.0f} %)",
             f"- Photographs you believed: **{sum(reals)} of {len(reals)}**. Invented faces that fooled you: **{sum(fakes)} of {len(fakes)}**.",
             f"- Tossing a coin does this well or better in {100 * by_guessing(right, of):.0f} % of rounds of {of}."
             + (f" {enough} of {of} or better beats guessing." if enough is not None else f" {of} faces are too few to tell skill from luck.")]
    judged = [f for f in game.faces if f.critic is not None]
    if judged:
        hits = sum((f.critic > 0) == f.real for f in judged)
        lines.append(f"- The network's own critic, the discriminator, on the same faces: **{hits} of {len(judged)}**. The generator was trained until this critic is hard to convince either way.")
    lines.append("- For comparison: 315 people got 48.2 % right on faces of a large GAN, 59.0 % after training with feedback (Nightingale & Farid 2022, *PNAS* 119(8)).")
    return "\n".join(lines)


def tell(face: Face) -> str:
    """The truth of a face, in Markdown."""
    truth = "**A real photograph.**" if face.real else f"**Invented: this is nobody** (seed {face.seed})."
    return truth + ("" if face.critic is None else f" The critic leans to *{'real' if face.critic > 0 else 'invented'}* ({face.critic:+.1f}).")


# -- page --------------------------------------------------------------------------------------------------------------

STYLE = """<style>
.rf-face {display: flex; justify-content: center}
.rf-face img {width: min(100%, 340px); aspect-ratio: 1; border-radius: 12px; background: #8883}
.rf-all {display: grid; grid-template-columns: repeat(auto-fill, minmax(110px, 1fr)); gap: 10px}
.rf-all figure {margin: 0; text-align: center; font-size: 14px; line-height: 1.35}
.rf-all img {width: 100%; border-radius: 8px; border: 4px solid #b91c1c; box-sizing: border-box}
.rf-all .right img {border-color: #15803d}
.rf-all figcaption {color: var(--body-text-color)}
</style>"""


def _image(face, alt):
    return f'<img alt="{html.escape(alt)}" src="data:image/jpeg;base64,{base64.b64encode(face.jpeg).decode()}">'


def show(game: Round | None):
    """Round -> face, words, score, and which of the buttons are there."""
    if game is None:
        return "", "", "", *[gr.Button(visible=v) for v in (True, False, False, False)]
    right, of = score(game)
    face = game.faces[game.shown]
    picture = STYLE + f'<div class="rf-face">{_image(face, f"Face {game.shown + 1} of {len(game.faces)}: real or invented?")}</div>'
    count = f"Face {game.shown + 1} of {len(game.faces)}" + (f" · {right} of {of} right so far" if of else "")
    words = "Is this a photograph of a person, or invented?"
    if not game.open:
        verdict = "✓ Right." if game.votes[-1] == face.real else "✗ Wrong."
        words = f"{verdict} You said {GUESS['real' if game.votes[-1] else 'fake']}. {tell(face)}"
    if game.over:
        words += "\n\n" + report(game)
        cells = "".join(f'<figure class="{"right" if said == f.real else "wrong"}">{_image(f, f"Face {i + 1}, " + ("a photograph" if f.real else "invented"))}'
                        f"<figcaption>{'✓' if said == f.real else '✗'} {'photograph' if f.real else f'invented, {f.seed}'}</figcaption></figure>"
                        for i, (f, said) in enumerate(zip(game.faces, game.votes)))
        picture = STYLE + f'<div class="rf-all">{cells}</div>'
    return (picture, words, count, gr.Button("New round" if of else "Start over", visible=True, variant="primary" if game.over else "secondary"),
            gr.Button(visible=game.open), gr.Button(visible=game.open), gr.Button(visible=not game.open and not game.over))


KEYS = """
document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || /input|textarea|select/i.test(event.target.tagName)) return;
    const wanted = {r: 'quiz-real', f: 'quiz-fake', n: 'quiz-next', Enter: event.target.tagName === 'BUTTON' ? '' : 'quiz-next'}[event.key];
    const button = wanted && document.getElementById(wanted);
    if (button && button.offsetParent) button.click();
});
"""


def build(device, data):
    """Lay out the tab."""
    path, wild = page.CHECKPOINTS / "face_gan.safetensors", sources.faces_in_the_wild()
    network = lambda: checkpoint.load(path, GAN, device)
    known = functools.cache(lambda fetched: Photographs(data, wild))
    photographs = lambda: known(wild.state == "ready")
    notes, absent = page.notes(path)
    gr.Markdown(WORDS)
    gr.Markdown(absent or notes["facts"].get("words", ""))
    game = gr.State(None)
    with gr.Row():
        with gr.Column(scale=3):
            face = gr.HTML(label="Face", js_on_load=KEYS)
        with gr.Column(scale=2):
            count = gr.Markdown()
            words = gr.Markdown()
            with gr.Row():
                real = gr.Button("Real photograph (R)", visible=False, elem_id="quiz-real", variant="primary", size="lg", min_width=140)
                fake = gr.Button("Invented (F)", visible=False, elem_id="quiz-fake", variant="primary", size="lg", min_width=140)
            following = gr.Button("Next face (N)", visible=False, elem_id="quiz-next", variant="primary", size="lg")
            start = gr.Button("Start a round", elem_id="quiz-start", variant="primary", size="lg", interactive=not absent)
            faces_asked = gr.Radio([10, 20, 40], value=10, label="Faces in a round")
            with gr.Accordion("Where the photographs come from", open=False):
                credit = gr.Markdown()
                fetch = gr.Button(f"Fetch Labeled Faces in the Wild ({wild.size})", size="sm", visible=False)
                ticking = gr.Timer(1, active=False)
            if not absent:
                with gr.Accordion("The network that invents", open=False):
                    gr.Markdown(checkpoint.card(path))
    told = [face, words, count, start, real, fake, following]

    @page.plainly
    def quiz_round(number=10, seed=None):
        begun = new_round(network(), photographs(), int(number), None if seed is None else int(seed))
        return begun, *show(begun)

    @page.plainly
    def quiz_vote(played, answer):
        if played is None:
            raise ValueError("There is no round yet: start one first.")
        if answer not in GUESS:
            raise ValueError("The answer is real or fake.")
        played = vote(played, answer == "real")
        return played, *show(played)

    def quiz_next(played):
        played = turn(played) if played else played
        return played, *show(played)

    def origin():
        kept = photographs()
        small = " They are grey and tiny, so invented faces are shown grey and tiny, too." if kept.grey else ""
        return (f"Real photographs: {kept.credit}{small}\n\n{wild.message if wild.state in ('running', 'failed') else ''}",
                gr.Button(visible=kept.grey and wild.state != "running"), gr.Timer(active=wild.state == "running"))

    def begin_fetch():
        wild.start()
        return origin()

    seed = gr.Number(visible=False)
    said = gr.Textbox(visible=False)
    start.click(quiz_round, [faces_asked, seed], [game, *told], api_name="quiz_round", show_progress="hidden")
    for button, answer in ((real, "real"), (fake, "fake")):
        button.click(functools.partial(quiz_vote, answer=answer), game, [game, *told], show_progress="hidden", trigger_mode="once", concurrency_limit=None, api_visibility="private")
    said.submit(quiz_vote, [game, said], [game, *told], api_name="quiz_vote")
    following.click(quiz_next, game, [game, *told], show_progress="hidden", trigger_mode="once", concurrency_limit=None, api_name="quiz_next")
    fetch.click(begin_fetch, None, [credit, fetch, ticking], queue=False, api_visibility="private")
    ticking.tick(origin, None, [credit, fetch, ticking], queue=False, show_progress="hidden", api_visibility="private")
    gr.on(None, origin, None, [credit, fetch, ticking], queue=False, show_progress="hidden", api_visibility="private")
