"""How folders are tended: after a storm of events, what they told is not believed."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from timbred_daemon.coalesce import Coalescer
from timbred_daemon.config_folders import FolderSetting
from timbred_daemon.folders import STORM, FolderService
from timbred_daemon.scanning import ScanLoop
from timbred_indexer.db import Database
from timbred_indexer.model import FolderId
from timbred_indexer.scanner import Scanner


class Asked(ScanLoop):
    """Scans nothing; counts what it was asked for."""

    def __init__(self, db: Database) -> None:
        super().__init__(Scanner(db), Coalescer(), lambda _: None)
        self.hints = self.rescans = 0
        self._asked = asyncio.Event()

    def hint(self, folder: FolderId, path: bytes) -> None:
        self.hints += 1
        self._asked.set()

    def rescan(self, folder: FolderId) -> None:
        self.rescans += 1
        self._asked.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                self._asked.clear()
                await self._asked.wait()


async def test_a_storm_of_events_is_followed_by_a_whole_scan(db: Database, tmp_path: Path) -> None:
    folder = tmp_path / "sounds"
    folder.mkdir()
    scans = Asked(db)
    service = FolderService(db, scans, rescan_interval=3600, poll_interval=0.05, own_folder=str(tmp_path / "data"))
    await service.apply_settings((FolderSetting(bytes(folder)),), ())
    try:
        await scans.until(lambda: "native" in service.modes.values() and scans.rescans >= 2)
        before = scans.rescans
        for number in range(STORM):
            (folder / f"{number}.wav").write_bytes(b"")
        await scans.until(lambda: scans.hints >= STORM and scans.rescans > before)
    finally:
        await service.close()
