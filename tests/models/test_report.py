"""Signal detection by hand-counted rounds and published figures."""
from types import SimpleNamespace

import pytest

from models.chance import wilson
from models.opinion import Opinion
from models.report import detection, enough, rating, report, roc
from models.rounds import Face, Round, Vote


def game(*answers, own=()):
    """A round of (truth, said, sure, why) per face."""
    level = SimpleNamespace(name="Late")
    faces = tuple(Face(b"", None, level, truth, None if truth else 7, i in own) for i, (truth, *_) in enumerate(answers))
    return Round("one", faces, 25, tuple(Vote(said, *rest) for _, said, *rest in answers))


def test_d_prime_and_bias():
    assert detection(5, 10, 5, 10) == pytest.approx((0, 0))
    d, bias = detection(9, 10, 1, 10)
    assert d == pytest.approx(2 * 1.0968, abs=1e-3) and bias == pytest.approx(0)  # z(9.5 / 11) = 1.0968
    assert detection(10, 10, 0, 10).d < 4, "a perfect round has a finite d'"
    assert detection(9, 10, 9, 10).bias < 0 < detection(1, 10, 1, 10).bias, "who says 'real' too often has a bias below 0"
    with pytest.raises(ValueError):
        detection(0, 0, 1, 2)


def test_roc_area_is_the_chance_of_a_right_order():
    points, area = roc([3, 2, 1, 0], [True, True, False, False])
    assert area == 1 and points[0] == (0, 0) and points[-1] == (1, 1)
    assert roc([0, 1], [True, False])[1] == 0 and roc([1, 1], [True, False])[1] == 0.5
    assert roc([3, 1, 2, 0], [True, True, False, False])[1] == pytest.approx(3 / 4)


def test_nine_of_ten_beat_guessing():
    assert enough(10) == 9 and enough(20) == 15 and enough(40) == 26 and enough(3) is None
    told = report(game(*[(True, True)] * 5, *[(False, False)] * 4, (False, True)), [None] * 10)
    assert told["luck"]["enough"] == 9 and told["luck"]["probability"] == pytest.approx(11 / 1024)


def test_a_report_counts_what_was_said():
    told = report(game((True, True, 3, ("eyes",)), (True, False, 1, ("eyes", "gut")), (False, False, 3), (False, True, 1, ("gut",)), (False, False, 2)),
                  [Opinion(2.0, 0.0), Opinion(-1.0, 0.0), Opinion(-2.0, 0.0), Opinion(1.0, 0.0), Opinion(-3.0, None)])
    assert told["score"]["right"] == 3 and told["score"]["of"] == 5 and told["score"]["interval"] == wilson(3, 5)
    assert told["kinds"] == {"hits": 1, "reals": 2, "false_alarms": 1, "fakes": 3}
    assert [(row["name"], row["right"], row["of"]) for row in told["sure"]] == [("a guess", 0, 2), ("fairly sure", 1, 1), ("certain", 2, 2)]
    assert [(row["name"], row["right"], row["of"]) for row in told["why"]] == [("eyes", 1, 2), ("gut", 0, 2)]
    assert (told["critic"]["right"], told["critic"]["of"]) == (2, 4), "a score without a turning point decides nothing"
    assert told["roc"]["you"]["faces"] == told["roc"]["critic"]["faces"] == 5
    assert told["levels"] == [] and told["literature"][0]["n"] == 315 and "PNAS" in told["source"]


def test_the_players_own_face_does_not_count():
    told = report(game((True, True), (False, False), own={0}), [None] * 2)
    assert told["score"]["of"] == 1 and told["kinds"]["reals"] == 0 and told["detection"] is None and told["roc"] is None


def test_ratings_order_what_was_said():
    assert [rating(Vote(real, sure)) for real, sure in ((False, 3), (False, 1), (True, 1), (True, 3))] == [-3, -1, 1, 3]
    assert rating(Vote(False)) == -1
