"""The scan loop: hints and rescans in, one scan at a time out. The loop, not the events, is what finds things."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from timbred_daemon.coalesce import Coalescer
from timbred_indexer.errors import StorageError
from timbred_indexer.model import FolderId, Seconds
from timbred_indexer.scanner import Scanner, ScanOutcome
from timbred_indexer.targets import ScanTarget

logger = logging.getLogger(__name__)

RETRY_SECONDS = 5.0  # after a scan that our own storage made fail


class ScanLoop:
    """Collects what to look at and looks. Use it on the event loop only.

    Args:
        finished: called after each scan, with what it did.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        scanner: Scanner,
        coalescer: Coalescer,
        finished: Callable[[ScanOutcome], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._scanner = scanner
        self._coalescer = coalescer
        self._finished = finished
        self._clock = clock
        self._stirred = asyncio.Event()
        self._running: list[ScanTarget] = []
        self._owed_whole: set[FolderId] = set()

    @property
    def owed(self) -> bool:
        """A scan runs or is due."""
        return bool(self._running) or self._coalescer.next_due() is not None

    @property
    def whole(self) -> frozenset[FolderId]:
        """Folders that a whole scan runs on or is owed to."""
        return frozenset(self._owed_whole | {target.folder for target in self._running if target.whole})

    def hint(self, folder: FolderId, path: bytes) -> None:
        """Look at this path (relative to the folder) soon."""
        self._coalescer.hint(folder, path, self._now())
        self._stirred.set()

    def rescan(self, folder: FolderId) -> None:
        """Look at the whole folder soon."""
        self._owed_whole.add(folder)
        self._coalescer.rescan(folder, self._now())
        self._stirred.set()

    async def run(self) -> None:
        """Scans until cancelled."""
        while True:
            self._running = self._coalescer.take(self._now())
            if self._running:
                await self._scan()
            else:
                await self._wait()

    async def _scan(self) -> None:
        targets = self._running
        self._owed_whole -= {target.folder for target in targets if target.whole}
        try:
            outcome = await self._scanner.scan(targets)
        except StorageError as error:
            logger.error("A scan failed: %s Trying again.", error.message)
            await asyncio.sleep(RETRY_SECONDS)
            for target in targets:
                self.hint(target.folder, target.path)
        else:
            self._finished(outcome)
        finally:
            self._running = []

    async def _wait(self) -> None:
        self._stirred.clear()
        due = self._coalescer.next_due()
        try:
            async with asyncio.timeout(None if due is None else max(0.0, due - self._clock())):
                await self._stirred.wait()
        except TimeoutError:
            return

    def _now(self) -> Seconds:
        return Seconds(self._clock())
