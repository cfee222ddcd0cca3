"""What to try on horse <-> zebra: pictures to start from, each with a question to answer before the network does, and what is known of the answer."""
from dataclasses import dataclass

from gradio.media import get_image
from PIL import Image

from models import painting, sources
from models.collection import PICTURES, Collection
from models.download import Download
from models.pictures import fit_within, read_picture
from models.translation import DIRECTIONS

MOST_OWN = 12  # of one's own pictures among the examples
CREDITS = f"Examples: {sources.CREDITS['painted horse']} Cheetah and lion: examples of Gradio. {sources.CREDITS['portrait']}"


@dataclass(frozen=True)
class Example:
    """A picture to start from, the direction that suits it (None: whatever is chosen), a question to answer first, and what there is to say after."""

    picture: Image.Image
    direction: str | None = None
    question: str = ""
    answer: str = ""


QUESTIONS = {
    "horse": ("A bay horse that a program painted, in the pose of a drawing. **Which parts will get stripes**: body, legs, head, meadow, sky? Say it, then press Translate.",
              "Brown coats seen from the side are what the network has met most often. Outlines of horses taught it where an animal ends, so meadow and sky stay as they were; "
              "stripes run from the tail to the nose and down the legs, and the way back cannot know which brown the coat had."),
    "rider": ("A horse with a rider. **Will the rider get stripes, too?** Say it, then press Translate.",
              "In the training photographs of zebras nobody rides, so no critic ever asked for a rider to stay as he was, and a jacket is taken for coat. The paper shows the same failure on a famous man on "
              "horseback (Zhu et al. 2017, figure 17)."),
    "cheetah": ("A cheetah: not a horse, but a coat, and already patterned. **Will the spots become stripes?** Say it, then press Translate.",
                "There are only two kinds of picture in this network's world. What is no zebra counts as a horse, so it looks for something brown; that the animal is "
                "another one it cannot know. Too small and too unlike a horse for clear stripes, it turns grey."),
    "lion": ("A lion: brown like a horse, from the front, with a mane. **Where will the stripes begin and end?** Say it, then press Translate.",
             "Smooth and brown is a coat to it, whoever wears it: flanks get stripes, and even the blurred ground behind. Mane and face look like no horse that it has met from the side."),
    "you": ("A person, without any animal. **Is nothing the right answer, and will the network give it?** Say it, then press Translate. Then try it on you, with the camera.",
            "Nobody taught it to say that there is no horse here. The identity loss only asks to leave *zebras* as they are. What is smooth and between red and "
            "brown may be taken for a coat: an orange suit is, a face is not."),
    "zebras": ("A photograph of zebras. **What will be drawn where the stripes are taken away?** Say it, then press Translate.",
               "This way is the harder one: a coat of one colour has to be invented for every pair of stripes, and there are horses of every colour. The average of them is a "
               "greyish brown; lower legs, close views and reflections in water keep their stripes."),
    "photo": ("A photograph of horses that was kept for tests: the network has never met it. **What will it get wrong first?** Say it, then press Translate.",
              "White and very dark coats that stay as they are, heads that remain a horse's, and riders or curtains that get stripes are what to look for."),
}


def examples_at_hand(data=None) -> list[Example]:
    """What there is without a network: a painted horse, alone and with a rider, two cats, a portrait, and the first pictures of `data` that can be read."""
    found = [painting.painted_horse(256), painting.with_rider(painting.painted_horse(256)), *(read_picture(get_image(name)) for name in ("cheetah.jpg", "lion.jpg")), sources.portrait()]
    found = [Example(picture, DIRECTIONS[0], *QUESTIONS[key]) for picture, key in zip(found, ("horse", "rider", "cheetah", "lion", "you"))]
    try:
        own = Collection(data, PICTURES) if data else None
    except ValueError:
        return found  # recordings only, for the other tabs
    built_in = len(found)
    for name in own.names if own else ():
        if len(found) == built_in + MOST_OWN:
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
    return [Example(read_picture(photo), DIRECTIONS[zebras], *QUESTIONS["zebras" if zebras else "photo"])
            for photo, zebras in ((photo, "testB" in photo.parts) for photo in found)]
