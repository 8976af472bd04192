"""Readers of events: told at once, told of changes only, told when it is over; and nobody looks while nobody reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field

import pytest

from patience import PATIENCE
from timbred_api import feed as feed_module
from timbred_api.feed import Feed, State
from timbred_indexer.errors import StorageError, UnavailableError


@dataclass
class FakeSource:
    """``reads``: how often the state was asked for; ``broken``: it cannot be had."""

    seq: int = 1
    library: int = 1
    essence: int = 0
    broken: bool = False
    reads: int = 0
    read_again: asyncio.Event = field(default_factory=asyncio.Event)

    def signature(self) -> object:
        return self.seq, self.library, self.essence

    async def read(self) -> State:
        self.reads += 1
        self.read_again.set()
        if self.broken:
            raise StorageError("The disk is full.")
        return State(b'{"seq":%d}' % self.seq, self.essence, self.seq, self.library)


def quick_feed() -> Feed:
    return Feed(tick=0.005, heartbeat=0.03, look=0.01)


async def said(events: AsyncGenerator[bytes]) -> str:
    """The next thing that says something."""
    async with asyncio.timeout(PATIENCE):
        while not (event := (await anext(events)).decode()) or event.startswith(":"):
            pass
    return event


async def begin(
    stack: AsyncExitStack, feed: Feed, source: FakeSource, last_id: int | None = None
) -> AsyncGenerator[bytes]:
    events = await stack.enter_async_context(aclosing(feed.events(source, last_id)))
    assert (await anext(events)).startswith(b"retry: ")
    return events


async def test_a_reader_is_told_the_state_at_once_and_then_what_changes() -> None:
    feed, source = quick_feed(), FakeSource(seq=7)
    async with AsyncExitStack() as stack:
        events = await begin(stack, feed, source)
        assert await said(events) == 'event: status\nid: 7\ndata: {"seq":7}\n\n'
        source.seq, source.essence = 8, 1
        assert await said(events) == 'event: status\nid: 8\ndata: {"seq":8}\n\n'
        source.seq, source.library = 9, 9
        assert (await said(events)).startswith("event: status\nid: 9")
        assert await said(events) == 'event: library\nid: 9\ndata: {"seq":9}\n\n'


async def test_what_no_reader_cares_for_is_not_told() -> None:
    feed, source = quick_feed(), FakeSource()
    async with AsyncExitStack() as stack:
        events = await begin(stack, feed, source)
        await said(events)
        source.read_again.clear()
        source.seq = 2
        await source.read_again.wait()
        assert [piece for _ in range(8) if (piece := await anext(events)).startswith(b"event")] == []


async def test_silence_is_broken_by_a_comment_now_and_then() -> None:
    feed, source = quick_feed(), FakeSource()
    async with AsyncExitStack() as stack:
        events = await begin(stack, feed, source)
        await said(events)
        assert [await anext(events) for _ in range(6)] == [b"", b"", b": \n\n"] * 2


async def test_who_comes_back_is_told_what_was_missed() -> None:
    feed, source = quick_feed(), FakeSource(seq=20, library=15)
    async with AsyncExitStack() as stack:
        back = await begin(stack, feed, source, last_id=14)
        await said(back)
        assert await said(back) == 'event: library\nid: 20\ndata: {"seq":15}\n\n'
        current = await begin(stack, feed, source, last_id=15)
        await said(current)
        assert await anext(current) == b""


async def test_many_readers_share_one_look() -> None:
    feed, source = quick_feed(), FakeSource()
    async with AsyncExitStack() as stack:
        readers = [await begin(stack, feed, source) for _ in range(20)]
        assert len({await said(events) for events in readers}) == 1
        assert (source.reads, feed.readers) == (1, 20)
    assert feed.readers == 0


async def test_a_reader_that_was_away_is_told_the_newest_only() -> None:
    feed, source = quick_feed(), FakeSource()
    async with AsyncExitStack() as stack:
        slow, quick = await begin(stack, feed, source), await begin(stack, feed, source)
        await said(slow)
        await said(quick)
        for seq in range(2, 6):
            source.seq = source.essence = seq
            assert f"id: {seq}" in await said(quick)
        assert "id: 5" in await said(slow)
        assert await anext(slow) == b""


async def test_nobody_looks_while_nobody_reads() -> None:
    feed, source = quick_feed(), FakeSource()
    async with AsyncExitStack() as stack:
        await said(await begin(stack, feed, source))
    assert len(asyncio.all_tasks()) <= 2  # the test's own, and one that is about to end
    async with AsyncExitStack() as stack:
        source.seq = 5
        assert "id: 5" in await said(await begin(stack, feed, source))


async def test_trouble_is_waited_out() -> None:
    feed, source = quick_feed(), FakeSource(broken=True)
    async with AsyncExitStack() as stack:
        events = await begin(stack, feed, source)
        await source.read_again.wait()
        source.broken = False
        assert "event: status" in await said(events)


async def test_the_end_is_told_to_everybody() -> None:
    feed, source = quick_feed(), FakeSource()
    async with AsyncExitStack() as stack:
        events = await begin(stack, feed, source)
        await said(events)
        await feed.close()
        assert [piece async for piece in events] == []
    with pytest.raises(UnavailableError):
        await anext(feed.events(source, None))


async def test_there_is_room_for_so_many_readers_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "MOST_READERS", 2)
    feed, source = quick_feed(), FakeSource()
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await begin(stack, feed, source)
        with pytest.raises(UnavailableError) as error:
            await anext(feed.events(source, None))
        assert error.value.code == "too_many_readers"
