"""What a sound's fused score would be if CLAP had heard it: from how both spaces score pairs of one library. Pure.

While CLAP's vectors are still being made, some sounds have one score and some have two. To rank them on one scale, a
missing half is imputed so that scores of both sorts have the same distribution: at whatever rank a librosa score stands
among the sampled pairs, it becomes the fused score of that rank. A regression would pull imputed scores to the middle,
and whoever CLAP has heard would win; taking the librosa score for both halves would do the opposite.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Scores = NDArray[np.floating]

QUERIES = 64
OTHERS = 1024
"""Sampled segments: each of the first is compared with each of the second."""

KNOTS = 512
"""Points of the imputation curve, denser towards the best scores, where answers come from."""


class Calibration:
    """Scores of sampled pairs in both spaces.

    Args:
        pairs: (n, 2) float32: librosa and CLAP score of each pair; at least two pairs.
    """

    def __init__(self, pairs: Floats) -> None:
        self._pairs = pairs
        self._librosa = np.sort(pairs[:, 0])
        self._clap = np.sort(pairs[:, 1])
        self._curve = lru_cache(maxsize=16)(self._make_curve)

    @classmethod
    def sample(cls, librosa: Floats, clap: Floats, sounds: NDArray[np.int64]) -> Calibration | None:
        """From the vectors of evenly drawn segments; None when they are too few to say anything.

        Args:
            librosa: (n, dim) vectors.
            clap: (n, dim) vectors of the same segments.
            sounds: (n,) the sound of each; pairs within one sound are left out.
        """
        rows = np.arange(len(sounds))
        first, second = _evenly(rows, QUERIES), _evenly(rows, OTHERS)
        apart = sounds[first][:, None] != sounds[second][None, :]
        if apart.sum() < 2:
            return None
        scores = [(space[first] @ space[second].T)[apart] for space in (librosa, clap)]
        return cls(np.stack(scores, axis=1).astype(np.float32))

    @classmethod
    def load(cls, data: bytes) -> Calibration:
        """What :meth:`dump` made."""
        return cls(np.frombuffer(data, "<f2").reshape(-1, 2).astype(np.float32))

    def dump(self) -> bytes:
        return self._pairs.astype("<f2").tobytes()

    def impute(self, librosa: Scores, clap_weight: float, librosa_weight: float) -> Floats:
        """The fused score that belongs to a librosa score where the CLAP score is missing; rises with it."""
        knots, values = self._curve(clap_weight, librosa_weight)
        return np.interp(librosa, knots, values).astype(np.float32)

    def shares_below(self, *, librosa: Scores, clap: Scores) -> tuple[Scores, Scores]:
        """The shares of the sampled pairs that are less alike in either space, for each pair."""
        return (
            np.searchsorted(self._librosa, librosa) / len(self._librosa),
            np.searchsorted(self._clap, clap) / len(self._clap),
        )

    def _make_curve(self, clap_weight: float, librosa_weight: float) -> tuple[Floats, Floats]:
        fused = np.sort(self._pairs @ np.array([librosa_weight, clap_weight], np.float32))
        # From the worst to the best rank, logarithmically: half of the knots are in the best few percent.
        ranks = len(fused) - 1 - np.geomspace(1, len(fused), KNOTS).astype(np.int64)[::-1] + 1
        ranks = np.unique(np.clip(ranks, 0, len(fused) - 1))
        whole = clap_weight + librosa_weight
        # Identical sounds are identical in both spaces, and nothing is further apart than opposites.
        knots = np.concatenate([[-1.001], self._librosa[ranks], [max(1.0, float(self._librosa[-1]) + 1e-3)]])
        values = np.concatenate([[-whole], fused[ranks], [max(whole, float(fused[-1]))]])
        return knots.astype(np.float32), np.maximum.accumulate(values).astype(np.float32)


def _evenly(rows: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """At most ``count`` of the rows, evenly spaced."""
    return rows if len(rows) <= count else rows[np.linspace(0, len(rows) - 1, count).astype(np.int64)]


def spread_out(ids: Sequence[int], count: int = OTHERS) -> list[int]:
    """At most ``count`` of the ids, evenly spaced: what to sample."""
    return np.array(ids, np.int64)[_evenly(np.arange(len(ids)), count)].tolist()
