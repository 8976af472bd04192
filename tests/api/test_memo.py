"""What is dear is made once, kept while there is room, and nobody's going away takes it from the others."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from timbred_api.memo import Memo
from timbred_indexer.errors import InputError, UnavailableError


@dataclass
class Maker:
    """Makes ``x`` as long as asked for; it waits at the ``gate``."""

    made: int = 0
    working: int = 0
    most_working: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def make(self, length: int) -> str:
        self.working += 1
        self.most_working = max(self.most_working, self.working)
        try:
            await self.gate.wait()
        finally:
            self.working -= 1
        self.made += 1
        if not length:
            raise InputError("There is nothing.")
        return "x" * length


def memo(most: int = 100) -> Memo[str, str]:
    return Memo(most, len)


async def test_all_who_ask_at_once_get_the_same_one() -> None:
    maker, kept = Maker(), memo()
    asking = [asyncio.create_task(kept.get("a", lambda: maker.make(5))) for _ in range(10)]
    await asyncio.sleep(0)
    maker.gate.set()
    assert (set(await asyncio.gather(*asking)), maker.made) == ({"xxxxx"}, 1)
    assert await kept.get("a", lambda: maker.make(7)) == "xxxxx"


async def test_only_one_is_made_at_a_time() -> None:
    maker, kept = Maker(), memo()
    asking = [asyncio.create_task(kept.get(name, lambda: maker.make(5))) for name in "abcdef"]
    await asyncio.sleep(0)
    maker.gate.set()
    await asyncio.gather(*asking)
    assert (maker.made, maker.most_working) == (6, 1)


async def test_what_was_asked_for_last_is_kept_as_far_as_there_is_room() -> None:
    maker, kept = Maker(), memo(most=100)
    maker.gate.set()
    for name in ("a", "b", "a", "c"):
        await kept.get(name, lambda: maker.make(40))
    assert (maker.made, kept.weight) == (3, 80)
    await kept.get("a", lambda: maker.make(40))
    assert maker.made == 3
    await kept.get("b", lambda: maker.make(40))
    assert maker.made == 4


async def test_one_that_is_too_large_is_kept_alone() -> None:
    maker, kept = Maker(), memo(most=100)
    maker.gate.set()
    for length in (40, 500):
        await kept.get(str(length), lambda length=length: maker.make(length))
    assert kept.weight == 500


async def test_a_failure_is_told_to_all_who_wait_and_is_not_kept() -> None:
    maker, kept = Maker(), memo()
    maker.gate.set()
    answers = await asyncio.gather(*(kept.get("a", lambda: maker.make(0)) for _ in range(3)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [InputError] * 3
    assert await kept.get("a", lambda: maker.make(1)) == "x"


async def test_whoever_leaves_does_not_take_it_from_the_others() -> None:
    maker, kept = Maker(), memo()
    first, second = (asyncio.create_task(kept.get("a", lambda: maker.make(5))) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    maker.gate.set()
    assert (await second, maker.made) == ("xxxxx", 1)


async def test_the_end_is_told_to_those_who_wait() -> None:
    maker, kept = Maker(), memo()
    asking = asyncio.create_task(kept.get("a", lambda: maker.make(5)))
    while not maker.working:  # noqa: ASYNC110  it is a matter of turns
        await asyncio.sleep(0)
    await kept.close()
    with pytest.raises(UnavailableError):
        await asking
    assert (kept.weight, maker.working) == (0, 0)
