"""The VectorIndex protocol, the mask that says which segments may be found, and the exact reference in numpy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from timbred_indexer.model import SegmentId

Vectors = NDArray[np.float32]
Ids = NDArray[np.int64]
Mask = NDArray[np.uint8]

MANY = 4  # times as many scores as are wanted: from there on they are not all sorted


class VectorIndex(Protocol):
    """An immutable set of L2-normalised vectors, searched by inner product (their cosine).

    What holds for every kind, approximate ones included:

    - A list that is shorter than ``k`` (−1 at its end) is complete: nothing else is allowed. An approximate index looks
      deeper by itself until it has ``k`` or has seen everything.
    - An id comes once in a list, and only where ``allowed`` says so.

    What holds where :attr:`exact` is true only: scores are the vectors' own inner products, and what is in no list
    scores at most what that list ends with. Where it is false a score may be off by what compression costs and a list
    may lack a few: ask for more candidates than are needed (``3 k + 8``) and score all of them anew from the stored
    vectors.
    """

    @property
    def kind(self) -> str:
        """A short name for people: ``flat``, ``exact``."""
        ...

    @property
    def exact(self) -> bool:
        """Whether a list is the true nearest ones, with their true scores."""
        ...

    @property
    def ids(self) -> Ids:
        """(n,) int64: the segment of every vector, in no order. A copy may be made: not for every search."""
        ...

    def __len__(self) -> int: ...

    def search(self, queries: Vectors, k: int, allowed: Mask, *, effort: float = 1.0) -> tuple[Vectors, Ids]:
        """The ``k`` nearest of each query among the allowed ids.

        Args:
            queries: (n, dim) float32.
            k: how many for each.
            allowed: a :func:`mask`; ids beyond its end are not allowed.
            effort: how much deeper than usual an approximate index looks. 1 gives the recall that was asked of it for
                queries like its own vectors; changed weights, words and "not" lead elsewhere: 2 to 4.

        Returns:
            scores (n, k) float32, falling along each row, and ids (n, k) int64; where there are fewer, −inf and −1.
        """
        ...


def mask(size: int, members: Iterable[SegmentId] | Ids = ()) -> Mask:
    """A bit for each id below ``size``, least significant first, set for the members."""
    bits = np.zeros((size + 7) // 8, np.uint8)
    set_bits(bits, np.fromiter(members, np.int64), value=True)
    return bits


def set_bits(bits: Mask, ids: Ids, *, value: bool) -> None:
    """Sets or clears the bits of ``ids`` in place."""
    flags = np.left_shift(np.uint8(1), (ids & 7).astype(np.uint8))
    if value:
        np.bitwise_or.at(bits, ids >> 3, flags)
    else:
        np.bitwise_and.at(bits, ids >> 3, ~flags)


def get_bits(bits: Mask, ids: Ids) -> NDArray[np.bool_]:
    """Whether each id is in the mask; ids beyond its end are not."""
    inside = (ids >= 0) & (ids < bits.size * 8)
    safe = np.where(inside, ids, 0)
    if not bits.size:
        return inside
    return inside & ((bits[safe >> 3] >> (safe & 7).astype(np.uint8)) & 1).astype(np.bool_)


def count_bits(bits: Mask) -> int:
    """How many are set."""
    # Python's own count of a large number: no array of a byte a bit, and ten times faster than one.
    return int.from_bytes(bits.tobytes(), "little").bit_count()


class ExactIndex:
    """Every vector compared with every query, in numpy: the reference, and the buffer of what is fresh."""

    def __init__(self, ids: Ids, vectors: Vectors) -> None:
        """``ids`` (n,) int64, ``vectors`` (n, dim) float32; neither is copied."""
        self._ids = ids
        self.vectors = vectors

    @property
    def kind(self) -> str:
        return "exact"

    @property
    def exact(self) -> bool:
        return True

    @property
    def ids(self) -> Ids:
        return self._ids

    def __len__(self) -> int:
        return len(self.ids)

    def search(self, queries: Vectors, k: int, allowed: Mask, *, effort: float = 1.0) -> tuple[Vectors, Ids]:
        scores = queries @ self.vectors.T
        scores[:, ~get_bits(allowed, self.ids)] = -np.inf
        return best(scores, np.broadcast_to(self.ids, scores.shape), k)


def best(scores: Vectors, ids: Ids, k: int) -> tuple[Vectors, Ids]:
    """The ``k`` highest of each row, padded with −inf and −1. Equal scores go by id, so answers never waver."""
    if scores.shape[1] > MANY * k:
        # Sorting all would cost more than finding them. Whatever equals a row's k-th stays in, for the ids to decide.
        kth = -np.partition(-scores, k - 1, axis=1)[:, k - 1 : k]
        columns = np.flatnonzero((scores >= kth).any(axis=0))
        scores, ids = scores[:, columns], ids[:, columns]
    order = np.lexsort((ids, -scores), axis=-1)[:, :k]
    top_scores = np.take_along_axis(scores, order, axis=1)
    top_ids = np.where(np.isneginf(top_scores), -1, np.take_along_axis(ids, order, axis=1))
    if missing := k - top_scores.shape[1]:
        top_scores = np.pad(top_scores, ((0, 0), (0, missing)), constant_values=-np.inf)
        top_ids = np.pad(top_ids, ((0, 0), (0, missing)), constant_values=-1)
    return top_scores, top_ids


def merge(parts: list[tuple[Vectors, Ids]], k: int) -> tuple[Vectors, Ids]:
    """One answer from the answers of disjoint indexes."""
    return best(
        np.concatenate([part[0] for part in parts], axis=1), np.concatenate([part[1] for part in parts], axis=1), k
    )
