"""A daemon that goes on when its database turns out to be damaged, at the start or at any time."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from timbred_daemon.tasks import background
from timbred_indexer.db import Database
from timbred_indexer.errors import StorageError
from timbred_indexer.recovery import is_whole, read_through, recover

logger = logging.getLogger(__name__)

MOST_RECOVERIES = 2  # in one life: a disk that spoils everything has to be exchanged
LOOK_SECONDS = 5.0
UNREADABLE_SECONDS = 30.0  # for which a database that cannot be read is waited for
UNREADABLE_PAUSE = 0.5

Notes = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Past:
    """What happened before. ``cut_off``: the last life ended abruptly; ``notes``: what is to be said of it."""

    cut_off: bool = False
    notes: Notes = ()


def live(serve: Callable[[Notes], Coroutine[Any, Any, None]], data_dir: str) -> None:
    """Runs the daemon to its end; over a damaged database it is run again, with the newest good backup in its place.

    Args:
        serve: given what happened so far, in sentences.

    Raises:
        StorageError: whatever ends the daemon, ``database_corrupt`` when that comes again and again.
    """
    notes: Notes = ()
    while True:
        try:
            asyncio.run(serve(notes))
            return
        except StorageError as error:
            if error.code != "database_corrupt" or len(notes) == MOST_RECOVERIES:
                raise
            logger.warning("%s", error.message)
        notes = (*notes, _mend(data_dir))
        logger.warning("%s", notes[-1])


def _mend(data_dir: str) -> str:
    """Makes the database of a data folder whole, and says how. Nobody may have it open.

    Raises:
        StorageError: that cannot be done.
    """
    database = os.path.join(data_dir, "metadata.db")
    _wait_until_readable(database)
    if is_whole(database):
        return "The database could not be read for a while. It is whole, and nothing was changed."
    return recover(data_dir).sentence


def _wait_until_readable(database: str) -> None:
    """Gives a disk that does not answer some time: what cannot be read is not called damaged.

    Raises:
        StorageError: ``unreadable_database``, still.
    """
    patience = time.monotonic() + UNREADABLE_SECONDS
    while True:
        try:
            return read_through(database)
        except StorageError:
            if time.monotonic() > patience:
                raise
        time.sleep(UNREADABLE_PAUSE)


async def watch_over(db: Database, database: str) -> None:
    """Waits until the database, at this path, is found damaged or gone; cancel it otherwise.

    Raises:
        StorageError: ``database_corrupt`` or ``data_folder_gone``.
    """
    opened = await asyncio.to_thread(os.stat, database)
    async with background(watch_for_loss(database, opened)):
        await watch_for_damage(db)


async def watch_for_loss(database: str, opened: os.stat_result, every: float = LOOK_SECONDS) -> None:
    """Looks now and then whether the database still lies where it was opened; cancel it otherwise.

    What is written to a removed file is gone with the process: better to say so and stop than to go on for nothing.

    Raises:
        StorageError: ``data_folder_gone``.
    """
    while True:
        await asyncio.sleep(every)
        if not await asyncio.to_thread(_is_still, database, opened):
            raise StorageError(
                f"{database} was removed or replaced while timbred ran, so nothing more can be kept. Put the data "
                "folder back, or leave it away to begin anew; then start timbred again.",
                code="data_folder_gone",
            )


def _is_still(path: str, opened: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.stat(path), opened)
    except FileNotFoundError:
        return False
    except OSError:
        return True  # a drive that does not answer now; what is written will say so


async def watch_for_damage(db: Database) -> None:
    """Waits until the database is found damaged; cancel it otherwise.

    Raises:
        StorageError: ``database_corrupt``.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[StorageError] = loop.create_future()

    def note(error: StorageError) -> None:
        if not found.done():
            found.set_result(error)

    def tell(error: StorageError) -> None:
        loop.call_soon_threadsafe(note, error)

    db.on_damage = tell
    try:
        raise await found
    finally:
        db.on_damage = None
