"""What lies in folders that cannot be reached now: hidden from every answer, shown when asked for."""

from __future__ import annotations

import sqlite3
from typing import Final

from timbred_indexer.model import SoundId
from timbred_indexer.store.paths import FILE_PATH

FEW: Final = 5_000
"""Files that are looked at, and sorted, for one page. More of them lie so dense among all files that a walk in order of
sounds soon has a page."""

_OFFLINE_FILE: Final = (
    "file.sound_id IS NOT NULL AND +file.state IN ('indexed', 'pending') AND folder.active AND folder.state = 'offline'"
)
# CROSS JOIN is SQLite's way to say which table comes first, a plus that no index is to be taken for the column.
_BY_FOLDER: Final = "folder CROSS JOIN file ON file.folder_id = folder.id AND +file.sound_id > ?"
_BY_SOUND: Final = "file CROSS JOIN folder ON folder.id = file.folder_id AND file.sound_id > ?"


def page(
    connection: sqlite3.Connection, after: SoundId, limit: int, *, few: int = FEW
) -> dict[SoundId, list[tuple[bytes, str | None]]]:
    """Sounds that a file of an offline folder has, by id, beyond ``after``.

    Args:
        few: up to so many offline files are all looked at.

    Returns:
        Absolute path and set label of each such file, oldest row first. A present file may have the sound too.
    """
    walk = _BY_FOLDER if _count(connection) <= few else _BY_SOUND
    rows = connection.execute(
        f"WITH sound AS (SELECT DISTINCT file.sound_id AS id FROM {walk} WHERE {_OFFLINE_FILE} ORDER BY id LIMIT ?) "
        f"SELECT file.sound_id, {FILE_PATH}, label FROM sound "
        "CROSS JOIN file ON file.sound_id = sound.id JOIN folder ON folder.id = folder_id "
        f"WHERE {_OFFLINE_FILE} ORDER BY file.sound_id, file.id",
        (after, limit),
    )
    answer: dict[SoundId, list[tuple[bytes, str | None]]] = {}
    for sound, path, label in rows:
        answer.setdefault(SoundId(sound), []).append((bytes(path), label))
    return answer


def _count(connection: sqlite3.Connection) -> int:
    row = connection.execute(
        "SELECT coalesce(sum(files), 0) FROM tally JOIN folder ON folder.id = folder_id "
        "WHERE active AND folder.state = 'offline'"
    ).fetchone()
    return int(row[0])
