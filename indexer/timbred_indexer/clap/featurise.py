"""Stretches of one file → their CLAP features: the call that an analysis worker makes.

Each stretch is decoded, mixed and resampled by itself, from a little before it to a little after it. Its features
therefore do not depend on what else was asked for at the same time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from timbred_indexer.clap.features import RATE, SAMPLES, features
from timbred_indexer.decode import cancels, open_blocks, resample, tidy
from timbred_indexer.errors import TransientInputError
from timbred_indexer.model import Seconds
from timbred_indexer.readers import Block
from timbred_indexer.wire import Fill

_RUN_UP: Final = Seconds(2)
"""More than any stretch's margin: one second aligns any rate to ``RATE``, and a quarter settles the resampler."""

_MARGIN: Final = 256
"""Samples beside a stretch, at the lower of the two rates: more than the resampler looks at."""


def featurise(path: bytes, stretches: Sequence[tuple[Seconds, Seconds]], fill: Fill) -> list[bytes]:
    """Decodes stretches of one file and computes their features.

    Args:
        path: as the file system has it; opened read-only.
        stretches: (start, end) in seconds into the untrimmed file; what comes after 10 s of one is left out.
        fill: how a shorter one becomes one of 10 s.

    Returns:
        (1001, 64) little-endian float32 a stretch, in the order of ``stretches``.

    Raises:
        InputError: the file holds no sound that can be analysed.
        TransientInputError: it could not be read; ``changed`` when it ends before a stretch begins.
    """
    found: dict[int, bytes] = {}
    after = Seconds(max(0.0, min(start for start, _ in stretches) - _RUN_UP))
    with open_blocks(path, after=after) as blocks:
        for index, samples in _cut(blocks, stretches):
            found[index] = features(samples, fill).astype("<f4").tobytes()
    return [found[index] for index in range(len(stretches))]


def _cut(
    blocks: Iterator[Block], stretches: Sequence[tuple[Seconds, Seconds]]
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Each stretch's index and its samples at ``RATE``, as soon as the file has been read that far."""
    waiting: dict[int, _Stretch] | None = None
    rate = 0
    for block in blocks:
        if waiting is None:
            rate = block.rate
            waiting = {index: _Stretch(start, end, rate) for index, (start, end) in enumerate(stretches)}
        if block.rate != rate:
            break  # the stream turned into another one, which the analysis does not read either
        for index, stretch in list(waiting.items()):
            stretch.take(block)
            if block.position + len(block.samples) >= stretch.last:
                yield index, waiting.pop(index).samples()
        if not waiting:
            return
    for index, stretch in (waiting or {}).items():
        yield index, stretch.samples()


class _Stretch:
    """One stretch being collected, one channel of it, at the file's own rate."""

    def __init__(self, start: Seconds, end: Seconds, rate: int) -> None:
        margin = _MARGIN * max(1.0, rate / RATE) / rate
        # From a frame that lies on a sample at ``RATE`` too: then the resampler's phase is that of the whole file.
        step = rate // math.gcd(rate, RATE)
        self.first = max(0, math.floor((start - margin) * rate)) // step * step
        self.last = math.ceil((end + margin) * rate)
        self._begin = round(start * RATE) - self.first * RATE // rate
        self._length = min(round(end * RATE) - round(start * RATE), SAMPLES) or 1
        self._rate = rate
        self._mean: list[NDArray[np.float32]] = []
        self._one: list[NDArray[np.float32]] = []

    def take(self, block: Block) -> None:
        """Adds what of the block lies inside."""
        piece = block.samples[max(0, self.first - block.position) : max(0, self.last - block.position)]
        if len(piece):
            tidied = tidy(piece)
            self._mean.append(tidied.mean(axis=1, dtype=np.float32))
            self._one.append(tidied[:, 0].copy())

    def samples(self) -> NDArray[np.float32]:
        """(n,) float32 at ``RATE``, 1 ≤ n."""
        mean, one = (np.concatenate([np.zeros(0, np.float32), *pieces]) for pieces in (self._mean, self._one))
        heard = resample(one if cancels(mean, one) else mean, self._rate, RATE)
        wanted = heard[self._begin : self._begin + self._length]
        if len(wanted) == 0:
            raise TransientInputError("The file has become shorter since it was analysed.", code="changed")
        return wanted
