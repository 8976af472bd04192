"""timbred's own index on a database of its own: the compacting child, and the live index that follows.

A child of ``index.py``: ``fill`` makes the database, ``measure`` opens what the compaction built and searches it.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from typing import cast

import numpy as np
from index_kinds import latency, resident
from numpy.typing import NDArray

from timbred_indexer import snapshot
from timbred_indexer.compaction import Order, build_snapshot
from timbred_indexer.db import Database, connect, next_seq
from timbred_indexer.index import ExactIndex, mask
from timbred_indexer.live import LiveIndex, View
from timbred_indexer.migrate import migrate, shipped
from timbred_indexer.model import SegmentId, Seq, SoundId, SpaceName
from timbred_indexer.probing import depth_of, recall
from timbred_indexer.store import identity
from timbred_indexer.store.vectors import Changes

VERSION = "benchmark"
ADDED = 1_000


def fill(path: str, space: str, vectors_path: str) -> None:
    """A database with nothing in it but sounds of one segment and their vectors; ids are rows + 1."""
    vectors = np.load(vectors_path, mmap_mode="r")
    connection = connect(path)
    migrate(connection, shipped())
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    seq = next_seq(connection)
    connection.execute("INSERT INTO space (id, name, version) VALUES (9, ?, ?)", (space, VERSION))
    for first in range(0, len(vectors), 10_000):
        part = np.ascontiguousarray(vectors[first : first + 10_000], "<f4")
        ids = range(first + 1, first + 1 + len(part))
        connection.executemany(
            "INSERT INTO sound (id, hash, duration, sample_rate, channels, format, cut_short, version, seq) "
            f"VALUES (?, randomblob(32), 1, 44100, 1, 'wav', 0, 'x', {seq})",
            ((number,) for number in ids),
        )
        connection.executemany(
            f'INSERT INTO segment (id, sound_id, start, "end", seq) VALUES (?1, ?1, 0, 1, {seq})',
            ((number,) for number in ids),
        )
        connection.executemany(
            f"INSERT INTO vector (segment_id, space_id, seq, data) VALUES (?, 9, {seq}, ?)",
            ((number, row.tobytes()) for number, row in zip(ids, part, strict=True)),
        )
    connection.execute("COMMIT")
    connection.close()


def measure(folder: str, space: SpaceName, queries: NDArray[np.float32], true: NDArray[np.int64]) -> dict[str, float]:
    """What the daemon's process sees: load, search, filters, adds, deletes, and searches beside a compaction."""
    before = resident()
    start = time.perf_counter()
    connection = connect(os.path.join(folder, "metadata.db"), readonly=True)
    manifest, index = snapshot.load(folder, space, VERSION, identity.read(connection))
    loaded = time.perf_counter() - start
    connection.close()
    view = _view_of(index, manifest.count)
    half, tens, hundreds = len(queries) // 5, depth_of(10), depth_of(100)
    quiet = latency(lambda asked: view.search(asked, tens), queries)
    found = {
        "load_ms": 1e3 * loaded,
        "setting": manifest.probing.points[0][1] if manifest.probing else 1,
        "claimed": manifest.probing.recall if manifest.probing else 1.0,
        **quiet,
        "recall10": recall(view.search(queries[half:], tens)[1], true[half:, :10] + 1),
        "recall100": recall(view.search(queries[half:], hundreds)[1], true[half:, :100] + 1),
        "resident": resident() - before,
    }
    return found | _changes(view, manifest.dim) | _filtered(view, queries)


def _view_of(index: snapshot.StoredIndex, count: int) -> View:
    everything = mask(count + 1)
    everything[:] = 255
    buffer = ExactIndex(np.empty(0, np.int64), np.empty((0, index.dim), np.float32))
    return View(Seq(1), index, buffer, everything, np.arange(count + 1))


def _filtered(view: View, queries: NDArray[np.float32]) -> dict[str, float]:
    """One in a thousand allowed."""
    count = len(view)
    allowed = mask(count + 1, np.random.default_rng(3).choice(count, max(20, count // 1000), replace=False) + 1)
    times = latency(lambda asked: view.search(asked, depth_of(10), allowed), queries[:200])
    return {"filtered_p50": times["p50"], "filtered_p99": times["p99"]}


def _changes(view: View, dim: int) -> dict[str, float]:
    """Seconds until an added or a deleted vector shows in the answers, in steps of ten, as followed commits come."""
    live = LiveIndex(dim)
    live.adopt(view.snapshot, Seq(1))
    count = len(view)
    live.apply(
        Changes(
            Seq(1),
            [(SegmentId(number), SoundId(number)) for number in range(1, count + 1)],
            [],
            [],
            [(SegmentId(number), True) for number in range(1, count + 1)],
        )
    )
    made = np.random.default_rng(5).standard_normal((ADDED, dim)).astype("<f4")

    def step(first: int, *, add: bool) -> None:
        ids = [SegmentId(count + 1 + first + place) for place in range(10)]
        added = [(segment, made[first + place].tobytes()) for place, segment in enumerate(ids)] if add else []
        pairs = [(segment, SoundId(segment)) for segment in ids] if add else []
        live.apply(Changes(Seq(2), pairs, added, [] if add else ids, [(one, True) for one in ids] if add else []))

    def rate(*, add: bool) -> float:
        start = time.perf_counter()
        for first in range(0, ADDED, 10):
            step(first, add=add)
        return ADDED / (time.perf_counter() - start)

    return {"adds": rate(add=True), "deletes": rate(add=False)}


async def beside_a_compaction(folder: str, space: SpaceName, queries: NDArray[np.float32]) -> dict[str, float]:
    """Searches while a child builds: p50, p99, and what the child took."""
    db = Database.open(os.path.join(folder, "metadata.db"))
    database = await db.read(identity.read)
    manifest, index = snapshot.load(folder, space, VERSION, database)
    view = _view_of(index, manifest.count)
    start = time.perf_counter()
    building = asyncio.create_task(build_snapshot(_order(folder, space)))
    times: list[float] = []
    while not building.done():
        for query in queries[:50]:
            asked = time.perf_counter()
            view.search(query[np.newaxis], depth_of(10))
            times.append(time.perf_counter() - asked)
            await asyncio.sleep(0.001)
    await building
    took = time.perf_counter() - start
    db.close()
    return {
        "compaction": took,
        "busy_p50": 1e3 * float(np.percentile(times, 50)),
        "busy_p99": 1e3 * float(np.percentile(times, 99)),
    }


def _order(folder: str, space: SpaceName) -> Order:
    return Order(os.path.join(folder, "metadata.db"), folder, space, VERSION)


def main(arguments: list[str]) -> None:
    step, name, folder, *rest = arguments
    space = cast(SpaceName, name)
    if step == "fill":
        fill(os.path.join(folder, "metadata.db"), space, rest[0])
    elif step == "measure":
        print(json.dumps(measure(folder, space, np.load(rest[0]), np.load(rest[1]))))
    elif step == "busy":
        print(json.dumps(asyncio.run(beside_a_compaction(folder, space, np.load(rest[0])))))


if __name__ == "__main__":
    main(sys.argv[1:])
