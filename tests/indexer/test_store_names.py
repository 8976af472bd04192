"""Sounds are found by words in paths and labels, as people type them."""

from __future__ import annotations

import sqlite3
import unicodedata

import pytest

from builders import analysis, fresh_connection, new_folder, new_sound
from timbred_indexer.db import next_seq
from timbred_indexer.model import SoundId
from timbred_indexer.store import files, folders, name_index, names, sounds

NAMES = [
    b"Drums/Kick 01.wav",
    b"Drums/Snare_50%.wav",
    "Töne/ÜBER Kick.wav".encode(),
    unicodedata.normalize("NFD", "Café/Göng.wav").encode(),
    b"latin-1/caf\xe9 Kick.wav",
    b"odd/new\nline [1] \\ 'quote'.wav",
    "Straße/МОСКВА.wav".encode(),
]


@pytest.fixture(params=[0, 3, 100], ids=["not written yet", "half written", "written"])
def library(request: pytest.FixtureRequest) -> sqlite3.Connection:
    """Looked up in full, in part, and not at all: the answer is the same."""
    connection = fresh_connection()
    folder = new_folder(connection, b"/s/My Samples")
    for number, name in enumerate(NAMES):
        new_sound(connection, folder, name, analysis(number))
    if request.param:
        name_index.write_some(connection, request.param)
    return connection


def found(library: sqlite3.Connection, words: str, folder: bytes | None = None) -> list[int]:
    return list(names.named(library, words.split(), folder, SoundId(0), 100))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("kick", [1, 3, 5]),
        ("KICK drums", [1]),
        ("drums kick", [1]),
        ("drum ick", [1]),
        ("kick snare", []),
        ("%", [2]),
        ("_", [2]),
        ("50%", [2]),
        ("5_%", []),
        ("über", [3]),
        ("ÜBER töne", [3]),
        (unicodedata.normalize("NFD", "über"), [3]),
        ("café", [4]),
        ("cafÉ GÖNG", [4]),
        ("caf", [4, 5]),
        ("caf\ufffd", [5]),
        ("\\ [1]", [6]),
        ("'quote'", [6]),
        ("москва", [7]),
        ("strasse", []),
        ("STRASSE москва", []),
        ("straße", [7]),
        ("samples my", [1, 2, 3, 4, 5, 6, 7]),
        ("samples/drums", [1, 2]),
        ("samples kick", [1, 3, 5]),
        ("les/dru 50%", [2]),
        ('[1] "', []),
        ("", [1, 2, 3, 4, 5, 6, 7]),
        ("ö", [3, 4]),
        ("'; DROP TABLE file; --", []),
    ],
)
def test_every_word_counts_and_neither_case_nor_order_does(
    library: sqlite3.Connection, words: str, expected: list[int]
) -> None:
    assert found(library, words) == expected


@pytest.mark.parametrize("write", [False, True])
def test_a_label_is_a_name_too(library: sqlite3.Connection, write: bool) -> None:
    files.set_label(library, SoundId(1), "Großer Bumz", next_seq(library))
    if write:
        written(library)
    assert found(library, "bumz") == found(library, "mz") == [1]
    assert found(library, "grosser") == []
    assert found(library, "GROẞER drums") == [1]


def test_a_folder_is_a_border(library: sqlite3.Connection) -> None:
    assert found(library, "", b"/s/My Samples/Drums") == [1, 2]
    assert found(library, "kick", b"/s/My Samples/Drums/") == [1]
    assert found(library, "", b"/s/My Samples/Dru") == []
    assert found(library, "", b"/s") == [1, 2, 3, 4, 5, 6, 7]
    assert found(library, "", b"/") == [1, 2, 3, 4, 5, 6, 7]


def test_pages_follow_each_other(library: sqlite3.Connection) -> None:
    assert names.named(library, ["kick"], None, SoundId(0), 2) == [1, 3]
    assert names.named(library, ["kick"], None, SoundId(3), 2) == [5]


def test_without_words_it_is_the_list_of_all_sounds(library: sqlite3.Connection) -> None:
    assert names.named(library, [], None, SoundId(2), 3) == sounds.page(library, SoundId(2), 3) == [3, 4, 5]


def test_copies_are_one_sound_and_hidden_files_are_none(library: sqlite3.Connection) -> None:
    folder = new_folder(library, b"/other")
    new_sound(library, folder, b"copy kick.wav", analysis(1), content="copy")
    new_sound(library, folder, b"copy kick 2.wav", analysis(1), content="copy")
    assert found(library, "copy") == [8]
    library.execute("UPDATE folder SET state = 'offline' WHERE path = ?", (b"/other",))
    assert found(library, "copy") == []


def written(library: sqlite3.Connection) -> sqlite3.Connection:
    while name_index.write_some(library, 2):
        pass
    return library


def test_what_a_file_was_called_before_is_forgotten(library: sqlite3.Connection) -> None:
    written(library).execute("UPDATE file SET path = CAST('Drums/Clap.wav' AS BLOB) WHERE id = 1")
    for _ in ("looked through", "looked up"):
        assert (found(library, "kick drums"), found(library, "clap")) == ([], [1])
        written(library)


def test_a_file_that_holds_another_sound_now_is_found_as_that(library: sqlite3.Connection) -> None:
    written(library).execute("UPDATE file SET sound_id = 7 WHERE id = 1")
    for _ in ("looked through", "looked up"):
        assert found(library, "kick") == [3, 5, 7]
        written(library)


def test_a_file_that_is_forgotten_is_not_found(library: sqlite3.Connection) -> None:
    written(library).execute("DELETE FROM file WHERE id IN (1, 3)")
    assert found(library, "kick") == [5]
    assert name_index.waiting(library, 10) == 0


def test_what_one_folders_path_says_does_not_hide_the_files_of_another(library: sqlite3.Connection) -> None:
    folder = new_folder(written(library), b"/kick")
    new_sound(library, folder, b"hat.wav", analysis(9), content="hat")
    for _ in ("looked through", "looked up"):
        assert found(library, "kick") == [1, 3, 5, 8]
        assert found(library, "kick hat") == [8]
        written(library)
    folders.remove(library, folder, next_seq(library))
    assert found(library, "kick") == [1, 3, 5]


def test_the_index_is_written_anew_once_most_of_it_is_out_of_date(library: sqlite3.Connection) -> None:
    written(library).execute("UPDATE meta SET value = 20000 WHERE key = 'named'")
    library.execute("UPDATE file SET label = 'Bums' WHERE id = 1")
    assert name_index.write_some(library) == 1
    assert name_index.waiting(library, 10) == 6
    assert found(written(library), "kick") == [1, 3, 5]
    assert library.execute("SELECT value FROM meta WHERE key = 'named'").fetchone() == (7,)


def test_a_rare_word_is_looked_up_in_the_order_of_sounds_without_sorting(library: sqlite3.Connection) -> None:
    plans: list[str] = []
    statements: list[str] = []
    library.set_trace_callback(statements.append)
    found(written(library), "kick")
    library.set_trace_callback(None)
    for statement in statements:
        if "name MATCH" in statement:
            plans += [row[3] for row in library.execute(f"EXPLAIN QUERY PLAN {statement}")]
    assert plans[0].startswith("SCAN name VIRTUAL TABLE")
    assert not any("TEMP B-TREE" in step or "SCAN file" in step for step in plans)
