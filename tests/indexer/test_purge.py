"""Forgetting missing files: what may go, what has to stay, and that nothing of it is left behind."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest

from builders import analysis, digest, file_id, link, new_file, new_folder
from timbred_indexer.db import current_seq, next_seq
from timbred_indexer.model import FolderId, FolderState, SoundId
from timbred_indexer.store import files, folders, purge, sounds
from timbred_indexer.store.purge import Forgotten, Scope

GONE = 100.0  # when they vanished


def lost(connection: sqlite3.Connection, folder: FolderId, name: bytes, label: str | None = None) -> SoundId:
    """A file with a sound of its own that went missing and whose sound was tombstoned."""
    sound = sounds.save_analysis(connection, digest(name), analysis(1, 2), "librosa", next_seq(connection))
    file = new_file(connection, folder, name)
    link(connection, file, sound)
    files.set_label(connection, sound, label, next_seq(connection))
    files.mark_missing(connection, file, GONE, next_seq(connection))
    sounds.bury_unheard(connection, [sound], GONE, next_seq(connection))
    return sound


def scope(connection: sqlite3.Connection) -> Scope:
    return Scope(GONE, current_seq(connection))


def forget(connection: sqlite3.Connection, what: Scope, limit: int = 100) -> Forgotten:
    counted = purge.count(connection, what)
    done = purge.purge(connection, what, limit, next_seq(connection))
    assert limit < counted.files or counted == done, "what was said is what is done"
    return done


def rows(connection: sqlite3.Connection) -> dict[str, int]:
    tables = ("file", "sound", "segment", "aspect", "vector")
    return {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}


def test_a_file_that_is_gone_for_good_leaves_nothing_behind(connection: sqlite3.Connection, folder: FolderId) -> None:
    lost(connection, folder, b"a", label="mine")
    assert forget(connection, scope(connection)) == Forgotten(1, 1, 1)
    assert set(rows(connection).values()) == {0}
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def test_a_sound_that_another_file_has_stays(connection: sqlite3.Connection, folder: FolderId) -> None:
    sound = lost(connection, folder, b"a")
    link(connection, new_file(connection, folder, b"copy"), sound)
    assert forget(connection, scope(connection)) == Forgotten(1, 0, 0)
    assert file_id(connection, folder, b"copy")


def test_two_lost_copies_of_a_sound_take_it_with_them(connection: sqlite3.Connection, folder: FolderId) -> None:
    sound = lost(connection, folder, b"a")
    other = new_file(connection, folder, b"b")
    link(connection, other, sound)
    files.mark_missing(connection, other, GONE, next_seq(connection))
    assert forget(connection, scope(connection)) == Forgotten(2, 0, 1)


def test_what_is_missing_for_less_time_stays(connection: sqlite3.Connection, folder: FolderId) -> None:
    lost(connection, folder, b"a")
    assert forget(connection, replace(scope(connection), before=GONE - 1)) == Forgotten()


def test_a_label_stays_where_labels_are_kept(connection: sqlite3.Connection, folder: FolderId) -> None:
    lost(connection, folder, b"a", label="mine")
    lost(connection, folder, b"b")
    assert forget(connection, replace(scope(connection), labelled=False)) == Forgotten(1, 0, 1)


@pytest.mark.parametrize("state", [FolderState.OFFLINE, FolderState.SUSPECT])
def test_a_folder_that_is_not_online_keeps_everything(
    connection: sqlite3.Connection, folder: FolderId, state: FolderState
) -> None:
    lost(connection, folder, b"a")
    folders.set_state(connection, folder, state, "why", next_seq(connection))
    assert forget(connection, scope(connection)) == Forgotten()


def test_a_folder_that_was_removed_keeps_everything(connection: sqlite3.Connection, folder: FolderId) -> None:
    lost(connection, folder, b"a")
    folders.remove(connection, folder, next_seq(connection))
    assert forget(connection, scope(connection)) == Forgotten()


def test_only_the_folder_that_was_named_is_purged(connection: sqlite3.Connection, folder: FolderId) -> None:
    other = new_folder(connection, b"/t")
    lost(connection, folder, b"a")
    lost(connection, other, b"b")
    assert forget(connection, replace(scope(connection), folder=other)) == Forgotten(1, 0, 1)
    assert file_id(connection, folder, b"a")


def test_what_an_index_may_still_show_stays(connection: sqlite3.Connection, folder: FolderId) -> None:
    """Its rows are needed to tell the index that it is dead."""
    before = current_seq(connection)
    lost(connection, folder, b"a")
    assert forget(connection, replace(scope(connection), seen=before)) == Forgotten()


def test_a_large_purge_is_done_in_parts(connection: sqlite3.Connection, folder: FolderId) -> None:
    for number in range(5):
        lost(connection, folder, b"%d" % number)
    assert forget(connection, scope(connection), limit=2) == Forgotten(2, 0, 2)
    assert forget(connection, scope(connection), limit=9) == Forgotten(3, 0, 3)


def test_times_of_a_clock_that_was_ahead_are_not_waited_for(connection: sqlite3.Connection, folder: FolderId) -> None:
    waits = new_file(connection, folder, b"waits")
    files.postpone(connection, waits, 1e9, "still_writing", "no", 1, next_seq(connection))
    files.mark_missing(connection, new_file(connection, folder, b"gone"), 1e9, next_seq(connection))
    files.forget_future(connection, 5000.0)
    assert [file.id for file in files.claim_pending(connection, 5000.0, 10, ())] == [waits]
    assert files.lost(connection, folder, 4999.0)[0] == 1
    assert files.lost(connection, folder, 5000.0)[0] == 0
