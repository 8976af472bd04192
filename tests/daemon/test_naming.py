"""When names are written into their index: at once where nothing else is done, in batches where something is."""

from __future__ import annotations

import pytest

from builders import analysis, new_folder, new_sound
from timbred_daemon.naming import MANY, write_due
from timbred_indexer.db import Database
from timbred_indexer.store import name_index


async def waiting(db: Database) -> int:
    return await db.read(lambda connection: name_index.waiting(connection, 10))


@pytest.fixture
async def busy(db: Database) -> Database:
    """Three files were indexed."""
    folder = await db.write(new_folder)
    for number in range(3):
        name = b"%d.wav" % number
        await db.write(lambda connection, name=name, seed=number: new_sound(connection, folder, name, analysis(seed)))
    return db


async def test_a_few_names_wait_until_nothing_else_is_done(busy: Database) -> None:
    assert (await write_due(busy, lambda: False), await waiting(busy)) == (0, 3)
    assert (await write_due(busy, lambda: True), await waiting(busy)) == (3, 0)


async def test_many_names_wait_for_nobody(busy: Database) -> None:
    await busy.write(
        lambda connection: (
            connection.execute(
                "WITH RECURSIVE number (n) AS (SELECT 10 UNION ALL SELECT n + 1 FROM number LIMIT ?) "
                "INSERT INTO unnamed SELECT n FROM number",
                (MANY,),
            ).rowcount
        )
    )
    assert await write_due(busy, lambda: False) == name_index.BATCH
    assert await waiting(busy) > 0
