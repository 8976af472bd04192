"""Rows of numbers by segment, kept in memory: the newest so many. Nobody waits for anybody who only reads."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from timbred_indexer.index import Ids

_UNKNOWN = -1  # an id of which there was never a row
_NONE = -2  # a place that no row lies at, or that one is being written to


class NotAtOnceError(Exception):
    """A question without a connection that memory alone cannot answer, or not soon enough for the event loop.

    Nobody sees it: whoever gets it asks again in a reader thread.
    """


class Kept:
    """A ring of rows. Any thread may ask; what comes last overwrites what came first.

    Every row that is written gets a number of its own, and lies at that number modulo the size of the ring. A reader
    takes the rows first and then looks whether their numbers are still those it wanted; a writer takes a row's number
    away before it writes. So a row that was overwritten in between counts as missing.

    Args:
        width: of a row.
        most: how many rows; their memory is taken when they are written.
    """

    def __init__(self, width: int, dtype: DTypeLike, most: int) -> None:
        self._rows: NDArray[Any] = np.empty((most, width), dtype)
        self._written = np.full(most, _NONE, np.int64)  # the number of the row that lies there
        self._newest = np.full(1, _UNKNOWN, np.int64)  # by id; the last place stays empty, for ids beyond it
        self._next = 0
        self._writing = threading.Lock()

    def get(self, ids: Ids) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """A row for each id (a copy), and whether it is one: the others hold anything."""
        numbers = self._newest.take(ids, mode="clip")
        places = numbers % len(self._written)
        rows = self._rows.take(places, axis=0)
        return rows, self._written.take(places) == numbers

    def put(self, ids: Ids, rows: NDArray[Any]) -> None:
        """Keeps a row for each id; of more than there is room for, the first."""
        ids, rows = ids[: len(self._written)], rows[: len(self._written)]
        if not len(ids):
            return
        with self._writing:
            numbers = self._next + np.arange(len(ids))
            places = numbers % len(self._written)
            self._written[places] = _NONE
            self._rows[places] = rows
            self._written[places] = numbers
            self._newest = _grown(self._newest, int(ids.max()) + 2)
            self._newest[ids] = numbers
            self._next += len(ids)


def _grown(newest: NDArray[np.int64], need: int) -> NDArray[np.int64]:
    if need <= len(newest):
        return newest
    larger = np.full(max(need, 2 * len(newest)), _UNKNOWN, np.int64)
    larger[: len(newest)] = newest
    return larger
