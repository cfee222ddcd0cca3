"""What the page of the quiz is answered: nothing of a face's truth before its vote, and a sentence for everything that goes wrong."""
import io
import json
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from demos import quiz_live, real_or_fake
from models import gan, moments, quiz, sources
from models.photographs import Photographs
from models.rounds import Vote


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(1)
    return gan.GAN(gan.GAN.Config(size=32, latents=6, channels=(8, 8, 8, 4), resolution=32)).eval()


@pytest.fixture
def table(net):
    photographs = Photographs()
    return quiz.Quiz(lambda: net, lambda: None, lambda: photographs)


@pytest.fixture
def client(table):
    return TestClient(Starlette(routes=quiz_live.routes(table)))


def begun(client, **asked):
    return client.post("/quiz/round", json=asked).json()


def voted(client, key, number, real=True, **more):
    return client.post(f"/quiz/{key}/vote", json={"face": number, "votes": [{"real": real, **more}]})


def heard(client, asked, answers):
    """Everything that a browser is sent of a round before each vote: status, headers and body of every answer, also of those it should not ask for."""
    told = []

    def hear(answer):
        told.append((answer.status_code, sorted(answer.headers.items()), answer.content))
        return answer
    hear(client.get("/quiz/about"))
    game = hear(client.post("/quiz/round", json=asked)).json()
    opening = asked.get("mode") == "opening"
    truths = []
    for number in range(0, game["faces"], 3 if opening else 1):
        for ahead in range(game["faces"]):
            if ahead >= number:
                hear(client.get(f"/quiz/{game['round']}/face/{ahead}"))
                hear(client.get(f"/quiz/{game['round']}/look/{ahead}"))
        hear(client.get(f"/quiz/{game['round']}/report"))
        hear(client.post(f"/quiz/{game['round']}/vote", json={"face": number + 1, "votes": [{"real": True}]}))  # out of turn
        votes = [{"real": answers[number + i]} for i in range(3 if opening else 1)]
        truths += [one["real"] for one in client.post(f"/quiz/{game['round']}/vote", json={"face": number, "votes": votes}).json()["told"]]
    return told, truths


@pytest.mark.parametrize("mode", ["one", "opening", "moment"])
def test_two_rounds_that_differ_only_in_truth_sound_the_same_until_the_vote(client, monkeypatch, mode):
    """The same pixels under the opposite truth: every byte before the vote is the same, so none of them can depend on the truth."""
    made = quiz.new_round(*_arguments(client), mode, 10, seed=4)
    swapped = replace(made, faces=tuple(replace(face, real=not face.real, seed=None if face.seed is not None else 99) for face in made.faces))
    monkeypatch.setattr(quiz.secrets, "token_urlsafe", lambda _: "the-same-round")
    told = {}
    for name, game in (("as it is", made), ("swapped", swapped)):
        monkeypatch.setattr(quiz, "new_round", lambda *a, **k: game)
        told[name] = heard(client, {"mode": mode, "level": "all" if mode == "moment" else "final"}, [True, False, True] * 4)
    assert told["as it is"][0] == told["swapped"][0]
    assert told["as it is"][1] == [not real for real in told["swapped"][1]], "and the truths were opposite"
    before = b" ".join(body for status, headers, body in told["as it is"][0] if dict(headers)["content-type"] == "application/json").lower()
    assert b"seed" not in before and b'"real"' not in before and b"fake" not in before and b"invented" not in before


def _arguments(client):
    """Levels and photographs of the quiz behind the routes."""
    table = next(route.endpoint for route in client.app.routes if getattr(route, "path", "") == "/quiz/about").__closure__[0].cell_contents.__self__.quiz
    return table.levels(), table.photographs()


def test_faces_cannot_be_told_by_address_length_or_headers(client):
    game = begun(client, mode="one")
    seen, truths = [], []
    for number in range(10):
        answer = client.get(f"/quiz/{game['round']}/face/{number}")
        seen.append((len(answer.content), sorted(answer.headers.items())))
        truths.append(voted(client, game["round"], number).json()["told"][0]["real"])
    assert len({str(one) for one in seen}) == 1 and 3 <= sum(truths) <= 7


def test_a_face_is_ready_when_it_is_asked_for(client, table):
    """Nothing is computed then, so that how long an answer takes does not depend on the kind of face."""
    key = begun(client, mode="opening")["round"]
    table.network = table.photographs = None
    table._threads.submit = None
    assert [client.get(f"/quiz/{key}/face/{number}").status_code for number in range(3)] == [200] * 3


def test_a_face_a_look_and_the_report_wait_for_their_turn(client):
    key = begun(client, mode="one")["round"]
    for path in ("face/1", "look/0", "report"):
        answer = client.get(f"/quiz/{key}/{path}")
        assert answer.status_code == 403 and answer.json().keys() == {"error"}
    assert voted(client, key, 1).status_code == 400, "one face after the other"
    assert voted(client, key, 0).json()["told"][0]["face"] == 0
    with Image.open(io.BytesIO(client.get(f"/quiz/{key}/look/0").content)) as look:
        assert look.format == "PNG" and look.mode == "RGBA"
    first, again = voted(client, key, 0, True).json(), voted(client, key, 0, False).json()
    assert first == again, "the first vote counts"


def test_a_round_to_its_report(client):
    game = begun(client, mode="moment", level="all", count=10)
    for number in range(10):
        told = voted(client, game["round"], number, number % 2 == 0, sure=1 + number % 3, why=["eyes"]).json()["told"][0]
        assert told["over"] == (number == 9) and (told["seed"] is None) == told["real"] and told["words"]
    report = client.get(f"/quiz/{game['round']}/report").json()
    assert report["score"]["of"] == 10 and report["why"][0]["of"] == 10 and sum(row["of"] for row in report["levels"]) == 10
    assert report["roc"]["critic"]["faces"] == 10 and report["critic"]["of"] == 3, "of earlier levels the discriminator has scores, and no verdict"


def test_the_first_opening_is_as_in_the_lecture(client):
    for after, possible in ((None, {0}), ("a round", {0, 1, 2, 3})):
        for _ in range(4):
            key = begun(client, mode="opening", after=after)["round"]
            told = client.post(f"/quiz/{key}/vote", json={"face": 0, "votes": [{"real": False}] * 3}).json()["told"]
            assert sum(one["real"] for one in told) in possible


BAD_ROUNDS = [({"mode": "chess"}, "modes"), ({"count": "10"}, "faces"), ({"count": True}, "faces"), ({"count": 10**9}, "2 to 40"), ({"level": "later", "mode": "moment"}, "levels"), ({"size": 64}, "25 pixels"),
              ({"seed": 7}, "nothing of seed"), ({"own": "nobody"}, "forgotten"), ({"own": 3}, "own is a word"), ({"mode": ["one"]}, "mode is a word"), ([1], "JSON object")]


@pytest.mark.parametrize("asked, sentence", BAD_ROUNDS)
def test_a_round_that_cannot_be_is_a_sentence(client, asked, sentence):
    answer = client.post("/quiz/round", json=asked)
    assert answer.status_code in (400, 404) and sentence in answer.json()["error"]


BAD_VOTES = [b"", b"\xff", b"[]", b'{"face": 0}', b'{"face": 0, "votes": []}', b'{"face": 0, "votes": [{"real": "yes"}]}', b'{"face": 0, "votes": [{"real": true, "sure": 9}]}',
             b'{"face": 0, "votes": [{"real": true, "why": "eyes"}]}', b'{"face": 0, "votes": [{"real": true, "why": ["nose"]}]}', b'{"face": null, "votes": [{"real": true}]}',
             b'{"face": 0, "votes": [{"real": true}, {"real": true}]}', b'{"face": 1e99, "votes": [{"real": true}]}', b"[" * 1500, b"x" * 3000]


@pytest.mark.parametrize("body", BAD_VOTES, ids=range(len(BAD_VOTES)))
def test_a_vote_that_is_none_is_a_sentence_and_changes_nothing(client, body):
    key = begun(client, mode="one")["round"]
    answer = client.post(f"/quiz/{key}/vote", content=body)
    assert answer.status_code == 400 and answer.json()["error"]
    assert voted(client, key, 0).status_code == 200


def test_what_is_not_kept_is_gone(client, table, monkeypatch):
    for path in ("face/0", "look/0", "report"):
        assert client.get(f"/quiz/nothing/{path}").status_code == 404
    key = begun(client, mode="one")["round"]
    assert client.get(f"/quiz/{key}/face/10").status_code == 404 and client.get("/quiz/growth/9").status_code == 404
    monkeypatch.setattr(quiz, "ROUNDS_AT_MOST", 2)
    begun(client, mode="opening")
    begun(client, mode="opening")
    assert client.get(f"/quiz/{key}/face/0").status_code == 404 and len(table._rounds) == 2


# -- the player among the photographs ----------------------------------------------------------------------------------

def test_a_picture_is_taken_only_with_consent_and_forgotten_when_asked(client, table):
    file = io.BytesIO()
    sources.portrait().save(file, "JPEG")
    answer = client.post("/quiz/own", content=file.getvalue())
    assert answer.status_code == 400 and "agreed" in answer.json()["error"] and not table._own
    told = client.post("/quiz/own?consent=yes", content=file.getvalue()).json()
    assert told["crop"].startswith("data:image/png;base64,")
    game = begun(client, mode="one", own=told["own"])
    truths = [voted(client, game["round"], number).json()["told"][0] for number in range(10)]
    mine = [one for one in truths if one["own"]]
    assert len(mine) == 1 and mine[0]["real"] and "this is you" in mine[0]["words"]
    assert client.get(f"/quiz/{game['round']}/report").json()["score"]["of"] == 9
    assert client.delete(f"/quiz/own/{told['own']}").json() == {}
    assert client.get(f"/quiz/{game['round']}/face/0").status_code == 404, "and the rounds it was in"
    assert client.post("/quiz/round", json={"own": told["own"]}).status_code == 404


def test_a_picture_of_no_face_is_a_sentence(client):
    file = io.BytesIO()
    Image.new("RGB", (200, 200), "tan").save(file, "PNG")
    for body, sentence in ((file.getvalue(), "No face was found"), (b"this is no picture", "could not be read"), (b"", "could not be read")):
        answer = client.post("/quiz/own?consent=yes", content=body)
        assert answer.status_code == 400 and sentence in answer.json()["error"]


def test_pictures_of_players_are_forgotten_in_time(table, monkeypatch):
    monkeypatch.setattr(quiz, "OWN_KEPT", 0.0)
    monkeypatch.setattr(quiz.faces, "find_face", lambda photo: quiz.faces.Face(64, 64, 80))
    key, _ = table.keep_own(np.zeros((128, 128, 3), np.uint8))
    for _ in range(600):
        if key not in table._own:
            break
        time.sleep(0.1)
    with pytest.raises(quiz.Gone):
        table.begin("one", own=key)


# -- watch it learn ----------------------------------------------------------------------------------------------------

def test_the_mixture_that_the_page_makes_is_the_networks_own(client, net):
    told = client.get("/quiz/growth").json()
    way, = told["ways"]
    assert way["key"] == "sizes" and way["fade"] and [stage["resolution"] for stage in way["stages"]] == [4, 8, 16, 32]
    sheets = [np.frombuffer(client.get(f"/quiz/growth/{stage['sheet']}").content, "<i2").reshape(16, 3, stage["resolution"], -1) / told["deep"] for stage in way["stages"]]
    for finer, alpha in ((1, 0.3), (3, 0.75)):
        mixed = (1 - alpha) * sheets[finer - 1].repeat(2, 2).repeat(2, 3) + alpha * sheets[finer]
        assert np.abs(mixed - moments.drawn_at(net, range(16), way["stages"][finer]["resolution"], alpha).numpy()).max() < 1 / 255


def test_kept_moments_are_shown_as_they_were(net):
    kept = moments.Moments(moments.Moments.Config(({"resolution": 8, "alpha": 0.5, "images": 100, "hours": 0.1},)))
    kept.faces_0[2] = 255
    client = TestClient(Starlette(routes=quiz_live.routes(quiz.Quiz(lambda: net, lambda: kept, Photographs))))
    told = client.get("/quiz/growth").json()
    way, sizes = told["ways"]
    assert way["key"] == "training" and not way["fade"] and way["stages"][0]["alpha"] == 0.5 and way["stages"][-1] == sizes["stages"][-1]
    first = np.frombuffer(client.get(f"/quiz/growth/{way['stages'][0]['sheet']}").content, "<i2").reshape(16, 3, 8, 8)
    assert (first[2] == told["deep"]).all() and (first[3] == -told["deep"]).all()


# -- with a class, and without a network -------------------------------------------------------------------------------

def test_a_question_for_a_class_is_none_that_it_has_seen(table):
    first = real_or_fake.class_question(table, [])
    second = real_or_fake.class_question(table, [first])
    assert first.picture != second.picture and first.options == ("Photograph", "Invented") and first.rival in (0, 1)
    with Image.open(io.BytesIO(first.picture)) as picture:
        assert picture.size == (256, 256)


def test_without_its_network_the_quiz_says_so():
    def missing():
        raise ValueError("The checkpoint face_gan.safetensors is missing.")
    client = TestClient(Starlette(routes=quiz_live.routes(quiz.Quiz(missing, lambda: None, Photographs))))
    assert "missing" in client.post("/quiz/round", json={}).json()["error"]


def test_two_votes_at_once_count_once(table):
    from concurrent.futures import ThreadPoolExecutor
    key = table.begin("one")["round"]
    with ThreadPoolExecutor(8) as threads:
        told = list(threads.map(lambda real: table.vote(key, 0, [Vote(real)])[0], [True, False] * 8))
    assert len({json.dumps(one) for one in told}) == 1
