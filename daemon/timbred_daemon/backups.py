"""Automatic backups of the database: one a day when something has changed, in a quiet moment, the newest few kept."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import time
from collections.abc import Callable

from timbred_indexer import backing_up
from timbred_indexer.backup import Backup, automatic, seq_of
from timbred_indexer.db import Database, current_seq
from timbred_indexer.errors import StorageError
from timbred_indexer.model import Seq

logger = logging.getLogger(__name__)

LOOK_SECONDS = 60.0
RETRY_SECONDS = 3600.0  # after a backup that failed
LATE = 2.0  # intervals after which no quiet moment is waited for


class Backups:
    """Makes them, and notices with each whether the database is still whole.

    Args:
        keep: how many; 0: none is made by itself.
        interval: seconds from one to the next.
        quiet: whether nothing else is going on.
        clock: Unix time.
        steady_clock: monotonic seconds: what a failure is waited out by, however the other clock is set meanwhile.
    """

    def __init__(
        self,
        db: Database,
        data_dir: str,
        *,
        keep: int,
        interval: float,
        quiet: Callable[[], bool],
        clock: Callable[[], float] = time.time,
        steady_clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._db = db
        self._data_dir = data_dir
        self._keep = keep
        self._interval = interval
        self._quiet = quiet
        self._clock = clock
        self._steady_clock = steady_clock
        self._newest: tuple[float, Seq | None] | None = None  # when it was made, and what it shows
        self._not_before = -math.inf
        self._trouble: str | None = None
        self._turn = asyncio.Lock()

    @property
    def notes(self) -> tuple[str, ...]:
        """Why there is no fresh backup, if so."""
        return () if self._trouble is None else (f"No backup could be made: {self._trouble}",)

    async def run(self, *, check_first: bool = False) -> None:
        """A look every minute, until cancelled.

        Args:
            check_first: the last life ended abruptly: look first whether the database is whole.

        Raises:
            StorageError: ``database_corrupt``: nothing should go on with it.
        """
        if check_first:
            await backing_up.check(os.path.join(self._data_dir, "metadata.db"))
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Makes one if it is due, and if the last try did not fail just now.

        Raises:
            StorageError: as :meth:`run`.
        """
        if self._steady_clock() < self._not_before:
            return
        try:
            if await self.due():
                await self.make()
        except StorageError as error:
            if error.code == "database_corrupt":
                raise
            self._not_before = self._steady_clock() + RETRY_SECONDS
            logger.warning("No backup could be made: %s", error.message)

    async def due(self) -> bool:
        """Whether one should be made now."""
        if not self._keep:
            return False
        if self._newest is None:
            self._newest = await asyncio.to_thread(self._look)
        made, shows = self._newest
        age = abs(self._clock() - made)  # a clock that was wrong may have dated it to a time to come
        if age < self._interval or shows == await self._db.read(current_seq):
            return False
        return self._quiet() or (made > 0 and age >= LATE * self._interval)

    async def make(self) -> Backup:
        """Makes one now; the oldest beyond those that are kept goes.

        Raises:
            StorageError: as :func:`timbred_indexer.backup.make_automatic`.
        """
        async with self._turn:
            try:
                made, shows = await backing_up.make_automatic(self._data_dir, keep=self._keep, now=self._clock())
            except StorageError as error:
                self._trouble = error.message
                if error.code == "database_corrupt":
                    self._db.report_damage(error)
                raise
            self._trouble = None
            self._newest = (made.made, shows)
            logger.info("Backed up the database to %s.", made.path)
            return made

    def _look(self) -> tuple[float, Seq | None]:
        try:
            found = automatic(self._data_dir, self._clock())
        except OSError:
            return 0.0, None  # whoever makes one will say what is wrong with the folder
        return (found[0].made, seq_of(found[0].path)) if found else (0.0, None)
