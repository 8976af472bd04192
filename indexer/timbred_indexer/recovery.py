"""What to do with a database that turns out to be damaged: set it aside, go on from the newest good backup."""

from __future__ import annotations

import logging
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from timbred_indexer.backup import Backup, automatic, check
from timbred_indexer.db import as_storage_error, connect
from timbred_indexer.errors import StorageError
from timbred_indexer.migrate import migrate, shipped
from timbred_indexer.restore import restore, set_aside
from timbred_indexer.salvage import put_back, salvage

logger = logging.getLogger(__name__)

_CHUNK = 1 << 20  # bytes read at once


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
    """Replaces the damaged database of a data folder that nobody has open, this process neither.

    Raises:
        StorageError: that failed too: the disk is full or broken. ``unreadable_database``: nobody can say whether it
            is damaged, and nothing was changed.
    """
    database = os.path.join(data_dir, "metadata.db")
    read_through(database)
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


def read_through(database: str) -> None:
    """Reads every byte of a database that this process does not have open: closing it would drop SQLite's locks.

    SQLite calls a database damaged where the disk did not give it a page (it maps EIO to SQLITE_CORRUPT), and one that
    cannot be read today may be whole tomorrow.

    Raises:
        StorageError: ``unreadable_database``.
    """
    for path in (database, f"{database}-wal"):
        try:
            with open(path, "rb", buffering=0) as file:
                while file.read(_CHUNK):
                    pass
        except FileNotFoundError:
            continue
        except OSError as error:
            raise StorageError(
                f"{path} cannot be read: {error.strerror}. Nothing was changed. Look after the disk that it lies on, "
                "then start timbred again.",
                code="unreadable_database",
            ) from error


def is_whole(database: str) -> bool:
    """Whether nothing is wrong with a database after all."""
    try:
        check(database, deep=True)
    except StorageError:
        return False
    return True


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
