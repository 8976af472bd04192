"""Forgetting files that are gone for good: the only place where a row of a file is deleted for its absence."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from timbred_indexer.model import FolderId, Seq, SoundId

# Missing for long enough, in a folder that can be trusted, and no longer found: every segment of the sound is a
# tombstone that the indexes know of, or a present file has the sound too.
_ELIGIBLE = """
    SELECT file.id AS id, file.sound_id AS sound_id, label FROM file JOIN folder ON folder.id = folder_id
    WHERE file.state = 'missing' AND missing_since <= :before AND folder.active AND folder.state = 'online'
    AND (:folder IS NULL OR folder_id = :folder) AND (:labelled OR label IS NULL)
    AND (NOT EXISTS (SELECT 1 FROM segment WHERE segment.sound_id = file.sound_id
                     AND (dead_seq IS NULL OR dead_seq > :seen))
         OR EXISTS (SELECT 1 FROM file AS other WHERE other.sound_id = file.sound_id AND other.state <> 'missing'))
"""


@dataclass(frozen=True, slots=True)
class Scope:
    """What may be forgotten.

    Attributes:
        before: Unix time; only files that are missing since then or longer.
        seen: what every index has caught up with; a segment that died later may still be shown by one.
        folder: only this one's; None for all that are online.
        labelled: also files with a label that a user set.
    """

    before: float
    seen: Seq
    folder: FolderId | None = None
    labelled: bool = True

    @property
    def values(self) -> dict[str, float | int | None]:
        return {"before": self.before, "seen": self.seen, "folder": self.folder, "labelled": self.labelled}


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Rows of files, labels among them, and sounds that no other row has."""

    files: int = 0
    labels: int = 0
    sounds: int = 0

    def __add__(self, other: Forgotten) -> Forgotten:
        return Forgotten(self.files + other.files, self.labels + other.labels, self.sounds + other.sounds)


def count(connection: sqlite3.Connection, scope: Scope) -> Forgotten:
    """What :func:`purge` would remove."""
    row = connection.execute(
        f"WITH eligible AS ({_ELIGIBLE}) SELECT count(*), count(label), (SELECT count(DISTINCT one.sound_id) "
        "FROM eligible AS one WHERE NOT EXISTS (SELECT 1 FROM file WHERE file.sound_id = one.sound_id "
        "AND file.id NOT IN (SELECT id FROM eligible))) FROM eligible",
        scope.values,
    ).fetchone()
    return Forgotten(*row)


def purge(connection: sqlite3.Connection, scope: Scope, limit: int, seq: Seq) -> Forgotten:
    """Deletes up to ``limit`` rows of files, and what no file has any more: sounds, segments, vectors, fingerprints."""
    rows = connection.execute(f"{_ELIGIBLE} ORDER BY file.id LIMIT :limit", {**scope.values, "limit": limit}).fetchall()
    connection.executemany("DELETE FROM file WHERE id = ?", [(file,) for file, _, _ in rows])
    ids = {SoundId(sound) for _, sound, _ in rows if sound is not None}
    labels = sum(label is not None for *_, label in rows)
    return Forgotten(len(rows), labels, sum(_forget_sound(connection, sound, seq) for sound in ids))


def _forget_sound(connection: sqlite3.Connection, sound: SoundId, seq: Seq) -> bool:
    if connection.execute("SELECT 1 FROM file WHERE sound_id = ? LIMIT 1", (sound,)).fetchone():
        connection.execute("UPDATE sound SET seq = ? WHERE id = ?", (seq, sound))
        return False
    connection.execute("DELETE FROM segment WHERE sound_id = ?", (sound,))
    connection.execute("DELETE FROM sound WHERE id = ?", (sound,))
    return True
