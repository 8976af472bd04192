"""How folders are tended: when what events told is not believed, and when they are not waited for."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from patience import PATIENCE
from timbred_daemon import mounts
from timbred_daemon.clocks import Jump
from timbred_daemon.coalesce import Coalescer
from timbred_daemon.config_folders import FolderSetting
from timbred_daemon.folders import FolderService
from timbred_daemon.scanning import ScanLoop
from timbred_daemon.tending import STORM, Care
from timbred_indexer.db import Database
from timbred_indexer.exclusion import Exclusion
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
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self._asked.clear()
                await self._asked.wait()


@pytest.fixture
async def tended(db: Database, tmp_path: Path) -> AsyncIterator[tuple[FolderService, Asked, Path]]:
    """A service that tends one folder, and what it asks for."""
    folder = tmp_path / "sounds"
    folder.mkdir()
    scans = Asked(db)
    service = FolderService(db, Care(scans, 3600, 0.05, bytes(tmp_path / "data"), Exclusion()))
    await service.apply_settings((FolderSetting(bytes(folder)),), ())
    yield service, scans, folder
    await service.close()


async def test_a_storm_of_events_is_followed_by_a_whole_scan(tended: tuple[FolderService, Asked, Path]) -> None:
    service, scans, folder = tended
    await scans.until(lambda: "native" in service.modes.values() and scans.rescans >= 2)
    before = scans.rescans
    for number in range(STORM):
        (folder / f"{number}.wav").write_bytes(b"")
    await scans.until(lambda: scans.hints >= STORM and scans.rescans > before)


async def test_after_sleep_or_a_set_clock_every_folder_is_looked_at(
    tended: tuple[FolderService, Asked, Path], caplog: pytest.LogCaptureFixture
) -> None:
    service, scans, _ = tended
    await scans.until(lambda: "native" in service.modes.values() and scans.rescans >= 2)
    before = scans.rescans
    await service.after_jump(Jump(3600, 0))
    await scans.until(lambda: scans.rescans > before)
    assert "slept for 3600 s; looking at every folder" in caplog.text


async def test_a_network_file_system_is_polled_and_said_to_be_until_it_is_gone(
    tended: tuple[FolderService, Asked, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, scans, folder = tended
    await scans.until(lambda: "native" in service.modes.values())
    table = tmp_path / "mountinfo"
    disk = "21 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
    table.write_text(f"{disk}30 21 0:40 / {folder}/nas rw - nfs4 nas:/x rw\n")
    monkeypatch.setattr(mounts, "MOUNTINFO", str(table))
    await scans.until(lambda: "poll" in service.modes.values())
    assert "nas is a network file system (nfs4), which does not tell of changes" in service.notes[0]
    polled = scans.rescans
    await scans.until(lambda: scans.rescans > polled + 2)
    table.write_text(disk)
    await scans.until(lambda: "native" in service.modes.values())
    assert service.notes == ()
