"""Rows of ``folder``: the watched roots."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from timbred_indexer.model import FolderId, FolderState, Seq, WatchMode

Source = Literal["config", "added"]

COLUMNS = "id, path, source, watch, state, reason, device, volume, last_scan"


@dataclass(frozen=True, slots=True)
class Folder:
    """A watched root.

    Attributes:
        path: absolute, as the file system has it.
        device: ``st_dev`` of the root when it was last seen healthy.
        volume: what the file system said of itself then; on most, two volumes never say the same.
        last_scan: Unix time at which the last whole scan ended.
    """

    id: FolderId
    path: bytes
    source: Source
    watch: WatchMode
    state: FolderState
    reason: str | None
    device: int | None
    volume: int | None
    last_scan: float | None


def active(connection: sqlite3.Connection) -> list[Folder]:
    """The folders that are watched now, oldest first."""
    rows = connection.execute(f"SELECT {COLUMNS} FROM folder WHERE active ORDER BY id")
    return [_folder(row) for row in rows]


def by_path(connection: sqlite3.Connection, path: bytes) -> Folder | None:
    row = connection.execute(f"SELECT {COLUMNS} FROM folder WHERE active AND path = ?", (path,)).fetchone()
    return _folder(row) if row else None


def ever(connection: sqlite3.Connection, path: bytes) -> Folder | None:
    """The folder at ``path``, also one that is watched no more."""
    row = connection.execute(f"SELECT {COLUMNS} FROM folder WHERE path = ?", (path,)).fetchone()
    return _folder(row) if row else None


def holding(known: Iterable[Folder], path: bytes) -> tuple[Folder, bytes] | None:
    """The folder that an absolute path lies in, or is (``b""``), and the path relative to it."""
    for folder in known:
        top = folder.path.rstrip(b"/")
        if path == folder.path or path.startswith(top + b"/"):
            return folder, path[len(top) + 1 :]
    return None


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


def relocate(connection: sqlite3.Connection, folder: FolderId, path: bytes, seq: Seq) -> None:
    """Gives a folder another path, and watches it. One that was known there is merged into it.

    Of two rows for one file the relocated folder's stays, with the other's label if it has none. A folder that was
    offline counts as online until it is looked at; one that is suspect stays so.
    """
    other = connection.execute("SELECT id FROM folder WHERE path = ? AND id <> ?", (path, folder)).fetchone()
    if other is not None:
        _merge(connection, FolderId(other[0]), folder, seq)
    connection.execute(
        "UPDATE folder SET path = ?1, device = NULL, volume = NULL, active = 1, source = iif(active, source, 'added'), "
        "reason = iif(state = 'offline', NULL, reason), seq = iif(state = 'offline', ?2, seq), "
        "state = iif(state = 'offline', 'online', state) WHERE id = ?3",
        (path, seq, folder),
    )
    touch_sounds(connection, folder, seq)


def _merge(connection: sqlite3.Connection, other: FolderId, folder: FolderId, seq: Seq) -> None:
    """Takes over the other folder's rows, and how it is watched if it is; then it is no more."""
    touch_sounds(connection, other, seq)
    connection.execute(
        "UPDATE file SET label = coalesce(label, (SELECT twin.label FROM file AS twin "
        "WHERE twin.folder_id = ?1 AND twin.path = file.path)) WHERE folder_id = ?2",
        (other, folder),
    )
    connection.execute(
        "DELETE FROM file WHERE folder_id = ?1 AND path IN (SELECT path FROM file WHERE folder_id = ?2)",
        (other, folder),
    )
    connection.execute("UPDATE file SET folder_id = ? WHERE folder_id = ?", (folder, other))
    connection.execute(
        "UPDATE folder SET (source, watch, active) = (SELECT source, watch, 1 FROM folder WHERE id = ?1) "
        "WHERE id = ?2 AND (SELECT active FROM folder WHERE id = ?1)",
        (other, folder),
    )
    connection.execute("DELETE FROM folder WHERE id = ?", (other,))


def set_state(
    connection: sqlite3.Connection,
    folder: FolderId,
    state: FolderState,
    reason: str | None,
    seq: Seq,
    *,
    since: Seq | None = None,
) -> None:
    """The folder's ``seq`` is that of its last change of state, or the earlier one from which its losses count."""
    connection.execute(
        "UPDATE folder SET state = ?, reason = ?, seq = ? WHERE id = ?",
        (state.value, reason, seq if since is None else since, folder),
    )
    touch_sounds(connection, folder, seq)


def set_reason(connection: sqlite3.Connection, folder: FolderId, reason: str) -> None:
    """What is said about a state that lasts."""
    connection.execute("UPDATE folder SET reason = ? WHERE id = ?", (reason, folder))


def set_scanned(connection: sqlite3.Connection, folder: FolderId, device: int, volume: int | None, now: float) -> None:
    """Notes a whole scan that ended: device and volume are the healthy ones, ``now`` is Unix time."""
    connection.execute(
        "UPDATE folder SET device = ?, volume = ?, last_scan = ? WHERE id = ?", (device, volume, now, folder)
    )


def accept_volume(connection: sqlite3.Connection, folder: FolderId) -> None:
    """Whatever is mounted at the folder's place is the folder from now on."""
    connection.execute("UPDATE folder SET device = NULL, volume = NULL WHERE id = ?", (folder,))


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


def _folder(
    row: tuple[int, bytes, Source, WatchMode, str, str | None, int | None, int | None, float | None],
) -> Folder:
    identity, path, source, watch, state, reason, device, volume, last_scan = row
    return Folder(FolderId(identity), path, source, watch, FolderState(state), reason, device, volume, last_scan)
