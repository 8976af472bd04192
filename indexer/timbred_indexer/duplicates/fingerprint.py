"""Samples → words that a copy shares with its original: for each frame, which of two neighbouring bands is louder.

Level, format and moderate noise leave most words as they are, and a trimmed copy keeps those of what is left. The idea
of one bit a pair of neighbouring bands is Haitsma and Kalker's ("A Highly Robust Audio Fingerprinting System", 2002);
here without their difference over time, which short sounds and lossy codecs spoil (docs/duplicates.md has numbers).
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from timbred_indexer.parameters import ANALYSIS_RATE

VERSION: Final = 2
"""Of the words and of the verdicts; a change makes timbred compare everything anew."""

FRAME: Final = 2048
"""Samples: 93 ms."""

HOP: Final = 256
"""Samples between frames: two files are never more than half of this out of step, a sixteenth of a frame."""

BITS: Final = 24

RANGES: Final = ((150.0, 1200.0), (600.0, 4000.0), (2500.0, 9800.0))
"""Hz of each word: a low rate or a lossy codec spoils some of them, seldom all."""

LONGEST: Final = 600.0
"""Seconds of a sound that are fingerprinted: 600 kB. What is copied from beyond is not found."""

_TRIM: Final = 1e-3
"""Of the peak: what is softer at the ends is no part of the sound."""

_FLOOR: Final = 1e-6
"""Of the energy of a frame's loudest band: bands that are this near to each other, or this soft, are not told apart."""

_CHUNK: Final = 2048
"""Frames transformed at once: 17 MB."""

Samples = NDArray[np.float32]
Words = NDArray[np.uint32]


def trim(samples: Samples) -> tuple[int, Samples]:
    """Where the sound begins, in samples, and what is left without the silence at its ends."""
    level = np.abs(samples)
    loud = np.flatnonzero(level > _TRIM * level.max(initial=0.0))
    if not loud.size:
        return 0, samples[:0]
    return int(loud[0]), samples[loud[0] : loud[-1] + 1]


def fingerprint(samples: Samples) -> Words:
    """The words of a trimmed sound.

    Args:
        samples: (n,) float32 at ``ANALYSIS_RATE``, without silence at its ends.

    Returns:
        (n_frames, 3) uint32, of which the low ``BITS`` bits count: one word a range of ``RANGES``. Frame ``t`` is
        centred ``(t - 6.5) * HOP`` samples into the sound: it begins before it, so that the shortest click has frames.
    """
    if not samples.size:
        return np.zeros((0, len(RANGES)), np.uint32)
    padded = np.concatenate([np.zeros(FRAME - HOP, np.float32), samples, np.zeros(FRAME, np.float32)])
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP]
    return np.concatenate([_words(frames[i : i + _CHUNK]) for i in range(0, len(frames), _CHUNK)])


def _words(frames: Samples) -> Words:
    window, bands = _window(), _bands()
    energy = np.square(np.abs(np.fft.rfft(frames * window, axis=1))) @ bands
    louder = energy.reshape(len(frames), len(RANGES), BITS + 1)
    floor = _FLOOR * energy.max(axis=1)[:, None, None]
    bits = louder[:, :, :-1] > louder[:, :, 1:] + floor
    return bits @ (np.uint32(1) << np.arange(BITS, dtype=np.uint32))


@cache
def _window() -> Samples:
    return np.hanning(FRAME).astype(np.float32)


@cache
def _bands() -> NDArray[np.float32]:
    """(bins, 3 × 25): how much of each bin lies in each band."""
    width = ANALYSIS_RATE / FRAME
    centres = np.arange(FRAME // 2 + 1) * width
    columns: list[NDArray[np.float64]] = []
    for low, high in RANGES:
        edges = np.geomspace(low, high, BITS + 2)
        for begin, end in pairwise(edges):
            inside = np.minimum(centres + width / 2, end) - np.maximum(centres - width / 2, begin)
            columns.append(np.clip(inside, 0.0, None) / width)
    return np.stack(columns, axis=1).astype(np.float32)
