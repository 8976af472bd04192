"""How long each operation took, what it was refused with, how late the loop was: at a cost that no answer notices."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol, TypeVar

from timbred_indexer.errors import TimbredError

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")

BOUNDS: Final = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Upper ends of the buckets, in seconds; the last one has none."""

TICK: Final = 0.01
"""Seconds from one look at the loop to the next: of a loop that was held up, a look may miss so much."""


class Latency:
    """One operation's answers. ``counts``: how many fell into each bucket; ``total``: seconds in all."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.total = 0.0

    def note(self, seconds: float) -> None:
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds


class Timers(Protocol):
    """What of an event loop is needed here."""

    def time(self) -> float: ...

    def call_at(self, when: float, callback: Callable[..., object], *args: Any) -> object: ...


class LoopLag:
    """Sets a timer with a request, and again as long as others come; how late it goes off is what there is to know.

    An idle daemon sets none: nothing wakes it. Used on the event loop only.

    Attributes:
        lateness: of each timer, in seconds.
        longest: the greatest of them since the start.
    """

    def __init__(self) -> None:
        self.lateness = Latency()
        self.longest = 0.0
        self._due = 0.0
        self._waiting = False
        self._asked = False

    def asked(self, loop: Timers) -> None:
        """A request has come, on this loop."""
        self._asked = True
        if not self._waiting:
            self._waiting = True
            self._set(loop)

    def _set(self, loop: Timers) -> None:
        self._asked = False
        self._due = loop.time() + TICK
        loop.call_at(self._due, self._look, loop)

    def _look(self, loop: Timers) -> None:
        late = max(0.0, loop.time() - self._due)
        self.lateness.note(late)
        self.longest = max(self.longest, late)
        if self._asked:
            self._set(loop)
        else:
            self._waiting = False


class Latencies:
    """Of every operation, since the start. Used on the event loop only, and so without a lock."""

    def __init__(self) -> None:
        self.by_operation: dict[str, Latency] = {}
        self.errors: Counter[str] = Counter()
        self.lag = LoopLag()

    def timed(
        self, operation: str, answer: Callable[[Asked], Awaitable[Answered]]
    ) -> Callable[[Asked], Awaitable[Answered]]:
        """The same, with every call of it noted."""
        latency = self.by_operation.setdefault(operation, Latency())
        clock, asked = time.perf_counter, self.lag.asked

        async def noted(request: Asked) -> Answered:
            asked(asyncio.get_running_loop())
            began = clock()
            try:
                return await answer(request)
            except TimbredError as error:
                self.errors[error.code] += 1
                raise
            finally:
                latency.note(clock() - began)

        return noted
