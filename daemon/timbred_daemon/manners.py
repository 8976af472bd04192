"""Keeps the work to what is polite now: looks at the machine now and then, remembers the user's pause."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable
from datetime import datetime

from timbred_daemon import moments
from timbred_daemon.politeness import Allowance, Moment, Rules, allow
from timbred_indexer.db import Database
from timbred_indexer.pool import WorkerPool
from timbred_indexer.store import pausing
from timbred_indexer.store.pausing import Pause

logger = logging.getLogger(__name__)

LOOK_SECONDS = 10.0


class Manners:
    """Args: ``changed`` is called whenever more, or less, may be done; ``others`` (how many processors other programs
    keep busy) and ``battery`` are looked up in a thread; ``clock`` gives Unix time.
    """

    def __init__(
        self,
        db: Database,
        pool: WorkerPool,
        rules: Rules,
        *,
        others: Callable[[], float],
        battery: Callable[[], bool] = moments.on_battery,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._db = db
        self._pool = pool
        self._rules = rules
        self._others = others
        self._battery = battery
        self._clock = clock
        self._pause: Pause | None = None
        self._allowance = Allowance(rules.workers)
        self.changed: Callable[[], None] = _nothing

    @property
    def allowance(self) -> Allowance:
        return self._allowance

    @property
    def may_work(self) -> bool:
        return not self._allowance.resting

    @property
    def notes(self) -> tuple[str, ...]:
        """Why less is done than could be."""
        return () if self._allowance.reason is None else (self._allowance.reason,)

    async def open(self) -> None:
        """Remembers the pause of an earlier life, before anything is worked on."""
        self._pause = await self._db.read(pausing.read)
        await self.look()

    async def run(self) -> None:
        """Looks every few seconds, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self.look()

    async def pause(self, seconds: float | None) -> None:
        """Begins no more work: for so long, or (None) until :meth:`resume`, a restart included.

        Raises:
            StorageError: that cannot be remembered; nothing has changed.
        """
        until = None if seconds is None else self._clock() + seconds
        await self._remember(Pause(until))

    async def resume(self) -> None:
        """Ends a pause; what else stands in the way still does.

        Raises:
            StorageError: as :meth:`pause`.
        """
        await self._remember(None)

    async def look(self) -> None:
        """Decides what may be done now."""
        battery, others = await asyncio.to_thread(lambda: (self._battery(), self._others()))
        now = datetime.fromtimestamp(self._clock()).astimezone()
        self._take(allow(self._rules, self._pause, Moment(now, battery, others, os.cpu_count() or 1)))

    async def _remember(self, pause: Pause | None) -> None:
        await self._db.write(lambda connection: pausing.save(connection, pause))
        self._pause = pause
        await self.look()

    def _take(self, allowance: Allowance) -> None:
        before, self._allowance = self._allowance, allowance
        if before == allowance:
            return
        if before.reason != allowance.reason:
            logger.info("%s", allowance.reason or "Nothing is in the way of the work any more.")
        if not allowance.resting:
            self._pool.let_work(allowance.workers)
        self.changed()


def _nothing() -> None:
    """Nobody wants to know yet."""
