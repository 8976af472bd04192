"""The scan loop: hints and rescans in, scans out. The loop, not the events, is what finds things.

Each folder is looked at by itself: one whose file system is slow, or gives no answer at all, holds up no other. What
was hinted and seen together is planned together, for a file may have moved from one folder to another.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from timbred_daemon.coalesce import Coalescer
from timbred_indexer.asking import SILENCE, Pulse, outlast
from timbred_indexer.errors import StorageError
from timbred_indexer.interruptible import end
from timbred_indexer.model import FolderId, Seconds
from timbred_indexer.scanner import Looked, Scanner, ScanOutcome, by_folder
from timbred_indexer.targets import ScanTarget
from timbred_indexer.trouble import Trouble

logger = logging.getLogger(__name__)

RETRY_SECONDS = 5.0  # at most, after a scan that our own storage made fail
SHARE = 10.0  # times that a whole scan took which found nothing: for so long nobody asks for another by the clock
TOGETHER = 1.0  # seconds that what one folder shows waits for the others that were hinted along with it
WALKS = 4  # folders that are looked at whole at the same time; one that hangs makes room


@dataclass(slots=True)
class _Scan:
    """One folder's, under way.

    Attributes:
        began: when its look did.
        in_turn: it holds one of the walks.
        silent: its file system does not answer.
    """

    targets: list[ScanTarget]
    began: float
    in_turn: bool = False
    silent: bool = False

    @property
    def whole(self) -> bool:
        return any(target.whole for target in self.targets)


class ScanLoop:
    """Collects what to look at and looks. Use it on the event loop only.

    Args:
        finished: called after each scan, with what it did.
        clock: monotonic seconds.
        silence: seconds after which a look that gets no further is said to hang.
    """

    def __init__(
        self,
        scanner: Scanner,
        coalescer: Coalescer,
        finished: Callable[[ScanOutcome], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        silence: Seconds = SILENCE,
    ) -> None:
        self._scanner = scanner
        self._coalescer = coalescer
        self._finished = finished
        self._clock = clock
        self._silence = silence
        self._stirred = asyncio.Event()
        self._trouble = Trouble(logger, "Changes are not taken in", longest=RETRY_SECONDS)
        self._running: dict[FolderId, _Scan] = {}
        self._owed_whole: set[FolderId] = set()
        self._rested: dict[FolderId, float] = {}
        self._walks = asyncio.Semaphore(WALKS)
        self._settling = asyncio.Lock()

    @property
    def owed(self) -> bool:
        """A scan runs or is due. One that gets no answer does not count: its folder is offline."""
        return any(not scan.silent for scan in self._running.values()) or self._coalescer.next_due() is not None

    @property
    def notes(self) -> tuple[str, ...]:
        """Why what was seen on the disk is not written down, if so."""
        return self._trouble.notes

    @property
    def whole(self) -> frozenset[FolderId]:
        """Folders that a whole scan runs on or is owed to."""
        running = {folder for folder, scan in self._running.items() if scan.whole and not scan.silent}
        return frozenset(self._owed_whole | running)

    def may_look_again(self, folder: FolderId) -> bool:
        """Whether a whole scan by the clock is polite: a large folder that is polled must not be walked for ever."""
        under_way = folder in self.whole or folder in self._running
        return not under_way and self._clock() >= self._rested.get(folder, 0.0)

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
        """Scans until cancelled. A look that hangs then is left to its thread."""
        async with asyncio.TaskGroup() as scans:
            while True:
                if targets := self._coalescer.take(self._now(), self._running):
                    parts = by_folder(targets)
                    self._running |= {folder: _Scan(part, self._clock()) for folder, part in parts.items()}
                    self._owed_whole -= {target.folder for target in targets if target.whole}
                    scans.create_task(self._scan(parts))
                else:
                    await self._wait()

    async def _scan(self, folders: Iterable[FolderId]) -> None:
        """Looks at folders side by side. Settles together what they soon show, and the rest as it comes."""
        looks = [asyncio.create_task(self._look(folder)) for folder in folders]
        try:
            done, late = await asyncio.wait(looks, timeout=TOGETHER)
            while True:
                await self._settle([looked for look in done if (looked := look.result()) is not None])
                if not late:
                    return
                done, late = await asyncio.wait(late, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end(looks)

    async def _look(self, folder: FolderId) -> Looked | None:
        """What a folder shows; None where there is nothing to settle."""
        scan, pulse = self._running[folder], Pulse()
        await self._take_turn(scan)
        scan.began = self._clock()
        looking = asyncio.create_task(self._scanner.look(folder, scan.targets, pulse))
        try:
            await self._until_seen(folder, looking, pulse)
            looked = looking.result()
        except StorageError as error:
            await self._put_off([folder], error)
            return None
        finally:
            self._give_turn(scan)
            await end([looking])
        if looked is not None and scan.silent and not scan.whole and looked.reason is None:
            self.rescan(folder)  # meanwhile more may have changed than was hinted
            looked = None
        if looked is None:
            self._finish(folder)
        return looked

    async def _until_seen(self, folder: FolderId, looking: asyncio.Task[Looked | None], pulse: Pulse) -> None:
        """Waits for the end of a look; one that gets no further makes room for others, and its folder is offline."""
        while not await outlast(looking, pulse, self._silence):
            if not self._running[folder].silent:
                await self._call_silent(folder)

    async def _call_silent(self, folder: FolderId) -> None:
        scan = self._running[folder]
        self._give_turn(scan)
        try:
            async with self._settling:
                await self._scanner.call_silent(folder)
        except StorageError as error:
            self._trouble.met(error)  # said again after another silence
        else:
            scan.silent = True
            logger.warning("The file system of a folder does not answer; the folder is offline until it does.")

    async def _take_turn(self, scan: _Scan) -> None:
        if scan.whole:
            await self._walks.acquire()
            scan.in_turn = True

    def _give_turn(self, scan: _Scan) -> None:
        if scan.in_turn:
            scan.in_turn = False
            self._walks.release()

    async def _settle(self, looked: list[Looked]) -> None:
        if not looked:
            return
        folders = [one.folder.id for one in looked]
        try:
            async with self._settling:
                outcome = await self._scanner.settle(looked)
        except StorageError as error:
            await self._put_off(folders, error)
            return
        self._trouble.over()
        for folder in folders:
            if outcome.again:
                self._ask_again(folder)
            self._finish(folder, 1.0 if outcome.changed else SHARE)
        self._finished(outcome)

    async def _put_off(self, folders: Iterable[FolderId], error: StorageError) -> None:
        """Our own storage made their scans fail: they are owed again after a while."""
        await asyncio.sleep(self._trouble.met(error))
        for folder in folders:
            self._ask_again(folder)
            self._finish(folder)

    def _ask_again(self, folder: FolderId) -> None:
        for target in self._running[folder].targets:
            if target.whole:
                self.rescan(folder)
            else:
                self.hint(folder, target.path)

    def _finish(self, folder: FolderId, patience: float = 1.0) -> None:
        """A scan is over. ``patience``: how long the next one by the clock waits; where something changes, more may."""
        scan = self._running.pop(folder)
        if scan.whole:
            now = self._clock()
            self._rested[folder] = now + patience * (now - scan.began)
        self._stirred.set()

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
