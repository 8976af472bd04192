"""FAISS behind the VectorIndex protocol. The only module that imports it."""

from __future__ import annotations

import faiss
import numpy as np

from timbred_indexer.errors import StorageError
from timbred_indexer.index import Ids, Mask, Vectors


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

    @classmethod
    def load(cls, path: str) -> FlatIndex:
        """Maps a file written by :meth:`save`; pages are read when a search touches them.

        Raises:
            StorageError: ``bad_snapshot``, FAISS cannot make sense of the file.
        """
        try:
            index = faiss.read_index(path, faiss.IO_FLAG_MMAP_IFC)
        except (RuntimeError, MemoryError) as error:
            raise StorageError(f"The index file cannot be read: {error}", code="bad_snapshot") from error
        if not isinstance(index, faiss.IndexIDMap2):
            raise StorageError("The index file is of another kind.", code="bad_snapshot")
        return cls(index)

    @property
    def kind(self) -> str:
        return "flat"

    @property
    def dim(self) -> int:
        return self._index.d

    def __len__(self) -> int:
        return self._index.ntotal

    def save(self, path: str) -> None:
        faiss.write_index(self._index, path)

    def search(self, queries: Vectors, k: int, allowed: Mask) -> tuple[Vectors, Ids]:
        # FAISS's thread count belongs to the calling thread; for one query over a small index one thread is fastest.
        faiss.omp_set_num_threads(1)
        parameters = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(allowed))
        scores, ids = self._index.search(queries, k, params=parameters)
        return np.where(ids < 0, np.float32(-np.inf), scores), ids
