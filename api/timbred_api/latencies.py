"""How long each operation took to answer, and what it was refused with: counted at a cost that no answer notices."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from timbred_indexer.errors import TimbredError

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")

BOUNDS: Final = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Upper ends of the buckets, in seconds; the last one has none."""


class Latency:
    """One operation's answers. ``counts``: how many fell into each bucket; ``total``: seconds in all."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.total = 0.0

    def note(self, seconds: float) -> None:
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds


class Latencies:
    """Of every operation, since the start. Used on the event loop only, and so without a lock."""

    def __init__(self) -> None:
        self.by_operation: dict[str, Latency] = {}
        self.errors: Counter[str] = Counter()

    def timed(
        self, operation: str, answer: Callable[[Asked], Awaitable[Answered]]
    ) -> Callable[[Asked], Awaitable[Answered]]:
        """The same, with every call of it noted."""
        latency = self.by_operation.setdefault(operation, Latency())
        clock = time.perf_counter

        async def noted(request: Asked) -> Answered:
            began = clock()
            try:
                return await answer(request)
            except TimbredError as error:
                self.errors[error.code] += 1
                raise
            finally:
                latency.note(clock() - began)

        return noted
