"""Vectors as the database has them, kept in memory: a segment's vector never changes, so what is kept stays true."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from timbred_indexer.model import SegmentId, SpaceName
from timbred_indexer.store import vectors

Vector = NDArray[np.float32]

MOST_KEPT = 32_768  # some 2 KB each
AT_ONCE = 1_000  # segments in one statement


class StoredVectors:
    """The vectors of one version of one space. Any thread may ask."""

    def __init__(self, space: SpaceName, version: str) -> None:
        self._space: SpaceName = space
        self._version = version
        self._kept: dict[SegmentId, Vector] = {}

    def get(self, connection: sqlite3.Connection, ids: Sequence[SegmentId]) -> dict[SegmentId, Vector]:
        """The vectors, (dim,) float32, of those segments that have one."""
        if len(self._kept) > MOST_KEPT:
            # A new dict: a thread that still reads the old one goes on with it.
            self._kept = {}
        kept = self._kept
        missing = [segment for segment in ids if segment not in kept]
        for start in range(0, len(missing), AT_ONCE):
            found = vectors.by_segments(connection, self._space, self._version, missing[start : start + AT_ONCE])
            kept |= {segment: np.frombuffer(data, "<f4") for segment, data in found.items()}
        return {segment: kept[segment] for segment in ids if segment in kept}
