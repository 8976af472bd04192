"""The nearest sounds of many sounds at once: one search of the index for all, and their candidates' vectors read once.

The same answers as one at a time. A question that one round of candidates does not settle is left to :mod:`search`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from timbred_indexer.index import Ids, Vectors
from timbred_indexer.ranking import MOST_STRAIN, ROUNDING, SPARE, Side


@dataclass(frozen=True, slots=True)
class Nearest:
    """Of the sound in row ``row`` of what was asked: other sounds by falling exact score, (n,) int64 and float64."""

    row: int
    sounds: Ids
    scores: NDArray[np.float64]


def nearest_each(side: Side, own: Ids, k: int) -> Iterator[Nearest]:
    """The ``k`` nearest of each row that one round of candidates settles.

    Args:
        side: the one space that is asked; each row of ``side.asked`` is the only window of a sound.
        own: (n,) the sound of each row, which is not among its own nearest.
    """
    depth = side.first_depth(k)
    if depth >= len(side.view) or side.strain > MOST_STRAIN:
        return
    scores, ids = side.view.search(side.asked, depth, effort=side.effort)
    owners = side.view.sounds(np.maximum(ids, 0))
    # What no list shows can score as much as the list's last, which therefore does not count.
    chosen = (ids >= 0) & (scores > scores[:, -1:]) & (owners != own[:, np.newaxis]) & _first_of_its_kind(owners)
    settled = np.flatnonzero(_are_enough(chosen, scores, k))
    segments = np.unique(ids[settled][chosen[settled]])
    vectors = side.stored.get(side.connection, segments).astype(np.float64)
    for row in settled.tolist():
        which = chosen[row]
        found = vectors[np.searchsorted(segments, ids[row, which])]
        exact = np.einsum("ij,j->i", found, side.asked[row])  # as search does, to the last bit
        if not np.isnan(exact).any():
            order = np.lexsort((owners[row, which], -exact))[:k]
            yield Nearest(row, owners[row, which][order], exact[order])


def _first_of_its_kind(owners: Ids) -> NDArray[np.bool_]:
    """Whether each place is the first in its row with that sound: its best segment, for rows fall by score."""
    order = np.argsort(owners, axis=1, kind="stable")
    sorted_owners = np.take_along_axis(owners, order, axis=1)
    first = np.ones(owners.shape, np.bool_)
    np.put_along_axis(first, order[:, 1:], sorted_owners[:, 1:] != sorted_owners[:, :-1], axis=1)
    return first


def _are_enough(chosen: NDArray[np.bool_], scores: Vectors, k: int) -> NDArray[np.bool_]:
    """Whether more sounds of a row were chosen than could be among its first ``k``: as ``ranking.Pool`` has it."""
    counted = chosen.cumsum(axis=1)
    kth = np.take_along_axis(scores, np.argmax(counted >= k, axis=1)[:, np.newaxis], axis=1)
    near = np.count_nonzero(chosen & (scores >= kth - ROUNDING), axis=1)
    return counted[:, -1] > np.maximum(k + SPARE, near)
