"""The search for near-duplicates while the daemon runs: its workers, and the loop that gives them work."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Final

from timbred_daemon.tasks import background
from timbred_indexer.db import Database
from timbred_indexer.duplicates.finder import DuplicateFinder
from timbred_indexer.model import Seconds
from timbred_indexer.pool import WorkerPool

# -P: a file called msgpack.py in the current folder is not ours to import.
_COMMAND: Final = (sys.executable, "-P", "-m", "timbred_indexer.duplicates.worker")

_IDLE: Final = Seconds(3)
"""They are asked for seldom, and start in a moment: the last one is gone after half a minute."""


@asynccontextmanager
async def searching(
    db: Database, *, database: str, workers: int, may_work: Callable[[], bool]
) -> AsyncGenerator[DuplicateFinder]:
    """A finder that works when asked; no process runs before that.

    Args:
        database: path of the database, for the child that pairs.
        workers: how many files are worked on side by side.
        may_work: whether the library's own work is done.
    """
    async with WorkerPool(backlog_workers=workers, command=_COMMAND, idle_seconds=_IDLE) as pool:
        finder = DuplicateFinder(db, pool, database=database, slots=workers, may_work=may_work)
        async with background(finder.run()):
            yield finder
