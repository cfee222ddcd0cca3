"""Tab 1: real or fake? Photographs of people and faces that the GAN invents: alone, and with a class."""
import functools

import gradio as gr

from demos import classroom, fetching, page, quiz_live
from models import checkpoint, sources
from models.gan import GAN
from models.moments import Moments
from models.photographs import Photographs
from models.quiz import Quiz, in_words
from models.rooms import Question
from models.rounds import Vote, as_file

TITLE = "Real or fake?"
WORDS = """The lecture opens with three faces: *who is real?* Look, decide, and see how you did. Photographs of people are mixed here with faces of nobody,
invented on the spot by a generative adversarial network."""
ANSWERS = {"real": True, "fake": False}
NETWORK, MOMENTS = page.CHECKPOINTS / "face_gan.safetensors", page.CHECKPOINTS / "face_gan_moments.safetensors"


# -- what is played ----------------------------------------------------------------------------------------------------

@functools.cache
def the_download():
    """Labeled Faces in the Wild, for all who use this app."""
    return sources.faces_in_the_wild()


@functools.cache
def the_quiz(data: str | None) -> Quiz:
    """The quiz of this app, with photographs from `data` or the best that are at hand. Its network computes on the CPU: a face takes
    milliseconds there, and a GPU may have to be waited for."""
    known = functools.lru_cache(maxsize=1)(lambda fetched: Photographs(data, the_download()))
    network = lambda: checkpoint.load(NETWORK, GAN)
    return Quiz(network, lambda: checkpoint.load(MOMENTS, Moments) if MOMENTS.exists() else None, lambda: known(the_download().state == "ready"))


def class_question(quiz: Quiz, past: list[Question]) -> Question:
    """A face for a class, real or invented by the toss of a coin, made as those of a round are; none that the class has seen."""
    seen = {question.picture for question in past}
    for _ in range(50):
        face = quiz.one_face()
        picture = as_file(face.pixels, face.pixels.width)
        if picture not in seen:
            thought = quiz.opinion(face)
            return Question(picture, "A photograph of a person, or invented?", ("Photograph", "Invented"), int(not face.real), in_words(face, thought),
                            None if thought.real is None else int(not thought.real))
    raise ValueError("The class has seen all photographs: give more with --data, or open a new room.")


def origin(photographs: Photographs) -> str:
    """Where the photographs at hand come from."""
    return f"Real photographs: {photographs.credit}" + (" They are grey and tiny, so invented faces are shown grey and tiny, too." if photographs.grey else "")


# -- page --------------------------------------------------------------------------------------------------------------

# All that happens in it lies in demos/quiz_web; the template never changes, so that Gradio leaves its content alone.
SKELETON = """<section class="quiz" aria-label="Real or fake?"><p class="qz-wait">The quiz is on its way ...</p></section>"""
BEGIN = page.begin("quiz/web/quiz.js")
GROWN = """<section class="growth" aria-label="Watch it learn"></section>"""
GROW = page.begin("quiz/web/growth.js")


def routes(device: str, data: str | None) -> list:
    """What the page of this tab asks for by itself."""
    return quiz_live.routes(the_quiz(data))


def build(device: str, data: str | None):
    """Lay out the tab."""
    quiz, wild = the_quiz(data), the_download()
    notes, absent = page.notes(NETWORK)
    gr.Markdown(absent or WORDS)
    if not absent:
        gr.HTML("", html_template=SKELETON, js_on_load=BEGIN, apply_default_css=False, padding=False)
    with gr.Accordion("Where the photographs come from", open=False):
        fetching.offer(wild, "Fetch Labeled Faces in the Wild", lambda: origin(quiz.photographs()), wanted=lambda: quiz.photographs().grey)
    if not absent:
        gr.HTML("", html_template=GROWN, js_on_load=GROW, apply_default_css=False, padding=False)
        gr.Markdown(notes["facts"].get("words", ""))
        with gr.Accordion("The network that invents", open=False):
            gr.Markdown(checkpoint.card(NETWORK))
        gr.Markdown("### With a class")
        classroom.build(functools.partial(class_question, quiz), rival="The discriminator")

    # -- events --------------------------------------------------------------------------------------------------------

    @page.plainly
    def quiz_round(mode: str = "one", faces: int = 10, level: str = "final") -> dict:
        """Begins a round: "one", "moment" or "opening". Its faces lie at quiz/<round>/face/<0, 1, ...>, each from when its turn has come."""
        return quiz.begin(mode, faces, level, after="a script")

    @page.plainly
    def quiz_vote(round: str, face: int, answer: str, sure: int = 0) -> dict:
        """Votes "real" or "fake" on a face, in the opening on all three at once ("real fake fake"), and tells the truth; after the last face also the report."""
        said = [ANSWERS.get(word) for word in answer.split()]
        if None in said or not said:
            raise ValueError("The answer is real or fake.")
        told = quiz.vote(round, face, [Vote(real, sure or None) for real in said])
        return {"told": told, "report": quiz.report(round) if told[-1]["over"] and len(said) == 1 else None}

    gr.api(quiz_round, api_name="quiz_round")
    gr.api(quiz_vote, api_name="quiz_vote")
