"""Results that are dear to make: each is made once, for all who ask meanwhile, and the newest are kept."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from timbred_indexer.errors import UnavailableError
from timbred_indexer.interruptible import end

K = TypeVar("K")
V = TypeVar("V")


class Memo(Generic[K, V]):
    """Keeps what was asked for last.

    Args:
        most: of the sum of what is kept, as ``weigh`` counts it; a single value may be more.
        weigh: of one value, in bytes.
        at_once: how many are made side by side; the others wait for their turn.
    """

    def __init__(self, most: int, weigh: Callable[[V], int], *, at_once: int = 1) -> None:
        self._most = most
        self._weigh = weigh
        self._turn = asyncio.Semaphore(at_once)
        self._kept: OrderedDict[K, V] = OrderedDict()
        self._weight = 0
        self._making: dict[K, asyncio.Task[V]] = {}

    @property
    def weight(self) -> int:
        return self._weight

    async def get(self, key: K, make: Callable[[], Awaitable[V]]) -> V:
        """What is kept under ``key``, or what ``make`` makes. It goes on should the one who asked go away.

        Raises:
            UnavailableError: this was closed meanwhile.
        """
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        task = self._making.get(key)
        if task is None:
            task = self._making[key] = asyncio.create_task(self._make(key, make))
            task.add_done_callback(_look_at)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise UnavailableError("timbred is stopping.") from None
            raise

    async def close(self) -> None:
        """Ends what is being made, and drops what is kept."""
        await end(self._making.values())
        self._shrink_to(0)

    async def _make(self, key: K, make: Callable[[], Awaitable[V]]) -> V:
        try:
            async with self._turn:
                value = await make()
        finally:
            del self._making[key]
        self._shrink_to(max(0, self._most - self._weigh(value)))
        self._kept[key] = value
        self._weight += self._weigh(value)
        return value

    def _shrink_to(self, most: int) -> None:
        while self._kept and self._weight > most:
            _, value = self._kept.popitem(last=False)
            self._weight -= self._weigh(value)


def _look_at(task: asyncio.Task[V]) -> None:
    """An error that nobody waits for any more is nobody's."""
    if not task.cancelled():
        task.exception()
