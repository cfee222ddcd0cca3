"""What a round tells of its player: signal detection, confidence, reasons, and the same faces judged by the discriminator. Every figure with its sample size.

A "hit" is a photograph that was taken for one, a "false alarm" an invented face that was.
"""
from statistics import NormalDist
from typing import NamedTuple

from models.chance import by_guessing, wilson
from models.opinion import Opinion
from models.rounds import CERTAIN, GUESS, REASONS, Round, Vote

LITERATURE = [
    {"who": "People, on faces of StyleGAN2", "n": 315, "share": 0.482, "interval": [0.471, 0.492]},
    {"who": "others, after training and told the truth after each face", "n": 219, "share": 0.590, "interval": [0.577, 0.604]},
]
SOURCE = "Nightingale & Farid 2022, AI-synthesized faces are indistinguishable from real faces and more trustworthy, PNAS 119(8) e2120481119, experiments 1 and 2; 128 faces each"


class Detection(NamedTuple):
    """Signal detection theory of hits and false alarms."""

    d: float  # d', how far apart the two kinds look: 0 is chance
    bias: float  # criterion c: above 0 one leans to "invented", below to "real"


def detection(hits: int, reals: int, false_alarms: int, fakes: int) -> Detection:
    """d' = z(H) - z(F) and c = -(z(H) + z(F)) / 2, with half an answer added to each cell (the log-linear rule: Hautus 1995, Behavior Research
    Methods 27, 46-51), so that a perfect round of few faces has a finite d'. ValueError where one of the kinds was not shown."""
    if not reals or not fakes:
        raise ValueError("d' needs faces of both kinds.")
    hit, alarm = (NormalDist().inv_cdf((said + 0.5) / (of + 1)) for said, of in ((hits, reals), (false_alarms, fakes)))
    return Detection(hit - alarm, -(hit + alarm) / 2)


def roc(scores: list[float], truths: list[bool]) -> tuple[list[tuple[float, float]], float]:
    """Receiver operating characteristic of scores, the higher the more real: points (false alarm rate, hit rate) from (0, 0) to (1, 1), and the area below,
    which is the chance that a real face scores higher than an invented one, ties counting half. ValueError where one of the kinds was not shown."""
    reals, fakes = truths.count(True), truths.count(False)
    if not reals or not fakes:
        raise ValueError("A ROC needs faces of both kinds.")
    points = [(0.0, 0.0)]
    for threshold in sorted(set(scores), reverse=True):
        said = [truth for score, truth in zip(scores, truths) if score >= threshold]
        points.append((said.count(False) / fakes, said.count(True) / reals))
    area = sum((x - a) * (y + b) / 2 for (a, b), (x, y) in zip(points, points[1:]))
    return points, area


def rating(said: Vote) -> int:
    """A vote as a score, the higher the more real: -3 certainly invented ... 3 certainly real; -1 or 1 where nobody asked how sure."""
    return (1 if said.real else -1) * (said.sure or 1)


def enough(of: int) -> int | None:
    """The least number right of `of` that a coin reaches in fewer than 5 % of rounds; None where there is none."""
    return next((k for k in range(of + 1) if by_guessing(k, of) < 0.05), None)


def report(game: Round, opinions: list[Opinion | None]) -> dict:
    """All of it for the votes so far, `opinions` as many as faces; the player's own face does not count. Shares are 0..1, intervals 95 % (Wilson).

    `score` {right, of, share, interval}; `kinds` {hits, reals, false_alarms, fakes}; `detection` {d, bias} or None; `luck` {probability, enough, of};
    `sure`, `why`, `levels`: rows {name, right, of, interval}; `critic` {right, of, interval} or None; `roc` {you, critic} of {points, area, faces} or None;
    `literature`, `source`.
    """
    played = [(face, said, opinion) for face, said, opinion in zip(game.faces, game.votes, opinions) if not face.own]
    if not played:
        raise ValueError("There is nothing to report: no face was voted on.")
    right = [(face, said) for face, said, _ in played if said.real == face.real]
    kind = {truth: [said for face, said, _ in played if face.real is truth] for truth in (True, False)}
    hits, alarms = (sum(said.real for said in kind[truth]) for truth in (True, False))
    both = bool(kind[True] and kind[False])
    judged = [(face, said, opinion) for face, said, opinion in played if opinion is not None]
    decided = [opinion.real == face.real for face, _, opinion in judged if opinion.turn is not None]
    return {
        "score": _row("all", len(right), len(played)),
        "kinds": {"hits": hits, "reals": len(kind[True]), "false_alarms": alarms, "fakes": len(kind[False])},
        "detection": detection(hits, len(kind[True]), alarms, len(kind[False]))._asdict() if both else None,
        "luck": {"probability": by_guessing(len(right), len(played)), "enough": enough(len(played)), "of": len(played)},
        "sure": _rows(played, ((name, lambda face, said, level=level: said.sure == level) for level, name in zip(range(GUESS, CERTAIN + 1), ("a guess", "fairly sure", "certain")))),
        "why": _rows(played, ((reason, lambda face, said, reason=reason: reason in said.why) for reason in REASONS)),
        "levels": _levels(played),
        "critic": _row("critic", sum(decided), len(decided)) if decided else None,
        "roc": _both_rocs(judged) if judged and {face.real for face, *_ in judged} == {True, False} else None,
        "literature": LITERATURE, "source": SOURCE,
    }


def _row(name, right, of):
    return {"name": name, "right": right, "of": of, "share": right / of, "interval": wilson(right, of)}


def _rows(played, groups):
    """A row for each group that some vote belongs to."""
    counted = ((name, [said.real == face.real for face, said, _ in played if belongs(face, said)]) for name, belongs in groups)
    return [_row(name, sum(right), len(right)) for name, right in counted if right]


def _levels(played):
    names = dict.fromkeys(face.level.name for face, *_ in played)
    return _rows(played, ((name, lambda face, said, name=name: face.level.name == name) for name in names)) if len(names) > 1 else []


def _both_rocs(judged):
    """The player's and the discriminator's, on the same faces."""
    truths = [face.real for face, *_ in judged]
    scores = {"you": [rating(said) for _, said, _ in judged], "critic": [opinion.score for *_, opinion in judged]}
    found = {who: roc(of, truths) for who, of in scores.items()}
    return {who: {"points": points, "area": area, "faces": len(truths)} for who, (points, area) in found.items()}
