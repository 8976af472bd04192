"""What a search is told to find: below a folder, of a length, called something, of a format, new."""

from __future__ import annotations

import sqlite3

import pytest

from builders import analysis, files_at, new_sound
from timbred_indexer.model import FolderId, Seconds, SoundId
from timbred_indexer.store import sounds
from timbred_indexer.store.matching import Filter, matching


def found(connection: sqlite3.Connection, wanted: Filter) -> set[SoundId]:
    segments = matching(connection, wanted)
    return {segment.sound for segment in sounds.segments(connection, segments).values()}


@pytest.mark.parametrize(
    ("folder_path", "names"),
    [(b"/", {b"a/1", b"ab/2", b"3"}), (b"/s", {b"a/1", b"ab/2", b"3"}), (b"/s/a", {b"a/1"}), (b"/s/a/", {b"a/1"})],
)
def test_a_folder_filter_means_below_not_beside(
    connection: sqlite3.Connection, folder: FolderId, folder_path: bytes, names: set[bytes]
) -> None:
    ids = {name: new_sound(connection, folder, name, analysis(1)) for name in (b"a/1", b"ab/2", b"3")}
    assert found(connection, Filter(folder=folder_path)) == {ids[name] for name in names}


def test_duration_filters_include_their_bounds(connection: sqlite3.Connection, folder: FolderId) -> None:
    for seconds in (1.0, 2.0, 3.0):
        new_sound(connection, folder, b"%f" % seconds, analysis(1, duration=seconds))
    assert len(matching(connection, Filter(min_duration=Seconds(2.0), max_duration=Seconds(3.0)))) == 2
    assert len(matching(connection, Filter(max_duration=Seconds(2.0)))) == 2


def test_words_are_looked_for_in_paths_and_labels_of_one_file(connection: sqlite3.Connection, folder: FolderId) -> None:
    by_path = new_sound(connection, folder, b"Loops/amen.wav", analysis(1))
    by_label = new_sound(connection, folder, b"b.wav", analysis(1))
    connection.execute("UPDATE file SET label = 'amen, the LOOP' WHERE sound_id = ?", (by_label,))
    new_sound(connection, folder, b"loops/other.wav", analysis(1))
    assert found(connection, Filter(words=("loop", "amen"))) == {by_path, by_label}
    assert found(connection, Filter(words=("loop", "amen"), folder=b"/s/Loops")) == {by_path}
    assert found(connection, Filter(words=("loop",), max_duration=Seconds(0.5))) == set()
    assert found(connection, Filter(words=("nowhere",))) == set()


def test_any_number_of_sounds_may_have_a_word(connection: sqlite3.Connection, folder: FolderId) -> None:
    made = {new_sound(connection, folder, b"kicks/%d" % number, analysis(1)) for number in range(600)}
    assert found(connection, Filter(words=("kick",), folder=b"/s/kicks", since=0.0)) == made


def test_a_format_is_known_in_any_case(connection: sqlite3.Connection, folder: FolderId) -> None:
    sound = new_sound(connection, folder, b"a", analysis(1))
    assert found(connection, Filter(format="WAV")) == {sound}
    assert found(connection, Filter(format="flac")) == set()


def test_what_is_new_is_told_by_when_a_file_was_first_seen(connection: sqlite3.Connection, folder: FolderId) -> None:
    old, new = (new_sound(connection, folder, path, analysis(1)) for path in (b"old", b"sub/new"))
    (file,) = files_at(connection, old)
    connection.execute("UPDATE file SET seen = 1000 WHERE id = ?", (file,))
    assert found(connection, Filter(since=1000.0)) == {old, new}
    assert found(connection, Filter(since=1000.5)) == {new}
    assert found(connection, Filter(since=1000.5, folder=b"/s/sub")) == {new}
    connection.execute("UPDATE file SET state = 'missing', missing_since = 0 WHERE sound_id = ?", (new,))
    assert found(connection, Filter(since=1000.0)) == {old}


def test_only_a_filter_that_says_something_is_one() -> None:
    assert not Filter()
    assert Filter(format="wav")
    assert Filter(since=0.0)
