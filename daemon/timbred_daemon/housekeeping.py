"""What happens by itself, now and then: tombstones for what stayed away, compaction when nobody asks for anything."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from timbred_daemon import moments
from timbred_indexer.db import Database, current_seq, next_seq
from timbred_indexer.errors import StorageError
from timbred_indexer.keeper import IndexKeeper
from timbred_indexer.live import NOTHING
from timbred_indexer.store import sounds
from timbred_indexer.store.sounds import BuriedUpTo

logger = logging.getLogger(__name__)

GRACE_SECONDS = 60.0  # a file may be missing for so long before its sound is tombstoned
ROUND_SECONDS = 5.0
RETRY_SECONDS = 300.0  # after a compaction that failed: the next one would most likely fail too, at the same cost
QUIET_SECONDS = 10.0  # nobody has asked for anything for so long: then a compaction disturbs nobody


class Housekeeper:
    """Args: ``indexes`` gives those of the spaces that answer now; ``idle`` says whether nothing is pending or being
    scanned; ``good_moment`` whether the machine has power and a core to spare; ``clock`` gives Unix time."""

    def __init__(
        self,
        db: Database,
        indexes: Callable[[], Sequence[IndexKeeper]],
        *,
        idle: Callable[[], bool],
        good_moment: Callable[[], bool] = moments.is_good,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._db = db
        self._indexes = indexes
        self._idle = idle
        self._good_moment = good_moment
        self._clock = clock
        self._buried = BuriedUpTo(-1.0, NOTHING)
        self._failed: dict[IndexKeeper, float] = {}  # when the last compaction did

    async def run(self) -> None:
        """A round every few seconds, until cancelled."""
        checked: set[IndexKeeper] = set()
        while True:
            try:
                await self.bury()
                for index in self._indexes():
                    if index not in checked:
                        await index.check_snapshot()
                        checked.add(index)
                    await self.compact_if_due(index)
            except StorageError as error:
                logger.error("Housekeeping failed: %s", error.message)
            await asyncio.sleep(ROUND_SECONDS)

    async def compact_if_due(self, index: IndexKeeper) -> bool:
        """Compacts what has to be compacted, and, in a quiet moment, what is worth it. Returns whether it did.

        Raises:
            StorageError: it failed; it is tried again after a while.
        """
        if self._clock() < self._failed.get(index, -RETRY_SECONDS) + RETRY_SECONDS:
            return False
        due = index.compaction_due(idle=False)
        if not due and index.compaction_due(idle=True) and await self._is_quiet():
            due = index.compaction_due(idle=True)
        if due:
            try:
                await index.compact()
            except StorageError:
                self._failed[index] = self._clock()
                raise
        return due

    async def _is_quiet(self) -> bool:
        asked = min((index.idle for index in self._indexes()), default=QUIET_SECONDS)
        return self._idle() and asked >= QUIET_SECONDS and await asyncio.to_thread(self._good_moment)

    async def bury(self) -> int:
        """Tombstones what has been missing for longer than the grace. Returns how many segments died."""
        before = self._clock() - GRACE_SECONDS
        seq = await self._db.read(current_seq)
        candidates = await self._db.read(lambda connection: sounds.may_be_unheard(connection, self._buried, before))
        died = 0
        if candidates:
            died = await self._db.write(
                lambda connection: sounds.bury_unheard(connection, candidates, before, next_seq(connection))
            )
        self._buried = BuriedUpTo(before, seq)
        return died
