"""What to do with a database that turns out to be damaged: set it aside, go on from the newest good backup."""

from __future__ import annotations

import logging
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from timbred_indexer.backup import Backup, automatic
from timbred_indexer.db import as_storage_error, connect
from timbred_indexer.errors import StorageError
from timbred_indexer.migrate import migrate, shipped
from timbred_indexer.restore import restore, set_aside
from timbred_indexer.salvage import put_back, salvage

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recovery:
    """``aside``: where the damaged database is now; ``backup``: what is in its place; ``labels``: salvaged."""

    aside: str
    backup: Backup | None
    labels: int

    @property
    def sentence(self) -> str:
        """What happened, for the log and the status."""
        if self.backup is None:
            then = "There was no backup, so everything is analysed again"
        else:
            made = datetime.fromtimestamp(self.backup.made).astimezone().isoformat(" ", "minutes")
            then = f"The backup of {made} is in its place, and what is newer is analysed again"
        saved = f"; {self.labels} newer labels could be read from it" if self.labels else ""
        return f"The database was damaged. It is set aside as {self.aside}. {then}{saved}."


def recover(data_dir: str) -> Recovery:
    """Replaces the damaged database of a data folder that nobody else has open.

    Raises:
        StorageError: that failed too: the disk is full or broken.
    """
    database = os.path.join(data_dir, "metadata.db")
    backup, aside = _newest_good(data_dir, database)
    if backup is None:
        aside = _begin_anew(database)
    found = salvage(aside)
    try:
        with closing(connect(database)) as connection:
            migrate(connection, shipped())
            connection.execute("BEGIN IMMEDIATE")
            labels = put_back(connection, found)
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise as_storage_error(error) from error
    return Recovery(aside, backup, labels)


def _newest_good(data_dir: str, database: str) -> tuple[Backup | None, str]:
    """Puts it in the database's place. Returns it, and the other name of what was there."""
    for backup in automatic(data_dir):
        try:
            aside = restore(database, backup.path, damaged=True)
        except StorageError as error:
            if error.code in ("disk_full", "storage"):
                raise
            logger.warning("The backup %s is of no use: %s", backup.path, error.message)
            continue
        if aside is not None:
            return backup, aside
    return None, ""


def _begin_anew(database: str) -> str:
    try:
        aside = set_aside(database, settle=False)
        if aside is None:
            raise StorageError(f"There is no database at {database}.", code="no_database")
        if os.path.exists(database):
            os.unlink(database)
    except OSError as error:
        raise StorageError(f"The damaged database cannot be set aside: {error.strerror}.") from error
    return aside
