"""``python -m timbred_indexer.duplicates.worker MEMORY``: a niced child that fingerprints files and compares them.

A worker of its own kind: it needs none of what the analysis loads, and the backlog of new files never waits behind it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from timbred_indexer.decode import open_sound
from timbred_indexer.duplicates.alignment import compare
from timbred_indexer.duplicates.fingerprint import LONGEST, fingerprint, trim
from timbred_indexer.duplicates.messages import (
    CompareJob,
    Fingerprint,
    FingerprintJob,
    Verdict,
    decode_job,
    from_fingerprint,
    from_verdict,
)
from timbred_indexer.model import Seconds
from timbred_indexer.parameters import ANALYSIS_RATE
from timbred_indexer.worker import Work, serve

COMPARED: Final = 60.0
"""Seconds of two sounds that are laid over each other: beyond, more of the same would be asked."""

Samples = NDArray[np.float32]


def fingerprint_file(path: bytes) -> Fingerprint:
    """The fingerprint of a file's first ``LONGEST`` seconds.

    Raises:
        InputError: the file holds no sound that can be decoded.
        TransientInputError: it could not be read.
    """
    begin, sound = trim(_decoded(path, 0.0, LONGEST))
    words = fingerprint(sound)
    return Fingerprint(Seconds(begin / ANALYSIS_RATE), words.astype("<u4").tobytes())


def compare_files(first: bytes, second: bytes, starts: tuple[Seconds, Seconds]) -> Verdict:
    """Lays two files over each other.

    Args:
        starts: where to begin in each, in seconds.

    Raises:
        InputError: one of them holds no sound that can be decoded.
        TransientInputError: one of them could not be read.
    """
    begins, sounds = zip(
        *(trim(_decoded(path, start, COMPARED)) for path, start in zip((first, second), starts, strict=True)),
        strict=True,
    )
    found = compare(*sounds)
    # The lag is that of the trimmed stretches; people want to know where the second file's beginning lies in the first.
    offset = (begins[0] + found.lag - begins[1]) / ANALYSIS_RATE + starts[0] - starts[1]
    return Verdict(
        found.coherence, found.closeness, offset, found.gain, found.gain_range, found.inverted, *found.covered
    )


def _decoded(path: bytes, start: float, seconds: float) -> Samples:
    """(n,) float32 at ``ANALYSIS_RATE``: at most so many seconds from ``start`` on."""
    with open_sound(path) as sound:
        return np.concatenate([np.zeros(0, np.float32), *_stretch(sound.blocks(), start, seconds)])


def _stretch(blocks: Iterator[Samples], start: float, seconds: float) -> Iterator[Samples]:
    position, first = 0, round(start * ANALYSIS_RATE)
    last = first + round(seconds * ANALYSIS_RATE)
    for block in blocks:
        yield block[max(0, first - position) : max(0, last - position)]
        position += len(block)
        if position >= last:
            return


def _load_work() -> Work:
    def work(body: bytes) -> object:
        match decode_job(body):
            case FingerprintJob(path):
                return from_fingerprint(fingerprint_file(path))
            case CompareJob(first, second, starts):
                return from_verdict(compare_files(first, second, starts))

    return work


def main() -> None:
    """Entry point; the pool appends how many bytes a job may use."""
    serve(_load_work, memory=int(sys.argv[1]) if len(sys.argv) > 1 else 0, writable=())


if __name__ == "__main__":
    main()
