"""``python -m timbred_indexer.projection_child DATABASE METHOD VERSION``: a map of the library, in a niced child.

A child, because it reads every vector: some hundred megabytes for a large library, twice. It reads one state of the
database, and prints the seq that the map is true for and, on a second line, the map as JSON.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections.abc import Iterator
from typing import Final

import numpy as np

from timbred_indexer.db import connect
from timbred_indexer.projection import Floats, batched, clusters, components, spread
from timbred_indexer.store import catalogue, folders, sounds

MOST: Final = 200_000
"""Sounds on a map; of a larger library every n-th is shown."""


def library_map(connection: sqlite3.Connection, method: str, version: str, most: int = MOST) -> dict[str, object]:
    """The map, in the shape in which it is shown.

    Args:
        connection: inside a transaction, so that both passes see the same.
        method: ``pca`` or ``umap``.
        version: of the librosa space's vectors.
        most: sounds that are shown.
    """
    total = sounds.count_sounds(connection)
    every = max(1, -(-total // most))
    places: list[tuple[int, int]] = []

    def vectors() -> Iterator[bytes]:
        places.clear()  # each pass sees all of them again
        for member in catalogue.members(connection, version, every):
            places.append((member.sound, member.folder))
            yield member.vector

    points = components(lambda: batched(vectors()))
    plane = np.round(spread(_plane(points, method)).astype(np.float64), 4) + 0.0  # no -0.0
    paths = {folder.id: folder.path.decode("utf-8", "replace") for folder in folders.active(connection)}
    return {
        "seq": catalogue.library_seq(connection),
        "method": method,
        "total": total,
        "sounds": [sound for sound, _ in places],
        "x": plane[:, 0].tolist(),
        "y": plane[:, 1].tolist(),
        "cluster": clusters(points).tolist(),
        "folder": [folder for _, folder in places],
        "folders": paths,
    }


def _plane(points: Floats, method: str) -> Floats:
    if method == "umap":
        from timbred_indexer.neighbour_layout import layout

        return layout(points)
    return points[:, :2]


def main(arguments: list[str]) -> int:
    database, method, version = arguments
    os.nice(10)
    connection = connect(database, readonly=True)
    try:
        connection.execute("BEGIN")
        made = library_map(connection, method, version)
        connection.execute("ROLLBACK")
    finally:
        connection.close()
    sys.stdout.write(f"{made['seq']}\n{json.dumps(made, separators=(',', ':'))}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
