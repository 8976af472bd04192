"""``python -m timbred_indexer.duplicates.pairing_child DATABASE``: which fresh sounds are worth comparing with which.

A niced child, because the lists of all words take some seconds and hundreds of megabytes for a large library. It reads
one state of the database and prints ``first second start start`` a line: sound ids, and where to begin in each file, in
seconds; the last line is the highest fingerprint that was paired.
"""

from __future__ import annotations

import os
import sys

import numpy as np

from timbred_indexer.db import connect
from timbred_indexer.duplicates.fingerprint import HOP, RANGES
from timbred_indexer.duplicates.pairing import ordered, pairs
from timbred_indexer.parameters import ANALYSIS_RATE
from timbred_indexer.store import duplicates

WHOLE = 55.0
"""Seconds: sounds that are no longer than this are compared from their beginnings; a little less than is compared."""


def main(arguments: list[str]) -> int:
    (database,) = arguments
    os.nice(10)
    connection = connect(database, readonly=True)
    try:
        connection.execute("BEGIN")
        done = duplicates.paired_up_to(connection)
        rows = list(duplicates.fingerprints(connection))
        connection.execute("ROLLBACK")
    finally:
        connection.close()
    words = [np.frombuffer(row.words, "<u4").reshape(-1, len(RANGES)).astype(np.uint32, copy=False) for row in rows]
    fresh_from = next((place for place, row in enumerate(rows) if row.id > done), len(rows))
    sounds = [row.sound for row in rows]
    lengths = {row.sound: row.start + len(own) * HOP / ANALYSIS_RATE for row, own in zip(rows, words, strict=True)}
    silences = {row.sound: row.start for row in rows}
    for candidate in pairs(words, fresh_from):
        first, second, frames = ordered(candidate, sounds)
        lag = frames * HOP / ANALYSIS_RATE
        begins = 0.0, 0.0
        if max(lengths[first], lengths[second]) > WHOLE:
            begins = silences[first] + max(0.0, lag), silences[second] + max(0.0, -lag)
        sys.stdout.write(f"{first} {second} {begins[0]:.3f} {begins[1]:.3f}\n")
    sys.stdout.write(f"{rows[-1].id if rows else done}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
