"""Files that could not be analysed, or cannot be read now: what is said of them."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from timbred_indexer.model import FileId
from timbred_indexer.store.paths import FILE_PATH


@dataclass(frozen=True, slots=True)
class Failure:
    id: FileId
    path: bytes
    code: str
    message: str
    attempts: int
    retry_at: float | None


def unread_changes(connection: sqlite3.Connection) -> int:
    """How many files changed, cannot be read, and answer with what they were. Looks at those that wait only."""
    row = connection.execute(
        "SELECT count(*) FROM file JOIN folder ON folder.id = folder_id "
        "WHERE file.state = 'pending' AND retry_at > 0 AND error_code IN ('unreadable', 'vanished') "
        "AND sound_id IS NOT NULL AND active AND folder.state <> 'offline'"
    ).fetchone()
    return int(row[0])


def page(connection: sqlite3.Connection, after: FileId, limit: int) -> list[Failure]:
    """Files that failed or wait after an error, by id, beyond ``after``."""
    rows = connection.execute(
        f"SELECT file.id, {FILE_PATH}, error_code, error_message, attempts, "
        "CASE WHEN file.state = 'pending' THEN retry_at END FROM file JOIN folder ON folder.id = folder_id "
        "WHERE active AND file.state IN ('failed', 'pending') AND error_code IS NOT NULL AND file.id > ? "
        "ORDER BY file.id LIMIT ?",
        (after, limit),
    )
    return [Failure(FileId(row[0]), bytes(row[1]), *row[2:]) for row in rows]
