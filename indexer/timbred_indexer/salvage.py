"""Reads out of a damaged database what nothing else could tell again: which folders are watched, and set labels.

Sounds and vectors come from the audio; a label that somebody typed does not.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from timbred_indexer.db import connect, next_seq
from timbred_indexer.errors import StorageError
from timbred_indexer.model import FileStat, Seq, WatchMode
from timbred_indexer.store import files, folders
from timbred_indexer.store.folders import Source

logger = logging.getLogger(__name__)

LEAP = 4096  # rows that are skipped at most behind one that cannot be read
MOST_LEAPS = 10_000  # of which all of a large table is skipped soon


@dataclass(frozen=True, slots=True)
class Salvaged:
    """``folders``: (path, source, watch) of those that were watched; ``labels``: (folder, path in it, label)."""

    folders: tuple[tuple[bytes, Source, WatchMode], ...] = ()
    labels: tuple[tuple[bytes, bytes, str], ...] = ()


def salvage(database: str) -> Salvaged:
    """What can still be read; nothing, where even the tables cannot be found."""
    try:
        with closing(connect(database, readonly=True)) as connection:
            rows = list(_rows(connection, "folder", "path, source, watch, active"))
            paths = {identity: path for identity, path, *_ in rows}
            watched = tuple((path, source, watch) for _, path, source, watch, active in rows if active)
            labels = tuple(
                (paths[folder], path, label)
                for _, folder, path, label in _rows(connection, "file", "folder_id, path, label")
                if label is not None and folder in paths
            )
    except (sqlite3.Error, StorageError) as error:
        logger.debug("Nothing can be salvaged: %s", error)
        return Salvaged()
    return Salvaged(watched, labels)


def put_back(connection: sqlite3.Connection, found: Salvaged) -> int:
    """Adds what was salvaged to a whole database. Returns how many labels it did not have. Call it in a transaction.

    A file that the database does not know gets a row that the next scan compares with the disk.
    """
    seq = next_seq(connection)
    known = {folder.path for folder in folders.active(connection)}
    for path, source, watch in found.folders:
        if path not in known:
            folders.add(connection, path, source, watch, seq)
    return sum(_label(connection, folder, path, label, seq) for folder, path, label in found.labels)


def _label(connection: sqlite3.Connection, folder: bytes, path: bytes, label: str, seq: Seq) -> bool:
    row = connection.execute("SELECT id FROM folder WHERE path = ?", (folder,)).fetchone()
    if row is None:
        return False
    files.insert(connection, row[0], [(path, FileStat(-1, 0, 0, 0))], seq)
    other = connection.execute(
        "SELECT id FROM file WHERE folder_id = ? AND path = ? AND label IS NOT ?", (row[0], path, label)
    ).fetchone()
    if other is not None:
        files.set_label_of_file(connection, other[0], label, seq)
    return other is not None


def _rows(connection: sqlite3.Connection, table: str, columns: str) -> Iterator[tuple[Any, ...]]:
    """Every row that can be read, by id: behind one that cannot, further and further on."""
    after, leap = 0, 1
    for _ in range(MOST_LEAPS):
        try:
            # One row at a time costs little beside what is at stake, and no page is touched but those that it lies on.
            for row in connection.execute(f"SELECT id, {columns} FROM {table} WHERE id > ? ORDER BY id", (after,)):
                after, leap = row[0], 1
                yield row
            return
        except sqlite3.DatabaseError:
            after, leap = after + leap, min(2 * leap, LEAP)
