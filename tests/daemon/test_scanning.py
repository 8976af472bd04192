"""One folder's file system that gives no answer: the others are scanned meanwhile, and it is again once it does."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from builders import new_folder
from patience import PATIENCE
from timbred_daemon import scanning
from timbred_daemon.coalesce import Coalescer
from timbred_daemon.scanning import ScanLoop
from timbred_daemon.tasks import background
from timbred_indexer import scanner as scanner_module
from timbred_indexer.asking import Pulse
from timbred_indexer.db import Database
from timbred_indexer.model import FolderId, FolderState, Seconds
from timbred_indexer.scan import Rules, Seen, look
from timbred_indexer.scanner import NO_ANSWER, Scanner, ScanOutcome
from timbred_indexer.store import folders
from timbred_indexer.store.folders import Folder

SOON = Seconds(0.05)


class Disks:
    """Folders on the disk, of which ``dead`` can stop to answer in the middle of a look."""

    def __init__(self, db: Database, top: Path) -> None:
        self.db, self.top = db, top
        self.answers, self.hangs = threading.Event(), threading.Event()
        self.answers.set()
        self.outcomes: list[ScanOutcome] = []
        self._ended = asyncio.Event()
        self.loop = ScanLoop(Scanner(db), Coalescer(quiet=Seconds(0.0)), self._finished, silence=SOON)

    def look(self, root: bytes, path: bytes, rules: Rules | None, pulse: Pulse | None) -> Seen:
        if os.path.basename(root) == b"dead" and not self.answers.is_set():
            self.hangs.set()
            self.answers.wait()
        return look(root, path, rules, pulse)

    async def watch(self, name: str, *files: str) -> FolderId:
        (self.top / name).mkdir()
        for file in files:
            self.put(f"{name}/{file}")
        return await self.db.write(lambda connection: new_folder(connection, os.fsencode(self.top / name)))

    def put(self, name: str) -> Path:
        (self.top / name).write_text(name)
        return self.top / name

    async def folder(self, identity: FolderId) -> Folder:
        return next(folder for folder in await self.db.read(folders.active) if folder.id == identity)

    async def rows(self) -> dict[str, int]:
        """Where files are known to be, and under which id."""
        rows = await self.db.read(lambda c: c.execute("SELECT path, id FROM file WHERE state <> 'missing'").fetchall())
        return {os.fsdecode(path): number for path, number in rows}

    async def until(self, true: Callable[[], bool]) -> None:
        """Looks again after each scan."""
        async with asyncio.timeout(PATIENCE):
            while not true():
                self._ended.clear()
                await self._ended.wait()

    async def until_offline(self, identity: FolderId) -> None:
        async with asyncio.timeout(PATIENCE):
            while (await self.folder(identity)).state is not FolderState.OFFLINE:  # noqa: ASYNC110  nobody tells
                await asyncio.sleep(0.005)

    def _finished(self, outcome: ScanOutcome) -> None:
        self.outcomes.append(outcome)
        self._ended.set()


@pytest.fixture
async def disks(db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Disks]:
    disks = Disks(db, tmp_path)
    monkeypatch.setattr(scanner_module, "look", disks.look)
    yield disks
    disks.answers.set()


async def test_a_folder_that_does_not_answer_is_offline_and_holds_up_no_other(disks: Disks) -> None:
    dead, well = await disks.watch("dead", "a.wav"), await disks.watch("well", "b.wav")
    disks.answers.clear()
    async with background(disks.loop.run()):
        for folder in (dead, well):
            disks.loop.rescan(folder)
        await disks.until(lambda: len(disks.outcomes) == 1)
        await disks.until_offline(dead)
        assert ((await disks.folder(dead)).reason, list(await disks.rows())) == (NO_ANSWER, ["b.wav"])
        disks.put("well/c.wav")
        disks.loop.hint(well, b"c.wav")
        await disks.until(lambda: len(disks.outcomes) == 2)
        assert (sorted(await disks.rows()), disks.loop.owed, disks.loop.whole) == (["b.wav", "c.wav"], False, set())


@pytest.mark.parametrize("path", [b"", b"a.wav"])
async def test_a_folder_that_answers_again_is_looked_at_whole(disks: Disks, path: bytes) -> None:
    dead = await disks.watch("dead", "a.wav", "b.wav")
    disks.answers.clear()
    async with background(disks.loop.run()):
        disks.loop.hint(dead, path) if path else disks.loop.rescan(dead)
        await disks.until_offline(dead)
        disks.loop.hint(dead, b"b.wav")  # waits for the one that hangs
        disks.answers.set()
        await disks.until(lambda: bool(disks.outcomes) and not disks.loop.owed)
    assert (await disks.folder(dead)).state is FolderState.ONLINE
    assert sorted(await disks.rows()) == ["a.wav", "b.wav"]


async def test_the_scans_end_at_once_though_one_hangs(disks: Disks) -> None:
    dead = await disks.watch("dead")
    disks.answers.clear()
    async with asyncio.timeout(PATIENCE):
        async with background(disks.loop.run()):
            disks.loop.rescan(dead)
            await asyncio.to_thread(disks.hangs.wait)
    assert not disks.answers.is_set()


async def test_walks_that_hang_make_room_for_others(disks: Disks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "WALKS", 1)
    disks.loop = ScanLoop(Scanner(disks.db), Coalescer(), disks.outcomes.append, silence=SOON)
    dead, well = await disks.watch("dead"), await disks.watch("well", "b.wav")
    disks.answers.clear()
    async with background(disks.loop.run()):
        disks.loop.rescan(dead)
        await asyncio.to_thread(disks.hangs.wait)
        disks.loop.rescan(well)
        await disks.until_offline(dead)
        async with asyncio.timeout(PATIENCE):
            while not await disks.rows():  # noqa: ASYNC110  nobody tells
                await asyncio.sleep(0.005)


@pytest.mark.parametrize("order", [("one", "two"), ("two", "one")])
async def test_what_moves_between_folders_keeps_its_row(disks: Disks, order: Sequence[str]) -> None:
    ids = {name: await disks.watch(name, *files) for name, files in (("one", ["a.wav"]), ("two", ["b.wav"]))}
    async with background(disks.loop.run()):
        for folder in ids.values():
            disks.loop.rescan(folder)
        await disks.until(lambda: not disks.loop.owed)
        before = await disks.rows()
        (disks.top / "one/a.wav").rename(disks.top / "two/c.wav")
        for name in order:
            disks.loop.hint(ids[name], b"a.wav" if name == "one" else b"c.wav")
        await disks.until(lambda: not disks.loop.owed)
    assert await disks.rows() == {"b.wav": before["b.wav"], "c.wav": before["a.wav"]}
