"""The quiz while it is played: rounds are kept here, and what leaves of a face before its vote is its file alone."""
import functools
import io
import random
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import torch
from PIL import Image

from models import faces, opinion
from models.device import one_core
from models.gan import GAN
from models.moments import SEEDS, Level, Moments, drawn_at, levels, resolutions
from models.opinion import Opinion
from models.photographs import Photographs
from models.pictures import read_picture, to_tensor
from models.report import report
from models.rounds import MODES, OPENING, REASONS, Face, Round, Vote, as_pixels, new_round, sizes, vote

COUNTS = (10, 20, 40)  # faces in a round
ROUNDS_AT_MOST, PLAYED_WITHIN = 400, 2 * 3600  # rounds kept, and seconds that each is; one of 40 faces takes up to 1 MB
OWN_AT_MOST, OWN_KEPT = 40, 1800  # pictures of players, and seconds
DEEP = 4096  # steps of a pixel's value from 0 to 1 in the faces of a stage
UNFAMILIAR = 20  # faces of each kind by which the discriminator's turning point is set where it was not trained on such pictures


class Gone(ValueError):
    """What is asked for is not kept, or not any more."""


class NotYet(ValueError):
    """What is asked for is told only after the vote."""


@dataclass
class _Kept:
    """A round in play, and what the discriminator thought of the faces that were voted on."""

    game: Round
    own: str | None = None  # the id of the player's picture in it
    opinions: list[Opinion | None] = field(default_factory=list)
    since: float = field(default_factory=time.monotonic)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Quiz:
    """Rounds by an id that none can guess. `network()`, `moments()` (or None) and `photographs()` give what is newest; all methods may be called from any thread.

    Networks compute in two threads, each on one core. Bad input and what is not there raises ValueError with a sentence, `Gone` or `NotYet`.
    """

    def __init__(self, network: Callable[[], GAN], moments: Callable[[], Moments | None], photographs: Callable[[], Photographs]):
        self.network, self.moments, self.photographs = network, moments, photographs
        self._rounds: OrderedDict[str, _Kept] = OrderedDict()
        self._own: OrderedDict[str, Image.Image] = OrderedDict()
        self._lock, self._threads = threading.Lock(), ThreadPoolExecutor(2, "quiz", one_core)

    # Before the vote

    def about(self) -> dict:
        """What can be played, for the page to lay out."""
        photographs, found = self.photographs(), self.levels()
        return {"modes": MODES, "counts": COUNTS, "reasons": REASONS, "grey": photographs.grey, "credit": photographs.credit, "full": self.network().config.size,
                "kept": any(level.key.startswith("moment") for level in found),
                "levels": [{"key": level.key, "name": level.name, "sizes": sizes(level, photographs.grey), "counts": [n for n in COUNTS if 0.7 * n <= level.seeds]} for level in found]}

    def levels(self) -> list[Level]:
        return levels(self.network(), self.moments())

    def begin(self, mode: str = "one", count: int = 10, level: str = "final", size: int | None = None, after: str | None = None, own: str | None = None) -> dict:
        """A new round: {round, mode, faces, size, levels (the name of each face's)}.

        `level`: its key, or "all" for one after the other. `after`: the player's round before; the very first opening is as the lecture's was. `own`: see `keep_own`.
        """
        if type(count) is not int:
            raise ValueError(f"A round has {', '.join(map(str, COUNTS))} faces.")
        known = {one.key: one for one in self.levels()}
        if level != "all" and level not in known:
            raise ValueError(f"The levels are all, {', '.join(known)}.")
        chosen = ([*known.values()] if level == "all" else [known[level]]) if mode == "moment" else [known["final"]]
        photographs = self.photographs()
        game = self._computed(new_round, chosen, photographs, mode, count, size, lecture=not after, own=self._own_picture(own) if own else None)
        if photographs.grey:
            self._threads.submit(_grey_turn, self.network(), photographs)  # ready by the first vote
        key = secrets.token_urlsafe(12)
        with self._lock:
            self._rounds[key] = _Kept(game, own)
            _forget(self._rounds, ROUNDS_AT_MOST, lambda kept: time.monotonic() - kept.since > PLAYED_WITHIN)
        return {"round": key, "mode": mode, "faces": len(game.faces), "size": game.size, "levels": [face.level.name for face in game.faces]}

    def one_face(self) -> Face:
        """A face of the network as it ships or a photograph, by the toss of a coin."""
        return self._computed(new_round, self.levels()[-1:], self.photographs(), "one", 2).faces[0]  # one of the two is real, in either place

    def face(self, key: str, number: int) -> bytes:
        """The file of a face whose turn has come; all files of a round have one length."""
        game = self._with_face(key, number)
        if number >= game.open:
            raise NotYet("This face is shown after the vote on the one before.")
        return game.faces[number].jpeg

    def vote(self, key: str, number: int, votes: list[Vote]) -> list[dict]:
        """Takes the votes on face `number` and those after it (one, or in the opening all three), and tells the truth of each, as `told`."""
        if type(number) is not int:
            raise ValueError("A vote names its face by a whole number, counted from 0.")
        kept = self._kept(key)
        wanted = OPENING if kept.game.mode == "opening" else 1
        if len(votes) != wanted or (wanted > 1 and number != 0):
            raise ValueError(f"This round takes {'the votes on all three faces at once' if wanted > 1 else 'one vote at a time'}.")
        with kept.lock:
            game = kept.game
            for i, said in enumerate(votes):
                game = vote(game, number + i, said)
            kept.opinions += [self.opinion(face) for face in game.faces[len(kept.opinions):len(game.votes)]]
            kept.game = game
        return [told(game, i, kept.opinions[i]) for i in range(number, number + wanted)]

    # After it

    def look(self, key: str, number: int) -> bytes:
        """Where the discriminator looked, a PNG to lay over the face."""
        game = self._with_face(key, number)
        if number >= len(game.votes):
            raise NotYet("What the discriminator looked at is shown after the vote.")
        return _png(self._computed(opinion.looked_at, self.network(), game.faces[number].pixels))

    def report(self, key: str) -> dict:
        """`models.report.report` of a round that is over."""
        kept = self._kept(key)
        if not kept.game.over:
            raise NotYet(f"The report comes after the last face: {len(kept.game.votes)} of {len(kept.game.faces)} were voted on.")
        return report(kept.game, kept.opinions)

    def opinion(self, face: Face) -> Opinion:
        """The discriminator's; where it turns is 0 by its training, measured for grey pictures, and unknown for pictures of earlier levels."""
        net = self.network()
        turn = None
        if face.level.final:
            turn = 0.0 if face.pixels.mode == "RGB" else self._computed(_grey_turn, net, self.photographs())
        return Opinion(self._computed(opinion.score, net, face.pixels), turn)

    # A player among the photographs

    def keep_own(self, file: bytes) -> tuple[str, bytes]:
        """Keeps the largest face on a photo, in memory and for half an hour, for rounds that are begun with the id that is given back, and those no longer; and the crop, a PNG."""
        photo = read_picture(file)
        face = faces.find_face(photo)
        if face is None:
            raise ValueError("No face was found in this picture. Look into the camera, in good light, and try again.")
        crop, key = faces.crop_of(photo, face, 128), secrets.token_urlsafe(12)
        with self._lock:
            self._own[key] = crop
            _forget(self._own, OWN_AT_MOST)
        forgetting = threading.Timer(OWN_KEPT, self.forget_own, [key])
        forgetting.daemon = True
        forgetting.start()
        return key, _png(crop)

    def forget_own(self, key: str):
        """Forgets a player's picture, and the rounds that it is in."""
        with self._lock:
            self._own.pop(key, None)
            for name in [name for name, kept in self._rounds.items() if kept.own == key]:
                del self._rounds[name]

    def _own_picture(self, key):
        with self._lock:
            found = self._own.get(key)
        if found is None:
            raise Gone("Your picture was forgotten, as half an hour has passed or many others came: take it again.")
        return found

    # How the network grew

    def growth(self) -> dict:
        """"Watch it learn": `ways` to go, each {key, fade, stages}, a stage {sheet, resolution, alpha, images, hours}, the last two None where unknown.

        "training", where its trainer kept moments: they, and the network as it ships. "sizes": the finished network's own sizes, which `fade` into each
        other by the very formula of its fading in. `sheet` is what `growth_faces` asks for.
        """
        net, kept = self.network(), self.moments()
        sizes = [{"sheet": i, "resolution": r, "alpha": 1.0, "images": None, "hours": None} for i, r in enumerate(resolutions(net))]
        ways = [{"key": "sizes", "fade": True, "stages": sizes}]
        if kept is not None and kept.config.moments:
            learned = [{"sheet": len(sizes) + i, **moment} for i, moment in enumerate(kept.config.moments)]
            ways.insert(0, {"key": "training", "fade": False, "stages": [*learned, sizes[-1]]})
        return {"ways": ways, "faces": SEEDS, "deep": DEEP}

    def growth_faces(self, sheet: int) -> bytes:
        """The sixteen faces of a stage, (16, 3, R, R) as little-endian int16, `DEEP` times -1..1: what lies beyond is kept, as it still counts when stages are mixed."""
        net, kept = self.network(), self.moments()
        sizes, more = resolutions(net), len(kept.config.moments) if kept is not None else 0
        if not 0 <= sheet < len(sizes) + more:
            raise Gone(f"There is no sheet {sheet}: there are {len(sizes) + more}, counted from 0.")
        return self._computed(_size_faces, net, sizes[sheet]) if sheet < len(sizes) else self._computed(_moment_faces, kept, sheet - len(sizes))

    # How

    def _computed(self, function, *arguments, **named):
        return self._threads.submit(function, *arguments, **named).result()

    def _with_face(self, key, number):
        """The game of a round that has a face of that number."""
        game = self._kept(key).game
        if not 0 <= number < len(game.faces):
            raise Gone(f"There is no face {number} in this round.")
        return game

    def _kept(self, key):
        with self._lock:
            kept = self._rounds.get(key)
        if kept is None:
            raise Gone("This round is not kept any more: begin another.")
        return kept


def told(game: Round, number: int, thought: Opinion) -> dict:
    """The truth of a face that was voted on."""
    face, said = game.faces[number], game.votes[number]
    return {"face": number, "real": face.real, "seed": face.seed, "own": face.own, "said": said.real, "right": said.real == face.real, "level": face.level.name,
            "score": round(thought.score, 3), "turn": thought.turn and round(thought.turn, 3), "leans": thought.real, "over": game.over, "words": in_words(face, thought)}


def in_words(face: Face, thought: Opinion) -> str:
    """The truth of a face and what the discriminator thought of it, in plain sentences."""
    truth = "A real photograph: this is you." if face.own else "A real photograph." if face.real else f"Invented. This is nobody; seed {face.seed}."
    if thought.real is None:
        return f"{truth} The discriminator gives it {_signed(thought.score)}; it was trained on larger pictures, so only the order of its scores means anything."
    return f"{truth} The discriminator gives it {_signed(thought.score - thought.turn)}: it leans to {'real' if thought.real else 'invented'}."


def _signed(value):
    return f"{value:+.2f}".replace("-", "−")


@functools.lru_cache(maxsize=4)
def _grey_turn(net, photographs):
    """Where the discriminator's scores turn from invented to real for grey pictures, by 20 photographs and 20 inventions."""
    final, rng = levels(net)[-1], random.Random(0)
    photographed = [as_pixels(picture, final.resolution, True) for picture in photographs.draw(rng, UNFAMILIAR)]
    invented = [as_pixels(picture, final.resolution, True) for picture in final.invent(range(2_000_000, 2_000_000 + UNFAMILIAR))]  # seeds that no round draws
    return opinion.turning_point(net, photographed, invented)


@functools.lru_cache(maxsize=16)
def _size_faces(net, resolution):
    return _sheet(drawn_at(net, range(SEEDS), resolution).cpu())


@functools.lru_cache(maxsize=16)
def _moment_faces(moments, moment):
    return _sheet(torch.cat([to_tensor(picture) for picture in moments.pictures(moment)]))


def _sheet(faces_):
    return (faces_ * DEEP).round().clamp(-32768, 32767).short().numpy().astype("<i2").tobytes()


def _png(picture):
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def _forget(kept, most, old=lambda one: False):
    """The oldest go first."""
    while kept and (len(kept) > most or old(next(iter(kept.values())))):
        kept.popitem(last=False)
