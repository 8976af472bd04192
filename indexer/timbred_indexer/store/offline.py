"""What lies in folders that cannot be reached now: hidden from every answer, shown when asked for."""

from __future__ import annotations

import sqlite3

from timbred_indexer.model import SoundId

_OFFLINE_FILES = (
    "file JOIN folder ON folder.id = folder_id WHERE file.sound_id IS NOT NULL "
    "AND +file.state IN ('indexed', 'pending') AND folder.active AND folder.state = 'offline'"
)


def page(connection: sqlite3.Connection, after: SoundId, limit: int) -> dict[SoundId, list[tuple[bytes, str | None]]]:
    """Sounds that a file of an offline folder has, by id, beyond ``after``.

    Returns:
        Absolute path and set label of each such file, oldest row first. A present file may have the sound too.
    """
    rows = connection.execute(
        f"SELECT file.sound_id, CAST(folder.path || '/' || file.path AS BLOB), label FROM {_OFFLINE_FILES} "
        f"AND file.sound_id IN (SELECT DISTINCT file.sound_id FROM {_OFFLINE_FILES} "
        "AND file.sound_id > ? ORDER BY file.sound_id LIMIT ?) ORDER BY file.sound_id, file.id",
        (after, limit),
    )
    answer: dict[SoundId, list[tuple[bytes, str | None]]] = {}
    for sound, path, label in rows:
        answer.setdefault(SoundId(sound), []).append((bytes(path), label))
    return answer
