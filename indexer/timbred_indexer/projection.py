"""Vectors → places on a map: principal components, and groups by k-means. Streams: no library is held in memory. Pure.

The same vectors give the same map: signs are fixed, random choices are seeded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Batches = Callable[[], Iterable[Floats]]
"""Gives the vectors, (n, dim) float32 at a time, from the beginning and in the same order each time."""

COMPONENTS: Final = 16
"""Of the vectors; beyond them groups gain little, and time is lost."""

MOST_CLUSTERS: Final = 12
"""As many as colours can be told apart."""

_PER_CLUSTER: Final = 12
"""Sounds that make a group, at least on average."""

_SAMPLE: Final = 20_000
_ROUNDS: Final = 30
_TRIES: Final = 5
_SPREAD: Final = 1.5
"""Standard deviations that fill three quarters of the way to the edge."""


def components(batches: Batches, count: int = COMPONENTS) -> Floats:
    """(n, count) float32: the vectors along their principal axes, the most telling one first.

    Where the vectors have fewer dimensions, the rest are 0.
    """
    mean, covariance = _moments(batches())
    axes = _axes(covariance, count)
    parts = [np.zeros((0, count), np.float32)]
    for batch in batches():
        parts.append(((batch - mean) @ axes).astype(np.float32))
    return np.concatenate(parts)


def spread(places: Floats) -> Floats:
    """(n, 2) → likewise, in [-1, 1]: each axis by its own width, and far strays drawn in."""
    width = places.std(axis=0, dtype=np.float64) if len(places) else np.ones(2)
    return np.tanh((places - places.mean(axis=0) if len(places) else places) / (_SPREAD * np.maximum(width, 1e-12)))


def clusters(points: Floats) -> NDArray[np.int64]:
    """(n,) the group of each, counted from 0, the largest first."""
    wanted = min(MOST_CLUSTERS, len(points) // _PER_CLUSTER)
    if wanted < 2:
        return np.zeros(len(points), np.int64)
    random = np.random.default_rng(0)
    some = points if len(points) <= _SAMPLE else points[np.sort(random.choice(len(points), _SAMPLE, replace=False))]
    centres = _seeds(some, wanted, random)
    for _ in range(_ROUNDS):
        moved = _means(some, _nearest(some, centres), centres)
        if np.allclose(moved, centres, atol=1e-6):
            break
        centres = moved
    found = _nearest(points, centres)
    order = np.argsort(-np.bincount(found, minlength=wanted), kind="stable")
    return np.argsort(order)[found]


def _moments(batches: Iterable[Floats]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean (dim,) and covariance (dim, dim)."""
    total, products, count = np.zeros(1), np.zeros((1, 1)), 0
    for batch in batches:
        wide = batch.astype(np.float64)
        total, products, count = total + wide.sum(axis=0), products + wide.T @ wide, count + len(wide)
    mean = total / max(1, count)
    return mean, products / max(1, count) - np.outer(mean, mean)


def _axes(covariance: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """(dim, count): unit vectors of falling variance, each with its largest entry positive."""
    _, vectors = np.linalg.eigh(covariance)
    axes = vectors[:, ::-1][:, :count]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    return np.pad(axes, ((0, 0), (0, count - axes.shape[1])))


def _seeds(points: Floats, count: int, random: np.random.Generator) -> Floats:
    """First centres, far from each other (k-means++, each the best of a few tries)."""
    chosen = [int(random.integers(len(points)))]
    far = _distances(points, chosen[0])
    while len(chosen) < count:
        weights = far / far.sum() if far.sum() else None
        tries = random.choice(len(points), _TRIES, p=weights)
        remaining = [np.minimum(far, _distances(points, int(one))) for one in tries]
        best = int(np.argmin([left.sum() for left in remaining]))
        chosen.append(int(tries[best]))
        far = remaining[best]
    return points[chosen]


def _distances(points: Floats, one: int) -> NDArray[np.float64]:
    """(n,) squared, from one of the points."""
    return np.square(points - points[one]).sum(axis=1, dtype=np.float64)


def _means(points: Floats, owner: NDArray[np.int64], centres: Floats) -> Floats:
    """Of each group; one that has lost all its points stays where it is."""
    groups = (points[owner == one] for one in range(len(centres)))
    return np.stack([own.mean(axis=0) if len(own) else centre for own, centre in zip(groups, centres, strict=True)])


def _nearest(points: Floats, centres: Floats) -> NDArray[np.int64]:
    """(n,) the index of each point's centre."""
    scores = np.square(centres).sum(axis=1) - 2 * points @ centres.T
    return scores.argmin(axis=1)


def batched(blobs: Iterable[bytes], size: int = 4096) -> Iterator[Floats]:
    """(n, dim) float32 from vectors as they are stored."""
    waiting: list[bytes] = []
    for blob in blobs:
        waiting.append(blob)
        if len(waiting) == size:
            yield _stacked(waiting)
            waiting = []
    if waiting:
        yield _stacked(waiting)


def _stacked(blobs: list[bytes]) -> Floats:
    return np.frombuffer(b"".join(blobs), "<f4").reshape(len(blobs), -1)
