"""The library as a whole: when it last changed, and each sound with the vector that stands for it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import NamedTuple

from timbred_indexer.model import FolderId, Seq, SoundId
from timbred_indexer.store.sounds import VISIBLE_FILE

_SPACE = "(SELECT id FROM space WHERE name = 'librosa' AND version = ?1)"


class Member(NamedTuple):
    """A sound that a present file has: its oldest file's folder, and its first segment's librosa vector."""

    sound: SoundId
    folder: FolderId
    vector: bytes


def library_seq(connection: sqlite3.Connection) -> Seq:
    """When a sound last appeared, vanished or changed; 0 where there never was one."""
    return Seq(connection.execute("SELECT coalesce(max(seq), 0) FROM sound").fetchone()[0])


def members(connection: sqlite3.Connection, version: str, every: int = 1) -> Iterator[Member]:
    """The sounds that can be found, by id; silent ones have no vector and are left out.

    Args:
        version: of the librosa space's vectors.
        every: only ids that this number divides: an even share of a library that is too large to show.
    """
    rows = connection.execute(
        "WITH seen AS (SELECT file.sound_id AS sound, min(file.id) AS first FROM file "
        f"JOIN folder ON folder.id = folder_id WHERE {VISIBLE_FILE} AND file.sound_id % ?2 = 0 GROUP BY file.sound_id) "
        "SELECT seen.sound, file.folder_id, vector.data FROM seen CROSS JOIN file ON file.id = seen.first "
        "CROSS JOIN segment ON segment.id = (SELECT min(one.id) FROM segment AS one JOIN vector AS own "
        f"  ON own.segment_id = one.id AND own.space_id = {_SPACE} "
        "  WHERE one.sound_id = seen.sound AND one.dead_seq IS NULL) "
        f"CROSS JOIN vector ON vector.segment_id = segment.id AND vector.space_id = {_SPACE} ORDER BY seen.sound",
        (version, every),
    )
    for sound, folder, data in rows:
        yield Member(SoundId(sound), FolderId(folder), data)
