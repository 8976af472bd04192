"""Files are written into the index of names soon after they came, in batches: in quiet moments, unless many wait."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from timbred_indexer.db import Database
from timbred_indexer.errors import StorageError
from timbred_indexer.store import name_index

logger = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
MANY = 2_000  # files that are written whatever else goes on: every search for a word looks through all that wait


async def keep_names(db: Database, idle: Callable[[], bool], look: float = LOOK_SECONDS) -> None:
    """Follows the library until cancelled.

    Args:
        idle: whether nothing is pending or being scanned.
        look: seconds between two looks.
    """
    while True:
        try:
            await write_due(db, idle)
        except StorageError as error:
            logger.error("The index of names could not be written: %s", error.message)
        await asyncio.sleep(look)


async def write_due(db: Database, idle: Callable[[], bool]) -> int:
    """Writes what is to be written now. Returns how many files that was.

    Raises:
        StorageError: the database cannot be read or written.
    """
    clock, total = asyncio.get_running_loop().time, 0
    while True:
        waiting = await db.read(lambda connection: name_index.waiting(connection, MANY))
        if not waiting or (waiting < MANY and not idle()):
            return total
        began = clock()
        total += await db.write(name_index.write_some)
        await asyncio.sleep(clock() - began)  # others wait for the writer too: they have half of its time
