"""Rows of ``file``: one path under a folder each, and where it stands."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from timbred_indexer.model import FileId, FileStat, FileState, FolderId, Seq, SoundId
from timbred_indexer.store.paths import FILE_PATH

_MISSING_RETURNS_AS = (
    "CASE WHEN error_code IS NOT NULL THEN 'failed' WHEN sound_id IS NULL THEN 'pending' ELSE 'indexed' END"
)

LONGEST_WAIT = 300.0  # seconds; no file is postponed for longer


class FileRow(NamedTuple):
    """What a plan compares with the disk. ``path`` is relative to the folder."""

    id: FileId
    folder: FolderId
    path: bytes
    size: int
    mtime_ns: int
    inode: int
    device: int
    state: str

    @property
    def stat(self) -> FileStat:
        return FileStat(self.size, self.mtime_ns, self.inode, self.device)


@dataclass(frozen=True, slots=True)
class PendingFile:
    """A file that waits for its turn.

    Attributes:
        path: absolute.
        error_code: how its last try ended.
        known_by: the version of the extractor that knows what it was before it changed; None of a new file.
    """

    id: FileId
    folder: FolderId
    path: bytes
    stat: FileStat
    attempts: int
    error_code: str | None
    known_by: str | None


_ROW = "id, folder_id, path, size, mtime_ns, inode, device, state"


def below(connection: sqlite3.Connection, folder: FolderId, path: bytes) -> list[FileRow]:
    """The rows at ``path`` and below it; ``b""`` is the whole folder."""
    if not path:
        rows = connection.execute(f"SELECT {_ROW} FROM file WHERE folder_id = ?", (folder,))
    else:
        # Names are compared as bytes, so everything below "a/" sorts from "a/" to before "a0" ("0" follows "/").
        rows = connection.execute(
            f"SELECT {_ROW} FROM file WHERE folder_id = ? AND (path = ? OR (path >= ? AND path < ?))",
            (folder, path, path + b"/", path + b"0"),
        )
    return [FileRow(*row) for row in rows]


def by_inodes(connection: sqlite3.Connection, inodes: Sequence[int]) -> list[FileRow]:
    """Rows of watched folders that had one of these inodes: where a new path may have moved from."""
    found: list[FileRow] = []
    for start in range(0, len(inodes), 500):
        part = inodes[start : start + 500]
        marks = ",".join("?" * len(part))
        rows = connection.execute(
            f"SELECT {_ROW} FROM file WHERE inode IN ({marks}) AND folder_id IN (SELECT id FROM folder WHERE active)",
            part,
        )
        found.extend(FileRow(*row) for row in rows)
    return found


def lost(connection: sqlite3.Connection, folder: FolderId, since: float) -> tuple[int, Seq]:
    """How many files went missing after ``since`` (Unix time), and the seq of the first of them.

    What was missing before the folder's last change of state (a loss that was confirmed, say) is not counted.
    """
    count, first = connection.execute(
        "SELECT count(*), coalesce(min(file.seq), 0) FROM file JOIN folder ON folder.id = folder_id "
        "WHERE folder_id = ? AND file.state = 'missing' AND file.seq >= folder.seq AND missing_since > ?",
        (folder, since),
    ).fetchone()
    return int(count), Seq(first)


def sounds_at(connection: sqlite3.Connection, ids: Sequence[FileId]) -> set[SoundId]:
    """The sounds of these rows."""
    found: set[SoundId] = set()
    for start in range(0, len(ids), 500):
        part = ids[start : start + 500]
        marks = ",".join("?" * len(part))
        rows = connection.execute(f"SELECT sound_id FROM file WHERE id IN ({marks}) AND sound_id IS NOT NULL", part)
        found.update(SoundId(row[0]) for row in rows)
    return found


def present_count(connection: sqlite3.Connection, folder: FolderId) -> int:
    row = connection.execute(
        "SELECT coalesce(sum(files), 0) FROM tally WHERE folder_id = ? AND state <> 'missing'", (folder,)
    ).fetchone()
    return int(row[0])


def insert(connection: sqlite3.Connection, folder: FolderId, found: Iterable[tuple[bytes, FileStat]], seq: Seq) -> None:
    """New paths, pending. A path that has a row already is left to the next scan."""
    now = time.time()
    connection.executemany(
        "INSERT OR IGNORE INTO file (folder_id, path, size, mtime_ns, inode, device, state, seen, seq) "
        "VALUES (?, ?, ?, ?, ?, ?, 'pending', ?, ?)",
        [(folder, path, stat.size, stat.mtime_ns, stat.inode, stat.device, now, seq) for path, stat in found],
    )


def mark_changed(connection: sqlite3.Connection, changed: Iterable[tuple[FileId, FileStat]], seq: Seq) -> None:
    """Bytes may be others now: pending again. The old sound goes on answering until they are hashed, if it did."""
    for file, stat in changed:
        _touch_sound(connection, file, seq)
        connection.execute(
            "UPDATE file SET size = ?, mtime_ns = ?, inode = ?, device = ?, error_code = NULL, "
            "error_message = NULL, attempts = 0, retry_at = 0, missing_since = NULL, seq = ?, "
            "sound_id = CASE WHEN state <> 'missing' THEN sound_id END, state = 'pending' WHERE id = ?",
            (stat.size, stat.mtime_ns, stat.inode, stat.device, seq, file),
        )


def move(connection: sqlite3.Connection, file: FileId, folder: FolderId, path: bytes, stat: FileStat, seq: Seq) -> None:
    """Gives the row its new place; sound, label and state go with it. A missing row at that place makes way."""
    ghost = connection.execute(
        "DELETE FROM file WHERE folder_id = ? AND path = ? AND id <> ? AND state = 'missing' RETURNING label, sound_id",
        (folder, path, file),
    ).fetchone()
    if ghost:
        connection.execute("UPDATE sound SET seq = ? WHERE id = ?", (seq, ghost[1]))
    connection.execute("UPDATE file SET label = coalesce(label, ?) WHERE id = ?", (ghost[0] if ghost else None, file))
    connection.execute(
        "UPDATE file SET folder_id = ?, path = ?, size = ?, mtime_ns = ?, inode = ?, device = ?, missing_since = NULL, "
        f"state = CASE WHEN state = 'missing' THEN {_MISSING_RETURNS_AS} ELSE state END, seq = ? WHERE id = ?",
        (folder, path, stat.size, stat.mtime_ns, stat.inode, stat.device, seq, file),
    )
    _touch_sound(connection, file, seq)


def mark_returned(connection: sqlite3.Connection, file: FileId, seq: Seq) -> None:
    """A missing file is there again, unchanged."""
    connection.execute(
        f"UPDATE file SET state = {_MISSING_RETURNS_AS}, missing_since = NULL, seq = ? WHERE id = ?", (seq, file)
    )
    _touch_sound(connection, file, seq)


def mark_missing(connection: sqlite3.Connection, file: FileId, now: float, seq: Seq) -> None:
    """Hides the file. One that was pending forgets its old sound: should it return, it is hashed again."""
    _touch_sound(connection, file, seq)
    connection.execute(
        "UPDATE file SET state = 'missing', missing_since = ?, seq = ?, "
        "sound_id = CASE WHEN state = 'pending' THEN NULL ELSE sound_id END, "
        "error_code = CASE WHEN state = 'failed' THEN error_code END WHERE id = ?",
        (now, seq, file),
    )


def set_device(connection: sqlite3.Connection, files: Iterable[FileId], device: int) -> None:
    """Same files on the same volume, which came back under another device number."""
    connection.executemany("UPDATE file SET device = ? WHERE id = ?", [(device, file) for file in files])


def set_identities(connection: sqlite3.Connection, found: Mapping[FileId, FileStat]) -> None:
    """The same bytes on another volume: what tells a file there from others."""
    connection.executemany(
        "UPDATE file SET inode = ?, device = ? WHERE id = ?",
        [(stat.inode, stat.device, file) for file, stat in found.items()],
    )


def digest_of(connection: sqlite3.Connection, file: FileId) -> bytes | None:
    """SHA-256 of the file's bytes when they were last read."""
    row = connection.execute(
        "SELECT hash FROM file JOIN sound ON sound.id = sound_id WHERE file.id = ?", (file,)
    ).fetchone()
    return row[0] if row else None


def forget_future(connection: sqlite3.Connection, now: float) -> None:
    """Times that a clock noted which was ahead: nothing waits for them. ``now``: Unix time."""
    connection.execute(
        "UPDATE file SET retry_at = ?1 WHERE state = 'pending' AND retry_at > ?1 + ?2", (now, LONGEST_WAIT)
    )
    connection.execute("UPDATE file SET missing_since = ?1 WHERE state = 'missing' AND missing_since > ?1", (now,))


def claim_pending(connection: sqlite3.Connection, now: float, limit: int, busy: Iterable[FileId]) -> list[PendingFile]:
    """The next files to work on, oldest change first, leaving out those that are being worked on.

    Args:
        now: Unix time; rows whose ``retry_at`` lies beyond it are left alone.
    """
    rows = connection.execute(
        f"SELECT file.id, folder_id, {FILE_PATH}, "
        "size, mtime_ns, inode, file.device, attempts, error_code, "
        "(SELECT version FROM sound WHERE sound.id = sound_id) "
        "FROM file JOIN folder ON folder.id = folder_id "
        "WHERE file.state = 'pending' AND retry_at <= ? AND active AND folder.state <> 'offline' "
        f"AND file.id NOT IN ({_id_list(busy)}) ORDER BY retry_at, file.id LIMIT ?",
        (now, limit),
    )
    return [PendingFile(FileId(row[0]), FolderId(row[1]), bytes(row[2]), FileStat(*row[3:7]), *row[7:]) for row in rows]


def next_retry(connection: sqlite3.Connection, busy: Iterable[FileId]) -> float | None:
    """Unix time at which the next pending file that nobody works on is due, None when there is none."""
    row = connection.execute(
        "SELECT min(retry_at) FROM file JOIN folder ON folder.id = folder_id "
        "WHERE file.state = 'pending' AND active AND folder.state <> 'offline' "
        f"AND file.id NOT IN ({_id_list(busy)})"
    ).fetchone()
    return row[0]


def link(connection: sqlite3.Connection, file: FileId, stat: FileStat, sound: SoundId, seq: Seq) -> bool:
    """The file's bytes are ``sound``: it counts as indexed. False when the row changed meanwhile (a newer scan wins).

    A file without a label of its own inherits the one its sound was given.
    """
    _touch_sound(connection, file, seq)
    changed = connection.execute(
        "UPDATE file SET sound_id = ?1, state = 'indexed', error_code = NULL, error_message = NULL, attempts = 0, "
        "retry_at = 0, seq = ?2, label = coalesce(label, (SELECT other.label FROM file AS other "
        "WHERE other.sound_id = ?1 AND other.label IS NOT NULL ORDER BY other.id LIMIT 1)) "
        "WHERE id = ?3 AND state = 'pending' AND size = ?4 AND mtime_ns = ?5 AND inode = ?6",
        (sound, seq, file, stat.size, stat.mtime_ns, stat.inode),
    ).rowcount
    _touch_sound(connection, file, seq)
    return changed == 1


def fail(connection: sqlite3.Connection, file: FileId, stat: FileStat, code: str, message: str, seq: Seq) -> None:
    """Sets the file aside with its reason until its bytes or the extractor change, or a retry is asked for."""
    _touch_sound(connection, file, seq)
    connection.execute(
        "UPDATE file SET state = 'failed', sound_id = NULL, error_code = ?, error_message = ?, seq = ? "
        "WHERE id = ? AND state = 'pending' AND size = ? AND mtime_ns = ? AND inode = ?",
        (code, message, seq, file, stat.size, stat.mtime_ns, stat.inode),
    )


def postpone(
    connection: sqlite3.Connection, file: FileId, retry_at: float, code: str, message: str, attempts: int, seq: Seq
) -> None:
    """Leaves the file pending until ``retry_at`` (Unix time), with the reason shown meanwhile."""
    connection.execute(
        "UPDATE file SET retry_at = ?, error_code = ?, error_message = ?, attempts = ?, seq = ? "
        "WHERE id = ? AND state = 'pending'",
        (retry_at, code, message, attempts, seq, file),
    )


def retry(connection: sqlite3.Connection, folder: FolderId | None, path: bytes, seq: Seq) -> int:
    """Makes failed and postponed files pending now; ``folder`` None means all. Returns how many."""
    where, values = ("1", ()) if folder is None else ("folder_id = ? AND path = ?", (folder, path))
    return connection.execute(
        "UPDATE file SET state = 'pending', retry_at = 0, attempts = 0, error_code = NULL, error_message = NULL, "
        f"seq = ? WHERE (state = 'failed' OR (state = 'pending' AND retry_at > 0)) AND {where} "
        "AND folder_id IN (SELECT id FROM folder WHERE active)",
        (seq, *values),
    ).rowcount


def retry_unreadable(connection: sqlite3.Connection, folder: FolderId, seq: Seq) -> int:
    """Gives files that could not be read another chance, as a whole scan of their folder does. Returns how many."""
    return connection.execute(
        "UPDATE file SET state = 'pending', retry_at = 0, attempts = 0, error_code = NULL, error_message = NULL, "
        "seq = ? WHERE folder_id = ? AND state = 'failed' AND error_code IN ('unreadable', 'vanished')",
        (seq, folder),
    ).rowcount


def counts(connection: sqlite3.Connection) -> dict[FolderId, dict[FileState, int]]:
    """How many files stand where, by folder (watched folders only); from counters that triggers keep."""
    rows = connection.execute(
        "SELECT folder_id, tally.state, files FROM tally JOIN folder ON folder.id = folder_id "
        "WHERE active AND files > 0"
    )
    answer: dict[FolderId, dict[FileState, int]] = {}
    for folder, state, count in rows:
        answer.setdefault(FolderId(folder), {})[FileState(state)] = count
    return answer


# The seq of a missing file says when it went; a label must not make that look recent.
_SET_LABEL = "UPDATE file SET label = ?, seq = iif(state = 'missing', seq, ?) WHERE"


def set_label(connection: sqlite3.Connection, sound: SoundId, label: str | None, seq: Seq) -> None:
    """Sets (or, with None, takes away) the label of every file of the sound."""
    connection.execute(f"{_SET_LABEL} sound_id = ?", (label, seq, sound))
    connection.execute("UPDATE sound SET seq = ? WHERE id = ?", (seq, sound))


def set_label_of_file(connection: sqlite3.Connection, file: FileId, label: str, seq: Seq) -> None:
    """Sets the label of one file alone: its copies keep theirs."""
    connection.execute(f"{_SET_LABEL} id = ?", (label, seq, file))
    _touch_sound(connection, file, seq)


def _touch_sound(connection: sqlite3.Connection, file: FileId, seq: Seq) -> None:
    connection.execute("UPDATE sound SET seq = ? WHERE id = (SELECT sound_id FROM file WHERE id = ?)", (seq, file))


def _id_list(ids: Iterable[FileId]) -> str:
    return ",".join(str(int(file)) for file in ids)
