"""Versions of CLAP's vectors: which there are, at the same cost however many vectors each has."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from builders import analysis, clap_vector, let_clap_hear, new_sound
from timbred_indexer.model import FolderId
from timbred_indexer.store import clap


def hear(connection: sqlite3.Connection, folder: FolderId, version: str, numbers: Iterable[int]) -> None:
    for number in numbers:
        sound = new_sound(connection, folder, f"{version}{number}".encode(), analysis(1))
        let_clap_hear(connection, sound, clap_vector(number), version=version)


def test_a_version_counts_while_it_has_a_vector(connection: sqlite3.Connection, folder: FolderId) -> None:
    hear(connection, folder, "old", range(2))
    hear(connection, folder, "new", range(3))
    assert sorted(clap.versions(connection)) == ["new", "old"]
    assert clap.drop(connection, "old", 10) == 2
    assert clap.versions(connection) == ["new"]


def test_the_fullest_version_has_the_most_vectors(connection: sqlite3.Connection, folder: FolderId) -> None:
    for version, count in (("a", 1), ("b", 3), ("c", 2)):
        hear(connection, folder, version, range(count))
    found = [clap.fullest(connection, among) for among in (["a", "b", "c"], ["a", "c"], ["a"])]
    assert found == ["b", "c", "a"]


def test_which_versions_there_are_costs_the_same_however_much_was_heard(
    connection: sqlite3.Connection, folder: FolderId
) -> None:
    hear(connection, folder, "one", range(2))
    before = steps(connection)
    hear(connection, folder, "one", range(2, 100))
    assert steps(connection) == before


def steps(connection: sqlite3.Connection) -> int:
    """Instructions of SQLite's machine that it takes."""
    taken = [0]

    def step() -> int:
        taken[0] += 1
        return 0

    connection.set_progress_handler(step, 1)
    clap.versions(connection)
    connection.set_progress_handler(None, 1)
    return taken[0]
