"""Too much gone at once, however many scans it takes to see it; and whose doing it was."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from world import World

from timbred_indexer.db import Database, next_seq
from timbred_indexer.model import FileStat, FolderId, FolderState
from timbred_indexer.plan import GRACE_SECONDS, Plan
from timbred_indexer.scanner import Found, Scanner, write_plan
from timbred_indexer.store import files, folders
from timbred_indexer.targets import ScanTarget


@pytest.fixture
def world(db: Database, tmp_path: Path) -> World:
    return World(db, tmp_path)


async def thirty(world: World) -> FolderId:
    """A folder with directories of fifteen, nine and six files, scanned."""
    for directory, count in (("a", 15), ("b", 9), ("c", 6)):
        for number in range(count):
            world.put(f"root/{directory}/{number}.wav")
    folder = await world.watch()
    await world.scan(folder)
    return folder


async def lose(world: World, folder: FolderId, directory: str) -> None:
    shutil.move(world.top / "root" / directory, world.top / directory)
    await world.scan(folder, directory.encode())


async def confirm(world: World, folder: FolderId) -> None:
    await world.db.write(
        lambda connection: folders.set_state(connection, folder, FolderState.ONLINE, None, next_seq(connection))
    )


async def test_a_loss_that_two_scans_see_in_parts_is_one_loss(world: World) -> None:
    folder = await thirty(world)
    await lose(world, folder, "a")
    assert (await world.folder(folder)).state is FolderState.ONLINE
    world.now += GRACE_SECONDS - 1
    await lose(world, folder, "b")
    row = await world.folder(folder)
    assert (row.state, row.reason) == (FolderState.SUSPECT, "24 of 30 files vanished at once.")


async def test_such_a_loss_is_over_only_when_both_parts_are_back(world: World) -> None:
    folder = await thirty(world)
    await lose(world, folder, "a")
    await lose(world, folder, "b")
    await lose(world, folder, "c")
    assert (await world.folder(folder)).reason == "30 of 30 files vanished at once."
    shutil.move(world.top / "c", world.top / "root/c")
    await world.scan(folder, b"c")
    assert (await world.folder(folder)).reason == "24 of 30 files vanished at once."
    shutil.move(world.top / "a", world.top / "root/a")
    await world.scan(folder)
    assert (await world.folder(folder)).state is FolderState.ONLINE


async def test_what_vanishes_after_the_grace_of_the_rest_is_judged_alone(world: World) -> None:
    folder = await thirty(world)
    await lose(world, folder, "a")
    world.now += GRACE_SECONDS
    await lose(world, folder, "b")
    assert (await world.folder(folder)).state is FolderState.ONLINE


async def test_what_was_confirmed_is_not_counted_again(world: World) -> None:
    folder = await thirty(world)
    await lose(world, folder, "a")
    await lose(world, folder, "b")
    await confirm(world, folder)
    await lose(world, folder, "c")
    assert (await world.folder(folder)).state is FolderState.ONLINE


async def test_a_label_does_not_make_an_old_loss_a_new_one(world: World) -> None:
    folder = await thirty(world)
    sounds = [await world.index(folder, b"a/%d.wav" % number, seed=number) for number in range(15)]
    await lose(world, folder, "a")
    await confirm(world, folder)
    for sound in sounds:
        await world.db.write(lambda c, sound=sound: files.set_label(c, sound, "mine", next_seq(c)))
    await lose(world, folder, "b")
    assert (await world.folder(folder)).state is FolderState.ONLINE


async def test_a_look_that_a_removal_overtook_writes_nothing(world: World) -> None:
    """The rows that it would be compared with may be another folder's by now."""
    world.put("root/a.wav")
    folder, scanner = await world.watch(), Scanner(world.db)
    looked = await scanner.look(folder, [ScanTarget(folder, b"", whole=True)])
    assert looked is not None
    await world.db.write(lambda c: folders.remove(c, folder, next_seq(c)))
    assert not (await scanner.settle([looked])).changed
    assert await world.files() == {}


async def test_a_plan_that_a_removal_overtook_writes_nothing(world: World) -> None:
    folder = await world.watch()
    known = {folder: await world.folder(folder)}
    plan = Plan(new=[(folder, b"a.wav", FileStat(1, 1, 1, 1))])
    await world.db.write(lambda c: folders.remove(c, folder, next_seq(c)))
    assert not await world.db.write(lambda c: write_plan(c, known, Found(plan, {}), world.now))
    assert await world.files() == {}
