"""File systems that stop to answer while a scan is settled: it waits for none of them, and loses nothing."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from world import World

from timbred_indexer import scanner
from timbred_indexer.db import Database
from timbred_indexer.model import Seconds
from timbred_indexer.scanner import Scanner
from timbred_indexer.store.files import FileRow
from timbred_indexer.store.folders import Folder
from timbred_indexer.targets import ScanTarget
from timbred_indexer.trust import Root, look_at_root


@pytest.fixture
def world(db: Database, tmp_path: Path) -> World:
    return World(db, tmp_path)


class Dead:
    """A file system that stops to answer with the ``which``-th question, until the test lets it."""

    def __init__(self, which: int) -> None:
        self.which, self.asked = which, 0
        self.answers = threading.Event()

    def __call__(self, *_: object) -> None:
        self.asked += 1
        if self.asked >= self.which:
            self.answers.wait()


async def test_what_another_folder_does_not_tell_in_time_is_still_there_and_not_asked_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, dead, still_there = world.put("one/a.wav"), Dead(1), scanner._still_there  # pyright: ignore[reportPrivateUsage]
    one, two = await world.watch("one"), await world.watch("two")
    await world.scan(one)

    def hang(root: bytes, row: FileRow) -> bool:
        dead()
        return still_there(root, row)

    monkeypatch.setattr(scanner, "_still_there", hang)
    impatient = Scanner(world.db, patience=Seconds(0.05))
    for name in ("b.wav", "c.wav"):
        (world.top / "two" / name).hardlink_to(path)
        await impatient.scan([ScanTarget(two, b"", whole=True)])
    dead.answers.set()
    assert (sorted(await world.files()), dead.asked) == ([b"a.wav", b"b.wav", b"c.wav"], 1)


async def test_a_root_that_stops_to_answer_after_the_look_loses_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, dead = world.put("root/a.wav"), Dead(2)
    folder = await world.watch()
    await world.scan(folder)

    def hang(folder: Folder) -> Root:
        dead()
        return look_at_root(folder)

    monkeypatch.setattr(scanner, "look_at_root", hang)
    path.unlink()
    impatient = Scanner(world.db, patience=Seconds(0.05))
    looked = await impatient.look(folder, [ScanTarget(folder, b"", whole=True)])
    assert looked is not None
    outcome = await impatient.settle([looked])
    dead.answers.set()
    assert (outcome.again, await world.files()) == (True, {b"a.wav": "pending"})
