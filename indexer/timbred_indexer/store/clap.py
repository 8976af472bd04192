"""What the second space has heard, what it could not hear, and how its scores compare: rows by (space, version)."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from timbred_indexer.model import FileStat, FolderId, Seconds, SegmentId, Seq, SoundId
from timbred_indexer.store.matching import Filter, matching
from timbred_indexer.store.paths import FILE_PATH
from timbred_indexer.store.sounds import VISIBLE_FILE, ensure_space

SPACE = "clap"


@dataclass(frozen=True, slots=True)
class Stretch:
    """A segment that is to be heard; times in seconds of the untrimmed file."""

    segment: SegmentId
    start: Seconds
    end: Seconds


@dataclass(frozen=True, slots=True)
class Unembedded:
    """A sound with segments that have no vector yet, and a file that holds it.

    Attributes:
        folder: the one that ``path``, which is absolute, lies in.
        stat: what the file was when it was known to be this sound.
    """

    sound: SoundId
    folder: FolderId
    path: bytes
    stat: FileStat
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class Unheard:
    """Why a sound has no vector. ``retry_at``: Unix time; None means not by itself."""

    code: str
    message: str
    attempts: int
    retry_at: float | None


def having(connection: sqlite3.Connection, version: str) -> list[SegmentId]:
    """Living segments that have a vector."""
    rows = connection.execute(
        "SELECT segment_id FROM vector JOIN segment ON segment.id = segment_id "
        "WHERE +space_id = (SELECT id FROM space WHERE name = ? AND version = ?) AND dead_seq IS NULL",
        (SPACE, version),
    )
    return [SegmentId(row[0]) for row in rows]


def among_having(connection: sqlite3.Connection, version: str, segments: Sequence[SegmentId]) -> set[SegmentId]:
    """Those of the segments that have a vector: a revived sound brings its own."""
    marks = ",".join("?" * len(segments))
    rows = connection.execute(
        f"SELECT segment_id FROM vector WHERE segment_id IN ({marks}) "
        "AND space_id = (SELECT id FROM space WHERE name = ? AND version = ?)",
        (*segments, SPACE, version),
    )
    return {SegmentId(row[0]) for row in rows}


def unembedded(connection: sqlite3.Connection, segments: Sequence[SegmentId]) -> list[Unembedded]:
    """Those of the segments that are alive and whose sound an indexed file has, by sound, in the order given."""
    marks = ",".join("?" * len(segments))
    rows = connection.execute(
        f'SELECT id, sound_id, start, "end" FROM segment WHERE id IN ({marks}) AND dead_seq IS NULL', segments
    ).fetchall()
    place = {segment: number for number, segment in enumerate(segments)}
    stretches: dict[SoundId, list[Stretch]] = {}
    for segment, sound, start, end in sorted(rows, key=lambda row: place[row[0]]):
        stretches.setdefault(SoundId(sound), []).append(Stretch(SegmentId(segment), Seconds(start), Seconds(end)))
    files = _files(connection, list(stretches))
    return [
        Unembedded(sound, *files[sound], tuple(sorted(parts, key=lambda part: part.start)))
        for sound, parts in stretches.items()
        if sound in files
    ]


def save(connection: sqlite3.Connection, version: str, made: Mapping[SegmentId, bytes], seq: Seq) -> list[SegmentId]:
    """Stores vectors of segments that are still alive; returns which those were. Saving twice changes nothing."""
    space = ensure_space(connection, SPACE, version)
    return [
        segment
        for segment, data in made.items()
        if connection.execute(
            "INSERT INTO vector (segment_id, space_id, seq, data) "
            "SELECT id, ?, ?, ? FROM segment WHERE id = ? AND dead_seq IS NULL ON CONFLICT DO NOTHING",
            (space, seq, data, segment),
        ).rowcount
    ]


def set_aside(connection: sqlite3.Connection, version: str, sound: SoundId, why: Unheard) -> None:
    """Remembers that a sound could not be heard."""
    connection.execute(
        "INSERT OR REPLACE INTO unheard (sound_id, space_id, code, message, attempts, retry_at) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (sound, ensure_space(connection, SPACE, version), why.code, why.message, why.attempts, why.retry_at),
    )


def unheard(connection: sqlite3.Connection, version: str) -> dict[SoundId, Unheard]:
    """Every sound that was set aside."""
    rows = connection.execute(
        "SELECT sound_id, code, message, attempts, retry_at FROM unheard "
        "WHERE space_id = (SELECT id FROM space WHERE name = ? AND version = ?)",
        (SPACE, version),
    )
    return {SoundId(row[0]): Unheard(*row[1:]) for row in rows}


def give_another_chance(connection: sqlite3.Connection, version: str) -> int:
    """Forgets what was set aside; returns how many sounds that is."""
    return connection.execute(
        "DELETE FROM unheard WHERE space_id = ?", (ensure_space(connection, SPACE, version),)
    ).rowcount


def versions(connection: sqlite3.Connection) -> list[str]:
    """The versions that have a vector. Costs the same however many there are."""
    rows = connection.execute(
        "SELECT version FROM space WHERE name = ? AND EXISTS (SELECT 1 FROM vector WHERE space_id = space.id)",
        (SPACE,),
    )
    return [row[0] for row in rows]


def fullest(connection: sqlite3.Connection, among: Sequence[str]) -> str:
    """The version with the most vectors. Counts them, unless there is only one to choose from."""
    if len(among) == 1:
        return among[0]
    marks = ",".join("?" * len(among))
    row = connection.execute(
        f"SELECT version FROM space JOIN vector ON space_id = space.id WHERE name = ? AND version IN ({marks}) "
        "GROUP BY space.id ORDER BY count(*) DESC, space.id LIMIT 1",
        (SPACE, *among),
    ).fetchone()
    return str(row[0])


def drop(connection: sqlite3.Connection, version: str, limit: int) -> int:
    """Deletes up to ``limit`` vectors of a version that nobody asks any more, and in the end all that it left."""
    space = ensure_space(connection, SPACE, version)
    dropped = connection.execute(
        "DELETE FROM vector WHERE rowid IN (SELECT rowid FROM vector WHERE space_id = ? LIMIT ?)", (space, limit)
    ).rowcount
    if dropped < limit:
        for table in ("unheard", "calibration"):
            connection.execute(f"DELETE FROM {table} WHERE space_id = ?", (space,))
    return dropped


def calibration(connection: sqlite3.Connection, version: str, librosa: str) -> tuple[int, bytes] | None:
    """(how many vectors it was made from, its data), if there is one for these two versions."""
    row = connection.execute(
        "SELECT heard, data FROM calibration JOIN space ON space.id = space_id "
        "WHERE name = ? AND version = ? AND librosa = ?",
        (SPACE, version, librosa),
    ).fetchone()
    return None if row is None else (int(row[0]), bytes(row[1]))


def save_calibration(connection: sqlite3.Connection, version: str, librosa: str, heard: int, data: bytes) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO calibration (space_id, librosa, heard, data) VALUES (?, ?, ?, ?)",
        (ensure_space(connection, SPACE, version), librosa, heard, data),
    )


def around(connection: sqlite3.Connection, sound: SoundId) -> list[SegmentId]:
    """The sound's segments, then those of the other sounds in its directory."""
    own = [row[0] for row in connection.execute("SELECT id FROM segment WHERE sound_id = ?", (sound,))]
    files = _files(connection, [sound])
    if sound not in files:
        return []
    directory = files[sound][1].rpartition(b"/")[0]
    beside = matching(connection, Filter(folder=directory))
    return [*map(SegmentId, own), *beside]


def _files(
    connection: sqlite3.Connection, sounds: Sequence[SoundId]
) -> dict[SoundId, tuple[FolderId, bytes, FileStat]]:
    """An indexed file of each sound, the oldest that can be reached."""
    marks = ",".join("?" * len(sounds))
    rows = connection.execute(
        f"SELECT file.sound_id, folder.id, {FILE_PATH}, size, mtime_ns, inode, "
        "file.device "
        "FROM file JOIN folder ON folder.id = folder_id "
        f"WHERE file.sound_id IN ({marks}) AND {VISIBLE_FILE} AND file.state = 'indexed' ORDER BY file.id DESC",
        sounds,
    )
    return {SoundId(row[0]): (FolderId(row[1]), bytes(row[2]), FileStat(*row[3:])) for row in rows}
