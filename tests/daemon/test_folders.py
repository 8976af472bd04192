"""Folders that come and go at the same moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from timbred_daemon.coalesce import Coalescer
from timbred_daemon.folders import FolderService
from timbred_daemon.scanning import ScanLoop
from timbred_daemon.tending import Care
from timbred_indexer.db import Database
from timbred_indexer.errors import NotFoundError, RequestError
from timbred_indexer.exclusion import Exclusion
from timbred_indexer.scanner import Scanner
from timbred_indexer.store import folders


@pytest.fixture
async def service(db: Database, tmp_path: Path) -> AsyncIterator[FolderService]:
    """Watches nothing yet; (tmp_path)/a/b is there to be watched. Nobody scans."""
    (tmp_path / "a/b").mkdir(parents=True)
    scans = ScanLoop(Scanner(db), Coalescer(), lambda _: None)
    service = FolderService(db, Care(scans, 3600, 3600, bytes(tmp_path / "data"), Exclusion()))
    yield service
    await service.close()


async def test_of_two_folders_one_in_the_other_that_come_at_once_one_is_refused(
    service: FolderService, db: Database, tmp_path: Path
) -> None:
    outer, inner = bytes(tmp_path / "a"), bytes(tmp_path / "a/b")
    said = await asyncio.gather(service.add(outer, "poll"), service.add(inner, "poll"), return_exceptions=True)
    (refused,) = [one for one in said if one is not None]
    assert isinstance(refused, RequestError)
    assert refused.code == "nested_folder"
    assert len(await db.read(folders.active)) == len(service.modes) == 1


async def test_what_is_removed_while_others_come_is_tended_no_more(
    service: FolderService, db: Database, tmp_path: Path
) -> None:
    kept, gone = tmp_path / "kept", tmp_path / "gone"
    kept.mkdir()
    gone.mkdir()
    await service.add(bytes(gone), "poll")
    twice = [service.remove(bytes(gone)) for _ in range(2)]
    said = await asyncio.gather(*twice, service.add(bytes(kept), "poll"), return_exceptions=True)
    assert [type(one) for one in said] == [type(None), NotFoundError, type(None)]
    assert service.modes.keys() == {folder.id for folder in await db.read(folders.active)}
