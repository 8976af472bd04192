"""Which folders are watched; each is tended by a :class:`~timbred_daemon.tending.Tended` of its own."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import time
from collections.abc import Mapping

from timbred_daemon.answering import RealPaths, is_folder
from timbred_daemon.clocks import Clocks, Jump
from timbred_daemon.config_folders import FolderSetting
from timbred_daemon.nesting import check_apart, find_inner
from timbred_daemon.tending import CHECK_SECONDS, Care, Tended
from timbred_indexer import relocation
from timbred_indexer.db import Database, next_seq
from timbred_indexer.errors import NotFoundError, RequestError
from timbred_indexer.model import FolderId, FolderState, WatchMode
from timbred_indexer.store import files, folders
from timbred_indexer.store.folders import Folder

logger = logging.getLogger(__name__)


class FolderService:
    """Adds, removes, relocates and tends folders.

    Args:
        real_paths: asks where links lead; whoever does not answer holds up no other folder.
    """

    def __init__(self, db: Database, care: Care, real_paths: RealPaths | None = None) -> None:
        self._db = db
        self._care = care
        self._scans = care.scans
        self._real_paths = RealPaths() if real_paths is None else real_paths
        self._tended: dict[FolderId, Tended] = {}
        # Between looking whether a folder lies in another and writing its row, no other may come in.
        self._turn = asyncio.Lock()

    @property
    def modes(self) -> Mapping[FolderId, WatchMode]:
        """How changes of each folder are noticed now."""
        return {identity: tended.mode for identity, tended in self._tended.items()}

    @property
    def notes(self) -> tuple[str, ...]:
        """Troubles with watching, as sentences."""
        if not self._tended:
            return ("No folder is watched. Add one: timbred folders add PATH",)
        return tuple(tended.note for tended in self._tended.values() if tended.note is not None)

    async def apply_settings(self, settings: tuple[FolderSetting, ...], named: tuple[bytes, ...]) -> None:
        """Makes the rows agree with the settings and the command line, and tends exactly those folders.

        A folder inside another is left out: the outer one has all its files, and they keep their sounds and labels.
        """
        async with self._turn:
            await self._sync(settings, named)
            await self._tend_active()

    async def _sync(self, settings: tuple[FolderSetting, ...], named: tuple[bytes, ...]) -> None:
        known = await self._db.read(folders.active)
        added = [folder for folder in known if folder.source == "added"]
        paths = (*(folder.path for folder in settings), *(folder.path for folder in added), *named)
        inner = find_inner(await self._real_paths.of(paths))
        for path, outer in inner.items():
            logger.warning(
                "%r lies inside %r, which is watched with all that is in it.", os.fsdecode(path), os.fsdecode(outer)
            )

        wanted: list[tuple[bytes, WatchMode]] = [(one.path, one.watch) for one in settings if one.path not in inner]

        def write(connection: sqlite3.Connection) -> None:
            seq = next_seq(connection)
            for folder in added:
                if folder.path in inner:
                    folders.remove(connection, folder.id, seq)
            folders.sync_with_config(connection, wanted, [path for path in named if path not in inner], seq)

        await self._db.write(write)

    async def add(self, path: bytes, watch: WatchMode) -> None:
        """Watches one more folder, kept in the database.

        Raises:
            RequestError: no directory, or inside (or around) one that is watched.
        """
        path = os.path.normpath(path)
        if not await is_folder(path):
            raise RequestError("There is no such folder, or its drive does not answer.", code="no_such_folder")
        async with self._turn:
            known = await self._db.read(folders.active)
            if all(folder.path != path for folder in known):
                check_apart(await self._real_paths.of([*(folder.path for folder in known), path]))
                await self._db.write(
                    lambda connection: folders.add(connection, path, "added", watch, next_seq(connection))
                )
            await self._tend_active()

    async def remove(self, path: bytes) -> None:
        """Stops watching a folder that was added.

        Raises:
            NotFoundError: it is not watched.
            RequestError: ``folder_in_config``: the settings file names it.
        """
        async with self._turn:
            folder = await self._find(path)
            if folder.source == "config":
                raise RequestError(
                    "The settings file names that folder; take it out there, then reload (SIGHUP) or restart timbred.",
                    code="folder_in_config",
                )
            await self._db.write(lambda connection: folders.remove(connection, folder.id, next_seq(connection)))
            await self._tend_active()

    async def confirm(self, path: bytes) -> None:
        """Accepts what a suspect folder lost: its missing files may be tombstoned.

        Of one that is offline because another volume is mounted there, it accepts that volume.
        """
        folder = await self._find(path)
        if folder.state is FolderState.OFFLINE and await is_folder(folder.path):
            await self._db.write(lambda connection: folders.accept_volume(connection, folder.id))
            self._scans.rescan(folder.id)
            return
        if folder.state is not FolderState.SUSPECT:
            raise RequestError("Nothing waits for confirmation in that folder.", code="nothing_to_confirm")
        await self._db.write(
            lambda connection: folders.set_state(connection, folder.id, FolderState.ONLINE, None, next_seq(connection))
        )

    async def relocate(self, old: bytes, new: bytes, *, force: bool) -> None:
        """The files of ``old`` are at ``new`` now: rows, labels, sounds and vectors stay.

        Raises:
            NotFoundError: ``old`` was never watched.
            RequestError: ``no_such_folder``; ``nested_folder``; ``folder_in_config``: the settings name ``old``;
                ``not_the_same``: other files are at ``new``, and ``force`` is not set.
        """
        old, new = os.path.normpath(old), os.path.normpath(new)
        folder = await self._relocatable(old, new)
        seen = await asyncio.to_thread(self._db.read_here, lambda connection: relocation.look(connection, folder, new))
        if not (force or seen.is_the_same):
            raise RequestError(f"{seen} Force it if that is right all the same.", code="not_the_same")
        async with self._turn:
            folder = await self._relocatable(old, new)  # the look took its time
            await self._db.write(
                lambda connection: relocation.relocate(connection, folder.id, new, seen, next_seq(connection))
            )
            await self._tend_active()

    async def _relocatable(self, old: bytes, new: bytes) -> Folder:
        """The folder that was watched at ``old``, which may be watched at ``new``."""
        if not await is_folder(new):
            said = "There is no such folder to relocate to, or its drive does not answer."
            raise RequestError(said, code="no_such_folder")
        folder = await self._db.read(lambda connection: folders.ever(connection, old))
        if folder is None:
            raise NotFoundError("That folder was never watched.", code="unknown_folder")
        known = await self._db.read(folders.active)
        if folder.source == "config" and any(one.id == folder.id for one in known):
            raise RequestError(
                "The settings file names that folder: write the new place there, reload (SIGHUP), then relocate.",
                code="folder_in_config",
            )
        others = [one.path for one in known if one.path not in (old, new)]
        check_apart(await self._real_paths.of([*others, new]))
        return folder

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
        place = folders.holding(known, path)
        if place is None:
            raise NotFoundError("That path lies in no watched folder.", code="unknown_path")
        folder, below = place
        if below:
            self._scans.hint(folder.id, below)
        else:
            self._scans.rescan(folder.id)
        return [folder.path]

    def hint(self, folder: FolderId, path: bytes) -> None:
        """Look at an absolute path within a folder again."""
        tended = self._tended.get(folder)
        if tended is not None:
            self._scans.hint(folder, os.path.relpath(path, tended.folder.path))

    async def mind_clocks(self, clocks: Clocks) -> None:
        """Looks at every folder when the machine has slept or its clock was set, until cancelled."""
        await self._forget_future()
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            if jump := clocks.look():
                await self.after_jump(jump)

    async def after_jump(self, jump: Jump) -> None:
        """Whatever changed meanwhile, nobody may have told of it."""
        logger.warning("%s; looking at every folder.", jump)
        await self._forget_future()
        for tended in self._tended.values():
            tended.disturb()

    async def _forget_future(self) -> None:
        """Times noted by a clock that was ahead would be waited for."""
        await self._db.write(lambda connection: files.forget_future(connection, time.time()))

    async def close(self) -> None:
        """Stops tending; every watcher's threads end, or are named in the log."""
        await asyncio.gather(*(tended.close() for tended in self._tended.values()))
        self._tended.clear()

    async def _find(self, path: bytes) -> Folder:
        def read(connection: sqlite3.Connection) -> Folder | None:
            return folders.by_path(connection, os.path.normpath(path))

        folder = await self._db.read(read)
        if folder is None:
            raise NotFoundError("That folder is not watched.", code="unknown_folder")
        return folder

    async def _tend_active(self) -> None:
        active = {folder.id: folder for folder in await self._db.read(folders.active)}
        for identity, tended in list(self._tended.items()):
            folder = active.get(identity)
            if folder is None or (folder.watch, folder.path) != (tended.folder.watch, tended.folder.path):
                await self._tended.pop(identity).close()
        for identity, folder in active.items():
            if identity not in self._tended:
                self._tended[identity] = Tended(folder, self._care)
                self._tended[identity].start()
