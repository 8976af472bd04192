"""The daemon as the operations see it: what it is doing, and the few things it can be told to do."""

from __future__ import annotations

import time

from timbred_api.engine import Activity, State
from timbred_daemon.folders import FolderService
from timbred_daemon.scanning import ScanLoop
from timbred_indexer.model import WatchMode
from timbred_indexer.pipeline import Pipeline


class DaemonControl:
    """Implements :class:`timbred_api.engine.Control`."""

    def __init__(self, folders: FolderService, scans: ScanLoop, pipeline: Pipeline) -> None:
        self._folders = folders
        self._scans = scans
        self._pipeline = pipeline
        self._began = time.monotonic()
        self.started = False  # the folders are known, and their first scans owed: until then nothing is done
        self.stopping = False

    @property
    def idle(self) -> bool:
        """Nothing is being scanned or analysed."""
        return self.started and not self._scans.owed and not self._pipeline.busy

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
            notes=(*self._folders.notes, *self._pipeline.notes),
        )

    async def add_folder(self, path: bytes, watch: WatchMode) -> None:
        await self._folders.add(path, watch)

    async def remove_folder(self, path: bytes) -> None:
        await self._folders.remove(path)

    async def confirm_folder(self, path: bytes) -> None:
        await self._folders.confirm(path)

    async def rescan(self, path: bytes | None) -> list[bytes]:
        return await self._folders.rescan(path)

    def work_arrived(self) -> None:
        self._pipeline.wake()

    def _state(self) -> State:
        if self.stopping:
            return "stopping"
        if not self.started:
            return "starting"
        if self._scans.owed:
            return "scanning"
        return "indexing" if self._pipeline.busy else "idle"
