"""How much of the machine other programs use: all that its processors do, less what timbred's own processes do.

The load average would not tell: it counts whoever wants to run, timbred's own workers and their threads among them, and
goes on counting them for minutes after they have ended.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

PROC: Final = "/proc"
SHORTEST: Final = 2.0
"""Seconds between two looks that say something: the system counts in hundredths."""

_MEMORY: Final = 60.0  # seconds over which the load average forgets
_AWAY: Final = {4, 5, 8}  # fields of /proc/stat: idle, waiting for a disk, taken by the host


class OthersWork:
    """Each call tells how many processors others have kept busy since the call before, the first one none.

    It reads many small files: not for the event loop.

    Args:
        own_jobs: how many jobs timbred's workers have at the moment: what stands in for their processor time where the
            system does not tell it (it has no ``/proc``).
        proc: where the system tells what processes do.
        load: the average of the last minute.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        own_jobs: Callable[[], int],
        *,
        proc: str = PROC,
        load: Callable[[], float] = lambda: os.getloadavg()[0],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._own_jobs = own_jobs
        self._proc = proc
        self._load = load
        self._clock = clock
        self._last: tuple[float, tuple[int, int] | None] | None = None  # when it was looked at, and what was seen
        self._own_average = 0.0
        self._others = 0.0

    def __call__(self) -> float:
        now, last = self._clock(), self._last
        if last is not None and now - last[0] < SHORTEST:
            return self._others
        ticks = _ticks(self._proc)
        self._last = now, ticks
        if last is not None:
            self._others = self._between(last[1], ticks, now - last[0])
        return self._others

    def _between(self, before: tuple[int, int] | None, after: tuple[int, int] | None, seconds: float) -> float:
        if before is None or after is None:
            return self._by_average(seconds)
        everybody, own = after[0] - before[0], after[1] - before[1]
        return max(0.0, (everybody - own) / os.sysconf("SC_CLK_TCK") / seconds)

    def _by_average(self, seconds: float) -> float:
        """The load average, less an average of timbred's own jobs that remembers as long."""
        keeps = math.exp(-seconds / _MEMORY)
        self._own_average = keeps * self._own_average + (1 - keeps) * self._own_jobs()
        return max(0.0, self._load() - self._own_average)


def _ticks(proc: str) -> tuple[int, int] | None:
    """Of processor time, since the system began: everybody's, and this process's with all its children; None where the
    system does not tell."""
    try:
        with open(os.path.join(proc, "stat"), "rb") as file:
            fields = file.readline().split()
        own = sum(_used(proc, pid) for pid in _family(proc, os.getpid()))
        # Fields 9 and 10 are guests, who are in 1 and 2 already.
        return sum(int(fields[place]) for place in range(1, 9) if place not in _AWAY), own
    except (OSError, ValueError, IndexError):
        return None


def _family(proc: str, pid: int) -> Iterator[int]:
    """A process and all below it.

    Raises:
        OSError: the system does not say.
    """
    yield pid
    tasks = os.path.join(proc, str(pid), "task")
    for task in os.listdir(tasks):
        children: list[bytes] = []
        # Threads and children end while they are listed.
        with suppress(FileNotFoundError, ProcessLookupError), open(os.path.join(tasks, task, "children"), "rb") as file:
            children = file.read().split()
        for child in children:
            with suppress(FileNotFoundError, ProcessLookupError):
                yield from _family(proc, int(child))


def _used(proc: str, pid: int) -> int:
    """Of a process and those of its children that have ended."""
    with suppress(FileNotFoundError, ProcessLookupError), open(os.path.join(proc, str(pid), "stat"), "rb") as file:
        # The name, in parentheses, may hold anything.
        fields = file.read().rpartition(b")")[2].split()
        return sum(map(int, fields[11:15]))
    return 0
