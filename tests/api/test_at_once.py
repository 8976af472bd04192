"""The common question is answered on the event loop, from memory, and just as a reader thread would answer it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from face import Face

from builders import CLAP_DIM, CLAP_VERSION, analysis, analysis_of, clap_vector, vector
from timbred_api.schemas import SimilarResult
from timbred_indexer.calibration import Calibration
from timbred_indexer.db import Database
from timbred_indexer.search import SearchSpace
from timbred_indexer.stored import StoredVectors


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grows with every read of the database."""
    made: list[str] = []
    real = Database.read

    async def read(self: Database, task: Callable[[Any], Any]) -> Any:
        made.append("read")
        return await real(self, task)

    monkeypatch.setattr(Database, "read", read)
    return made


async def filled(face: Face) -> None:
    for seed in range(1, 21):
        await face.indexed(b"%d.wav" % seed, analysis_of([vector(seed), vector(seed + 1)], duration=2.0))


async def test_a_question_asked_before_reads_nothing(face: Face, reads: list[str]) -> None:
    await filled(face)
    first = await face.get("/v1/similar", id=1)
    reads.clear()
    assert await face.get("/v1/similar", id=1) == first
    assert not reads
    SimilarResult.model_validate(first, strict=True)


async def test_memory_and_database_give_the_same_answer(face: Face, reads: list[str]) -> None:
    await filled(face)
    for parameters in ({"k": 3}, {"min_similarity": 0.1}, {"folder": str(face.root)}, {"weights": "mfcc:2"}):
        read = await face.get("/v1/similar", id=2, **parameters)
        reads.clear()
        assert await face.get("/v1/similar", id=2, **parameters) == read
        assert not reads, parameters


async def test_a_long_answer_is_left_to_a_reader_thread(face: Face, reads: list[str]) -> None:
    await filled(face)
    await face.get("/v1/similar", id=1, k=1000)
    reads.clear()
    await face.get("/v1/similar", id=1, k=1000)
    assert reads == ["read"]


async def test_fused_answers_come_from_memory_too(face: Face, reads: list[str]) -> None:
    live = await face.with_clap({})
    for seed in range(1, 21):
        sound = await face.indexed(b"%d.wav" % seed, analysis(seed))
        if seed % 4:
            await face.heard(live, sound, clap_vector(seed))
    calibration = Calibration(np.random.default_rng(0).uniform(-0.2, 0.4, (500, 2)).astype(np.float32))
    face.searcher.use_clap(SearchSpace(live, StoredVectors("clap", CLAP_VERSION, CLAP_DIM), calibration))
    first = await face.get("/v1/similar", id=1)
    reads.clear()
    assert await face.get("/v1/similar", id=1) == first
    assert not reads
    assert {row["scores"]["clap"] is None for row in first["results"]} == {True, False}


async def test_a_label_and_a_new_place_are_seen_at_once(face: Face) -> None:
    await filled(face)
    await face.get("/v1/similar", id=1)
    await face.ask("PATCH", "/v1/sounds/2", json={"label": "boom"})
    await face.index.catch_up()
    rows = (await face.get("/v1/similar", id=1))["results"]
    assert next(row["label"] for row in rows if row["sound_id"] == 2) == "boom"


async def test_an_unknown_id_is_not_found_twice_either(face: Face) -> None:
    await filled(face)
    for _ in range(2):
        assert (await face.problem(404, "GET", "/v1/similar", id=99))["code"] == "unknown_id"


async def test_questions_of_one_moment_get_the_answers_they_would_get_alone(face: Face, reads: list[str]) -> None:
    await filled(face)
    alone = [await face.get("/v1/similar", id=sound, k=sound) for sound in range(1, 21)]
    reads.clear()
    together = await asyncio.gather(*(face.get("/v1/similar", id=sound, k=sound) for sound in range(1, 21)))
    assert together == alone
    assert not reads


async def test_an_unknown_id_is_no_trouble_for_those_who_ask_at_the_same_moment(face: Face) -> None:
    await filled(face)
    alone = await face.get("/v1/similar", id=1)
    asked = (face.ask("GET", "/v1/similar", params={"id": sound}) for sound in (1, 99, 1))
    first, unknown, last = await asyncio.gather(*asked)
    assert (first, unknown[0], last) == ((200, alone), 404, (200, alone))
