"""Where segments lie in their sounds and what reasons compare of them, kept in memory: neither ever changes."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from timbred_indexer.explain import TRAITS, Traits, traits
from timbred_indexer.index import Ids
from timbred_indexer.kept import Kept, NotAtOnceError
from timbred_indexer.model import SegmentId
from timbred_indexer.store import sounds

MOST_KEPT = 200_000  # some 100 bytes each
AT_ONCE = 500  # segments in one statement


class Stretches(NamedTuple):
    """Segments: where they lie, (n, 2) seconds into the untrimmed file, and what is known of the sound there."""

    bounds: NDArray[np.float64]
    traits: Traits


class KeptStretches:
    """Any thread may ask."""

    def __init__(self) -> None:
        self._kept = Kept(2 + TRAITS, np.float64, MOST_KEPT)

    def get(self, connection: sqlite3.Connection | None, ids: Ids) -> Stretches:
        """One row for each segment; all of them must exist.

        Raises:
            NotAtOnceError: there is no connection, and one of them is not in memory.
        """
        rows, known = self._kept.get(ids)
        if not known.all():
            if connection is None:
                raise NotAtOnceError
            rows[~known] = self._load(connection, ids[~known])
        return Stretches(rows[:, :2], rows[:, 2:])

    def _load(self, connection: sqlite3.Connection, ids: Ids) -> NDArray[np.float64]:
        loaded = np.empty((len(ids), 2 + TRAITS))
        for start in range(0, len(ids), AT_ONCE):
            part: list[SegmentId] = ids[start : start + AT_ONCE].tolist()
            segments, raw = sounds.segments(connection, part), sounds.aspects(connection, part)
            for place, segment in enumerate(part, start):
                loaded[place] = (segments[segment].start, segments[segment].end, *traits(raw[segment]))
        self._kept.put(ids, loaded)
        return loaded
