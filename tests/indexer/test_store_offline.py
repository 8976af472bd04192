"""The list of what an unplugged drive holds, a page at a time."""

from __future__ import annotations

import sqlite3

import pytest

from builders import analysis, new_folder, new_sound
from timbred_indexer.db import next_seq
from timbred_indexer.model import FolderId, FolderState, SoundId
from timbred_indexer.store import folders, offline

STEP = 20  # instructions of SQLite's virtual machine


def fill(connection: sqlite3.Connection, folder: FolderId, files: range) -> None:
    """A file of a sound of its own for each number, which is the sound's id, too."""
    connection.executemany(
        "INSERT INTO sound (id, hash, duration, sample_rate, channels, format, cut_short, version, seq) "
        "VALUES (?1, CAST(?1 AS BLOB), 1.0, 44100, 1, 'wav', 0, 'v', 0)",
        ((number,) for number in files),
    )
    connection.executemany(
        "INSERT INTO file (folder_id, path, size, mtime_ns, inode, device, state, sound_id, seq) "
        "VALUES (?1, CAST(?2 AS BLOB), 1, 1, ?2, 1, 'indexed', ?2, 0)",
        ((folder, number) for number in files),
    )


def unplug(connection: sqlite3.Connection, folder: FolderId) -> None:
    folders.set_state(connection, folder, FolderState.OFFLINE, "gone", next_seq(connection))


def effort(connection: sqlite3.Connection, after: int, limit: int) -> int:
    """Steps that a page takes."""
    steps: list[None] = []
    connection.set_progress_handler(lambda: steps.append(None), STEP)
    offline.page(connection, SoundId(after), limit)
    connection.set_progress_handler(None, 0)
    return len(steps) * STEP


def test_pages_go_through_every_sound_of_offline_folders_once(connection: sqlite3.Connection) -> None:
    near, far = (new_folder(connection, path) for path in (b"/near", b"/far"))
    fill(connection, near, range(1, 20))
    fill(connection, far, range(20, 40))
    fill(connection, near, range(40, 60))
    unplug(connection, far)
    listed: list[SoundId] = []
    while page := offline.page(connection, SoundId(max(listed, default=0)), 7):
        listed.extend(page)
    assert listed == list(range(20, 40))


@pytest.mark.parametrize("few", [0, 1_000_000], ids=["walked by sound", "sorted"])
def test_either_way_a_page_is_the_same(connection: sqlite3.Connection, few: int) -> None:
    near, far = (new_folder(connection, path) for path in (b"/near", b"/far"))
    new_sound(connection, near, b"a", analysis(1), content="both")
    both = new_sound(connection, far, b"b", analysis(1), content="both")
    only = new_sound(connection, far, b"c", analysis(2), content="only")
    new_sound(connection, far, b"d", analysis(2), content="only")
    unplug(connection, far)
    assert offline.page(connection, SoundId(0), 10, few=few) == {
        both: [(b"/far/b", None)],
        only: [(b"/far/c", None), (b"/far/d", None)],
    }
    assert list(offline.page(connection, both, 10, few=few)) == [only]
    assert list(offline.page(connection, SoundId(0), 1, few=few)) == [both]


def test_a_page_of_a_large_drive_costs_no_more_than_one_of_a_small_drive(connection: sqlite3.Connection) -> None:
    drive = new_folder(connection, b"/drive")
    fill(connection, drive, range(1, offline.FEW + 2))
    unplug(connection, drive)
    beginning = effort(connection, 0, 10)
    assert beginning < 5_000
    assert effort(connection, offline.FEW // 2, 10) <= 1.5 * beginning


def test_a_small_drive_beside_a_large_library_costs_only_its_own_files(connection: sqlite3.Connection) -> None:
    library, drive = (new_folder(connection, path) for path in (b"/library", b"/drive"))
    fill(connection, library, range(1, 5_000))
    fill(connection, drive, range(5_000, 5_010))
    unplug(connection, drive)
    assert effort(connection, 0, 100) < 5_000
