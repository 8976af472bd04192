"""What the comparison of an index with its database finds, and that a rebuild puts it right."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncGenerator
from pathlib import Path

import numpy as np
import pytest_asyncio

from builders import VERSION, analysis, new_folder, new_sound, vector
from timbred_indexer import aspects
from timbred_indexer.db import Database, next_seq
from timbred_indexer.index import ExactIndex, mask
from timbred_indexer.keeper import IndexKeeper
from timbred_indexer.live import LiveIndex, View
from timbred_indexer.verify import compare_index

SOUNDS = 12


class Shelf:
    """An index with a library in it."""

    def __init__(self, db: Database, data: str) -> None:
        self.db = db
        self.live = LiveIndex(aspects.DIM)
        database = os.path.join(data, "metadata.db")
        self.keeper = IndexKeeper(db, self.live, folder=data, database=database, space="librosa", version=VERSION)

    async def problems(self) -> str:
        return " ".join((await self.keeper.verify()).problems)

    async def compare(self, view: View) -> str:
        return " ".join((await compare_index(self.db, view, "librosa", VERSION)).problems)


def fill(connection: sqlite3.Connection) -> None:
    folder = new_folder(connection)
    for one in range(SOUNDS):
        new_sound(connection, folder, b"%d.wav" % one, analysis(one))


@pytest_asyncio.fixture
async def shelf(db: Database, tmp_path: Path) -> AsyncGenerator[Shelf]:
    shelf = Shelf(db, str(tmp_path / "data"))
    await db.write(fill)
    await shelf.keeper.open()
    yield shelf


async def test_all_is_well_before_and_after_a_compaction(shelf: Shelf) -> None:
    fresh = await shelf.keeper.verify()
    await shelf.keeper.compact()
    compacted = await shelf.keeper.verify()
    assert (fresh.problems, compacted.problems) == ((), ())
    assert (fresh.vectors, fresh.sampled, compacted.vectors, compacted.sampled) == (SOUNDS,) * 4


async def test_what_is_not_visible_is_no_problem(shelf: Shelf) -> None:
    await shelf.db.write(lambda c: c.execute("UPDATE folder SET state = 'offline'") and None)
    await shelf.db.write(lambda c: c.execute("UPDATE sound SET seq = ?", (next_seq(c),)) and None)
    assert await shelf.problems() == ""


async def test_a_vector_that_is_lacking_or_there_twice_is_counted(shelf: Shelf) -> None:
    view = shelf.live.view
    ids, vectors = view.buffer.ids, view.buffer.vectors
    doubled = ExactIndex(np.append(ids[1:], ids[-1]), np.vstack([vectors[1:], vectors[-1:]]))
    said = await shelf.compare(View(view.seq, None, doubled, view.visible, view.sound_of))
    assert said == f"The librosa index holds 1 vectors twice. The librosa index lacks 1 of {SOUNDS} vectors."


async def test_another_vector_under_an_id_is_found(shelf: Shelf) -> None:
    view = shelf.live.view
    vectors = view.buffer.vectors.copy()
    vectors[3] = vector(99)
    said = await shelf.compare(View(view.seq, None, ExactIndex(view.buffer.ids, vectors), view.visible, view.sound_of))
    assert said == f"The librosa index holds another vector than the database for 1 of {SOUNDS} segments."


async def test_what_is_shown_and_hidden_is_compared(shelf: Shelf) -> None:
    view = shelf.live.view
    blind = View(view.seq, None, view.buffer, mask(SOUNDS + 1, view.buffer.ids[2:]), view.sound_of)
    assert await shelf.compare(blind) == "The librosa index hides 2 segments that can be seen."
    await shelf.db.write(lambda c: c.execute("UPDATE folder SET state = 'offline'") and None)
    assert await shelf.compare(view) == f"The librosa index shows {SOUNDS} segments that cannot be seen."


async def test_a_dead_segment_that_can_be_found_is_a_problem(shelf: Shelf) -> None:
    view = shelf.live.view
    await shelf.db.write(lambda c: c.execute("UPDATE segment SET dead_seq = 1 WHERE id = 1") and None)
    assert "shows 1 segments that the database does not have" in await shelf.compare(view)


async def test_a_changed_byte_of_the_snapshot_is_found_and_rebuilt(shelf: Shelf, tmp_path: Path) -> None:
    await shelf.keeper.compact()
    path = tmp_path / "data" / "librosa.index"
    content = bytearray(path.read_bytes())
    content[-8] ^= 1
    path.write_bytes(content)
    assert "bytes are damaged" in await shelf.problems()
    await shelf.keeper.rebuild()
    assert (await shelf.problems(), path.exists()) == ("", False)
    assert shelf.keeper.stats.visible == SOUNDS
