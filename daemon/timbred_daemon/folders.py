"""Which folders are watched, and how: one watcher a folder, periodic rescans as the truth, polling where need be."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from timbred_daemon.config_folders import FolderSetting
from timbred_daemon.scanning import ScanLoop
from timbred_daemon.watch_limits import WatchUnavailable
from timbred_daemon.watcher import Watcher
from timbred_indexer.db import Database, next_seq
from timbred_indexer.errors import NotFoundError, RequestError
from timbred_indexer.model import FolderId, FolderState, Seconds, WatchMode
from timbred_indexer.scan import excluded
from timbred_indexer.store import folders
from timbred_indexer.store.folders import Folder

logger = logging.getLogger(__name__)

CHECK_SECONDS = 15.0  # between looks at whether a watcher is still alive
STOP_SECONDS = Seconds(2.0)
STORM = 200  # events; where directories move that fast, watchdog tells some of them with a path that is gone
JITTER = 0.25  # of the rescan interval: folders must not all be walked at once


@dataclass(slots=True)
class _Watched:
    """One folder being tended.

    Attributes:
        trouble: why it is polled though it should not be.
        hints: events since its last whole scan was asked for.
    """

    folder: Folder
    disturbed: asyncio.Event = field(default_factory=asyncio.Event)
    watcher: Watcher | None = None
    trouble: str | None = None
    hints: int = 0
    task: asyncio.Task[None] | None = None


class FolderService:
    """Adds, removes and tends folders.

    Args:
        rescan_interval: seconds between whole scans of a folder that is watched natively.
        poll_interval: the same for one that is polled, or offline.
        own_folder: the data folder; what happens in it is of no interest.
    """

    def __init__(
        self, db: Database, scans: ScanLoop, *, rescan_interval: float, poll_interval: float, own_folder: str
    ) -> None:
        self._db = db
        self._scans = scans
        self._rescan_interval = rescan_interval
        self._poll_interval = poll_interval
        self._own_folder = os.fsencode(own_folder)
        self._watched: dict[FolderId, _Watched] = {}
        self._loop = asyncio.get_running_loop()

    @property
    def modes(self) -> Mapping[FolderId, WatchMode]:
        """How changes of each folder are noticed now."""
        return {
            identity: "native" if watched.watcher is not None else "poll" for identity, watched in self._watched.items()
        }

    @property
    def notes(self) -> tuple[str, ...]:
        """Troubles with watching, as sentences."""
        if not self._watched:
            return ("No folder is watched. Add one: timbred folders add PATH",)
        return tuple(watched.trouble for watched in self._watched.values() if watched.trouble is not None)

    async def apply_settings(self, settings: tuple[FolderSetting, ...], named: tuple[bytes, ...]) -> None:
        """Makes the rows agree with the settings and the command line, and tends exactly those folders.

        A folder inside another is left out: the outer one has all its files, and they keep their sounds and labels.
        """
        known = await self._db.read(folders.active)
        added = [folder for folder in known if folder.source == "added"]
        paths = (*(folder.path for folder in settings), *(folder.path for folder in added), *named)
        inner = await asyncio.to_thread(find_inner, paths)
        for path, outer in inner.items():
            logger.warning("%r lies inside %r, which is watched with all that is in it.", _text(path), _text(outer))

        wanted: list[tuple[bytes, WatchMode]] = [(one.path, one.watch) for one in settings if one.path not in inner]

        def write(connection: sqlite3.Connection) -> None:
            seq = next_seq(connection)
            for folder in added:
                if folder.path in inner:
                    folders.remove(connection, folder.id, seq)
            folders.sync_with_config(connection, wanted, [path for path in named if path not in inner], seq)

        await self._db.write(write)
        await self._tend_active()

    async def add(self, path: bytes, watch: WatchMode) -> None:
        """Watches one more folder, kept in the database.

        Raises:
            RequestError: no directory, or inside (or around) one that is watched.
        """
        path = os.path.normpath(path)
        if not await asyncio.to_thread(os.path.isdir, path):
            raise RequestError("There is no such folder.", code="no_such_folder")
        known = await self._db.read(folders.active)
        if all(folder.path != path for folder in known):
            await asyncio.to_thread(check_apart, path, [folder.path for folder in known])
            await self._db.write(lambda connection: folders.add(connection, path, "added", watch, next_seq(connection)))
        await self._tend_active()

    async def remove(self, path: bytes) -> None:
        """Stops watching a folder that was added.

        Raises:
            NotFoundError: it is not watched.
            RequestError: ``folder_in_config``: the settings file names it.
        """
        folder = await self._find(path)
        if folder.source == "config":
            raise RequestError(
                "The settings file names that folder; take it out there, then reload (SIGHUP) or restart timbred.",
                code="folder_in_config",
            )
        await self._db.write(lambda connection: folders.remove(connection, folder.id, next_seq(connection)))
        await self._tend_active()

    async def confirm(self, path: bytes) -> None:
        """Accepts what a suspect folder lost: its missing files may be tombstoned."""
        folder = await self._find(path)
        if folder.state is not FolderState.SUSPECT:
            raise RequestError("Nothing waits for confirmation in that folder.", code="nothing_to_confirm")
        await self._db.write(
            lambda connection: folders.set_state(connection, folder.id, FolderState.ONLINE, None, next_seq(connection))
        )

    async def rescan(self, path: bytes | None) -> list[bytes]:
        """Looks again at every folder, or at a path within one. Returns the folders concerned.

        Raises:
            NotFoundError: the path lies in no watched folder.
        """
        known = await self._db.read(folders.active)
        if path is None:
            for folder in known:
                self._scans.rescan(folder.id)
            return [folder.path for folder in known]
        for folder in known:
            if path == folder.path:
                self._scans.rescan(folder.id)
                return [folder.path]
            if path.startswith(folder.path.rstrip(b"/") + b"/"):
                self._scans.hint(folder.id, os.path.relpath(path, folder.path))
                return [folder.path]
        raise NotFoundError("That path lies in no watched folder.", code="unknown_path")

    def hint(self, folder: FolderId, path: bytes) -> None:
        """Look at an absolute path within a folder again."""
        watched = self._watched.get(folder)
        if watched is not None:
            self._scans.hint(folder, os.path.relpath(path, watched.folder.path))

    async def close(self) -> None:
        """Stops tending; every watcher's threads end, or are named in the log."""
        await asyncio.gather(*(self._drop(watched) for watched in self._watched.values()))
        self._watched.clear()

    async def _find(self, path: bytes) -> Folder:
        def read(connection: sqlite3.Connection) -> Folder | None:
            return folders.by_path(connection, os.path.normpath(path))

        folder = await self._db.read(read)
        if folder is None:
            raise NotFoundError("That folder is not watched.", code="unknown_folder")
        return folder

    async def _tend_active(self) -> None:
        active = {folder.id: folder for folder in await self._db.read(folders.active)}
        for identity, watched in list(self._watched.items()):
            folder = active.get(identity)
            if folder is None or folder.watch != watched.folder.watch:
                await self._drop(self._watched.pop(identity))
        for identity, folder in active.items():
            if identity not in self._watched:
                watched = _Watched(folder)
                self._watched[identity] = watched
                watched.task = asyncio.create_task(self._tend(watched), name=f"tend-{identity}")
                watched.task.add_done_callback(lambda task, watched=watched: _note_end(watched, task))
                # Owed from this moment, not from when the watcher is up: nobody may read "idle" in between.
                self._scans.rescan(identity)

    async def _tend(self, watched: _Watched) -> None:
        """Watches, looks after the watcher, and rescans: at once, when disturbed, and now and then."""
        await self._ensure_watcher(watched)
        next_scan = self._loop.time()
        look_again = min(CHECK_SECONDS, self._poll_interval)
        hints_before = 0
        while True:
            if self._loop.time() >= next_scan or watched.disturbed.is_set():
                watched.disturbed.clear()
                watched.hints = 0
                self._scans.rescan(watched.folder.id)
                next_scan = self._loop.time() + self._interval(watched)
            try:
                async with asyncio.timeout(max(0.0, min(look_again, next_scan - self._loop.time()))):
                    await watched.disturbed.wait()
            except TimeoutError:
                pass
            storm_is_over = watched.hints == hints_before >= STORM
            hints_before = watched.hints
            if await self._ensure_watcher(watched) or storm_is_over:
                watched.disturbed.set()

    async def _ensure_watcher(self, watched: _Watched) -> bool:
        """Starts the watcher, or a new one for one that ended. Returns whether it did."""
        if watched.folder.watch == "poll":
            return False
        if watched.watcher is not None:
            if await asyncio.to_thread(watched.watcher.check):
                return False
            await self._stop_watcher(watched)
        if not await asyncio.to_thread(os.path.isdir, watched.folder.path):
            return False
        starting = asyncio.create_task(asyncio.to_thread(self._start_watcher, watched.folder))
        try:
            watcher = await asyncio.shield(starting)
        except asyncio.CancelledError:
            # The thread goes on; what it starts is for the one who cancelled to stop.
            with contextlib.suppress(WatchUnavailable):
                watched.watcher = await starting
            raise
        except WatchUnavailable as error:
            if watched.trouble != error.message:
                logger.warning("%s", error.message)
            watched.trouble = error.message
            return False
        watched.trouble = None
        watched.watcher = watcher
        return True

    def _start_watcher(self, folder: Folder) -> Watcher:
        """Touches the disk, which may hang."""
        own = os.path.realpath(self._own_folder) + b"/"
        root = os.path.realpath(folder.path).rstrip(b"/") + b"/"
        ours = own[len(root) :] if own.startswith(root) else None

        def ignored(path: bytes) -> bool:
            return excluded(path) or (ours is not None and (path + b"/").startswith(ours))

        watcher = Watcher(folder.id, folder.path, self._post, self._lost, ignored)
        watcher.start()
        return watcher

    def _interval(self, watched: _Watched) -> float:
        if watched.watcher is None:
            return self._poll_interval
        return self._rescan_interval * random.uniform(1 - JITTER, 1 + JITTER)

    def _post(self, folder: FolderId, path: bytes) -> None:
        """Called by watchdog's threads."""
        self._loop.call_soon_threadsafe(self._changed, folder, path)

    def _changed(self, folder: FolderId, path: bytes) -> None:
        self._scans.hint(folder, path)
        if (watched := self._watched.get(folder)) is not None:
            watched.hints += 1

    def _lost(self, folder: FolderId, reason: str) -> None:
        """Called by watchdog's threads: events of this folder went missing."""
        self._loop.call_soon_threadsafe(self._disturb, folder, reason)

    def _disturb(self, folder: FolderId, reason: str) -> None:
        watched = self._watched.get(folder)
        if watched is not None:
            logger.warning("Events of a folder were lost (%s); looking at all of it.", reason)
            watched.disturbed.set()

    async def _drop(self, watched: _Watched) -> None:
        if watched.task is not None:
            watched.task.cancel()
            await asyncio.wait([watched.task])
        await self._stop_watcher(watched)

    async def _stop_watcher(self, watched: _Watched) -> None:
        watcher, watched.watcher = watched.watcher, None
        if watcher is not None:
            await asyncio.to_thread(watcher.stop, STOP_SECONDS)


def _note_end(watched: _Watched, task: asyncio.Task[None]) -> None:
    """A folder that nobody tends must not look as if somebody did."""
    if not task.cancelled() and (error := task.exception()) is not None:
        watched.trouble = f"{_text(watched.folder.path)} is looked at no more: {error!r}. Restart timbred."
        logger.error("A folder is looked at no more.", exc_info=error)


def check_apart(path: bytes, known: list[bytes]) -> None:
    """No file may belong to two folders, whichever links lead there. Touches the disk.

    Raises:
        RequestError: ``nested_folder``.
    """
    for inner, outer in find_inner((*known, path)).items():
        raise RequestError(f"{_text(inner)!r} lies inside {_text(outer)!r}; watch one of them.", code="nested_folder")


def find_inner(paths: Sequence[bytes]) -> dict[bytes, bytes]:
    """Those paths that lie in (or, by a link, are) another one of them, each with that one. Touches the disk."""
    real = {path: os.path.realpath(path).rstrip(b"/") + b"/" for path in paths}
    inner: dict[bytes, bytes] = {}
    outer: bytes | None = None
    # An outer folder sorts before all that lies inside it; of two names of one folder the first given stays.
    for path in sorted(real, key=lambda path: real[path]):
        if outer is not None and real[path].startswith(real[outer]):
            inner[path] = outer
        else:
            outer = path
    return inner


def _text(path: bytes) -> str:
    return os.fsdecode(path)
