"""A large folder that is polled: looking at it must not be all that is done."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from patience import PATIENCE
from timbred_daemon.coalesce import Coalescer
from timbred_daemon.config_folders import FolderSetting
from timbred_daemon.folders import FolderService
from timbred_daemon.scanning import SHARE, ScanLoop
from timbred_daemon.tasks import background
from timbred_daemon.tending import Care
from timbred_indexer.asking import Pulse
from timbred_indexer.db import Database
from timbred_indexer.exclusion import Exclusion
from timbred_indexer.model import FolderId, FolderState, Seconds
from timbred_indexer.scanner import Looked, Scanner, ScanOutcome
from timbred_indexer.store.folders import Folder
from timbred_indexer.targets import ScanTarget

FOLDER = FolderId(1)
TAKES = 3.0


class Slow(Scanner):
    """Each scan takes three seconds of its own clock."""

    now = 0.0
    changes = False

    async def look(self, identity: FolderId, targets: Sequence[ScanTarget], pulse: Pulse | None = None) -> Looked:
        self.now += TAKES
        return Looked(Folder(identity, b"/s", "added", "poll", FolderState.ONLINE, None, None, None, None), None)

    async def settle(self, looked: Sequence[Looked]) -> ScanOutcome:
        return ScanOutcome(brings_work=False, changed=self.changes, offline={})


@pytest.mark.parametrize(("changes", "share"), [(False, SHARE), (True, 1.0)])
async def test_after_a_long_scan_none_is_asked_for_by_the_clock_for_a_while_a_long_one_if_it_found_nothing(
    db: Database, changes: bool, share: float
) -> None:
    scanner, ended = Slow(db), asyncio.Event()
    scanner.changes = changes
    loop = ScanLoop(scanner, Coalescer(quiet=Seconds(0)), lambda _: ended.set(), clock=lambda: scanner.now)
    assert loop.may_look_again(FOLDER)
    loop.rescan(FOLDER)
    assert not loop.may_look_again(FOLDER)  # one is owed already
    async with background(loop.run()), asyncio.timeout(PATIENCE):
        await ended.wait()
    scanner.now += share * TAKES - 0.1
    assert not loop.may_look_again(FOLDER)
    scanner.now += 0.2
    assert loop.may_look_again(FOLDER)


class Weary(ScanLoop):
    """Scans nothing; counts how often it was asked for a scan, and whether it might be asked."""

    def __init__(self, db: Database) -> None:
        super().__init__(Scanner(db), Coalescer(), lambda _: None)
        self.rested = False
        self.rescans = self.questions = 0
        self._called = asyncio.Event()

    def may_look_again(self, folder: FolderId) -> bool:
        self.questions += 1
        self._called.set()
        return self.rested

    def rescan(self, folder: FolderId) -> None:
        self.rescans += 1

    async def asked_again(self, times: int) -> None:
        """Waits until so many more questions came."""
        enough = self.questions + times
        async with asyncio.timeout(PATIENCE):
            while self.questions < enough:
                self._called.clear()
                await self._called.wait()


async def test_whoever_polls_a_folder_waits_until_it_may_be_looked_at_again(db: Database, tmp_path: Path) -> None:
    scans = Weary(db)
    service = FolderService(db, Care(scans, 3600, 0.01, bytes(tmp_path / "data"), Exclusion()))
    await service.apply_settings((FolderSetting(bytes(tmp_path), "poll"),), ())
    try:
        await scans.asked_again(5)
        assert scans.rescans == 2  # when it was added, and when its watching began
        scans.rested = True
        await scans.asked_again(3)
        assert scans.rescans >= 4
    finally:
        await service.close()
