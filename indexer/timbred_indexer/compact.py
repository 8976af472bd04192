"""``python -m timbred_indexer.compact DATABASE FOLDER SPACE VERSION``: builds the next snapshot, in a niced child.

A child, because a build cannot be interrupted in a thread: to cancel it, end the process. It reads one state of the
database, so the daemon goes on writing meanwhile; the last line of its output is the snapshot's seq and count.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from typing import cast

import numpy as np

from timbred_indexer import snapshot
from timbred_indexer.db import connect, current_seq
from timbred_indexer.faiss_index import FlatIndex
from timbred_indexer.model import Seq, SpaceName
from timbred_indexer.store import vectors


def build(connection: sqlite3.Connection, space: SpaceName, version: str) -> tuple[Seq, FlatIndex | None]:
    """The index of everything alive in the space now; None when there is nothing."""
    connection.execute("BEGIN")
    seq = current_seq(connection)
    ids: list[int] = []
    data = bytearray()
    for segment, blob in vectors.stream(connection, space, version, seq):
        ids.append(segment)
        data += blob
    connection.execute("ROLLBACK")
    if not ids:
        return seq, None
    matrix = np.frombuffer(data, "<f4").reshape(len(ids), -1)
    return seq, FlatIndex.build(np.array(ids, np.int64), matrix)


def main(arguments: list[str]) -> int:
    database, folder, space, version = arguments
    os.nice(10)
    connection = connect(database, readonly=True)
    seq, index = build(connection, cast(SpaceName, space), version)
    connection.close()
    if index is None:
        snapshot.remove(folder, cast(SpaceName, space))
    else:
        snapshot.save(folder, cast(SpaceName, space), version, seq, index)
    sys.stdout.write(f"{seq} {0 if index is None else len(index)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
