"""Builds the index of a space from a stream of its vectors: the tier by size, and how deep searches have to look.

The stream is read twice: for an even sample to train on, a part of which are the queries that are measured; then to add
every vector, when the queries' exact answers are found on the way. More than the sample, the index and one block of
vectors is never in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from timbred_indexer.faiss_index import ClusteredIndex, FlatIndex, StoredIndex
from timbred_indexer.index import Ids, Vectors, best, mask
from timbred_indexer.model import SegmentId
from timbred_indexer.probing import Probing, depth_of, fewest, recall

Stream = Callable[[], Iterable[tuple[SegmentId, bytes]]]

FLAT_BELOW = 3_000  # vectors; measured: there a scan of all costs what a search of lists does, 0.2 ms
SAMPLE_A_LIST = 64  # training vectors for each list
QUERIES = 256  # whose exact answers are compared
MEASURED = (10, 100)  # the k of that
BLOCK = 8_192


def build(
    stream: Stream, count: int, *, target: float, threads: int, flat_below: int = FLAT_BELOW
) -> StoredIndex | None:
    """The index of ``count`` vectors, rising by id; None when there is none.

    Args:
        stream: gives (segment, float32 BLOB) of the same vectors at every call.
        target: the recall wanted of an approximate index, 0 to 1.
        flat_below: vectors; fewer are kept exact.
    """
    if count == 0:
        return None
    if count < flat_below:
        parts = list(_blocks(stream()))
        ids, vectors = (np.concatenate(part) for part in zip(*parts, strict=True))
        return FlatIndex.build(ids, vectors)
    return _clustered(stream, count, target, threads)


def lists_for(count: int) -> int:
    """Twice the square root: a search then spends about as long on choosing lists as on looking through them."""
    return max(1, min(count, round(2 * count**0.5)))


def _clustered(stream: Stream, count: int, target: float, threads: int) -> ClusteredIndex:
    lists = lists_for(count)
    asked, trained = _spread(count, QUERIES), _spread(count, lists * SAMPLE_A_LIST)
    # Queries that were trained on would look easier than they are.
    trained = np.setdiff1d(trained, asked) if count > len(trained) + len(asked) else trained
    ids, vectors = _picked(stream(), np.union1d(asked, trained))
    queried = _places(asked, trained)
    truth = _Truth(ids[queried], vectors[queried])
    vectors = vectors[_places(trained, asked)]
    index = ClusteredIndex.train(vectors, lists, threads=threads)
    del vectors
    highest = 0
    for ids, vectors in _blocks(stream()):
        index.add(ids, vectors, threads=threads)
        truth.see(ids, vectors)
        highest = int(ids[-1])
    index.tune(measure(index, truth, target, highest))
    return index


class _Truth:
    """Queries that are members of the index, and their exact neighbours among what was seen, themselves left out."""

    def __init__(self, own: Ids, queries: Vectors) -> None:
        self.own = own
        self.queries = queries
        self._deepest = max(MEASURED)
        self._scores = np.full((len(own), self._deepest), -np.inf, np.float32)
        self.ids = np.full((len(own), self._deepest), -1, np.int64)

    def see(self, ids: Ids, vectors: Vectors) -> None:
        scores = self.queries @ vectors.T
        scores[self.own[:, np.newaxis] == ids] = -np.inf
        deep = min(self._deepest, len(ids))
        # Partition first: sorting whole blocks would cost more than the products.
        near = np.argpartition(-scores, deep - 1, axis=1)[:, :deep]
        self._scores, self.ids = best(
            np.concatenate([self._scores, np.take_along_axis(scores, near, axis=1)], axis=1),
            np.concatenate([self.ids, ids[near]], axis=1),
            self._deepest,
        )


def measure(index: ClusteredIndex, truth: _Truth, target: float, highest: int) -> Probing:
    """How many lists each depth needs for the target recall."""
    everything = mask(highest + 1)
    everything[:] = 255
    points: list[tuple[int, int]] = []
    reached: list[float] = []
    for k in MEASURED:
        depth = depth_of(k)

        def recall_at(lists: int, k: int = k, depth: int = depth) -> float:
            _, found = index.search_lists(truth.queries, depth + 1, everything, lists)
            return recall(_without(found, truth.own, depth), truth.ids[:, :k])

        lists, measured = fewest(index.lists, target, recall_at)
        points.append((depth, max(lists, points[-1][1] if points else 1)))
        reached.append(measured)
    return Probing(index.lists, tuple(points), reached[0])


def _without(found: Ids, own: Ids, depth: int) -> Ids:
    """Each row's first ``depth`` ids other than its own."""
    order = np.argsort(found == own[:, np.newaxis], axis=1, kind="stable")
    return np.take_along_axis(found, order, axis=1)[:, :depth]


def _spread(count: int, wanted: int) -> Ids:
    """``wanted`` of ``count`` places, evenly spread, rising."""
    return np.unique(np.linspace(0, count - 1, min(count, wanted)).astype(np.int64))


def _places(some: Ids, others: Ids) -> Ids:
    """Where ``some`` stand among both together."""
    return np.searchsorted(np.union1d(some, others), some)


def _picked(stream: Iterable[tuple[SegmentId, bytes]], places: Ids) -> tuple[Ids, Vectors]:
    """The vectors at those places of the stream, rising; held once, for they may be many."""
    wanted = places.tolist()
    ids, vectors = np.empty(len(wanted), np.int64), np.empty((0, 0), np.float32)
    filled = 0
    for place, (segment, data) in enumerate(stream):
        if filled == len(wanted):
            break
        if place == wanted[filled]:
            if not filled:
                vectors = np.empty((len(wanted), len(data) // 4), np.float32)
            ids[filled], vectors[filled] = segment, np.frombuffer(data, "<f4")
            filled += 1
    return ids, vectors


def _blocks(stream: Iterable[tuple[SegmentId, bytes]]) -> Iterator[tuple[Ids, Vectors]]:
    part: list[tuple[SegmentId, bytes]] = []
    for pair in stream:
        part.append(pair)
        if len(part) == BLOCK:
            yield _arrays(part)
            part = []
    if part:
        yield _arrays(part)


def _arrays(pairs: list[tuple[SegmentId, bytes]]) -> tuple[Ids, Vectors]:
    ids = np.array([segment for segment, _ in pairs], np.int64)
    return ids, np.frombuffer(b"".join(data for _, data in pairs), "<f4").reshape(len(pairs), -1)
