"""The map: made by a child, kept until the library has changed, and a moment old while it keeps changing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from face import Face

from builders import analysis
from timbred_api.projections import Projections
from timbred_indexer.errors import StorageError, UnavailableError


@dataclass
class FakeChild:
    """``seq``: what its maps are true for. It waits at the ``gate``."""

    seq: int = 1
    made: int = 0
    error: Exception | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def project(self, database: str, method: str, version: str) -> list[str]:
        seq = self.seq
        await self.gate.wait()
        self.made += 1
        if self.error is not None:
            raise self.error
        return [str(seq), f'{{"seq":{seq}}}']


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def projections(child: FakeChild, clock: Clock) -> Projections:
    child.gate.set()
    return Projections("db", project=child.project, clock=clock)


async def test_a_map_is_made_once_for_each_state_of_the_library() -> None:
    child, clock = FakeChild(), Clock()
    maps = projections(child, clock)
    answers = await asyncio.gather(*(maps.get("pca", "v", 1, changing=False) for _ in range(10)))
    assert (set(answers), child.made) == ({b'{"seq":1}'}, 1)
    child.seq = 2
    assert await maps.get("pca", "v", 2, changing=False) == b'{"seq":2}'
    assert await maps.get("pca", "v", 2, changing=True) == b'{"seq":2}'
    assert child.made == 2


async def test_while_the_library_changes_the_last_map_will_do_and_is_renewed_now_and_then() -> None:
    child, clock = FakeChild(), Clock()
    maps = projections(child, clock)
    await maps.get("pca", "v", 1, changing=True)
    child.seq = 9
    assert await maps.get("pca", "v", 9, changing=True) == b'{"seq":1}'
    assert child.made == 1
    clock.now = 31.0
    child.gate.clear()
    assert await maps.get("pca", "v", 9, changing=True) == b'{"seq":1}'
    child.gate.set()
    assert await maps.get("pca", "v", 9, changing=False) == b'{"seq":9}'
    assert child.made == 2


async def test_a_failure_is_said_and_the_next_one_tries_again() -> None:
    child = FakeChild(error=StorageError("It failed.", code="map_failed"))
    maps = projections(child, Clock())
    with pytest.raises(StorageError):
        await maps.get("pca", "v", 1, changing=False)
    child.error = None
    assert await maps.get("pca", "v", 1, changing=False) == b'{"seq":1}'


async def test_whoever_leaves_does_not_take_the_map_along() -> None:
    child, clock = FakeChild(), Clock()
    maps = projections(child, clock)
    child.gate.clear()
    first = asyncio.create_task(maps.get("pca", "v", 1, changing=False))
    second = asyncio.create_task(maps.get("pca", "v", 1, changing=False))
    await asyncio.sleep(0)
    first.cancel()
    child.gate.set()
    assert (await second, child.made) == (b'{"seq":1}', 1)


async def test_the_end_is_told_to_those_who_wait() -> None:
    child = FakeChild()
    maps = Projections("db", project=child.project)
    waiting = asyncio.create_task(maps.get("pca", "v", 1, changing=False))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await maps.close()
    with pytest.raises(UnavailableError):
        await waiting


async def test_the_map_over_http_has_a_place_for_each_sound(face: Face) -> None:
    for number in range(4):
        await face.indexed(b"%d.wav" % number, analysis(number))
    answer = await face.get("/v1/map")
    assert answer["sounds"] == [1, 2, 3, 4]
    assert [len(answer[name]) for name in ("x", "y", "cluster", "folder")] == [4] * 4
    assert answer["folders"] == {"1": str(face.root)}
    assert all(-1 <= value <= 1 for value in answer["x"] + answer["y"])


async def test_a_library_without_sounds_has_a_map_without_places(face: Face) -> None:
    answer = await face.get("/v1/map")
    assert (answer["sounds"], answer["total"]) == ([], 0)


async def test_a_way_of_mapping_that_there_is_not_is_refused(face: Face) -> None:
    assert (await face.problem(400, "GET", "/v1/map?method=tsne"))["code"] == "bad_parameter"
