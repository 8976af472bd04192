"""What the live index follows: vectors, tombstones and visibility, each by ``seq``."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from timbred_indexer.model import SegmentId, Seq, SoundId, SpaceName
from timbred_indexer.store.sounds import VISIBLE_FILE


@dataclass(frozen=True, slots=True)
class Changes:
    """Everything after one seq that an index has to know.

    Attributes:
        seq: what one is up to date with after applying this.
        segments: (segment, its sound) of segments that are new.
        added: (segment, vector BLOB) new in the space.
        dead: segments that are tombstones now.
        shown: whether each living segment of a touched sound is visible now; only those with a vector in the space.
    """

    seq: Seq
    segments: list[tuple[SegmentId, SoundId]]
    added: list[tuple[SegmentId, bytes]]
    dead: list[SegmentId]
    shown: list[tuple[SegmentId, bool]]


def stream(
    connection: sqlite3.Connection, space: SpaceName, version: str, upto: Seq
) -> Iterator[tuple[SegmentId, bytes]]:
    """Living vectors of a space that are not newer than ``upto``, by segment id."""
    # In the order of the segment table, whose key the id is: sorting would hold every vector in memory.
    rows = connection.execute(
        "SELECT segment.id, data FROM segment CROSS JOIN vector ON segment_id = segment.id "
        "WHERE space_id = (SELECT id FROM space WHERE name = ? AND version = ?) AND vector.seq <= ? "
        "AND (dead_seq IS NULL OR dead_seq > ?) ORDER BY segment.id",
        (space, version, upto, upto),
    )
    for segment, data in rows:
        yield SegmentId(segment), data


def count(connection: sqlite3.Connection, space: SpaceName, version: str, upto: Seq) -> int:
    """How many :func:`stream` gives."""
    row = connection.execute(
        "SELECT count(*) FROM vector JOIN segment ON segment.id = segment_id "
        "WHERE space_id = (SELECT id FROM space WHERE name = ? AND version = ?) AND vector.seq <= ? "
        "AND (dead_seq IS NULL OR dead_seq > ?)",
        (space, version, upto, upto),
    ).fetchone()
    return int(row[0])


def newer(connection: sqlite3.Connection, space: SpaceName, version: str, since: Seq) -> int:
    """How many vectors :func:`changes` would bring, about: the dead are counted too."""
    row = connection.execute(
        "SELECT count(*) FROM vector "
        "WHERE space_id = (SELECT id FROM space WHERE name = ? AND version = ?) AND seq > ?",
        (space, version, since),
    ).fetchone()
    return int(row[0])


def changes(
    connection: sqlite3.Connection, space: SpaceName, version: str, since: Seq, catalogue_since: Seq
) -> Changes:
    """What happened after ``since`` (vectors) and ``catalogue_since`` (segments, visibility); below 0 means ever."""
    seq = Seq(connection.execute("SELECT value FROM meta WHERE key = 'seq'").fetchone()[0])
    added = connection.execute(
        "SELECT segment_id, data FROM vector JOIN segment ON segment.id = segment_id "
        "WHERE space_id = (SELECT id FROM space WHERE name = ? AND version = ?) AND vector.seq > ? "
        "AND dead_seq IS NULL ORDER BY segment_id",
        (space, version, since),
    ).fetchall()
    dead = connection.execute("SELECT id FROM segment WHERE dead_seq > ?", (catalogue_since,)).fetchall()
    touched = (
        _moved(connection, space, version, since, catalogue_since)
        if catalogue_since >= 0
        else _all(connection, space, version)
    )
    return Changes(
        seq,
        [(SegmentId(row[0]), SoundId(row[1])) for row in touched],
        [(SegmentId(row[0]), row[1]) for row in added],
        [SegmentId(row[0]) for row in dead],
        [(SegmentId(row[0]), bool(row[2])) for row in touched],
    )


def _all(connection: sqlite3.Connection, space: SpaceName, version: str) -> Collection[tuple[int, int, int]]:
    """Every living segment of the space, its sound, and whether that is visible: many times as quick as one by one."""
    return connection.execute(
        "SELECT segment.id, segment.sound_id, segment.sound_id IN ("
        f"SELECT file.sound_id FROM file JOIN folder ON folder.id = folder_id WHERE {VISIBLE_FILE}) "
        "FROM segment JOIN vector ON segment_id = segment.id WHERE dead_seq IS NULL "
        "AND +space_id = (SELECT id FROM space WHERE name = ? AND version = ?)",
        (space, version),
    ).fetchall()


def _moved(
    connection: sqlite3.Connection, space: SpaceName, version: str, since: Seq, catalogue_since: Seq
) -> Collection[tuple[int, int, int]]:
    """Likewise, of those whose visibility may have changed: of sounds that moved, and those new in this space."""
    columns = (
        "SELECT segment.id, segment.sound_id, EXISTS (SELECT 1 FROM file JOIN folder ON folder.id = folder_id "
        f"WHERE file.sound_id = segment.sound_id AND {VISIBLE_FILE})"
    )
    # CROSS JOIN: SQLite does not know how few these are, and would begin with all vectors.
    rows = connection.execute(
        f"{columns} FROM sound CROSS JOIN segment ON sound_id = sound.id CROSS JOIN vector ON segment_id = segment.id "
        "WHERE sound.seq > ?3 AND dead_seq IS NULL "
        "AND space_id = (SELECT id FROM space WHERE name = ?1 AND version = ?2) "
        f"UNION ALL {columns} FROM vector CROSS JOIN segment ON segment.id = segment_id "
        "WHERE vector.seq > ?4 AND dead_seq IS NULL "
        "AND space_id = (SELECT id FROM space WHERE name = ?1 AND version = ?2)",
        (space, version, catalogue_since, since),
    )
    return {row[0]: row for row in rows}.values()  # some come for both reasons


def query_vectors(
    connection: sqlite3.Connection, space: SpaceName, version: str, sound: SoundId
) -> list[tuple[SegmentId, float, float, bytes]]:
    """(segment, start, end, vector BLOB) of a sound's living segments, in order of time."""
    return connection.execute(
        'SELECT segment.id, start, "end", data FROM segment JOIN vector ON segment_id = segment.id '
        "WHERE sound_id = ? AND dead_seq IS NULL "
        "AND +space_id = (SELECT id FROM space WHERE name = ? AND version = ?) ORDER BY start",
        (sound, space, version),
    ).fetchall()


def segments_of(
    connection: sqlite3.Connection, space: SpaceName, version: str, ids: Sequence[SoundId]
) -> dict[SoundId, list[SegmentId]]:
    """Living segments that have a vector in the space, in order of time, of those sounds that have any."""
    marks = ",".join("?" * len(ids))
    rows = connection.execute(
        "SELECT sound_id, segment.id FROM segment JOIN vector ON segment_id = segment.id "
        f"WHERE sound_id IN ({marks}) AND dead_seq IS NULL "
        "AND +space_id = (SELECT id FROM space WHERE name = ? AND version = ?) ORDER BY sound_id, start",
        (*ids, space, version),
    )
    found: dict[SoundId, list[SegmentId]] = {}
    for sound, segment in rows:
        found.setdefault(SoundId(sound), []).append(SegmentId(segment))
    return found


def dimension(connection: sqlite3.Connection, space: SpaceName, version: str) -> int:
    """Of the vectors of a version that has some."""
    row = connection.execute(
        "SELECT length(data) FROM vector "
        "WHERE space_id = (SELECT id FROM space WHERE name = ? AND version = ?) LIMIT 1",
        (space, version),
    ).fetchone()
    return int(row[0]) // 4


def by_segments(
    connection: sqlite3.Connection, space: SpaceName, version: str, ids: list[SegmentId]
) -> dict[SegmentId, bytes]:
    """Vector BLOBs by segment."""
    marks = ",".join("?" * len(ids))
    rows = connection.execute(
        f"SELECT segment_id, data FROM vector WHERE segment_id IN ({marks}) "
        "AND space_id = (SELECT id FROM space WHERE name = ? AND version = ?)",
        (*ids, space, version),
    )
    return {SegmentId(row[0]): row[1] for row in rows}
