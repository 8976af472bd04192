"""A folder at a new place: known again by its files, and taken there without reading them."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from pathlib import Path

import pytest
from world import World

from timbred_indexer.db import Database, next_seq
from timbred_indexer.model import FolderId, FolderState, SoundId
from timbred_indexer.relocation import Sighting, look, relocate
from timbred_indexer.store import files, folders


@pytest.fixture
def world(db: Database, tmp_path: Path) -> World:
    return World(db, tmp_path)


async def library(world: World) -> tuple[FolderId, list[SoundId]]:
    """Three indexed files in ``old``, the first with a label."""
    for number in range(3):
        world.put(f"old/d/{number}.wav", b"sound %d" % number)
    folder = await world.watch("old")
    await world.scan(folder)
    made = [await world.index(folder, b"d/%d.wav" % number, seed=number) for number in range(3)]
    await world.db.write(lambda c: files.set_label(c, made[0], "mine", next_seq(c)))
    return folder, made


async def seen_at(world: World, folder: FolderId, name: str) -> Sighting:
    known = await world.folder(folder)
    return await world.db.read(lambda c: look(c, known, os.fsencode(world.top / name)))


async def relocated(world: World, folder: FolderId, name: str) -> None:
    seen = await seen_at(world, folder, name)
    new = os.fsencode(world.top / name)
    await world.db.write(lambda c: relocate(c, folder, new, seen, next_seq(c)))


def set_true_hashes(connection: sqlite3.Connection, root: Path) -> None:
    """What the sounds of made-up analyses lack."""
    for path, sound in connection.execute("SELECT path, sound_id FROM file").fetchall():
        digest = hashlib.sha256((root / os.fsdecode(path)).read_bytes()).digest()
        connection.execute("UPDATE sound SET hash = ? WHERE id = ?", (digest, sound))


def copy(world: World, *, times: bool = True) -> None:
    shutil.copytree(world.top / "old", world.top / "new", copy_function=shutil.copy2 if times else shutil.copyfile)


async def test_a_copy_on_another_drive_is_taken_over_without_reading_a_file(world: World) -> None:
    folder, _ = await library(world)
    ids = await world.ids()
    copy(world)
    shutil.rmtree(world.top / "old")
    await world.scan(folder)
    assert (await world.folder(folder)).state is FolderState.OFFLINE
    await relocated(world, folder, "new")
    outcome = await world.scan(folder)
    assert (outcome.offline, outcome.brings_work) == ({}, False)
    assert (await world.ids(), set((await world.files()).values())) == (ids, {"indexed"})
    row = await world.folder(folder)
    assert (row.path, row.state) == (os.fsencode(world.top / "new"), FolderState.ONLINE)


async def test_a_copy_that_lost_its_times_is_known_by_its_bytes(world: World) -> None:
    folder, _ = await library(world)
    copy(world, times=False)
    for path in (world.top / "new/d").iterdir():
        os.utime(path, (1, 1))
    await world.db.write(lambda c: set_true_hashes(c, world.top / "old"))
    assert (await seen_at(world, folder, "new")).is_the_same
    (world.top / "new/d/0.wav").write_bytes(b"SOUND 0")
    (world.top / "new/d/1.wav").write_bytes(b"SOUND 1")
    assert not (await seen_at(world, folder, "new")).is_the_same


async def test_a_place_with_other_files_is_not_it(world: World) -> None:
    folder, _ = await library(world)
    world.put("new/d/0.wav", b"something else")
    world.put("new/e/1.wav")
    seen = await seen_at(world, folder, "new")
    assert (seen.is_the_same, str(seen)) == (False, "Of the 3 files of that folder, 0% are at the new place.")


async def test_a_folder_that_nothing_is_known_of_can_be_anywhere(world: World) -> None:
    folder = await world.watch("old")
    assert (await seen_at(world, folder, "new")).is_the_same


async def test_what_was_watched_at_the_new_place_already_is_merged(world: World) -> None:
    folder, made = await library(world)
    copy(world)
    world.put("new/d/more.wav", b"more")
    other = await world.watch("new")
    await world.scan(other)
    await world.index(other, b"d/1.wav", seed=1)
    await world.db.write(lambda c: c.execute("UPDATE file SET label = 'theirs' WHERE folder_id = ?", (other,)).rowcount)
    await relocated(world, folder, "new")
    await world.scan(folder)
    known = await world.db.read(lambda c: dict(c.execute("SELECT path, label FROM file")))
    assert known == {b"d/0.wav": "mine", b"d/1.wav": "theirs", b"d/2.wav": "theirs", b"d/more.wav": "theirs"}
    assert [row.id for row in await world.db.read(folders.active)] == [folder]
    places = await world.db.read(lambda c: dict(c.execute("SELECT path, sound_id FROM file")))
    assert [places[b"d/%d.wav" % number] for number in range(3)] == made


async def test_a_folder_that_was_removed_comes_back_at_its_new_place(world: World) -> None:
    folder, _ = await library(world)
    known = await world.folder(folder)
    await world.db.write(lambda c: folders.remove(c, folder, next_seq(c)))
    copy(world)
    seen = await world.db.read(lambda c: look(c, known, os.fsencode(world.top / "new")))
    await world.db.write(lambda c: relocate(c, folder, os.fsencode(world.top / "new"), seen, next_seq(c)))
    await world.scan(folder)
    assert set((await world.files()).values()) == {"indexed"}


async def test_a_suspect_folder_stays_so_wherever_it_goes(world: World) -> None:
    folder, _ = await library(world)
    await world.db.write(lambda c: folders.set_state(c, folder, FolderState.SUSPECT, "much", next_seq(c)))
    copy(world)
    await relocated(world, folder, "new")
    row = await world.folder(folder)
    assert (row.state, row.reason) == (FolderState.SUSPECT, "much")
