"""What is needed of the rows to show and play a sound: where its bytes lie, and whether they are still the same."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from timbred_indexer.model import FileStat, Seconds, SoundId
from timbred_indexer.store import sounds


@dataclass(frozen=True, slots=True)
class Place:
    """A file that held the sound when it was last looked at.

    Attributes:
        folder: its watched folder, absolute; ``path``: relative to that.
        stat: of the bytes that were hashed.
    """

    folder: bytes
    path: bytes
    stat: FileStat


@dataclass(frozen=True, slots=True)
class Playable:
    """A sound that a present file has.

    Attributes:
        frames: its length at its own rate.
        places: its files, oldest row first; those that were changed and not hashed since are left out.
    """

    hash: bytes
    duration: Seconds
    sample_rate: int
    channels: int
    format: str
    places: tuple[Place, ...]

    @property
    def frames(self) -> int:
        return max(1, round(self.duration * self.sample_rate))


def playable(connection: sqlite3.Connection, sound: SoundId) -> Playable | None:
    """None where there is no such sound, or no file of it can be seen."""
    known = sounds.by_ids(connection, [sound]).get(sound)
    rows = connection.execute(
        "SELECT file.state, folder.path, file.path, size, mtime_ns, inode, file.device "
        "FROM file JOIN folder ON folder.id = folder_id WHERE file.sound_id = ? "
        "AND file.state IN ('indexed', 'pending') AND folder.active AND folder.state <> 'offline' ORDER BY file.id",
        (sound,),
    ).fetchall()
    if known is None or not rows:
        return None
    places = tuple(Place(row[1], row[2], FileStat(*row[3:])) for row in rows if row[0] == "indexed")
    return Playable(known.hash, known.duration, known.sample_rate, known.channels, known.format, places)
