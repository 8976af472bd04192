"""Vectors that lie in clusters, as those of a library do, and their stream as the database gives it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from timbred_indexer.index import Ids, Vectors
from timbred_indexer.model import SegmentId


def clustered_vectors(count: int, *, dim: int = 32, kinds: int = 40, seed: int = 0) -> Vectors:
    """(count, dim) float32 unit vectors around ``kinds`` centres; the centres are the same for every seed."""
    centres = np.random.default_rng(99).standard_normal((kinds, dim))
    random = np.random.default_rng(seed)
    made = centres[random.integers(0, kinds, count)] + 0.7 * random.standard_normal((count, dim))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def streaming(ids: Ids, vectors: Vectors) -> Callable[[], Iterator[tuple[SegmentId, bytes]]]:
    def stream() -> Iterator[tuple[SegmentId, bytes]]:
        for number, row in zip(ids.tolist(), vectors, strict=True):
            yield SegmentId(number), row.astype("<f4").tobytes()

    return stream


def nearest(ids: Ids, vectors: Vectors, queries: Vectors, k: int) -> Ids:
    """The true ones, by brute force."""
    order = np.argsort(-(queries @ vectors.T), axis=1, kind="stable")[:, :k]
    return ids[order]
