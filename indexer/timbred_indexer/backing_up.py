"""Automatic backups, and the check of a database, in a niced child: whoever waits for an answer comes first."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import suppress
from typing import Any

from timbred_indexer.atomic import remove_leftovers
from timbred_indexer.backup import FOLDER, Backup
from timbred_indexer.child import run_module
from timbred_indexer.errors import StorageError
from timbred_indexer.interruptible import to_the_end
from timbred_indexer.model import Seq


async def make_automatic(data_dir: str, *, keep: int, now: float) -> tuple[Backup, Seq | None]:
    """As :func:`timbred_indexer.backup.make_automatic`. Cancelling this ends the child, and nothing of it is left.

    Returns:
        The backup, and what it shows.

    Raises:
        StorageError: as there.
    """
    try:
        told = await _run("make", data_dir, str(keep), repr(now))
    except asyncio.CancelledError:
        with suppress(OSError):
            await to_the_end(lambda: remove_leftovers(os.path.join(data_dir, FOLDER)))
        raise
    return Backup(told["path"], told["made"], told["size"]), None if told["seq"] is None else Seq(told["seq"])


async def check(database: str) -> None:
    """As :func:`timbred_indexer.backup.check`. Cancelling this ends the child.

    Raises:
        StorageError: as there.
    """
    await _run("check", database)


async def _run(*arguments: str) -> Any:
    failure = StorageError("The database could not be backed up, or checked")
    told = json.loads((await run_module("timbred_indexer.backup_child", *arguments, failure=failure))[-1])
    if "code" in told:
        raise StorageError(told["message"], code=told["code"])
    return told
