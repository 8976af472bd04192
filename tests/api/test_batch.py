"""Many sounds at once: a list of them, or all there are."""

from __future__ import annotations

import pytest
from face import Face, Json

from builders import analysis


async def batch(face: Face, **body: object) -> Json:
    status, answer = await face.ask("POST", "/v1/similar:batch", json=body)
    assert status == 200, answer
    return answer


async def test_a_batch_answers_for_each_as_a_question_of_its_own_would(face: Face) -> None:
    for seed in (1, 2, 3):
        await face.indexed(b"%d.wav" % seed, analysis(seed))
    answer = await batch(face, ids=[2, 1], paths=[face.path("3.wav")], k=1)
    alone = [await face.get("/v1/similar", k=1, **asked) for asked in ({"id": 2}, {"id": 1}, {"id": 3})]
    assert [(row["query"], row["results"]) for row in answer["results"]] == [
        (one["query"], one["results"]) for one in alone
    ]


async def test_what_fails_in_a_batch_says_why_and_the_rest_is_answered(face: Face) -> None:
    await face.indexed(b"a.wav", analysis(1))
    known, unknown = (await batch(face, ids=[1], paths=[face.path("gone.wav")]))["results"]
    assert (known["problem"], known["query"]["sound_id"]) == (None, 1)
    assert (unknown["problem"]["code"], unknown["results"]) == ("unknown_path", [])


@pytest.mark.parametrize("body", [{}, {"ids": [1] * 600, "paths": ["/a"] * 600}, {"ids": [1], "weights": "nonsense:1"}])
async def test_a_batch_that_is_wrong_as_a_whole_is_refused(face: Face, body: Json) -> None:
    status, problem = await face.ask("POST", "/v1/similar:batch", json=body)
    assert (status, problem["code"]) == (400, "bad_parameter")


async def test_every_sound_is_listed_with_its_nearest_page_by_page(face: Face) -> None:
    for seed in (1, 2, 3):
        await face.indexed(b"%d.wav" % seed, analysis(seed))
    listed: list[Json] = []
    async for page in face.pages("/v1/neighbours", k=1, limit=1):
        listed += page
    for row in listed:
        alone = await face.get("/v1/similar", id=row["sound_id"], k=1)
        assert row["neighbours"] == [
            {"sound_id": one["sound_id"], "similarity": one["similarity"]} for one in alone["results"]
        ]
    assert [row["path"] for row in listed] == [face.path(f"{seed}.wav") for seed in (1, 2, 3)]
