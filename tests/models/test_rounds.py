"""Rounds are fair: one way for both kinds, truth by chance, nothing about it in a file but its pixels."""
import io

import numpy as np
import pytest
from PIL import Image, ImageFilter

from models import gan, moments, rounds
from models.photographs import Photographs
from models.rounds import Vote, new_round, of_one_length, sizes, vote


@pytest.fixture(scope="module")
def net():
    return gan.GAN(gan.GAN.Config(size=32, latents=6, channels=(8, 8, 8, 4), resolution=32)).eval()


@pytest.fixture(scope="module")
def photographs():
    return Photographs()


class Colour:
    """Photographs in colour, 128 x 128, of one tone each."""

    grey, credit = False, "Tones."

    def draw(self, rng, count):
        return [Image.new("RGB", (128, 128), (rng.randrange(256), 90, 120)) for _ in range(count)]


def decoded(jpeg):
    with Image.open(io.BytesIO(jpeg)) as picture:
        return picture.format, picture.mode, np.asarray(picture)


def test_a_seed_gives_a_round_again_and_a_third_to_two_thirds_are_real(net, photographs):
    levels = moments.levels(net)
    shares, places = set(), [0] * 10
    for seed in range(30):
        game = new_round(levels[-1:], photographs, "one", 10, seed=seed)
        shares.add(sum(face.real for face in game.faces))
        places = [count + face.real for count, face in zip(places, game.faces)]
        assert len(game.faces) == 10 and all((face.seed is None) == face.real for face in game.faces)
    assert shares == {3, 4, 5, 6, 7} and all(5 <= count <= 25 for count in places), "and no place in a round tells"
    again = new_round(levels[-1:], photographs, "one", 10, seed=29)
    assert [face.jpeg for face in again.faces] == [face.jpeg for face in game.faces]


def test_the_opening_is_as_the_lecture_was_or_by_chance(net, photographs):
    levels = moments.levels(net)
    assert not any(face.real for seed in range(5) for face in new_round(levels, photographs, "opening", seed=seed, lecture=True).faces)
    assert {sum(face.real for face in new_round(levels, photographs, "opening", seed=seed).faces) for seed in range(40)} == {0, 1, 2, 3}


@pytest.mark.parametrize("mode, most", [("one", 7), ("opening", 3)])
def test_the_work_for_a_round_does_not_tell_how_many_are_real(net, monkeypatch, mode, most):
    worked, reals = set(), set()
    for seed in range(30):
        source, done = Colour(), []
        level = moments.levels(net)[-1]
        level = level._replace(invent=lambda seeds, invent=level.invent: done.append(("invented", len(seeds))) or invent(seeds))
        monkeypatch.setattr(source, "draw", lambda rng, count, draw=source.draw: done.append(("photographs", count)) or draw(rng, count))
        for step in ("as_pixels", "as_file"):
            monkeypatch.setattr(rounds, step, lambda *given, step=step, do=getattr(rounds, step): done.append(step) or do(*given))
        reals.add(sum(face.real for face in new_round([level], source, mode, 10, seed=seed).faces))
        worked.add(tuple(done))
        monkeypatch.undo()
    assert len(reals) >= 4 and len(worked) == 1
    assert {step for step in worked.pop() if step[0] in ("invented", "photographs")} == {("invented", most), ("photographs", most)}


@pytest.mark.parametrize("source", [Photographs(), Colour()], ids=["grey", "colour"])
def test_all_files_of_a_round_are_alike_but_for_their_pixels(net, source):
    game = new_round(moments.levels(net), source, "moment", 20, seed=1)
    assert len({len(face.jpeg) for face in game.faces}) == 1
    assert {decoded(face.jpeg)[:2] for face in game.faces} == {("JPEG", "RGB")} and {decoded(face.jpeg)[2].shape for face in game.faces} == {(256, 256, 3)}
    for level in dict.fromkeys(face.level for face in game.faces):
        kinds = {(face.pixels.mode, face.pixels.size) for face in game.faces if face.level is level}
        assert len(kinds) == 1, "photographs and inventions have the same pixels before they are enlarged"


def test_the_way_to_the_file_does_not_know_the_truth(net):
    """The same picture gives the same bytes, whether it was photographed or invented."""
    level = moments.levels(net)[-1]
    picture = level.invent([5])[0]

    class Inventions(Colour):
        def draw(self, rng, count):
            return [picture] * count
    game = new_round([level._replace(invent=lambda seeds: [picture] * len(seeds))], Inventions(), "one", 10, seed=0)
    assert {face.real for face in game.faces} == {True, False} and len({face.jpeg for face in game.faces}) == 1


def test_a_small_photograph_lies_where_its_part_is_cut():
    small = Image.effect_noise((25, 25), 60).filter(ImageFilter.GaussianBlur(2))
    again = rounds.as_pixels(small, 128, True)
    assert again.size == (25, 25) and again.mode == "L"
    assert np.abs(np.asarray(again, float) - np.asarray(small, float)).mean() < 3


def test_lengths_are_made_equal_and_pictures_stay(net):
    files = [rounds.as_file(Image.effect_noise((32, 32), spread).convert("RGB"), 32) for spread in (1, 40, 120)]
    longer = of_one_length(files)
    assert len({len(file) for file in files}) == 3 and len({len(file) for file in longer}) == 1
    for before, after in zip(files, longer):
        assert np.array_equal(decoded(before)[2], decoded(after)[2])
    assert len(rounds._longer(files[0], len(files[0]) + 200_001)) == len(files[0]) + 200_001


def test_the_player_takes_the_place_of_a_photograph(net):
    me = Image.new("RGB", (128, 128), "red")
    for seed in range(8):
        game = new_round(moments.levels(net)[-1:], Colour(), "one", 10, seed=seed, own=me)
        mine = [face for face in game.faces if face.own]
        assert len(mine) == 1 and mine[0].real and mine[0].pixels.getpixel((3, 3)) == (255, 0, 0)
    assert not any(face.own for face in new_round(moments.levels(net), Colour(), "opening", seed=1, lecture=True, own=me).faces), "where none is real there is no place"


def test_levels_follow_each_other_in_equal_parts(net):
    levels = moments.levels(net)
    game = new_round(levels, Colour(), "moment", 20, seed=3)
    assert [level.name.split(" ")[0] for level in levels] == ["Early", "Middle", "Late"] and levels[-1].final
    assert [face.level.key for face in game.faces] == ["grown-8"] * 7 + ["grown-16"] * 7 + ["final"] * 6
    assert sizes(levels[-1]) == [25, 32] and sizes(levels[0]) == [8] and sizes(levels[0], grey=True) == [25]


def test_votes_come_one_after_the_other_and_a_double_click_changes_nothing(net, photographs):
    game = new_round(moments.levels(net)[-1:], photographs, "one", 10, seed=2)
    assert game.open == 1
    game = vote(game, 0, Vote(True))
    assert vote(game, 0, Vote(False)) is game and game.open == 2
    for wrong in (2, -1, 10, "0", True):
        with pytest.raises(ValueError):
            vote(game, wrong, Vote(True))
    for number in range(1, 10):
        game = vote(game, number, Vote(False, 3, ("eyes",)))
    assert game.over and game.open == 10


@pytest.mark.parametrize("said", [{"real": 1}, {"real": None}, {"real": True, "sure": 4}, {"real": True, "sure": True}, {"real": True, "why": ("nose",)}])
def test_a_vote_that_is_none_is_a_sentence(said):
    with pytest.raises(ValueError):
        Vote(**said)


@pytest.mark.parametrize("wrong, sentence", [(dict(mode="chess"), "modes"), (dict(count=1), "2 to 40"), (dict(count=41), "2 to 40"), (dict(size=64), "25 or 32"), (dict(size=-1), "25 or 32")])
def test_a_round_that_cannot_be_is_a_sentence(net, wrong, sentence):
    with pytest.raises(ValueError, match=sentence):
        new_round(moments.levels(net)[-1:], Colour(), **wrong)


def test_kept_moments_are_levels(net):
    config = moments.Moments.Config(({"resolution": 8, "alpha": 1.0, "images": 900, "hours": 0.1}, {"resolution": 16, "alpha": 0.5, "images": 2000, "hours": 0.2},
                                     {"resolution": 16, "alpha": 1.0, "images": 5000, "hours": 0.3}))
    kept = moments.Moments(config)
    kept.faces_2[3] = 200
    levels = moments.levels(net, kept)
    assert [level.key for level in levels] == ["moment-0", "moment-2", "final"] and "5,000 pictures seen" in levels[1].name
    assert levels[1].invent([3])[0].getpixel((0, 0)) == (200, 200, 200) and levels[0].invent([0])[0].size == (8, 8)
    game = new_round(levels[1:2], Colour(), "moment", 20, seed=0)
    assert all(face.seed < moments.SEEDS for face in game.faces if not face.real)
    with pytest.raises(ValueError, match="shorter round"):
        new_round(levels[1:2], Colour(), "moment", 40, seed=0)
