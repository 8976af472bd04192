"""Words: searching by them, leaning towards them, leading away from them; and what is said where nobody can."""

from __future__ import annotations

import pytest
from face import Face

from builders import CLAP_VERSION, analysis, clap_vector
from timbred_api.engine import ClapState


async def test_words_find_what_sounds_like_them(face: Face) -> None:
    live = await face.with_clap({"dusty snare": clap_vector(2)})
    for seed in (1, 2, 3):
        await face.heard(live, await face.indexed(b"%d.wav" % seed, analysis(seed)), clap_vector(seed))
    answer = await face.get("/v1/search", text="dusty snare", k=2)
    assert answer["results"][0]["label"] == "2"
    assert answer["query"] == {"sound_id": None, "path": None, "duration": None, "text": "dusty snare"}
    first = answer["results"][0]
    assert (first["scores"], first["aspects"]) == ({"clap": 1.0, "librosa": None}, {})
    assert len(answer["results"]) == 2


@pytest.mark.parametrize("parameters", [{"text": "rain"}, {"not": "rain"}, {"weights": "librosa:0"}])
async def test_a_question_that_needs_a_model_says_what_to_install(face: Face, parameters: dict[str, str]) -> None:
    await face.indexed(b"a.wav", analysis(1))
    face.clap.state = ClapState(absent="No model is installed: run `timbred model fetch NAME`.")
    problem = await face.problem(503, "GET", "/v1/similar", id=1, **parameters)
    assert (problem["code"], "timbred model fetch" in problem["detail"]) == ("clap_unavailable", True)


async def test_words_without_any_sound_heard_say_so(face: Face) -> None:
    face.clap.state = ClapState(model="test")
    face.clap.words = {"rain": clap_vector(1).tobytes()}
    assert (await face.problem(503, "GET", "/v1/search", text="rain"))["code"] == "clap_unavailable"


async def test_an_answer_to_words_says_how_much_is_not_heard_yet(face: Face) -> None:
    live = await face.with_clap({"rain": clap_vector(1)})
    await face.heard(live, await face.indexed(b"a.wav", analysis(1)), clap_vector(1))
    face.clap.state = ClapState(model="test", version=CLAP_VERSION, missing=1234)
    assert "1,234 segments" in (await face.get("/v1/search", text="rain"))["notes"][0]


async def test_words_beside_a_sound_pull_the_answer_towards_them(face: Face) -> None:
    live = await face.with_clap({"bright": clap_vector(3)})
    own = await face.indexed(b"own.wav", analysis(1))
    await face.heard(live, own, clap_vector(1))
    near = await face.indexed(b"near.wav", analysis(2))
    await face.heard(live, near, clap_vector(7, near=1, share=0.3))
    said = await face.indexed(b"said.wav", analysis(3))
    await face.heard(live, said, clap_vector(3))
    plain = await face.get("/v1/similar", id=own, weights="librosa:0")
    pulled = await face.get("/v1/similar", id=own, weights="librosa:0", text="bright", text_weight=0.9)
    assert [row["sound_id"] for row in plain["results"]] == [near, said]
    assert [row["sound_id"] for row in pulled["results"]] == [said, near]


async def test_an_answer_leads_away_from_a_sound_by_number_or_path(face: Face) -> None:
    own = await face.indexed(b"own.wav", analysis(1))
    both = await face.indexed(b"both.wav", analysis(1, 2))
    await face.indexed(b"unwanted.wav", analysis(2))
    plain = await face.get("/v1/similar", id=own)
    away = await face.get("/v1/similar", id=own, **{"not": "3"})
    assert away == await face.get("/v1/similar", id=own, **{"not": face.path("unwanted.wav")})
    scores = [{row["sound_id"]: row["similarity"] for row in answer["results"]} for answer in (plain, away)]
    assert scores[0][both] == 1.0
    assert scores[1][3] < scores[0][3] or scores[0][3] == 0.0


@pytest.mark.parametrize("unwanted", ["99", "/nowhere.wav"])
async def test_leading_away_from_what_is_not_known_is_an_error(face: Face, unwanted: str) -> None:
    await face.indexed(b"a.wav", analysis(1))
    problem = await face.problem(404, "GET", "/v1/similar", id=1, **{"not": unwanted})
    assert problem["code"] in {"unknown_id", "unknown_path"}


async def test_who_is_asked_about_is_heard_first(face: Face) -> None:
    sound = await face.indexed(b"a.wav", analysis(1))
    await face.get("/v1/similar", id=sound)
    assert face.clap.preferred == [sound]


async def test_a_sound_that_is_not_indexed_is_heard_for_the_question(face: Face) -> None:
    live = await face.with_clap({})
    for seed in range(1, 6):
        sound = await face.indexed(b"%d.wav" % seed, analysis(seed))
        await face.heard(live, sound, clap_vector(seed))
    face.clap.sounds = clap_vector(4).tobytes()
    face.workers.says = analysis(2)
    answer = await face.upload(weights="librosa:0")
    assert answer["results"][0]["label"] == "4"


async def test_status_tells_what_clap_lacks(face: Face) -> None:
    face.clap.state = ClapState(absent="No model is installed.", notes=("CLAP is paused: why.",))
    status = await face.get("/v1/status")
    space = status["spaces"]["clap"]
    assert (space["advice"], space["coverage"], space["version"]) == ("No model is installed.", 1.0, None)
    assert "CLAP is paused: why." in status["notes"]


async def test_status_is_not_idle_while_clap_has_something_to_hear(face: Face) -> None:
    await face.indexed(b"a.wav", analysis(1))
    assert (await face.get("/v1/status"))["state"] == "idle"
    face.clap.state = ClapState(model="test", filling=CLAP_VERSION, missing=1, rate=0.5)
    status = await face.get("/v1/status")
    assert (status["state"], status["spaces"]["clap"]["pending"]) == ("indexing", 1)
    assert (status["spaces"]["clap"]["eta"], status["spaces"]["clap"]["coverage"]) == (2.0, 0.0)


async def test_trying_failures_again_is_for_clap_too(face: Face) -> None:
    await face.ask("POST", "/v1/failures/retry", json={})
    assert face.clap.forgotten == 1
