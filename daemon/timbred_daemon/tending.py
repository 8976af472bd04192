"""One folder being tended: its watcher, periodic rescans as the truth, polling where need be."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
from dataclasses import dataclass

from timbred_daemon.mounts import Mount, mounts_of, read_mountinfo
from timbred_daemon.scanning import ScanLoop
from timbred_daemon.watch_limits import WatchUnavailable
from timbred_daemon.watcher import Watcher
from timbred_indexer.asking import ask
from timbred_indexer.exclusion import Exclusion
from timbred_indexer.model import FolderId, Seconds, WatchMode
from timbred_indexer.store.folders import Folder

logger = logging.getLogger(__name__)

CHECK_SECONDS = 15.0  # between looks at whether a watcher is still alive
STOP_SECONDS = Seconds(2.0)
STORM = 200  # events; where directories move that fast, watchdog tells some of them with a path that is gone
JITTER = 0.25  # of the rescan interval: folders must not all be walked at once


@dataclass(frozen=True, slots=True)
class Care:
    """How folders are tended.

    Attributes:
        rescan_interval: seconds between whole scans of a folder that is watched natively.
        poll_interval: the same for one that is polled, or offline.
        own_folder: the data folder; what happens in it is of no interest.
        excluded: what is neither watched nor scanned.
    """

    scans: ScanLoop
    rescan_interval: float
    poll_interval: float
    own_folder: bytes
    excluded: Exclusion


class Tended:
    """Tends a folder from :meth:`start` to :meth:`close`."""

    def __init__(self, folder: Folder, care: Care) -> None:
        self.folder = folder
        self._care = care
        self._loop = asyncio.get_running_loop()
        self._disturbed = asyncio.Event()
        self._watcher: Watcher | None = None
        self._mounts: tuple[Mount, ...] = ()
        self._trouble: str | None = None
        self._hints = 0  # events since its last whole scan was asked for
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def mode(self) -> WatchMode:
        """How changes are noticed now."""
        return "native" if self._watcher is not None else "poll"

    @property
    def note(self) -> str | None:
        """Why it is not watched though it should be, as a sentence."""
        return None if self._trouble is None else f"{os.fsdecode(self.folder.path)}: {self._trouble}"

    def start(self) -> None:
        self._task = asyncio.create_task(self._tend(), name=f"tend-{self.folder.id}")
        self._task.add_done_callback(self._note_end)
        # Owed from this moment, not from when the watcher is up: nobody may read "idle" in between.
        self._care.scans.rescan(self.folder.id)

    async def close(self) -> None:
        """Stops tending; the watcher's threads end, or are named in the log."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._stop_watcher()

    def disturb(self) -> None:
        """Something may have gone unnoticed: look at all of it."""
        self._disturbed.set()

    async def _tend(self) -> None:
        """Watches, looks after the watcher, and rescans: at once, when disturbed, and now and then."""
        await self._ensure_watcher()
        next_scan = self._loop.time()
        look_again = min(CHECK_SECONDS, self._care.poll_interval)
        hints_before = 0
        self._disturbed.set()  # what happened before there was a watcher, nobody told
        while True:
            due = self._loop.time() >= next_scan and self._care.scans.may_look_again(self.folder.id)
            if due or self._disturbed.is_set():
                self._disturbed.clear()
                self._hints = 0
                self._care.scans.rescan(self.folder.id)
                next_scan = self._loop.time() + self._interval()
            left = next_scan - self._loop.time()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(look_again, left) if left > 0 else look_again):
                    await self._disturbed.wait()
            storm_is_over = self._hints == hints_before >= STORM
            hints_before = self._hints
            if await self._ensure_watcher() or storm_is_over:
                self._disturbed.set()

    async def _ensure_watcher(self) -> bool:
        """Starts the watcher, or a new one for one that ended. Returns whether the folder needs a look therefore."""
        if self.folder.watch == "poll":
            return False
        moved = await self._mounts_moved()
        if self._watcher is not None:
            if not moved and await ask(self._watcher.check):
                return False
            await self._stop_watcher()
        if silent := next((mount for mount in self._mounts if mount.is_silent), None):
            self._explain(_silence(silent, self._care.poll_interval))
            return moved
        if not await ask(lambda: os.path.isdir(self.folder.path)):
            return False
        starting = asyncio.create_task(ask(self._start_watcher))
        try:
            watcher = await asyncio.shield(starting)
        except asyncio.CancelledError:
            # The thread goes on; what it starts soon is for the one who cancelled to stop, else it stops that itself.
            await asyncio.wait([starting], timeout=STOP_SECONDS)
            if starting.done() and not starting.cancelled() and starting.exception() is None:
                self._watcher = starting.result()
            starting.cancel()
            raise
        except WatchUnavailable as error:
            self._explain(error.message)
            return False
        self._trouble = None
        self._watcher = watcher
        return True

    async def _mounts_moved(self) -> bool:
        """Whether something was mounted, or unmounted, at the folder or in it."""
        before = self._mounts
        self._mounts = await ask(lambda: _mounts_at(self.folder.path))
        return self._mounts != before

    def _explain(self, trouble: str) -> None:
        if self._trouble != trouble:
            self._trouble = trouble
            logger.warning("%s", self.note)

    def _start_watcher(self) -> Watcher:
        """Touches the disk, which may hang."""
        own = os.path.realpath(self._care.own_folder) + b"/"
        root = os.path.realpath(self.folder.path).rstrip(b"/") + b"/"
        ours = own[len(root) :] if own.startswith(root) else None

        def ignored(path: bytes) -> bool:
            return self._care.excluded(path) or (ours is not None and (path + b"/").startswith(ours))

        watcher = Watcher(self.folder.id, self.folder.path, self._post, self._lost, ignored)
        watcher.start()
        if self._closed:
            watcher.stop(STOP_SECONDS)
        return watcher

    def _interval(self) -> float:
        if self._watcher is None:
            return self._care.poll_interval
        return self._care.rescan_interval * random.uniform(1 - JITTER, 1 + JITTER)

    def _post(self, folder: FolderId, path: bytes) -> None:
        """Called by watchdog's threads."""
        self._loop.call_soon_threadsafe(self._changed, folder, path)

    def _changed(self, folder: FolderId, path: bytes) -> None:
        self._care.scans.hint(folder, path)
        self._hints += 1

    def _lost(self, _: FolderId, reason: str) -> None:
        """Called by watchdog's threads: events of this folder went missing."""
        self._loop.call_soon_threadsafe(self._note_loss, reason)

    def _note_loss(self, reason: str) -> None:
        logger.warning("Events of a folder were lost (%s); looking at all of it.", reason)
        self.disturb()

    def _note_end(self, task: asyncio.Task[None]) -> None:
        """A folder that nobody tends must not look as if somebody did."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self._trouble = f"it is looked at no more: {error!r}. Restart timbred."
            logger.error("A folder is looked at no more.", exc_info=error)

    async def _stop_watcher(self) -> None:
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            await asyncio.to_thread(watcher.stop, STOP_SECONDS)


def _mounts_at(path: bytes) -> tuple[Mount, ...]:
    return mounts_of(os.path.realpath(path), read_mountinfo())


def _silence(mount: Mount, interval: float) -> str:
    kind, place = os.fsdecode(mount.kind), os.fsdecode(mount.place)
    told = f"{place} is a network file system ({kind}), which does not tell of changes"
    return f"{told}; it is looked at every {interval:g} s."
