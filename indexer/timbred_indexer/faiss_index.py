"""FAISS behind the VectorIndex protocol. The only module that imports it."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, Protocol

import faiss
import numpy as np

from timbred_indexer.errors import StorageError
from timbred_indexer.index import Ids, Mask, VectorIndex, Vectors, count_bits
from timbred_indexer.probing import Probing

Kind = Literal["flat", "clustered"]

FEW = 1_000  # allowed vectors that are all looked at, wherever they lie
DEEPER = 4  # times as many lists, where a search came back short
BITS = 2  # a dimension, in a compressed vector
ITERATIONS = 10
SEED = 1


class StoredIndex(VectorIndex, Protocol):
    """A :class:`VectorIndex` that can be a snapshot."""

    @property
    def dim(self) -> int: ...

    @property
    def probing(self) -> Probing | None:
        """None where every vector is compared."""
        ...

    def save(self, path: str) -> None:
        """Writes the one file."""
        ...


class FlatIndex:
    """``IndexFlatIP`` under ``IndexIDMap2``: exact, every vector compared."""

    def __init__(self, index: faiss.IndexIDMap2) -> None:
        self._index = index

    @classmethod
    def build(cls, ids: Ids, vectors: Vectors) -> FlatIndex:
        """``ids`` (n,) int64, ``vectors`` (n, dim) float32, L2-normalised."""
        index = faiss.IndexIDMap2(faiss.IndexFlatIP(vectors.shape[1]))
        index.add_with_ids(vectors, ids)
        return cls(index)

    @property
    def kind(self) -> Kind:
        return "flat"

    @property
    def exact(self) -> bool:
        return True

    @property
    def probing(self) -> Probing | None:
        return None

    @property
    def ids(self) -> Ids:
        return faiss.vector_to_array(self._index.id_map)

    @property
    def dim(self) -> int:
        return self._index.d

    def __len__(self) -> int:
        return self._index.ntotal

    def save(self, path: str) -> None:
        faiss.write_index(self._index, path)

    def search(self, queries: Vectors, k: int, allowed: Mask, *, effort: float = 1.0) -> tuple[Vectors, Ids]:
        # FAISS's thread count belongs to the calling thread; for one query over a small index one thread is fastest.
        faiss.omp_set_num_threads(1)
        parameters = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(allowed))
        return _padded(*self._index.search(queries, k, params=parameters))


class _Choice(NamedTuple):
    """A mask as FAISS takes it; ``left``: how many it allows."""

    allowed: Mask
    selector: faiss.IDSelectorBitmap
    left: int
    parameters: dict[int, faiss.SearchParametersIVF]


class ClusteredIndex:
    """``IndexIVFRaBitQ``: vectors in lists around centroids, compressed to two bits a dimension and a few numbers.

    Scores are estimates, off by some thousandths. ``probing`` says how many lists a search looks through.
    """

    def __init__(self, index: faiss.IndexIVFRaBitQ, probing: Probing) -> None:
        self._index = index
        self._count: int = index.ntotal
        self._probing = probing
        self._chosen: _Choice | None = None

    @classmethod
    def train(cls, sample: Vectors, lists: int, *, threads: int) -> ClusteredIndex:
        """An empty index; its lists lie as the sample, (n, dim) float32, does. Looks through all of them."""
        faiss.omp_set_num_threads(threads)
        dim = sample.shape[1]
        index = faiss.IndexIVFRaBitQ(faiss.IndexFlatIP(dim), dim, lists, faiss.METRIC_INNER_PRODUCT, True, BITS)
        index.cp.seed, index.cp.niter = SEED, ITERATIONS
        index.cp.min_points_per_centroid = 1
        index.cp.max_points_per_centroid = max(256, math.ceil(len(sample) / lists))
        index.train(sample)
        return cls(index, Probing(lists, ((1, lists),)))

    def add(self, ids: Ids, vectors: Vectors, *, threads: int) -> None:
        """Only while it is built: an index that is searched never changes."""
        faiss.omp_set_num_threads(threads)
        self._index.add_with_ids(vectors, ids)
        self._count = self._index.ntotal

    @property
    def kind(self) -> Kind:
        return "clustered"

    @property
    def probing(self) -> Probing:
        return self._probing

    def tune(self, probing: Probing) -> None:
        """Only while it is built, likewise."""
        self._probing = probing

    @property
    def exact(self) -> bool:
        return False

    @property
    def dim(self) -> int:
        return self._index.d

    @property
    def lists(self) -> int:
        return self._index.nlist

    @property
    def ids(self) -> Ids:
        kept = self._index.invlists
        sizes = [kept.list_size(one) for one in range(self.lists)]
        parts = [faiss.rev_swig_ptr(kept.get_ids(one), size).copy() for one, size in enumerate(sizes) if size]
        return np.concatenate(parts) if parts else np.empty(0, np.int64)

    def __len__(self) -> int:
        return self._count

    def save(self, path: str) -> None:
        faiss.write_index(self._index, path)

    def search(self, queries: Vectors, k: int, allowed: Mask, *, effort: float = 1.0) -> tuple[Vectors, Ids]:
        lists = self._lists_for(k, self._choose(allowed).left, effort)
        scores, ids = self.search_lists(queries, k, allowed, lists)
        while lists < self.lists and _is_short(ids):
            lists = min(self.lists, lists * DEEPER)
            scores, ids = self.search_lists(queries, k, allowed, lists)
        return scores, ids

    def search_lists(self, queries: Vectors, k: int, allowed: Mask, lists: int) -> tuple[Vectors, Ids]:
        """Looks through the ``lists`` nearest lists and no further."""
        faiss.omp_set_num_threads(1)
        chosen = self._choose(allowed)
        if (parameters := chosen.parameters.get(lists)) is None:
            parameters = chosen.parameters[lists] = faiss.SearchParametersIVF(sel=chosen.selector, nprobe=lists)
        return _padded(*self._index.search(queries, k, params=parameters))

    def _choose(self, allowed: Mask) -> _Choice:
        """Searches mostly come with the mask of the one before."""
        chosen = self._chosen
        if chosen is None or chosen.allowed is not allowed:
            chosen = self._chosen = _Choice(allowed, faiss.IDSelectorBitmap(allowed), count_bits(allowed), {})
        return chosen

    def _lists_for(self, k: int, left: int, effort: float) -> int:
        """The nearest of few are as far away as the many nearest of all: the fewer are allowed, the deeper."""
        if left <= max(k, FEW):
            return self.lists
        share = min(1.0, left / max(1, len(self)))
        return min(self.lists, math.ceil(effort * self._probing.at(k / share)))


def load(path: str, kind: str, probing: Probing | None) -> StoredIndex:
    """Maps a file that an index's ``save`` wrote; pages are read when a search touches them.

    Raises:
        StorageError: ``bad_snapshot``, FAISS cannot make sense of the file, or it is of another kind.
    """
    try:
        index = faiss.read_index(path, faiss.IO_FLAG_MMAP_IFC)
    except (RuntimeError, MemoryError) as error:
        raise StorageError(f"The index file cannot be read: {error}", code="bad_snapshot") from error
    if kind == "flat" and isinstance(index, faiss.IndexIDMap2):
        return FlatIndex(index)
    if isinstance(index, faiss.IndexIVFRaBitQ) and probing is not None and index.nlist == probing.lists:
        return ClusteredIndex(index, probing)
    raise StorageError("The index file is of another kind.", code="bad_snapshot")


def _padded(scores: Vectors, ids: Ids) -> tuple[Vectors, Ids]:
    if _is_short(ids):
        scores[ids < 0] = -np.inf
    return scores, ids


def _is_short(ids: Ids) -> bool:
    """Whether a list has an end before its last place."""
    return min(ids[:, -1].tolist()) < 0
