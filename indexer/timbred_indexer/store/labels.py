"""Set labels, many at a time: a page of those that there are; new ones by path or by what the file's bytes are."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from timbred_indexer.model import FileId, Seq
from timbred_indexer.store import files, folders
from timbred_indexer.store.folders import Folder
from timbred_indexer.store.paths import FILE_PATH


@dataclass(frozen=True, slots=True)
class SetLabel:
    """``path`` is absolute; ``digest``: the SHA-256 of the file's bytes, None while they are not known."""

    file: FileId
    path: bytes
    digest: bytes | None
    label: str


@dataclass(frozen=True, slots=True)
class WantedLabel:
    """What is to be called so: the file at ``path`` or, where there is none, every file with these bytes."""

    path: bytes | None
    digest: bytes | None
    label: str


def page(connection: sqlite3.Connection, after: FileId, limit: int) -> list[SetLabel]:
    """Labels that were set, by file, beyond ``after``; those of files that are missing or offline too."""
    rows = connection.execute(
        f"SELECT file.id, {FILE_PATH}, sound.hash, label "
        "FROM file JOIN folder ON folder.id = folder_id LEFT JOIN sound ON sound.id = sound_id "
        "WHERE label IS NOT NULL AND active AND file.id > ? ORDER BY file.id LIMIT ?",
        (after, limit),
    )
    return [SetLabel(FileId(row[0]), bytes(row[1]), row[2], row[3]) for row in rows]


def set_many(connection: sqlite3.Connection, wanted: Iterable[WantedLabel], seq: Seq) -> tuple[int, list[int]]:
    """Sets labels, the later of two for one file holding.

    Returns:
        How many of ``wanted`` named a known file, and the places (from 0) of those that did not.
    """
    known = folders.active(connection)
    matched, unknown = 0, list[int]()
    for place, one in enumerate(wanted):
        if _set(connection, known, one, seq):
            matched += 1
        else:
            unknown.append(place)
    return matched, unknown


def _set(connection: sqlite3.Connection, known: Sequence[Folder], one: WantedLabel, seq: Seq) -> bool:
    found = [] if one.path is None else _at_path(connection, known, one.path)
    if not found and one.digest is not None:
        rows = connection.execute(
            "SELECT file.id FROM sound JOIN file ON sound_id = sound.id WHERE hash = ?", (one.digest,)
        ).fetchall()
        found = [FileId(row[0]) for row in rows]
    for file in found:
        files.set_label_of_file(connection, file, one.label, seq)
    return bool(found)


def _at_path(connection: sqlite3.Connection, known: Sequence[Folder], path: bytes) -> list[FileId]:
    place = folders.holding(known, path)
    if place is None:
        return []
    folder, below = place
    rows = connection.execute("SELECT id FROM file WHERE folder_id = ? AND path = ?", (folder.id, below))
    return [FileId(row[0]) for row in rows]
