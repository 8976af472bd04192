"""Notices that the machine slept, or that its clock was set: then events, or times that were noted, mean nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

NOTICED_SECONDS = 2.0  # less is the ordinary slewing of clocks, and a delay between two readings


@dataclass(frozen=True, slots=True)
class Reading:
    """Seconds each.

    Attributes:
        awake: since the start of the machine, without its sleep.
        boot: the same with its sleep; equal to ``awake`` where the system does not tell.
        wall: Unix time.
    """

    awake: float
    boot: float
    wall: float


def read_clocks() -> Reading:
    awake = time.monotonic()
    number: int | None = getattr(time, "CLOCK_BOOTTIME", None)
    return Reading(awake, awake if number is None else time.clock_gettime(number), time.time())


@dataclass(frozen=True, slots=True)
class Jump:
    """What happened between two looks, in seconds: how long it slept; how far the clock was set (back: negative)."""

    slept: float
    was_set: float

    def __bool__(self) -> bool:
        return self.slept > 0 or self.was_set != 0

    def __str__(self) -> str:
        said = f"This machine slept for {self.slept:.0f} s" if self.slept else ""
        if self.was_set:
            moved = f"its clock was set {'back' if self.was_set < 0 else 'forward'} by {abs(self.was_set):.0f} s"
            said = f"{said}, and {moved}" if said else f"This machine: {moved}"
        return said


class Clocks:
    """Compares clocks from one look to the next."""

    def __init__(self, read: Callable[[], Reading] = read_clocks) -> None:
        self._read = read
        self._last = read()

    def look(self) -> Jump:
        """What has happened since the look before; false when nothing has."""
        before, now = self._last, self._read()
        self._last = now
        slept = (now.boot - before.boot) - (now.awake - before.awake)
        was_set = (now.wall - before.wall) - (now.boot - before.boot)
        return Jump(*(change if abs(change) > NOTICED_SECONDS else 0.0 for change in (max(0.0, slept), was_set)))
