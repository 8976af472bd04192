"""Which segments a search may find, where it is told to find only some."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass

from timbred_indexer.model import Seconds, SegmentId, SoundId
from timbred_indexer.store import names
from timbred_indexer.store.sounds import VISIBLE_FILE


@dataclass(frozen=True, slots=True)
class Filter:
    """What may be found: sounds of which all of this holds.

    Attributes:
        folder: an absolute path: a file lies in that directory or below it.
        min_duration, max_duration: of the sound.
        words: a file (in ``folder``) has all of them in its path or label; see :func:`names.named`.
        format: of the sound, as rows name it; case does not count.
        since: Unix time: a file (in ``folder``) was first seen then or later.
    """

    folder: bytes | None = None
    min_duration: Seconds | None = None
    max_duration: Seconds | None = None
    words: tuple[str, ...] = ()
    format: str | None = None
    since: float | None = None

    def __bool__(self) -> bool:
        return self != Filter()


def matching(connection: sqlite3.Connection, wanted: Filter) -> list[SegmentId]:
    """Living segments of the sounds that ``wanted`` lets through.

    Where it says nothing of files, whether a file is visible is left to the index's own view.
    """
    conditions = ["dead_seq IS NULL"]
    values: list[int | bytes | float | str] = []
    if wanted.words:
        # One text for any number of sounds: in parts, whatever else is wanted would be looked up for each of them.
        conditions.append("sound.id IN (SELECT value FROM json_each(?))")
        values.append(json.dumps(names.named(connection, wanted.words, wanted.folder, SoundId(0), None)))
    for condition, value in (
        ("duration >= ?", wanted.min_duration),
        ("duration <= ?", wanted.max_duration),
        ("format = ? COLLATE NOCASE", wanted.format),
    ):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    if wanted.folder is not None or wanted.since is not None:
        of_files, more = _of_files(connection, wanted.folder, wanted.since)
        conditions.append(of_files)
        values += more
    rows = connection.execute(
        f"SELECT segment.id FROM sound JOIN segment ON sound_id = sound.id WHERE {' AND '.join(conditions)}", values
    )
    return [SegmentId(row[0]) for row in rows]


def _of_files(
    connection: sqlite3.Connection, folder: bytes | None, since: float | None
) -> tuple[str, list[int | bytes | float | str]]:
    """A condition on a sound: that one visible file of it lies there, and was first seen then or later."""
    conditions, values = [VISIBLE_FILE], list[int | bytes | float | str]()
    if since is not None:
        conditions.append("file.seen >= ?")
        values.append(since)
    if folder is not None:
        below = _below(connection, folder)
        places = " OR ".join("folder_id = ? AND file.path >= ? AND file.path < ?" for _ in below) or "FALSE"
        conditions.append(f"({places})")
        values += [value for place in below for value in place]
    of_files = f"SELECT sound_id FROM file JOIN folder ON folder.id = folder_id WHERE {' AND '.join(conditions)}"
    return f"sound.id IN ({of_files})", values


def _below(connection: sqlite3.Connection, directory: bytes) -> list[tuple[int, bytes, bytes]]:
    """Where the files of a directory are: watched folder, and the bounds of their paths in it."""
    top = directory.rstrip(b"/") + b"/"
    found: list[tuple[int, bytes, bytes]] = []
    for identity, path in connection.execute("SELECT id, path FROM folder WHERE active"):
        own = path.rstrip(b"/") + b"/"
        if own.startswith(top):
            found.append((identity, b"", b"\xff" * 4096))  # longer than any path
        elif top.startswith(own):
            inside = top[len(own) :]
            found.append((identity, inside, inside[:-1] + b"0"))  # 0 is what follows / among bytes
    return found
