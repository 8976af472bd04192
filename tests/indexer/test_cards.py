"""Cards: what was read once is not read again, and what has changed since is not believed."""

from __future__ import annotations

import sqlite3

import pytest

from builders import VERSION, analysis, files_at, new_sound, places
from timbred_indexer.cards import Cards
from timbred_indexer.db import current_seq, next_seq
from timbred_indexer.kept import NotAtOnceError
from timbred_indexer.model import FolderId
from timbred_indexer.store import files


def test_what_was_read_is_in_memory_until_something_changes(connection: sqlite3.Connection, folder: FolderId) -> None:
    cards, sound = Cards(VERSION, places), new_sound(connection, folder, b"a", analysis(1))
    read = cards.get(connection, current_seq(connection), [sound])
    assert cards.get(None, current_seq(connection), [sound]) == read
    new_sound(connection, folder, b"b", analysis(2))
    with pytest.raises(NotAtOnceError):
        cards.get(None, current_seq(connection), [sound])


def test_only_what_changed_is_read_again(connection: sqlite3.Connection, folder: FolderId) -> None:
    described: list[int] = []
    cards = Cards(VERSION, lambda sound, found: described.append(sound.id) or places(sound, found))
    first, second = (new_sound(connection, folder, name, analysis(1)) for name in (b"a", b"b"))
    cards.get(connection, current_seq(connection), [first, second])
    files.set_label(connection, second, "boom", next_seq(connection))
    cards.get(connection, current_seq(connection), [first, second])
    assert described == [first, second, second]


def test_a_sound_without_a_present_file_shows_nothing(connection: sqlite3.Connection, folder: FolderId) -> None:
    cards, sound = Cards(VERSION, places), new_sound(connection, folder, b"a", analysis(1))
    assert cards.get(connection, current_seq(connection), [sound])[sound].shown == b"/s/a"
    files.mark_missing(connection, files_at(connection, sound)[0], 0.0, next_seq(connection))
    assert cards.get(connection, current_seq(connection), [sound])[sound].shown == b""


def test_what_a_reader_of_an_older_state_finds_is_not_kept(connection: sqlite3.Connection, folder: FolderId) -> None:
    cards, sound = Cards(VERSION, places), new_sound(connection, folder, b"a", analysis(1))
    newest = current_seq(connection)
    cards.get(connection, newest, [])
    connection.execute("UPDATE meta SET value = value - 1 WHERE key = 'seq'")  # as an older transaction would see it
    assert cards.get(connection, newest, [sound])[sound].shown == b"/s/a"
    with pytest.raises(NotAtOnceError):
        cards.get(None, newest, [sound])


def test_a_sound_of_another_version_is_not_current(connection: sqlite3.Connection, folder: FolderId) -> None:
    old = new_sound(connection, folder, b"a", analysis(1, version="old"))
    silent = new_sound(connection, folder, b"b", analysis())
    cards = Cards(VERSION, places).get(connection, current_seq(connection), [old, silent])
    assert (cards[old].current, cards[silent].current, cards[silent].segments) == (False, True, ())
