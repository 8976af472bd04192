"""Sounds are found by words in paths and labels, as people type them."""

from __future__ import annotations

import sqlite3
import unicodedata

import pytest

from builders import analysis, fresh_connection, new_folder, new_sound
from timbred_indexer.db import next_seq
from timbred_indexer.model import SoundId
from timbred_indexer.store import files, names, sounds

NAMES = [
    b"Drums/Kick 01.wav",
    b"Drums/Snare_50%.wav",
    "Töne/ÜBER Kick.wav".encode(),
    unicodedata.normalize("NFD", "Café/Göng.wav").encode(),
    b"latin-1/caf\xe9 Kick.wav",
    b"odd/new\nline [1] \\ 'quote'.wav",
    "Straße/МОСКВА.wav".encode(),
]


@pytest.fixture
def library() -> sqlite3.Connection:
    connection = fresh_connection()
    folder = new_folder(connection, b"/s/My Samples")
    for number, name in enumerate(NAMES):
        new_sound(connection, folder, name, analysis(number))
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
        ("", [1, 2, 3, 4, 5, 6, 7]),
        ("ö", [3, 4]),
        ("'; DROP TABLE file; --", []),
    ],
)
def test_every_word_counts_and_neither_case_nor_order_does(
    library: sqlite3.Connection, words: str, expected: list[int]
) -> None:
    assert found(library, words) == expected


def test_a_label_is_a_name_too(library: sqlite3.Connection) -> None:
    files.set_label(library, SoundId(1), "Großer Bums", next_seq(library))
    assert found(library, "bums") == [1]
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
