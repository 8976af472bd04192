"""Rows of ``sound``, ``segment``, ``aspect`` and ``vector``: what is known about one audio content."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from timbred_indexer.model import Analysis, Seconds, SegmentId, Seq, SoundId, SpaceName
from timbred_indexer.store.paths import FILE_PATH, INSIDE

# A file lets its sound be seen when its bytes were this sound when last hashed, and its folder can be trusted.
# (The + keeps SQLite from taking the index on state, which nearly every file shares, instead of the one on the sound.)
VISIBLE_FILE = (
    "file.sound_id IS NOT NULL AND +file.state IN ('indexed', 'pending') "
    "AND folder.active AND folder.state <> 'offline'"
)


@dataclass(frozen=True, slots=True)
class Sound:
    """One audio content. ``silent``: it has no segment, nothing is ever similar to it."""

    id: SoundId
    hash: bytes
    duration: Seconds
    sample_rate: int
    channels: int
    format: str
    cut_short: bool
    version: str


@dataclass(frozen=True, slots=True)
class StoredSegment:
    id: SegmentId
    sound: SoundId
    start: Seconds
    end: Seconds


_SOUND = "id, hash, duration, sample_rate, channels, format, cut_short, version"


def by_hash(connection: sqlite3.Connection, digest: bytes) -> Sound | None:
    row = connection.execute(f"SELECT {_SOUND} FROM sound WHERE hash = ?", (digest,)).fetchone()
    return _sound(row) if row else None


def by_ids(connection: sqlite3.Connection, ids: Sequence[SoundId]) -> dict[SoundId, Sound]:
    marks = ",".join("?" * len(ids))
    rows = connection.execute(f"SELECT {_SOUND} FROM sound WHERE id IN ({marks})", ids)
    return {sound.id: sound for sound in map(_sound, rows)}


def of_file(connection: sqlite3.Connection, path: bytes) -> SoundId | None:
    """The sound of an absolute path, when it is indexed and its folder is watched."""
    row = connection.execute(
        "SELECT file.sound_id FROM folder JOIN file ON file.folder_id = folder.id "
        f"AND file.path = CAST(substr(?1, length({INSIDE}) + 1) AS BLOB) "
        f"WHERE folder.active AND substr(?1, 1, length({INSIDE})) = {INSIDE} "
        "AND file.state = 'indexed'",
        (path,),
    ).fetchone()
    return SoundId(row[0]) if row and row[0] is not None else None


def save_analysis(
    connection: sqlite3.Connection, digest: bytes, analysis: Analysis, space: SpaceName, seq: Seq
) -> SoundId:
    """Stores a sound with its segments, aspects and vectors. One that is known gets new segments for its old ones."""
    row = connection.execute(
        "INSERT INTO sound (hash, duration, sample_rate, channels, format, cut_short, version, seq) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (hash) DO UPDATE SET duration = excluded.duration, "
        "sample_rate = excluded.sample_rate, channels = excluded.channels, format = excluded.format, "
        "cut_short = excluded.cut_short, version = excluded.version, seq = excluded.seq RETURNING id",
        (
            digest,
            analysis.duration,
            analysis.sample_rate,
            analysis.channels,
            analysis.format,
            analysis.cut_short,
            analysis.version,
            seq,
        ),
    ).fetchone()
    sound = SoundId(row[0])
    connection.execute("UPDATE segment SET dead_seq = ? WHERE sound_id = ? AND dead_seq IS NULL", (seq, sound))
    space_id = ensure_space(connection, space, analysis.version)
    for segment in analysis.segments:
        identity = _insert_segment(connection, sound, segment.start, segment.end, seq)
        connection.executemany(
            "INSERT INTO aspect (segment_id, name, data) VALUES (?, ?, ?)",
            [(identity, name, data) for name, data in segment.aspects.items()],
        )
        if segment.vector is not None:
            connection.execute(
                "INSERT INTO vector (segment_id, space_id, seq, data) VALUES (?, ?, ?, ?)",
                (identity, space_id, seq, segment.vector),
            )
    _keep_other_spaces(connection, sound, space_id, seq)
    return sound


def _keep_other_spaces(connection: sqlite3.Connection, sound: SoundId, space_id: int, seq: Seq) -> None:
    """Another extractor's segments that are the same stretches need not be heard again by the other space."""
    connection.execute(
        "INSERT INTO vector (segment_id, space_id, seq, data) "
        "SELECT new.id, vector.space_id, ?3, vector.data FROM segment AS old JOIN vector ON segment_id = old.id "
        "JOIN segment AS new ON new.sound_id = old.sound_id AND new.dead_seq IS NULL "
        'AND abs(new.start - old.start) < 1e-3 AND abs(new."end" - old."end") < 1e-3 '
        "WHERE old.sound_id = ?1 AND old.dead_seq = ?3 AND vector.space_id <> ?2 "
        "AND (SELECT name FROM space WHERE id = vector.space_id) <> (SELECT name FROM space WHERE id = ?2)",
        (sound, space_id, seq),
    )


def revive(connection: sqlite3.Connection, sound: SoundId, seq: Seq) -> None:
    """Gives a tombstoned sound new segments with its old aspects and vectors.

    A living one is left as it is, and so is one whose newest analysis found silence: what died then is no longer true.
    """
    alive = connection.execute(
        "SELECT 1 FROM segment WHERE sound_id = ? AND dead_seq IS NULL LIMIT 1", (sound,)
    ).fetchone()
    last = connection.execute("SELECT max(dead_seq) FROM segment WHERE sound_id = ?", (sound,)).fetchone()[0]
    if alive or last is None or not _fits_version(connection, sound, last):
        return
    connection.execute("UPDATE sound SET seq = ? WHERE id = ?", (seq, sound))
    rows = connection.execute(
        'SELECT id, start, "end" FROM segment WHERE sound_id = ? AND dead_seq = ? ORDER BY id', (sound, last)
    ).fetchall()
    for old, start, end in rows:
        new = _insert_segment(connection, sound, start, end, seq)
        connection.execute(
            "INSERT INTO aspect (segment_id, name, data) SELECT ?, name, data FROM aspect WHERE segment_id = ?",
            (new, old),
        )
        connection.execute(
            "INSERT INTO vector (segment_id, space_id, seq, data) "
            "SELECT ?, space_id, ?, data FROM vector WHERE segment_id = ?",
            (new, seq, old),
        )


@dataclass(frozen=True, slots=True)
class BuriedUpTo:
    """How far :func:`bury_unheard` has come: a time (Unix) for missing files, a seq for everything else."""

    missing_before: float
    seq: Seq


def may_be_unheard(connection: sqlite3.Connection, done: BuriedUpTo, missing_before: float) -> list[SoundId]:
    """Sounds that may have lost their last file since ``done``."""
    rows = connection.execute(
        "SELECT sound_id FROM file WHERE state = 'missing' AND missing_since > ? AND missing_since <= ? "
        "AND sound_id IS NOT NULL UNION SELECT id FROM sound WHERE seq > ?",
        (done.missing_before, missing_before, done.seq),
    )
    return [SoundId(row[0]) for row in rows]


def bury_unheard(connection: sqlite3.Connection, sounds: Sequence[SoundId], missing_before: float, seq: Seq) -> int:
    """Tombstones the segments of those ``sounds`` that no file has any more. Returns how many segments died.

    A file that is missing since after ``missing_before`` (Unix time), or whose folder is offline, suspect or no longer
    watched, still counts as having its sound: missing never means deleted.
    """
    return sum(
        connection.execute(
            "UPDATE segment SET dead_seq = ?1 WHERE sound_id = ?3 AND dead_seq IS NULL AND NOT EXISTS ("
            "  SELECT 1 FROM file JOIN folder ON folder.id = folder_id WHERE file.sound_id = ?3 "
            "  AND (file.state <> 'missing' OR file.missing_since > ?2 OR folder.state <> 'online' "
            "       OR NOT folder.active))",
            (seq, missing_before, sound),
        ).rowcount
        for sound in sounds
    )


def ensure_space(connection: sqlite3.Connection, name: SpaceName, version: str) -> int:
    connection.execute("INSERT OR IGNORE INTO space (name, version) VALUES (?, ?)", (name, version))
    row = connection.execute("SELECT id FROM space WHERE name = ? AND version = ?", (name, version)).fetchone()
    return int(row[0])


def requeue_outdated(connection: sqlite3.Connection, space: SpaceName, version: str, seq: Seq) -> int:
    """Makes pending what another version of the extractor analysed, or refused before this one was ever here.

    Returns:
        How many files wait again.
    """
    known = connection.execute("SELECT 1 FROM space WHERE name = ? AND version = ?", (space, version)).fetchone()
    ensure_space(connection, space, version)
    # A missing file must not come back as indexed, or failed, by what another version made of it.
    connection.execute(
        "UPDATE file SET sound_id = NULL, error_code = NULL WHERE state = 'missing' "
        "AND (sound_id IN (SELECT id FROM sound WHERE version <> ?1) OR (error_code IS NOT NULL AND ?2))",
        (version, known is None),
    )
    return connection.execute(
        "UPDATE file SET state = 'pending', retry_at = 0, attempts = 0, error_code = NULL, error_message = NULL, "
        "seq = ?1 WHERE (state = 'indexed' AND sound_id IN (SELECT id FROM sound WHERE version <> ?2)) "
        "OR (state = 'failed' AND ?3)",
        (seq, version, known is None),
    ).rowcount


def can_answer(connection: sqlite3.Connection, sound: SoundId, version: str) -> bool:
    """Whether the sound's living segments are all that ``version`` makes of it: neither outdated nor tombstoned."""
    row = connection.execute(
        "SELECT version = ?2 AND (EXISTS (SELECT 1 FROM segment WHERE sound_id = ?1 AND dead_seq IS NULL) "
        "OR NOT EXISTS (SELECT 1 FROM segment WHERE sound_id = ?1)) FROM sound WHERE id = ?1",
        (sound, version),
    ).fetchone()
    return row is not None and bool(row[0])


def changed_since(connection: sqlite3.Connection, seq: Seq) -> list[SoundId]:
    """Sounds of which something that is shown may have changed after ``seq``."""
    return [SoundId(row[0]) for row in connection.execute("SELECT id FROM sound WHERE seq > ?", (seq,))]


def segments(connection: sqlite3.Connection, ids: Sequence[SegmentId]) -> dict[SegmentId, StoredSegment]:
    marks = ",".join("?" * len(ids))
    rows = connection.execute(f'SELECT id, sound_id, start, "end" FROM segment WHERE id IN ({marks})', ids)
    return {segment.id: segment for segment in (StoredSegment(*row) for row in rows)}


def aspects(connection: sqlite3.Connection, ids: Sequence[SegmentId]) -> dict[SegmentId, dict[str, bytes]]:
    """Raw aspect values (float32 BLOBs) by segment and name."""
    marks = ",".join("?" * len(ids))
    answer: dict[SegmentId, dict[str, bytes]] = {}
    rows = connection.execute(f"SELECT segment_id, name, data FROM aspect WHERE segment_id IN ({marks})", ids)
    for segment, name, data in rows:
        answer.setdefault(SegmentId(segment), {})[name] = data
    return answer


def files_of(connection: sqlite3.Connection, ids: Sequence[SoundId]) -> dict[SoundId, list[tuple[bytes, str | None]]]:
    """Absolute path and set label of each visible file, by sound, oldest row first."""
    marks = ",".join("?" * len(ids))
    rows = connection.execute(
        f"SELECT file.sound_id, {FILE_PATH}, label "
        "FROM file JOIN folder ON folder.id = folder_id "
        f"WHERE file.sound_id IN ({marks}) AND {VISIBLE_FILE} ORDER BY file.id",
        ids,
    )
    answer: dict[SoundId, list[tuple[bytes, str | None]]] = {}
    for sound, path, label in rows:
        answer.setdefault(SoundId(sound), []).append((bytes(path), label))
    return answer


def page(connection: sqlite3.Connection, after: SoundId, limit: int) -> list[SoundId]:
    """Visible sounds by id, beyond ``after``."""
    rows = connection.execute(
        f"SELECT DISTINCT file.sound_id FROM file JOIN folder ON folder.id = folder_id WHERE {VISIBLE_FILE} "
        "AND file.sound_id > ? ORDER BY file.sound_id LIMIT ?",
        (after, limit),
    )
    return [SoundId(row[0]) for row in rows]


def count_sounds(connection: sqlite3.Connection) -> int:
    """How many sounds a visible file has; from counters that triggers keep, at no cost in a large library."""
    row = connection.execute(
        "SELECT coalesce(sum(sounds), 0) FROM presence WHERE EXISTS (SELECT 1 FROM folder WHERE active "
        "AND state <> 'offline' AND instr(',' || presence.folders || ',', ',' || folder.id || ','))"
    ).fetchone()
    return int(row[0])


def _fits_version(connection: sqlite3.Connection, sound: SoundId, dead_seq: Seq) -> bool:
    """Whether the segments that died at ``dead_seq`` are those of the sound's newest analysis."""
    row = connection.execute(
        "SELECT 1 FROM segment JOIN vector ON segment_id = segment.id JOIN space ON space.id = space_id "
        "JOIN sound ON sound.id = sound_id AND sound.version = space.version "
        "WHERE sound_id = ? AND dead_seq = ? LIMIT 1",
        (sound, dead_seq),
    ).fetchone()
    return row is not None


def _insert_segment(connection: sqlite3.Connection, sound: SoundId, start: float, end: float, seq: Seq) -> SegmentId:
    row = connection.execute(
        'INSERT INTO segment (sound_id, start, "end", seq) VALUES (?, ?, ?, ?) RETURNING id', (sound, start, end, seq)
    ).fetchone()
    return SegmentId(row[0])


def _sound(row: tuple[int, bytes, float, int, int, str, int, str]) -> Sound:
    identity, digest, duration, rate, channels, form, cut_short, version = row
    return Sound(SoundId(identity), digest, Seconds(duration), rate, channels, form, bool(cut_short), version)
