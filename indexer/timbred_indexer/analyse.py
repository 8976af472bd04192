"""One file → what is known about its sound: the call that a worker makes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from timbred_indexer import aspects
from timbred_indexer.decode import open_sound
from timbred_indexer.descriptors import describe
from timbred_indexer.errors import RequestError
from timbred_indexer.model import AnalysedSegment, Analysis, Seconds
from timbred_indexer.parameters import ANALYSIS_RATE
from timbred_indexer.segments import Segment, cut


def analyse(path: bytes, *, start: Seconds | None = None, end: Seconds | None = None) -> Analysis:
    """Decodes one file and describes each of its segments.

    Args:
        path: as the file system has it; opened read-only.
        start: if given, only what comes after it is analysed; seconds into the untrimmed file.
        end: if given, only what comes before it; decoding ends there, and so does ``duration``.

    Returns:
        The analysis; it has no segments when the sound, or the region, is silent. Segments' times are those of the
        untrimmed file.

    Raises:
        InputError: the file holds no sound that can be analysed.
        TransientInputError: it could not be read.
        RequestError: ``empty_region``, when there is no sound between ``start`` and ``end``.
    """
    region = _Region(start, end)
    with open_sound(path) as sound:
        segments = tuple(_analysed(segment, region.first) for segment in cut(region.of(sound.blocks())))
        return Analysis(
            duration=Seconds(sound.seconds),
            sample_rate=sound.sample_rate,
            channels=sound.channels,
            format=sound.format,
            segments=segments,
            cut_short=sound.cut_short,
            version=aspects.VERSION,
        )


def warm_up() -> None:
    """Loads and builds all that the first analysis would: some of it wants to write into caches of its own."""
    describe(np.random.default_rng(0).standard_normal(ANALYSIS_RATE // 2).astype(np.float32))


def _analysed(segment: Segment, offset: int) -> AnalysedSegment:
    raw = {name: values.astype("<f4").tobytes() for name, values in describe(segment.samples).items()}
    first = offset + segment.start
    return AnalysedSegment(
        start=Seconds(first / ANALYSIS_RATE),
        end=Seconds((first + len(segment.samples)) / ANALYSIS_RATE),
        aspects=raw,
        vector=aspects.vector(raw).astype("<f4").tobytes(),
    )


class _Region:
    """The samples from ``first`` up to ``end``, at ``ANALYSIS_RATE``."""

    def __init__(self, start: Seconds | None, end: Seconds | None) -> None:
        begin, stop = 0.0 if start is None else start, math.inf if end is None else end
        if not 0 <= begin < stop:
            raise RequestError("A region starts at 0 s or later, and ends after it starts.", code="empty_region")
        self.first = round(begin * ANALYSIS_RATE) if math.isfinite(begin) else 0
        self._end = round(stop * ANALYSIS_RATE) if math.isfinite(stop) else None

    def of(self, blocks: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
        """The part of each block that lies inside; RequestError if none does."""
        position, taken = 0, 0
        for block in blocks:
            last = len(block) if self._end is None else self._end - position
            piece = block[max(0, self.first - position) : max(0, last)]
            taken += len(piece)
            position += len(block)
            yield piece
            if self._end is not None and position >= self._end:
                break
        if taken == 0:
            seconds = position / ANALYSIS_RATE
            raise RequestError(f"The region holds no sound: the file is {seconds:.2f} s long.", code="empty_region")
