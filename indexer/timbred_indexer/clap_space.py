"""The version of the ``clap`` space that answers: its index, its vectors, and how its scores compare with librosa's."""

from __future__ import annotations

import logging
import sqlite3

import numpy as np

from timbred_indexer import aspects
from timbred_indexer.calibration import Calibration, spread_out
from timbred_indexer.db import Database
from timbred_indexer.index import get_bits
from timbred_indexer.keeper import IndexKeeper, IndexStats
from timbred_indexer.live import LiveIndex, View
from timbred_indexer.search import SearchSpace
from timbred_indexer.store import clap
from timbred_indexer.stored import StoredVectors

logger = logging.getLogger(__name__)

ENOUGH = 64  # vectors from which scores can be compared, while more are on their way
GROWTH = 4.0  # a library that has grown so many times is compared anew
SETTLED_GROWTH = 1.5  # … and one of which everything has been heard, so many times


class ClapSpace:
    """One version's vectors, searchable. Open it with :meth:`open`; leave by cancelling :meth:`follow`.

    Args:
        librosa: (its live index, its version): the space that scores are compared with.
        dim: of this version's vectors.
        recall: wanted of the index, 0 to 1.
    """

    def __init__(
        self,
        db: Database,
        librosa: tuple[LiveIndex, str],
        *,
        version: str,
        dim: int,
        folder: str,
        database: str,
        recall: float,
    ) -> None:
        self.version = version
        self._db = db
        self._librosa, self._librosa_version = librosa
        self._live = LiveIndex(dim)
        self._stored = StoredVectors("clap", version, dim)
        self._keeper = IndexKeeper(
            db, self._live, folder=folder, database=database, space="clap", version=version, recall=recall
        )
        self._calibration: Calibration | None = None
        self._heard = 0  # vectors that the calibration was made from

    @property
    def search_space(self) -> SearchSpace:
        return SearchSpace(self._live, self._stored, self._calibration)

    @property
    def view(self) -> View:
        return self._live.view

    @property
    def stats(self) -> IndexStats:
        return self._keeper.stats

    @property
    def keeper(self) -> IndexKeeper:
        return self._keeper

    async def open(self) -> None:
        """Loads the index and the calibration. After this it answers."""
        await self._keeper.open()
        known = await self._db.read(
            lambda connection: clap.calibration(connection, self.version, self._librosa_version)
        )
        if known is not None:
            self._heard, self._calibration = known[0], Calibration.load(known[1])

    async def follow(self) -> None:
        """Stays true to the database until cancelled."""
        await self._keeper.follow()

    async def calibrate(self, *, complete: bool) -> bool:
        """Compares the two spaces' scores, if that is due. Returns whether there is something new.

        Args:
            complete: every segment has been heard.
        """
        heard = self._keeper.stats.visible
        if not self._due(heard, complete):
            return False
        made = await self._db.read(self._sample)
        if made is None:
            return False
        await self._db.write(
            lambda connection: clap.save_calibration(
                connection, self.version, self._librosa_version, heard, made.dump()
            )
        )
        self._heard, self._calibration = heard, Calibration.load(made.dump())
        return True

    def _due(self, heard: int, complete: bool) -> bool:
        if self._calibration is None:
            return heard >= 2 if complete else heard >= ENOUGH
        return heard >= self._heard * (SETTLED_GROWTH if complete else GROWTH)

    def _sample(self, connection: sqlite3.Connection) -> Calibration | None:
        view, librosa = self._live.view, self._librosa.view
        every = np.flatnonzero(np.unpackbits(view.visible, bitorder="little"))
        both = every[get_bits(librosa.visible, every)].tolist()
        ids = np.array(spread_out(both), np.int64)
        own = self._stored.get(connection, ids)
        other = StoredVectors("librosa", self._librosa_version, aspects.DIM).get(connection, ids)
        there = ~np.isnan(own[:, 0]) & ~np.isnan(other[:, 0])
        return Calibration.sample(other[there], own[there], librosa.sounds(ids[there])) if there.sum() > 1 else None


async def drop_version(db: Database, version: str) -> None:
    """Deletes the vectors of a version that no longer answers, a part at a time: others write meanwhile."""
    part, dropped = 2_000, 2_000
    while dropped == part:
        dropped = await db.write(lambda connection: clap.drop(connection, version, part))
    logger.info("Deleted the vectors of %s: another model answers now.", version)
