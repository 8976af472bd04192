"""Scans of real files into a real database."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from world import World

from builders import VERSION, visible
from timbred_indexer import scanner
from timbred_indexer.db import Database, next_seq
from timbred_indexer.model import FolderState
from timbred_indexer.scan import Rules, Seen, identity_of, look
from timbred_indexer.scanner import Scanner, ScanOutcome
from timbred_indexer.store import files, folders, sounds, vectors
from timbred_indexer.targets import ScanTarget


@pytest.fixture
def world(db: Database, tmp_path: Path) -> World:
    return World(db, tmp_path)


async def test_new_files_become_pending(world: World) -> None:
    world.put("root/a.wav")
    world.put("root/d/b.wav")
    outcome = await world.scan(await world.watch())
    assert (outcome.brings_work, outcome.changed, outcome.offline) == (True, True, {})
    assert await world.files() == {b"a.wav": "pending", b"d/b.wav": "pending"}


async def test_an_unchanged_folder_brings_no_work(world: World) -> None:
    world.put("root/a.wav")
    folder = await world.watch()
    await world.scan(folder)
    outcome = await world.scan(folder)
    assert (outcome.brings_work, outcome.changed) == (False, False)
    assert (await world.folder(folder)).last_scan == 1000.0


async def test_a_changed_file_is_pending_again_under_its_id(world: World) -> None:
    world.put("root/a.wav")
    folder = await world.watch()
    await world.scan(folder)
    await world.index(folder, b"a.wav")
    before = await world.ids()
    world.put("root/a.wav", b"other and longer bytes")
    assert (await world.scan(folder, b"a.wav")).brings_work
    assert (await world.files(), await world.ids()) == ({b"a.wav": "pending"}, before)


async def test_a_moved_directory_keeps_every_row_and_reads_nothing(world: World) -> None:
    for name in ("a", "b", "c"):
        world.put(f"root/old/{name}.wav")
    folder = await world.watch()
    await world.scan(folder)
    before = await world.ids()
    (world.top / "root/old").rename(world.top / "root/new")
    assert not (await world.scan(folder)).brings_work
    assert await world.ids() == {path.replace(b"old", b"new"): number for path, number in before.items()}


@pytest.mark.parametrize("first", [b"old.wav", b"new.wav"])
async def test_a_move_told_in_two_hints_is_still_one(world: World, first: bytes) -> None:
    old = world.put("root/old.wav")
    folder = await world.watch()
    await world.scan(folder)
    await world.index(folder, b"old.wav")
    before = await world.ids()
    old.rename(world.top / "root/new.wav")
    for path in (first, b"new.wav", b"old.wav"):
        await world.scan(folder, path)
    assert await world.ids() == {b"new.wav": before[b"old.wav"]}
    assert await world.files() == {b"new.wav": "indexed"}


async def test_a_file_that_moves_to_another_folder_keeps_its_row(world: World) -> None:
    path = world.put("one/a.wav")
    one, two = await world.watch("one"), await world.watch("two")
    await world.scan(one)
    before = await world.ids()
    path.rename(world.top / "two/b.wav")
    await world.scan(two)
    assert await world.ids() == {b"b.wav": before[b"a.wav"]}


async def test_a_hard_link_to_a_file_that_is_still_there_is_a_file_of_its_own(world: World) -> None:
    path = world.put("one/a.wav")
    one, two = await world.watch("one"), await world.watch("two")
    await world.scan(one)
    (world.top / "two/b.wav").hardlink_to(path)
    await world.scan(two, b"b.wav")
    assert await world.files() == {b"a.wav": "pending", b"b.wav": "pending"}


async def test_a_scan_of_one_folder_calls_nothing_gone_in_another(world: World) -> None:
    """Inode numbers repeat between drives, and the other drive may be unplugged."""
    path = world.put("one/a.wav")
    world.put("two/b.wav")
    one, two = await world.watch("one"), await world.watch("two")
    await world.scan(one)
    inode = (world.top / "two/b.wav").stat().st_ino
    await world.db.write(lambda connection: connection.execute("UPDATE file SET inode = ?", (inode,)).rowcount)
    path.unlink()
    await world.scan(two)
    assert (await world.files())[b"a.wav"] == "pending"


async def test_a_vanished_file_is_missing_and_returns_as_it_was(world: World) -> None:
    path = world.put("root/a.wav")
    world.put("root/b.wav")
    folder = await world.watch()
    await world.scan(folder)
    sound = await world.index(folder, b"a.wav")
    path.rename(world.top / "aside.wav")
    await world.scan(folder)
    assert (await world.files())[b"a.wav"] == "missing"
    assert await world.db.read(lambda connection: visible(connection, [sound])) == set()
    (world.top / "aside.wav").rename(path)
    await world.scan(folder)
    assert (await world.files())[b"a.wav"] == "indexed"
    assert await world.db.read(lambda connection: visible(connection, [sound])) == {sound}


@pytest.mark.parametrize("back_as", ["a.wav", "elsewhere.wav"])
async def test_what_was_tombstoned_can_be_found_again_once_it_is_back(world: World, back_as: str) -> None:
    path = world.put("root/a.wav")
    folder = await world.watch()
    await world.scan(folder)
    sound = await world.index(folder, b"a.wav")
    path.rename(world.top / "aside.wav")
    await world.scan(folder, b"a.wav")
    await world.db.write(lambda connection: sounds.bury_unheard(connection, [sound], 2000.0, next_seq(connection)))
    (world.top / "aside.wav").rename(world.top / "root" / back_as)
    await world.scan(folder)
    found = await world.db.read(lambda connection: vectors.query_vectors(connection, "librosa", VERSION, sound))
    assert (len(found), await world.files()) == (1, {back_as.encode(): "indexed"})


async def test_a_new_file_in_the_place_of_a_missing_one_is_pending_under_its_row(world: World) -> None:
    path = world.put("root/a.wav")
    world.put("root/b.wav")
    folder = await world.watch()
    await world.scan(folder)
    before = await world.ids()
    path.unlink()
    await world.scan(folder)
    world.put("root/a.wav", b"somebody else's bytes")
    assert (await world.scan(folder)).brings_work
    assert (await world.files(), await world.ids()) == ({b"a.wav": "pending", b"b.wav": "pending"}, before)


async def test_a_folder_that_is_not_there_is_offline_and_loses_nothing(world: World) -> None:
    world.put("root/a.wav")
    folder = await world.watch()
    await world.scan(folder)
    sound = await world.index(folder, b"a.wav")
    (world.top / "root").rename(world.top / "unplugged")
    outcome = await world.scan(folder, b"a.wav")
    assert (list(outcome.offline), outcome.changed) == ([folder], True)
    assert (await world.folder(folder)).state is FolderState.OFFLINE
    assert await world.db.read(lambda connection: visible(connection, [sound])) == set()
    (world.top / "unplugged").rename(world.top / "root")
    await world.scan(folder, b"a.wav")
    assert (await world.folder(folder)).state is FolderState.ONLINE
    assert await world.files() == {b"a.wav": "indexed"}


async def test_a_root_that_goes_away_during_the_look_loses_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put("root/a.wav")
    folder = await world.watch()
    await world.scan(folder)

    def unplug(root: bytes, path: bytes, rules: Rules | None, pulse: object) -> Seen:
        (world.top / "root").rename(world.top / "unplugged")
        return look(root, path, rules)

    monkeypatch.setattr(scanner, "look", unplug)
    assert list((await world.scan(folder)).offline) == [folder]
    assert await world.files() == {b"a.wav": "pending"}


async def test_an_empty_root_on_another_device_is_an_unmounted_drive(world: World) -> None:
    path = world.put("root/a.wav")
    folder = await world.watch()
    await world.scan(folder)
    await world.on_another_device(folder)
    path.unlink()
    assert "mounted" in (await world.scan(folder)).offline[folder]
    assert await world.files() == {b"a.wav": "pending"}


async def test_a_folder_whose_only_file_was_deleted_is_empty_by_right(world: World) -> None:
    path = world.put("root/a.wav")
    folder = await world.watch()
    await world.scan(folder)
    path.unlink()
    assert (await world.scan(folder)).offline == {}
    assert await world.files() == {b"a.wav": "missing"}


async def test_the_same_files_under_another_device_number_are_the_same_drive(world: World) -> None:
    world.put("root/a.wav")
    folder = await world.watch()
    await world.scan(folder)
    await world.on_another_device(folder)
    outcome = await world.scan(folder)
    assert (outcome.offline, outcome.brings_work) == ({}, False)
    assert (await world.folder(folder)).device == (world.top / "root").stat().st_dev


async def test_other_files_under_the_same_device_number_are_another_drive_where_it_says_so(world: World) -> None:
    """Two drives that are plugged in one after the other have the same number."""
    path = world.put("root/a.wav")
    folder = await world.watch()
    await world.scan(folder)
    await world.db.write(lambda connection: connection.execute("UPDATE folder SET volume = volume + 1").rowcount)
    path.unlink()
    world.put("root/b.wav")
    assert "volume" in (await world.scan(folder)).offline[folder]
    assert await world.files() == {b"a.wav": "pending"}


async def test_the_same_volume_under_another_device_number_may_have_changed_altogether(world: World) -> None:
    """It was edited on another machine, and came back."""
    path = world.put("root/a.wav")
    folder = await world.watch()
    await world.scan(folder)
    await world.db.write(lambda connection: connection.execute("UPDATE folder SET device = device + 1").rowcount)
    path.rename(world.top / "root/b.wav")
    assert (await world.scan(folder)).offline == {}
    assert set(await world.files()) == {b"b.wav"}


async def test_another_volume_can_be_accepted(world: World) -> None:
    path = world.put("root/a.wav")
    folder = await world.watch()
    await world.scan(folder)
    await world.on_another_device(folder)
    path.rename(world.top / "root/b.wav")
    assert (await world.scan(folder)).offline
    await world.db.write(lambda connection: folders.accept_volume(connection, folder))
    assert (await world.scan(folder)).offline == {}
    assert await world.files() == {b"a.wav": "missing", b"b.wav": "pending"}


async def test_other_files_under_another_device_number_are_another_drive(world: World) -> None:
    path = world.put("root/a.wav")
    folder = await world.watch()
    await world.scan(folder)
    await world.on_another_device(folder)
    path.unlink()
    world.put("root/b.wav")
    assert "volume" in (await world.scan(folder)).offline[folder]


@pytest.mark.parametrize("everything", [True, False])
async def test_much_gone_at_once_is_suspect_until_it_is_back(world: World, everything: bool) -> None:
    for number in range(30):
        world.put(f"root/d/{number}.wav")
    if not everything:
        world.put("root/kept.wav")
    folder = await world.watch()
    await world.scan(folder)
    shutil.move(world.top / "root/d", world.top / "aside")
    assert (await world.scan(folder)).changed
    assert (await world.folder(folder)).state is FolderState.SUSPECT
    await world.scan(folder)
    assert (await world.folder(folder)).state is FolderState.SUSPECT
    shutil.move(world.top / "aside", world.top / "root/d")
    await world.scan(folder)
    assert (await world.folder(folder)).state is FolderState.ONLINE
    assert set((await world.files()).values()) == {"pending"}


async def test_an_old_loss_that_was_confirmed_does_not_keep_a_folder_suspect(world: World) -> None:
    for number in range(60):
        world.put(f"root/{'a' if number < 30 else 'b'}/{number}.wav")
    folder = await world.watch()
    await world.scan(folder)
    shutil.rmtree(world.top / "root/a")
    await world.scan(folder)
    await world.db.write(
        lambda connection: folders.set_state(connection, folder, FolderState.ONLINE, None, next_seq(connection))
    )
    shutil.move(world.top / "root/b", world.top / "aside")
    await world.scan(folder)
    assert (await world.folder(folder)).state is FolderState.SUSPECT
    shutil.move(world.top / "aside", world.top / "root/b")
    await world.scan(folder)
    assert (await world.folder(folder)).state is FolderState.ONLINE


async def test_a_directory_that_cannot_be_listed_keeps_its_rows(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put("root/d/a.wav")
    folder = await world.watch()
    await world.scan(folder)

    def refuse(root: bytes, path: bytes, rules: Rules | None, pulse: object) -> Seen:
        return Seen(unreadable=[b"d"])

    monkeypatch.setattr(scanner, "look", refuse)
    await world.scan(folder)
    assert await world.files() == {b"d/a.wav": "pending"}


async def test_a_whole_scan_gives_the_unreadable_another_chance_and_says_so(world: World) -> None:
    world.put("root/a.wav")
    folder = await world.watch()
    await world.scan(folder)

    def fail(connection: sqlite3.Connection) -> None:
        file = files.below(connection, folder, b"a.wav")[0]
        files.fail(connection, file.id, file.stat, "unreadable", "no", next_seq(connection))

    await world.db.write(fail)
    assert not (await world.scan(folder, b"a.wav")).changed
    assert (await world.scan(folder)).changed
    assert await world.files() == {b"a.wav": "pending"}


async def test_a_target_of_a_folder_that_is_no_longer_watched_is_dropped(world: World) -> None:
    world.put("root/a.wav")
    folder = await world.watch()
    await world.db.write(lambda connection: folders.remove(connection, folder, next_seq(connection)))
    assert await world.scan(folder) == ScanOutcome(brings_work=False, changed=False, offline={})
    assert await world.files() == {}


async def test_a_hint_at_what_is_excluded_is_dropped(world: World) -> None:
    world.put("root/.trash/a.wav")
    assert not (await world.scan(await world.watch(), b".trash/a.wav")).changed


async def test_the_data_folder_is_never_indexed_even_inside_a_watched_one(world: World) -> None:
    world.put("root/kick.wav")
    own = world.put("root/data/upload.wav").parent.stat()
    folder = await world.watch()
    await Scanner(world.db, Rules(frozenset({identity_of(own)}))).scan([ScanTarget(folder, b"", whole=True)])
    assert set(await world.files()) == {b"kick.wav"}
