"""A file → its waveform, in one pass over its blocks, whatever its length."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from timbred_indexer.decode import open_blocks, tidy
from timbred_indexer.previews.messages import Waveform

Floats = NDArray[np.float32]


def waveform(path: bytes, frames: int, points: int) -> Waveform:
    """The outline of a file's first ``frames``.

    Of several channels it is the envelope of all, not of their mean: channels in opposite phase are not silence.

    Args:
        path: as the file system has it; opened read-only.
        points: 1 to ``frames``.

    Raises:
        InputError: the file holds no sound that can be decoded.
        TransientInputError: it could not be read.
    """
    outline = Outline(frames, points)
    with open_blocks(path) as blocks:
        for block in blocks:
            outline.add(block.position, tidy(block.samples))
            if block.position + len(block.samples) >= frames:
                break
    return outline.finish()


class Outline:
    """Lowest, highest and mean square of equal parts, filled in block by block."""

    def __init__(self, frames: int, points: int) -> None:
        self._edges = np.arange(points + 1, dtype=np.int64) * frames // points
        self._low = np.full(points, np.inf, np.float32)
        self._high = np.full(points, -np.inf, np.float32)
        self._squares = np.zeros(points, np.float64)

    def add(self, position: int, samples: Floats) -> None:
        """Takes (n, channels) samples that begin ``position`` frames into the sound."""
        samples = np.clip(samples[: max(0, int(self._edges[-1]) - position)], -1, 1)
        if not len(samples):
            return
        first, last = np.searchsorted(self._edges, [position, position + len(samples) - 1], side="right") - 1
        parts = slice(int(first), int(last) + 1)
        cuts = np.r_[0, self._edges[first + 1 : last + 1] - position]
        self._low[parts] = np.minimum(self._low[parts], np.minimum.reduceat(samples.min(axis=1), cuts))
        self._high[parts] = np.maximum(self._high[parts], np.maximum.reduceat(samples.max(axis=1), cuts))
        squares = np.square(samples, dtype=np.float64).mean(axis=1)
        self._squares[parts] += np.add.reduceat(squares, cuts)

    def finish(self) -> Waveform:
        """What was taken; parts that never came are silence."""
        came = self._low <= self._high
        low, high = np.where(came, self._low, 0), np.where(came, self._high, 0)
        rms = np.minimum(1, np.sqrt(self._squares / np.diff(self._edges)))
        return Waveform(*(column.astype("<f4").tobytes() for column in (low, high, rms)))
