"""What the daemon has said to be so, and what a killed one left on disk: the first must be in the second for ever."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from daemon_process import Daemon

from timbred_api.client import JsonObject


@dataclass(frozen=True, slots=True)
class Stored:
    """One state of the database.

    Attributes:
        sounds: number of the file → id of the sound, of what counts as indexed.
        labels: number of the file → label.
        vectors: id of the segment → SHA-256 of its vector.
        hashes: of the bytes of every sound that was analysed.
    """

    sounds: dict[str, int]
    labels: dict[str, str]
    vectors: dict[int, bytes]
    hashes: frozenset[bytes]


class Ledger:
    """What was acknowledged, by the number of the file: names change."""

    def __init__(self) -> None:
        self.sounds: dict[str, int] = {}
        self.labels: dict[str, str] = {}
        self._vectors: dict[int, bytes] = {}

    def note(self, rows: list[JsonObject]) -> None:
        """These sounds have been shown."""
        self.sounds |= {number_of(path): row["sound_id"] for row in rows for path in row["paths"]}

    def assert_stored(self, stored: Stored) -> None:
        """Of what was acknowledged, and of what was stored before, everything is there, and the same."""
        assert {number: stored.sounds.get(number) for number in self.sounds} == self.sounds
        assert {number: stored.labels.get(number) for number in self.labels} == self.labels
        assert {segment: stored.vectors.get(segment) for segment in self._vectors} == self._vectors
        self._vectors = stored.vectors

    def assert_shown(self, rows: list[JsonObject]) -> None:
        now = {number_of(path): row for row in rows for path in row["paths"]}
        assert {number: now[number]["sound_id"] for number in self.sounds} == self.sounds
        assert {number: now[number]["label"] for number in self.labels} == self.labels

    def assert_found(self, daemon: Daemon) -> None:
        """The index has all of it: a search that asks for everything brings everything."""
        for one in list(self.sounds.values())[:1]:
            found = {row["sound_id"] for row in daemon.similar(id=one, k=1000)}
            assert set(self.sounds.values()) - {one} <= found


def number_of(path: str) -> str:
    """``/sounds/3-1-17.wav`` is file 17, renamed twice."""
    return path.rpartition("/")[2].rpartition("-")[2]


def left_behind(daemon: Daemon, scratch: Path) -> Stored:
    """What a killed daemon's files hold, which SQLite itself has to find whole.

    Read from a copy: the next daemon must find the log of the killed one as it was, and recover by itself.
    """
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    for name in ("metadata.db", "metadata.db-wal"):
        if (daemon.data / name).exists():
            shutil.copy(daemon.data / name, scratch)
    with closing(sqlite3.connect(scratch / "metadata.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        return _read(connection)


def _read(connection: sqlite3.Connection) -> Stored:
    files = connection.execute("SELECT path, sound_id, label, state FROM file").fetchall()
    return Stored(
        {number_of(os.fsdecode(path)): sound for path, sound, _, state in files if state == "indexed"},
        {number_of(os.fsdecode(path)): label for path, _, label, _ in files if label is not None},
        {
            segment: hashlib.sha256(vector).digest()
            for segment, vector in connection.execute("SELECT segment_id, data FROM vector")
        },
        frozenset(digest for (digest,) in connection.execute("SELECT hash FROM sound")),
    )
