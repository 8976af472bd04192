"""The daemon as the operations see it: what it is doing, and the few things it can be told to do."""

from __future__ import annotations

import time
from collections.abc import Callable

from timbred_api.engine import Activity, Rest, State
from timbred_daemon.backups import Backups
from timbred_daemon.clap_service import ClapService
from timbred_daemon.folders import FolderService
from timbred_daemon.manners import Manners
from timbred_daemon.scanning import ScanLoop
from timbred_indexer.backup import Backup
from timbred_indexer.keeper import IndexKeeper
from timbred_indexer.model import WatchMode
from timbred_indexer.pipeline import Pipeline


class DaemonControl:
    """Implements :class:`timbred_api.engine.Control`."""

    def __init__(
        self,
        folders: FolderService,
        scans: ScanLoop,
        pipeline: Pipeline,
        manners: Manners,
        notes: Callable[[], tuple[str, ...]],
    ) -> None:
        self._folders = folders
        self._scans = scans
        self._pipeline = pipeline
        self._manners = manners
        self._notes = notes
        self._began = time.monotonic()
        self.started = False  # the folders are known, and their first scans owed: until then nothing is done
        self.stopping = False

    @property
    def idle(self) -> bool:
        """Nothing is being scanned or analysed."""
        return self.started and not self._scans.owed and not self._pipeline.busy

    @property
    def may_work_behind(self) -> bool:
        """Whether what comes after the library's own files may be worked on: they are done, and nothing forbids it."""
        return self.idle and self._manners.may_work

    @property
    def activity(self) -> Activity:
        return Activity(
            state=self._state(),
            uptime=time.monotonic() - self._began,
            busy=self._pipeline.busy,
            scan_owed=self._scans.owed,
            scanning=self._scans.whole,
            watch=self._folders.modes,
            rate=self._pipeline.rate,
            notes=(
                *self._folders.notes,
                *self._scans.notes,
                *self._pipeline.notes,
                *self._manners.notes,
                *self._notes(),
            ),
            rest=self._rest(),
        )

    async def add_folder(self, path: bytes, watch: WatchMode) -> None:
        await self._folders.add(path, watch)

    async def remove_folder(self, path: bytes) -> None:
        await self._folders.remove(path)

    async def confirm_folder(self, path: bytes) -> None:
        await self._folders.confirm(path)

    async def relocate_folder(self, old: bytes, new: bytes, *, force: bool) -> None:
        await self._folders.relocate(old, new, force=force)

    async def rescan(self, path: bytes | None) -> list[bytes]:
        return await self._folders.rescan(path)

    def work_arrived(self) -> None:
        self._pipeline.wake()

    async def pause(self, seconds: float | None) -> None:
        await self._manners.pause(seconds)

    async def resume(self) -> None:
        await self._manners.resume()

    def _rest(self) -> Rest | None:
        allowance = self._manners.allowance
        return Rest(allowance.reason or "", allowance.until) if allowance.resting else None

    def _state(self) -> State:
        if self.stopping:
            return "stopping"
        if not self.started:
            return "starting"
        if self._scans.owed:
            return "scanning"
        return "indexing" if self._pipeline.busy else "idle"


class DaemonUpkeep:
    """Implements :class:`timbred_api.engine.Upkeep`."""

    def __init__(self, index: IndexKeeper, clap: ClapService, backups: Backups, database: str) -> None:
        self._index = index
        self._clap = clap
        self._backups = backups
        self.database = database

    @property
    def indexes(self) -> list[IndexKeeper]:
        return [self._index] if self._clap.space is None else [self._index, self._clap.space.keeper]

    async def back_up(self) -> Backup:
        return await self._backups.make()
