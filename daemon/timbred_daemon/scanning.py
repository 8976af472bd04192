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
from timbred_indexer.trouble import Trouble

logger = logging.getLogger(__name__)

RETRY_SECONDS = 5.0  # at most, after a scan that our own storage made fail
SHARE = 10.0  # times that a whole scan took which found nothing: for so long nobody asks for another by the clock


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
        self._trouble = Trouble(logger, "Changes are not taken in", longest=RETRY_SECONDS)
        self._running: list[ScanTarget] = []
        self._owed_whole: set[FolderId] = set()
        self._rested: dict[FolderId, float] = {}

    @property
    def owed(self) -> bool:
        """A scan runs or is due."""
        return bool(self._running) or self._coalescer.next_due() is not None

    @property
    def notes(self) -> tuple[str, ...]:
        """Why what was seen on the disk is not written down, if so."""
        return self._trouble.notes

    @property
    def whole(self) -> frozenset[FolderId]:
        """Folders that a whole scan runs on or is owed to."""
        return frozenset(self._owed_whole | {target.folder for target in self._running if target.whole})

    def may_look_again(self, folder: FolderId) -> bool:
        """Whether a whole scan by the clock is polite: a large folder that is polled must not be walked for ever."""
        return folder not in self.whole and self._clock() >= self._rested.get(folder, 0.0)

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
        began, patience = self._clock(), 1.0  # where something changes, more may follow
        try:
            outcome = await self._scanner.scan(targets)
        except StorageError as error:
            await asyncio.sleep(self._trouble.met(error))
            for target in targets:
                self._ask_again(target)
        else:
            self._trouble.over()
            patience = 1.0 if outcome.changed else SHARE
            self._finished(outcome)
        finally:
            self._running = []
            now = self._clock()
            self._rested |= {target.folder: now + patience * (now - began) for target in targets if target.whole}

    def _ask_again(self, target: ScanTarget) -> None:
        if target.whole:
            self.rescan(target.folder)
        else:
            self.hint(target.folder, target.path)

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
