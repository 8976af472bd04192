"""Rows of files: what each change leaves behind."""

from __future__ import annotations

import sqlite3

import pytest

from builders import analysis, link, new_file, new_folder, new_sound, stat_with, state_of, visible
from timbred_indexer.db import next_seq
from timbred_indexer.model import FileId, FolderId, FolderState, Seq, SoundId
from timbred_indexer.store import failures, files, folders, sounds
from timbred_indexer.store.files import FileRow


def labels(connection: sqlite3.Connection) -> dict[bytes, str | None]:
    return dict(connection.execute("SELECT path, label FROM file"))


def row_of(connection: sqlite3.Connection, folder: FolderId, path: bytes) -> FileRow:
    return files.below(connection, folder, path)[0]


def seq_of(connection: sqlite3.Connection, sound: SoundId) -> Seq:
    return Seq(connection.execute("SELECT seq FROM sound WHERE id = ?", (sound,)).fetchone()[0])


def lose(connection: sqlite3.Connection, file: FileId, now: float = 0.0) -> None:
    files.mark_missing(connection, file, now, next_seq(connection))


def test_below_means_the_path_and_its_children_not_its_namesakes(
    connection: sqlite3.Connection, folder: FolderId
) -> None:
    for path in (b"a", b"a/x", b"a/\xff", b"ab", b"a-", b"a.wav", b"b/a"):
        new_file(connection, folder, path)
    assert {row.path for row in files.below(connection, folder, b"a")} == {b"a", b"a/x", b"a/\xff"}
    assert len(files.below(connection, folder, b"")) == 7


def test_claimed_paths_are_whole_and_exact(connection: sqlite3.Connection) -> None:
    new_file(connection, new_folder(connection, b"/\xfe"), b"\xff\n.wav")
    assert [file.path for file in files.claim_pending(connection, 0, 10, ())] == [b"/\xfe/\xff\n.wav"]


def test_files_are_claimed_when_due_unless_busy_offline_or_removed(connection: sqlite3.Connection) -> None:
    due, offline, removed = (new_folder(connection, path) for path in (b"/a", b"/b", b"/c"))
    free, busy, later = (new_file(connection, due, path) for path in (b"1", b"2", b"3"))
    new_file(connection, offline, b"x")
    new_file(connection, removed, b"x")
    folders.set_state(connection, offline, FolderState.OFFLINE, "gone", next_seq(connection))
    folders.remove(connection, removed, next_seq(connection))
    files.postpone(connection, later, 50.0, "unreadable", "no", 1, next_seq(connection))
    assert [file.id for file in files.claim_pending(connection, 49.0, 10, [busy])] == [free]
    assert files.next_retry(connection, [free, busy]) == 50.0


def test_an_insert_leaves_a_path_that_has_a_row_alone(connection: sqlite3.Connection, folder: FolderId) -> None:
    sound = new_sound(connection, folder, b"a", analysis(1))
    files.insert(connection, folder, [(b"a", stat_with())], next_seq(connection))
    assert sounds.of_file(connection, b"/s/a") == sound


def test_a_link_is_refused_when_the_row_changed_meanwhile(connection: sqlite3.Connection, folder: FolderId) -> None:
    sound = new_sound(connection, folder, b"a", analysis(1))
    file = new_file(connection, folder, b"b", stat_with(mtime_ns=1))
    files.mark_changed(connection, [(file, stat_with(mtime_ns=2))], next_seq(connection))
    assert not files.link(connection, file, stat_with(mtime_ns=1), sound, next_seq(connection))
    assert state_of(connection, file) == "pending"


def test_a_failure_of_older_bytes_is_forgotten(connection: sqlite3.Connection, folder: FolderId) -> None:
    file = new_file(connection, folder, b"a", stat_with(mtime_ns=2))
    files.fail(connection, file, stat_with(mtime_ns=1), "empty", "no sound", next_seq(connection))
    assert state_of(connection, file) == "pending"


def test_copies_inherit_a_label_that_was_set(connection: sqlite3.Connection, folder: FolderId) -> None:
    sound = new_sound(connection, folder, b"a", analysis(1))
    files.set_label(connection, sound, "boom", next_seq(connection))
    new_sound(connection, folder, b"b", analysis(1), content=(folder, b"a"))
    assert labels(connection) == {b"a": "boom", b"b": "boom"}


def test_a_label_of_its_own_outlives_new_bytes(connection: sqlite3.Connection, folder: FolderId) -> None:
    first = new_sound(connection, folder, b"a", analysis(1))
    files.set_label(connection, first, "boom", next_seq(connection))
    other = new_sound(connection, folder, b"b", analysis(2))
    file = row_of(connection, folder, b"a").id
    files.mark_changed(connection, [(file, stat_with())], next_seq(connection))
    link(connection, file, other)
    assert labels(connection)[b"a"] == "boom"


def test_a_move_takes_sound_and_label_along(connection: sqlite3.Connection, folder: FolderId) -> None:
    sound = new_sound(connection, folder, b"a", analysis(1))
    files.set_label(connection, sound, "boom", next_seq(connection))
    row = row_of(connection, folder, b"a")
    files.move(connection, row.id, new_folder(connection, b"/t"), b"b", row.stat, next_seq(connection))
    assert (sounds.of_file(connection, b"/t/b"), labels(connection)) == (sound, {b"b": "boom"})


def test_a_missing_row_makes_way_for_a_move_and_leaves_it_its_label(
    connection: sqlite3.Connection, folder: FolderId
) -> None:
    ghost = new_sound(connection, folder, b"b", analysis(2))
    files.set_label(connection, ghost, "old", next_seq(connection))
    lose(connection, row_of(connection, folder, b"b").id)
    new_sound(connection, folder, b"a", analysis(1))
    row = row_of(connection, folder, b"a")
    seq = next_seq(connection)
    files.move(connection, row.id, folder, b"b", row.stat, seq)
    assert labels(connection) == {b"b": "old"}
    assert seq_of(connection, ghost) == seq  # so that somebody asks whether it lost its last file


@pytest.mark.parametrize("state", ["indexed", "failed", "pending"])
def test_a_missing_file_returns_as_what_it_was(connection: sqlite3.Connection, folder: FolderId, state: str) -> None:
    file = new_file(connection, folder, b"a", stat_with())
    if state == "indexed":
        link(connection, file, new_sound(connection, folder, b"b", analysis(1)))
    if state == "failed":
        files.fail(connection, file, stat_with(), "empty", "no sound", next_seq(connection))
    lose(connection, file)
    files.mark_returned(connection, file, next_seq(connection))
    assert state_of(connection, file) == state


def test_a_changed_file_goes_on_answering_and_a_replaced_ghost_does_not(
    connection: sqlite3.Connection, folder: FolderId
) -> None:
    kept, gone = (new_sound(connection, folder, path, analysis(1)) for path in (b"a", b"b"))
    lose(connection, row_of(connection, folder, b"b").id)
    for path in (b"a", b"b"):
        files.mark_changed(connection, [(row_of(connection, folder, path).id, stat_with())], next_seq(connection))
    assert visible(connection, [kept, gone]) == {kept}


def test_failures_are_listed_page_by_page_with_when_they_are_tried_again(
    connection: sqlite3.Connection, folder: FolderId
) -> None:
    first, second, _ = (new_file(connection, folder, path, stat_with()) for path in (b"a", b"b", b"c"))
    files.fail(connection, first, stat_with(), "empty", "no sound", next_seq(connection))
    files.postpone(connection, second, 50.0, "unreadable", "no", 2, next_seq(connection))
    page = failures.page(connection, FileId(0), 1)
    assert [(failure.path, failure.code, failure.retry_at) for failure in page] == [(b"/s/a", "empty", None)]
    rest = failures.page(connection, page[-1].id, 10)
    assert [(failure.path, failure.attempts, failure.retry_at) for failure in rest] == [(b"/s/b", 2, 50.0)]


def test_a_retry_reaches_what_failed_and_nothing_else(connection: sqlite3.Connection, folder: FolderId) -> None:
    removed = new_folder(connection, b"/t")
    new_sound(connection, folder, b"fine", analysis(1))
    for place in (folder, removed):
        file = new_file(connection, place, b"bad", stat_with())
        files.fail(connection, file, stat_with(), "empty", "no sound", next_seq(connection))
    folders.remove(connection, removed, next_seq(connection))
    assert files.retry(connection, None, b"", next_seq(connection)) == 1
    assert [file.path for file in files.claim_pending(connection, 0, 10, ())] == [b"/s/bad"]


def test_counts_are_by_folder_and_state(connection: sqlite3.Connection, folder: FolderId) -> None:
    new_sound(connection, folder, b"a", analysis(1))
    lose(connection, new_file(connection, folder, b"b"))
    assert files.counts(connection) == {folder: {"indexed": 1, "missing": 1}}
    assert files.present_count(connection, folder) == 1


def test_only_what_vanished_since_the_suspicion_counts_as_lost(
    connection: sqlite3.Connection, folder: FolderId
) -> None:
    lose(connection, new_file(connection, folder, b"long ago"))
    seq = next_seq(connection)
    files.mark_missing(connection, new_file(connection, folder, b"now"), 1.0, next_seq(connection))
    folders.set_state(connection, folder, FolderState.SUSPECT, "much", seq)
    (row,) = connection.execute("SELECT seq FROM file WHERE path = ?", (b"now",)).fetchall()
    assert files.lost(connection, folder, 0.0) == (1, *row)
    assert files.lost(connection, folder, 1.0) == (0, 0)
