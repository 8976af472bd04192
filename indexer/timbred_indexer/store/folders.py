"""Rows of ``folder``: the watched roots."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from timbred_indexer.model import FolderId, FolderState, Seq, WatchMode

Source = Literal["config", "added"]

COLUMNS = "id, path, source, watch, state, reason, device, last_scan"


@dataclass(frozen=True, slots=True)
class Folder:
    """A watched root.

    Attributes:
        path: absolute, as the file system has it.
        device: ``st_dev`` of the root when it was last seen healthy.
        last_scan: Unix time at which the last whole scan ended.
    """

    id: FolderId
    path: bytes
    source: Source
    watch: WatchMode
    state: FolderState
    reason: str | None
    device: int | None
    last_scan: float | None


def active(connection: sqlite3.Connection) -> list[Folder]:
    """The folders that are watched now, oldest first."""
    rows = connection.execute(f"SELECT {COLUMNS} FROM folder WHERE active ORDER BY id")
    return [_folder(row) for row in rows]


def by_path(connection: sqlite3.Connection, path: bytes) -> Folder | None:
    row = connection.execute(f"SELECT {COLUMNS} FROM folder WHERE active AND path = ?", (path,)).fetchone()
    return _folder(row) if row else None


def add(connection: sqlite3.Connection, path: bytes, source: Source, watch: WatchMode, seq: Seq) -> FolderId:
    """Watches ``path``; a folder that was removed before comes back with all its rows, in the state it was in."""
    row = connection.execute(
        "INSERT INTO folder (path, source, watch, seq) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (path) DO UPDATE SET source = excluded.source, watch = excluded.watch, "
        "active = 1 RETURNING id",
        (path, source, watch, seq),
    ).fetchone()
    folder = FolderId(row[0])
    touch_sounds(connection, folder, seq)
    return folder


def remove(connection: sqlite3.Connection, folder: FolderId, seq: Seq) -> None:
    """Stops watching; rows, labels and vectors stay, hidden."""
    connection.execute("UPDATE folder SET active = 0 WHERE id = ?", (folder,))
    touch_sounds(connection, folder, seq)


def set_state(
    connection: sqlite3.Connection, folder: FolderId, state: FolderState, reason: str | None, seq: Seq
) -> None:
    """The folder's ``seq`` is that of its last change of state."""
    connection.execute(
        "UPDATE folder SET state = ?, reason = ?, seq = ? WHERE id = ?", (state.value, reason, seq, folder)
    )
    touch_sounds(connection, folder, seq)


def set_scanned(connection: sqlite3.Connection, folder: FolderId, device: int, now: float) -> None:
    """Notes a whole scan that ended: the device is the healthy one, ``now`` is Unix time."""
    connection.execute("UPDATE folder SET device = ?, last_scan = ? WHERE id = ?", (device, now, folder))


def sync_with_config(
    connection: sqlite3.Connection, wanted: Iterable[tuple[bytes, WatchMode]], added: Iterable[bytes], seq: Seq
) -> None:
    """Makes the rows agree with the settings.

    Args:
        wanted: folders of the configuration file.
        added: folders named on the command line; they join those added while running.
    """
    config = dict(wanted)
    known = {folder.path: folder for folder in active(connection)}
    for path, folder in known.items():
        if folder.source == "config" and path not in config:
            remove(connection, folder.id, seq)
    for path, watch in config.items():
        folder = known.get(path)
        if folder is None or folder.source != "config" or folder.watch != watch:
            add(connection, path, "config", watch, seq)
    for path in added:
        if path not in known and path not in config:
            add(connection, path, "added", "native", seq)


def touch_sounds(connection: sqlite3.Connection, folder: FolderId, seq: Seq) -> None:
    """Moves every sound of the folder to ``seq``, so that the live index looks at its visibility again."""
    connection.execute(
        "UPDATE sound SET seq = ? WHERE id IN (SELECT sound_id FROM file WHERE folder_id = ?)", (seq, folder)
    )


def _folder(row: tuple[int, bytes, Source, WatchMode, str, str | None, int | None, float | None]) -> Folder:
    identity, path, source, watch, state, reason, device, last_scan = row
    return Folder(FolderId(identity), path, source, watch, FolderState(state), reason, device, last_scan)
