"""Vectors as the database has them, kept in memory: a segment's vector never changes, so what is kept stays true."""

from __future__ import annotations

import sqlite3

import numpy as np
from numpy.typing import NDArray

from timbred_indexer.index import Ids
from timbred_indexer.kept import Kept, NotAtOnceError
from timbred_indexer.model import SegmentId, SpaceName
from timbred_indexer.store import vectors

Vector = NDArray[np.float32]

MOST_BYTES = 160 * 2**20  # room for the librosa vectors of 100,000 segments
AT_ONCE = 1_000  # segments in one statement


class StoredVectors:
    """The vectors of one version of one space. Any thread may ask.

    Args:
        dim: of each vector.
    """

    def __init__(self, space: SpaceName, version: str, dim: int) -> None:
        self._space: SpaceName = space
        self._version = version
        self.dim = dim
        self._kept = Kept(dim, np.float32, MOST_BYTES // (4 * dim))

    def get(self, connection: sqlite3.Connection | None, ids: Ids) -> Vector:
        """The vectors of segments.

        Returns:
            (n, dim) float32; a row of NaN where a segment has no vector.

        Raises:
            NotAtOnceError: there is no connection, and one of them is not in memory.
        """
        rows, known = self._kept.get(ids)
        if known.all():
            return rows
        if connection is None:
            raise NotAtOnceError
        missing = ids[~known]
        loaded = self._load(connection, missing)
        there = ~np.isnan(loaded[:, 0])
        self._kept.put(missing[there], loaded[there])
        rows[~known] = loaded
        return rows

    def _load(self, connection: sqlite3.Connection, ids: Ids) -> Vector:
        rows = np.full((len(ids), self.dim), np.nan, np.float32)
        for start in range(0, len(ids), AT_ONCE):
            part: list[SegmentId] = ids[start : start + AT_ONCE].tolist()
            found = vectors.by_segments(connection, self._space, self._version, part)
            for place, segment in enumerate(part, start):
                if segment in found:
                    rows[place] = np.frombuffer(found[segment], "<f4")
        return rows
