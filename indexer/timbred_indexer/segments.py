"""A stream of samples → the stretches that are indexed: silence trimmed at both ends, then cut into windows.

Up to ``WINDOW`` seconds are one segment; more are consecutive windows, and a remainder under ``SHORTEST_REMAINDER``
moves the last window back, to end where the sound ends. Pure, and bounded: the first minute is held to learn the
sound's peak (what is shorter is trimmed against its own peak exactly); later, at most four windows are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from timbred_indexer.parameters import (
    ANALYSIS_RATE,
    DIGITAL_SILENCE,
    HELD_SECONDS,
    SHORTEST_REMAINDER,
    TRIM_DB,
    WINDOW,
)

_WINDOW: Final = round(WINDOW * ANALYSIS_RATE)
_SHORTEST: Final = round(SHORTEST_REMAINDER * ANALYSIS_RATE)
_GATE: Final = 10.0 ** (-TRIM_DB / 20.0)

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Segment:
    """One stretch of sound.

    Attributes:
        start: of its first sample, in samples at ``ANALYSIS_RATE`` from the beginning of the stream.
        samples: (n,) float32, 1 ≤ n ≤ 10 s, not silent.
    """

    start: int
    samples: Samples


def cut(blocks: Iterable[Samples]) -> Iterator[Segment]:
    """Yields the segments of one sound, in order of time; none for digital silence.

    The gate (``TRIM_DB``) is relative to the loudest sample known: of the whole sound up to a minute, beyond it of what
    was heard so far. Level therefore changes nothing. Windows in which nothing passes the gate are left out.

    Args:
        blocks: (n,) float32 each, finite, at ``ANALYSIS_RATE``.
    """
    cutter = _Cutter()
    for block in _hold(blocks):
        yield from cutter.feed(block)
    yield from cutter.finish()


def _hold(blocks: Iterable[Samples]) -> Iterator[Samples]:
    """The first minute as one block, then the rest as it comes, window by window at most."""
    held: list[Samples] = []
    missing = round(HELD_SECONDS * ANALYSIS_RATE)
    for block in blocks:
        if missing > 0:
            held.append(block)
            missing -= len(block)
            if missing > 0:
                continue
            yield np.concatenate(held)
            held.clear()
        else:
            yield block
    if held:
        yield np.concatenate(held)


class _Window(NamedTuple):
    start: int
    samples: Samples
    before: Samples  # the window that came before it on the grid


class _Cutter:
    """Windows on a grid that begins at the first loud sample; one is given out when sound is known to follow it."""

    def __init__(self) -> None:
        self._peak = 0.0
        self._position = 0  # of the next sample to come
        self._origin: int | None = None  # of the grid: the first sample that passed the gate
        self._end = 0  # one past the last sample that passed the gate
        self._previous = np.zeros(0, np.float32)  # the window before the current one, loud or not
        self._waiting: _Window | None = None  # full and loud, but the sound may have ended inside it
        self._current: list[Samples] = []
        self._filled = 0

    def feed(self, block: Samples) -> Iterator[Segment]:
        """Takes the next samples, of any number."""
        self._peak = max(self._peak, float(np.abs(block).max(initial=0.0)))
        gate = self._gate()
        if self._origin is None:
            loud = np.flatnonzero(np.abs(block) > gate)
            if loud.size == 0:
                self._position += len(block)
                return
            self._origin = self._position + int(loud[0])
            self._position = self._origin
            block = block[loud[0] :]
        while len(block):
            room = _WINDOW - self._filled
            yield from self._take(block[:room], gate)
            block = block[room:]

    def _gate(self) -> float:
        return max(self._peak * _GATE, DIGITAL_SILENCE)

    def _take(self, piece: Samples, gate: float) -> Iterator[Segment]:
        """Adds a piece that fits into the current window."""
        loud = np.flatnonzero(np.abs(piece) > gate)
        if loud.size:
            self._end = self._position + int(loud[-1]) + 1
            if self._waiting is not None:
                yield Segment(self._waiting.start, self._waiting.samples)
                self._waiting = None
        self._current.append(piece)
        self._filled += len(piece)
        self._position += len(piece)
        if self._filled == _WINDOW:
            window = self._open_window()
            if self._end > window.start:
                self._waiting = window
            self._previous = window.samples
            self._current, self._filled = [], 0

    def finish(self) -> Iterator[Segment]:
        """The last segment: it ends where the sound does."""
        if self._origin is None:
            return
        start, samples, before = self._waiting or self._open_window()
        length = self._end - start
        if length < _SHORTEST and start > self._origin:
            yield Segment(self._end - _WINDOW, np.concatenate([before[length:], samples[:length]]))
        else:
            yield Segment(start, samples[:length])

    def _open_window(self) -> _Window:
        return _Window(self._position - self._filled, np.concatenate(self._current), self._previous)
