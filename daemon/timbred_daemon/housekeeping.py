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
from timbred_indexer.plan import GRACE_SECONDS
from timbred_indexer.store import purge, sounds
from timbred_indexer.store.sounds import BuriedUpTo

logger = logging.getLogger(__name__)

ROUND_SECONDS = 5.0
RETRY_SECONDS = 300.0  # after a compaction that failed: the next one would most likely fail too, at the same cost
PURGE_SECONDS = 3600.0  # between looks at what has been missing for longer than it is kept
PURGE_LIMIT = 500  # rows a round: the writer has other work
QUIET_SECONDS = 10.0  # nobody has asked for anything for so long: then a compaction disturbs nobody


class Housekeeper:
    """Args: ``indexes`` gives those of the spaces that answer now; ``idle`` says whether nothing is pending or being
    scanned; ``keep_missing`` for how many seconds what is known of a missing file is kept; ``good_moment`` whether the
    machine has power and a core to spare; ``clock`` gives Unix time."""

    def __init__(
        self,
        db: Database,
        indexes: Callable[[], Sequence[IndexKeeper]],
        *,
        idle: Callable[[], bool],
        keep_missing: float = float("inf"),
        good_moment: Callable[[], bool] = moments.is_good,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._db = db
        self._indexes = indexes
        self._idle = idle
        self._good_moment = good_moment
        self._clock = clock
        self._buried = BuriedUpTo(-1.0, NOTHING)
        self._keep_missing = keep_missing
        self._purged = -PURGE_SECONDS
        self._failed: dict[IndexKeeper, float] = {}  # when the last compaction did

    async def run(self) -> None:
        """A round every few seconds, until cancelled."""
        checked: set[IndexKeeper] = set()
        while True:
            try:
                await self.bury()
                await self.purge()
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

    async def purge(self) -> int:
        """Forgets files that have been missing for longer than they are kept. Returns how many.

        One with a label of its own stays until a user says otherwise: nothing else can bring a label back, and a clock
        that is wrong by a year must not cost one.
        """
        if not self._idle() or abs(self._clock() - self._purged) < PURGE_SECONDS:
            return 0
        seen = min((index.stats.seq for index in self._indexes()), default=NOTHING)
        scope = purge.Scope(self._clock() - self._keep_missing, seen, labelled=False)
        files = 0
        if await self._db.read(lambda connection: purge.count(connection, scope).files):
            forgotten = await self._db.write(
                lambda connection: purge.purge(connection, scope, PURGE_LIMIT, next_seq(connection))
            )
            logger.info("%d files were missing for so long that they are forgotten.", forgotten.files)
            files = forgotten.files
        if files < PURGE_LIMIT:
            self._purged = self._clock()
        return files
