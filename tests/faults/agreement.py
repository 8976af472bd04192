"""Whether disk, database and index say the same: the invariant that every fault has to leave standing."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote_to_bytes

from daemon_process import Daemon

from timbred_daemon.commands.connection import pages

Contents = dict[bytes, bytes]
"""Path relative to the watched folder → SHA-256 of the bytes."""


def on_disk(root: Path) -> Contents:
    """By walking, without any of the daemon's code."""
    found: Contents = {}
    top = os.fsencode(root)
    for directory, _, names in os.walk(top):
        for name in names:
            path = os.path.join(directory, name)
            with open(path, "rb") as file:
                found[path[len(top) + 1 :]] = hashlib.sha256(file.read()).digest()
    return found


def in_database(daemon: Daemon, root: Path) -> Contents:
    """Of the files that count as indexed."""
    with closing(sqlite3.connect(f"file:{daemon.data}/metadata.db?mode=ro", uri=True)) as connection:
        rows = connection.execute(
            "SELECT file.path, hash FROM file JOIN sound ON sound.id = sound_id JOIN folder ON folder.id = folder_id "
            "WHERE file.state = 'indexed' AND folder.path = ?",
            (os.fsencode(root),),
        )
        return dict(rows.fetchall())


def in_answers(daemon: Daemon, root: Path) -> set[bytes]:
    """What can be found, page after page."""
    top = os.fsencode(root) + b"/"
    found: set[bytes] = set()
    for page in pages(daemon.client, "/v1/sounds", {"limit": 1000}):
        uris = [unquote_to_bytes(uri.removeprefix("file://")) for row in page for uri in row["uris"]]
        found.update(uri[len(top) :] for uri in uris if uri.startswith(top))
    return found


def assert_agreement(daemon: Daemon, root: Path) -> int:
    """Disk, database, answers and index hold the same. Returns how many files that is.

    Every sound must be one segment long: the index counts segments.
    """
    status = daemon.look()
    disk = on_disk(root)
    database = in_database(daemon, root)
    assert {path for path in disk if database.get(path) != disk[path]} == set()
    assert set(database) - set(disk) == set()
    assert in_answers(daemon, root) == set(disk)
    assert (status["files"]["failed"], status["files"]["pending"]) == (0, 0)
    assert status["segments"] == len(set(disk.values()))
    return len(disk)
