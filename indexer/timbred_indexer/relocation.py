"""A folder's files at a new mount point: are they the same ones, and then its rows move there without a look inside."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from typing import Final

from timbred_indexer.errors import TransientInputError
from timbred_indexer.model import FileId, FileStat, FolderId, Seq
from timbred_indexer.reading import fingerprint, stat_of
from timbred_indexer.store import files, folders
from timbred_indexer.store.files import FileRow
from timbred_indexer.store.folders import Folder

LEAST_SHARE: Final = 0.5  # of the known files must be at the new place
HASHED: Final = 16  # files that are read when their times differ, as a copy's may


@dataclass(frozen=True, slots=True)
class Sighting:
    """What of a folder is at another place.

    Attributes:
        known: files that the folder had.
        same: those of the same size and time, as they are there.
        share: of ``known`` that is there with the same content, by time or, of a sample, by hash.
    """

    known: int
    same: dict[FileId, FileStat]
    share: float

    @property
    def is_the_same(self) -> bool:
        return not self.known or self.share >= LEAST_SHARE

    def __str__(self) -> str:
        return f"Of the {self.known} files of that folder, {self.share:.0%} are at the new place."


def look(connection: sqlite3.Connection, folder: Folder, new: bytes) -> Sighting:
    """Looks for the folder's files at ``new``: stats each, reads a few at most. Touches the disk."""
    rows = [row for row in files.below(connection, folder.id, b"") if row.state != "missing"]
    found = {row: stat for row in rows if (stat := stat_of(os.path.join(new, row.path))) and stat.size == row.size}
    same = {row.id: stat for row, stat in found.items() if stat.mtime_ns == row.mtime_ns}
    alike = len(same)
    if alike < LEAST_SHARE * len(rows):
        others = [row for row in found if row.id not in same]
        tried = others[:: max(1, -(-len(others) // HASHED))]
        right = sum(_has_same_bytes(connection, row, os.path.join(new, row.path)) for row in tried)
        alike += len(others) * right // max(1, len(tried))
    return Sighting(len(rows), same, alike / max(1, len(rows)))


def relocate(connection: sqlite3.Connection, folder: FolderId, new: bytes, seen: Sighting, seq: Seq) -> None:
    """Gives the folder its new path. Rows, labels, sounds and vectors stay; what was seen again needs no reading."""
    folders.relocate(connection, folder, new, seq)
    files.set_identities(connection, seen.same)


def _has_same_bytes(connection: sqlite3.Connection, row: FileRow, path: bytes) -> bool:
    try:
        return fingerprint(path)[1] == files.digest_of(connection, row.id)
    except TransientInputError:
        return False
