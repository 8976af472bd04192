"""What an index, and the files on disk, are compared with when somebody asks whether all is well."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from timbred_indexer.db import current_seq
from timbred_indexer.model import FileId, FileStat, FolderId, SegmentId, Seq, SpaceName
from timbred_indexer.store import vectors
from timbred_indexer.store.paths import FILE_PATH
from timbred_indexer.store.sounds import VISIBLE_FILE


@dataclass(frozen=True, slots=True)
class Truth:
    """What an index must hold.

    Attributes:
        seq: the database's state now; ``visible`` belongs to it.
        living: segments that have a vector and were no tombstone at the seq that was asked for, by id.
        visible: living segments with a vector that a file lets be seen now, by id.
    """

    seq: Seq
    living: list[int]
    visible: list[int]


@dataclass(frozen=True, slots=True)
class KnownFile:
    """An indexed file. ``path`` is absolute; ``digest``: the SHA-256 that its bytes had; ``stat``: theirs, then."""

    id: FileId
    folder: FolderId
    path: bytes
    stat: FileStat
    digest: bytes


def truth(connection: sqlite3.Connection, space: SpaceName, version: str, upto: Seq) -> Truth:
    """What an index of the space that is true up to ``upto`` must hold."""
    living = connection.execute(
        "SELECT segment.id FROM segment CROSS JOIN vector ON segment_id = segment.id "
        "WHERE space_id = (SELECT id FROM space WHERE name = ? AND version = ?) AND vector.seq <= ? "
        "AND (dead_seq IS NULL OR dead_seq > ?) ORDER BY segment.id",
        (space, version, upto, upto),
    )
    visible = connection.execute(
        "SELECT segment.id FROM segment CROSS JOIN vector ON segment_id = segment.id "
        "WHERE space_id = (SELECT id FROM space WHERE name = ? AND version = ?) AND dead_seq IS NULL "
        "AND EXISTS (SELECT 1 FROM file JOIN folder ON folder.id = folder_id "
        f"WHERE file.sound_id = segment.sound_id AND {VISIBLE_FILE}) ORDER BY segment.id",
        (space, version),
    )
    return Truth(current_seq(connection), [row[0] for row in living], [row[0] for row in visible])


def sampled(
    connection: sqlite3.Connection, space: SpaceName, version: str, ids: Sequence[SegmentId]
) -> dict[SegmentId, bytes]:
    """Vector BLOBs of some segments."""
    return vectors.by_segments(connection, space, version, list(ids)) if ids else {}


def known_files(connection: sqlite3.Connection, after: FileId, limit: int) -> list[KnownFile]:
    """Indexed files of folders that can be reached, by id, beyond ``after``."""
    rows = connection.execute(
        f"SELECT file.id, folder_id, {FILE_PATH}, size, mtime_ns, inode, file.device, "
        "sound.hash FROM file JOIN folder ON folder.id = folder_id JOIN sound ON sound.id = sound_id "
        "WHERE active AND folder.state <> 'offline' AND +file.state = 'indexed' AND file.id > ? "
        "ORDER BY file.id LIMIT ?",
        (after, limit),
    )
    return [KnownFile(FileId(row[0]), FolderId(row[1]), bytes(row[2]), FileStat(*row[3:7]), row[7]) for row in rows]
