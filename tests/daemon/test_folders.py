"""Folders that come and go at the same moment."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from patience import PATIENCE
from timbred_daemon.answering import RealPaths
from timbred_daemon.coalesce import Coalescer
from timbred_daemon.folders import FolderService
from timbred_daemon.scanning import ScanLoop
from timbred_daemon.tending import Care
from timbred_indexer.asking import ask
from timbred_indexer.db import Database
from timbred_indexer.errors import NotFoundError, RequestError
from timbred_indexer.exclusion import Exclusion
from timbred_indexer.model import Seconds
from timbred_indexer.scanner import Scanner
from timbred_indexer.store import folders

SOON = Seconds(0.05)


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


class DeadMount:
    """Holds whoever asks about paths below it, until the test ends."""

    def __init__(self, place: bytes) -> None:
        self.place = place
        self.asked = 0
        self.back = threading.Event()

    def resolve(self, path: bytes) -> bytes:
        if path.startswith(self.place):
            self.asked += 1
            self.back.wait()
        return os.path.realpath(path)


@pytest.fixture
def dead(tmp_path: Path) -> Iterator[DeadMount]:
    mount = DeadMount(bytes(tmp_path / "dead"))
    yield mount
    mount.back.set()


async def test_a_file_system_that_does_not_answer_holds_up_no_other_folder(
    db: Database, tmp_path: Path, dead: DeadMount
) -> None:
    for name in ("dead", "one", "other"):
        (tmp_path / name).mkdir()
    scans = ScanLoop(Scanner(db), Coalescer(), lambda _: None)
    care = Care(scans, 3600, 3600, bytes(tmp_path / "data"), Exclusion())
    service = FolderService(db, care, RealPaths(SOON, dead.resolve))
    for name in ("dead", "one", "other"):
        await service.add(bytes(tmp_path / name), "poll")
    await service.remove(bytes(tmp_path / "one"))
    assert {folder.path for folder in await db.read(folders.active)} == {dead.place, bytes(tmp_path / "other")}
    assert dead.asked == 1  # and not once more for each folder that came
    await service.close()


async def test_what_did_not_answer_is_asked_again_once_it_has(tmp_path: Path, dead: DeadMount) -> None:
    (tmp_path / "dead").symlink_to(tmp_path)
    paths = RealPaths(SOON, dead.resolve)
    assert await paths.of([dead.place]) == {dead.place: dead.place}
    dead.back.set()
    for hanging in [thread for thread in threading.enumerate() if thread.name == "ask"]:
        await asyncio.to_thread(hanging.join)
    async with asyncio.timeout(PATIENCE):
        while (found := (await paths.of([dead.place]))[dead.place]) == dead.place:
            assert dead.asked > 1  # on a busy machine it may be late once more
    assert (found, dead.asked > 1) == (os.path.realpath(tmp_path).encode(), True)


async def test_a_folder_that_does_not_answer_is_still_kept_apart_by_its_name(
    db: Database, tmp_path: Path, dead: DeadMount
) -> None:
    (tmp_path / "dead/inner").mkdir(parents=True)
    scans = ScanLoop(Scanner(db), Coalescer(), lambda _: None)
    care = Care(scans, 3600, 3600, bytes(tmp_path / "data"), Exclusion())
    service = FolderService(db, care, RealPaths(SOON, dead.resolve))
    await service.add(dead.place, "poll")
    with pytest.raises(RequestError, match="lies inside"):
        await service.add(dead.place + b"/inner", "poll")
    await service.close()


async def test_what_goes_wrong_with_a_question_is_raised_where_it_was_asked() -> None:
    def fail() -> None:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        await ask(fail)
