"""Every three letters in a row of paths and labels, by file: where to look for a rare word. Always allowed to lag.

Written in batches: one insertion at a time costs ten times as much. What was not written yet stands in ``unnamed`` and
is looked through; what is out of date is checked against the file. So a search is right at any time, and quick soon.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final

BATCH: Final = 500
"""Files written at once: the writer has other work."""

MOST_OUTDATED: Final = 10_000
"""Documents beyond twice the files that there are; then all of it is written anew."""

FILE_BITS: Final = 32
"""Of a document's number: below them the file, above them its sound. So documents come in the order of sounds."""

LETTERS: Final = 3
SHORTEST: Final = 2
"""Letters of a word that can be looked up."""

ASKED: Final = 3
"""Groups of letters that are looked up of one question: what they find is compared in full anyway."""

MET: Final = 200
"""Documents after which it is known how rare some letters are."""

# Ends in a letter more, so that the last two begin three as well.
_TEXT = "CAST(path AS TEXT) || char(10) || coalesce(label, '') || char(10)"


def waiting(connection: sqlite3.Connection, most: int) -> int:
    """How many files are still to be written, counted up to ``most``."""
    return int(connection.execute("SELECT count(*) FROM (SELECT 1 FROM unnamed LIMIT ?)", (most,)).fetchone()[0])


def write_some(connection: sqlite3.Connection, limit: int = BATCH) -> int:
    """Writes up to ``limit`` files that wait. Returns how many."""
    ids: list[int] = [row[0] for row in connection.execute("SELECT file_id FROM unnamed LIMIT ?", (limit,))]
    if not ids:
        return 0
    _begin_anew_if_outdated(connection)
    marks = ",".join("?" * len(ids))
    # In the order of the numbers, because another one makes SQLite write the batch in pieces.
    connection.execute(
        f"INSERT INTO name (rowid, text) SELECT (sound_id << {FILE_BITS}) + id, {_TEXT} FROM file "
        f"WHERE id IN ({marks}) AND sound_id IS NOT NULL ORDER BY sound_id, id",
        ids,
    )
    connection.execute(f"DELETE FROM unnamed WHERE file_id IN ({marks})", ids)
    connection.execute("UPDATE meta SET value = value + ? WHERE key = 'named'", (len(ids),))
    return len(ids)


def wanted(connection: sqlite3.Connection, words: Iterable[str], after: int) -> str:
    """What a document must have for every one of these words (ASCII, lower case, not shorter than it has to be) to be
    in it. Only the rarest letters are asked for: those that nearly every file has cost much, and rule out little.

    Args:
        after: only documents beyond this number matter.
    """
    longer, letters = [word for word in words if len(word) >= LETTERS], set[str]()
    for word in longer:
        letters |= {_quoted(word[place : place + LETTERS]) for place in range(len(word) - LETTERS + 1)}
    asked = sorted(letters)
    if len(asked) > ASKED:
        asked.sort(key=lambda part: _reach(connection, part, after), reverse=True)
    # Where there are longer words they rule out enough.
    return " AND ".join(asked[:ASKED] or [_beginning_with(connection, word) for word in words])


def _beginning_with(connection: sqlite3.Connection, word: str) -> str:
    """Any of the three letters that begin with these two."""
    rows = connection.execute(
        "SELECT term FROM name_letters WHERE term >= ? AND term < ?", (word, f"{word}\U0010ffff")
    ).fetchall()
    return f"({' OR '.join(_quoted(row[0]) for row in rows)})" if rows else _quoted("\x01" * LETTERS)  # in no name


def _quoted(letters: str) -> str:
    return '"{}"'.format(letters.replace('"', '""'))


def _reach(connection: sqlite3.Connection, letters: str, after: int) -> float:
    """How far one has to go to meet so many documents with these letters: the farther, the rarer they are."""
    row = connection.execute(
        "SELECT rowid FROM name WHERE name MATCH ? AND rowid > ? ORDER BY rowid LIMIT 1 OFFSET ?",
        (letters, after, MET),
    ).fetchone()
    return float("inf") if row is None else row[0]


def _begin_anew_if_outdated(connection: sqlite3.Connection) -> None:
    written = connection.execute("SELECT value FROM meta WHERE key = 'named'").fetchone()[0]
    files = connection.execute("SELECT coalesce(sum(files), 0) FROM tally").fetchone()[0]
    if written > 2 * files + MOST_OUTDATED:
        connection.execute("INSERT INTO name (name) VALUES ('delete-all')")
        connection.execute("INSERT OR IGNORE INTO unnamed (file_id) SELECT id FROM file WHERE sound_id IS NOT NULL")
        connection.execute("UPDATE meta SET value = 0 WHERE key = 'named'")
