"""``python -m timbred_indexer.compact DATABASE FOLDER SPACE VERSION RECALL``: builds the next snapshot, in a child.

A child, because a build cannot be interrupted in a thread: to cancel it, end the process. It reads one state of the
database, so the daemon goes on writing meanwhile; the last line of its output is the snapshot's seq and count.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterator
from typing import cast

from timbred_indexer import snapshot
from timbred_indexer.build import FLAT_BELOW
from timbred_indexer.build import build as build_index
from timbred_indexer.db import connect, current_seq
from timbred_indexer.faiss_index import StoredIndex
from timbred_indexer.model import SegmentId, Seq, SpaceName
from timbred_indexer.snapshot import Origin
from timbred_indexer.store import identity, vectors

RECALL = 0.99  # wanted of an approximate index, where the settings do not say


def build(
    connection: sqlite3.Connection,
    space: SpaceName,
    version: str,
    *,
    target: float = RECALL,
    threads: int = 1,
    flat_below: int = FLAT_BELOW,
) -> tuple[Seq, StoredIndex | None]:
    """The index of everything alive in the space now; None when there is nothing."""
    connection.execute("BEGIN")
    try:
        seq = current_seq(connection)
        count = vectors.count(connection, space, version, seq)

        def stream() -> Iterator[tuple[SegmentId, bytes]]:
            return vectors.stream(connection, space, version, seq)

        index = build_index(stream, count, target=target, threads=threads, flat_below=flat_below)
    finally:
        connection.execute("ROLLBACK")
    return seq, index


def main(arguments: list[str]) -> int:
    database, folder, name, version, target = arguments
    space = cast(SpaceName, name)
    os.nice(19)  # whoever waits for an answer comes first, and so do those who analyse
    connection = connect(database, readonly=True)
    own = identity.read(connection)
    seq, index = build(connection, space, version, target=float(target), threads=threads())
    connection.close()
    if index is None:
        snapshot.remove(folder, space)
    else:
        snapshot.save(folder, Origin(own, space, version, seq), index, target=float(target))
    sys.stdout.write(f"{seq} {0 if index is None else len(index)}\n")
    return 0


def threads() -> int:
    """For the build: half of the cores, two at most."""
    return max(1, min(2, (os.cpu_count() or 1) // 2))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
