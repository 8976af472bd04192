"""Rows of watched folders."""

from __future__ import annotations

import sqlite3

import pytest

from builders import analysis, new_file, new_folder, new_sound
from timbred_indexer.db import next_seq
from timbred_indexer.model import FolderState, SoundId
from timbred_indexer.store import duplicates, files, folders, names, sounds


def watched(connection: sqlite3.Connection) -> dict[bytes, str]:
    return {folder.path: folder.source for folder in folders.active(connection)}


def test_a_removed_folder_comes_back_as_the_same_one(connection: sqlite3.Connection) -> None:
    folder = new_folder(connection, b"/\xff")
    folders.remove(connection, folder, next_seq(connection))
    assert folders.by_path(connection, b"/\xff") is None
    assert new_folder(connection, b"/\xff") == folder


def test_the_settings_rule_over_what_they_name_and_leave_the_rest(connection: sqlite3.Connection) -> None:
    new_folder(connection, b"/added")
    new_folder(connection, b"/both")
    folders.sync_with_config(connection, [(b"/both", "native"), (b"/own", "poll")], [b"/named"], next_seq(connection))
    assert watched(connection) == {b"/added": "added", b"/both": "config", b"/own": "config", b"/named": "added"}
    folders.sync_with_config(connection, [(b"/own", "poll")], [], next_seq(connection))
    assert watched(connection) == {b"/added": "added", b"/own": "config", b"/named": "added"}


def test_watching_again_forgets_no_doubt(connection: sqlite3.Connection) -> None:
    folder = new_folder(connection)
    folders.set_state(connection, folder, FolderState.SUSPECT, "much is gone", next_seq(connection))
    new_folder(connection)
    assert [(row.state, row.reason) for row in folders.active(connection)] == [(FolderState.SUSPECT, "much is gone")]


def test_a_whole_scan_notes_device_and_time(connection: sqlite3.Connection) -> None:
    folder = new_folder(connection)
    folders.set_scanned(connection, folder, 7, 9, 12.5)
    row = folders.by_path(connection, b"/s")
    assert row is not None
    assert (row.device, row.volume, row.last_scan) == (7, 9, 12.5)


@pytest.mark.parametrize(
    ("path", "held"),
    [
        (b"/a/b/c.wav", (b"/a/b", b"c.wav")),
        (b"/a/b/d/c.wav", (b"/a/b", b"d/c.wav")),
        (b"/a/b", (b"/a/b", b"")),
        (b"/a/bc", None),
        (b"/a", None),
    ],
)
def test_a_path_lies_in_the_folder_above_it_and_in_no_namesake(
    connection: sqlite3.Connection, path: bytes, held: tuple[bytes, bytes] | None
) -> None:
    for folder in (b"/x", b"/a/b"):
        new_folder(connection, folder)
    found = folders.holding(folders.active(connection), path)
    assert (None if found is None else (found[0].path, found[1])) == held


def test_what_lies_in_the_root_of_the_file_system_has_one_slash(connection: sqlite3.Connection) -> None:
    root = new_folder(connection, b"/")
    kick = new_sound(connection, root, "trömmeln/kick.wav".encode(), analysis(1))
    path = "/trömmeln/kick.wav".encode()
    assert sounds.files_of(connection, [kick]) == {kick: [(path, None)]}
    assert sounds.of_file(connection, path) == kick
    assert sounds.of_file(connection, b"/" + path) is None
    assert names.named(connection, ["kick"], b"/", SoundId(0), 10) == [kick]
    assert duplicates.in_folder(connection, b"/") == {kick}
    assert duplicates.in_folder(connection, "/trömmeln".encode()) == {kick}
    new_file(connection, root, b"new.wav")
    assert [file.path for file in files.claim_pending(connection, 1.0, 10, [])] == [b"/new.wav"]


def test_a_path_that_is_no_text_is_found_by_its_bytes(connection: sqlite3.Connection) -> None:
    folder = new_folder(connection, b"/s\xff")
    kick = new_sound(connection, folder, b"k\xfe.wav", analysis(1))
    assert sounds.files_of(connection, [kick]) == {kick: [(b"/s\xff/k\xfe.wav", None)]}
    assert sounds.of_file(connection, b"/s\xff/k\xfe.wav") == kick
