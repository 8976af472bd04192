"""Puts a backup in the database's place, and sets a database aside. Nobody else may have the database open."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing, suppress

from timbred_indexer.atomic import TEMPORARY, sync_folder
from timbred_indexer.backup import check, copy, stamp
from timbred_indexer.db import as_storage_error, connect
from timbred_indexer.errors import StorageError
from timbred_indexer.store import identity

_BESIDE = ("-wal", "-shm")  # what SQLite keeps beside a database


def restore(database: str, backup: str, *, damaged: bool = False, deep: bool = True) -> str | None:
    """Replaces the database by a copy of ``backup``, which stays as it is.

    The copy is checked before anything changes, and gets an identity of its own: an index that was built from another
    history of this database is never taken for one of this.

    Args:
        database: path of ``metadata.db``; it need not be there.
        damaged: the database is; it is not read any more.
        deep: check the backup as thoroughly as SQLite can.

    Returns:
        Where the replaced database is now; None when there was none.

    Raises:
        StorageError: ``no_database``, ``database_corrupt``, ``foreign_database``, ``database_newer`` and
            ``database_differs`` of the backup; ``disk_full`` and ``storage``. The database is as it was.
    """
    temporary = f"{database}.{os.getpid()}{TEMPORARY}"
    try:
        copy(backup, temporary)
        check(temporary, deep=deep)
        _become_another(temporary)
        aside = set_aside(database, settle=not damaged)
        os.replace(temporary, database)
        sync_folder(os.path.dirname(database))
    except OSError as error:
        raise StorageError(f"The database cannot be replaced: {error.strerror}.") from error
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
    return aside


def set_aside(database: str, *, settle: bool, now: float | None = None) -> str | None:
    """Gives the database a second, dated name, with all that belongs to it; it stays where it is, too.

    Args:
        settle: bring what SQLite keeps beside it into the file first: for one that is not damaged.

    Returns:
        The second name; None when there is no database.

    Raises:
        OSError: it cannot be done.
    """
    if not os.path.exists(database):
        return None
    if settle:
        _settle(database)
    base = database.removesuffix(".db")
    aside = _unused(f"{base}-{stamp(time.time() if now is None else now)}")
    for suffix in ("", _BESIDE[0]):
        if os.path.exists(database + suffix):
            _name_again(database + suffix, aside + suffix)
    for suffix in _BESIDE:
        with suppress(FileNotFoundError):
            os.unlink(database + suffix)
    sync_folder(os.path.dirname(database))
    return aside


def _settle(database: str) -> None:
    with suppress(StorageError, sqlite3.Error), closing(connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _name_again(path: str, name: str) -> None:
    try:
        os.link(path, name)
    except OSError:
        os.rename(path, name)  # a file system without hard links


def _unused(base: str) -> str:
    """Two in one second do not meet."""
    name, count = f"{base}.db", 1
    while os.path.lexists(name):
        count += 1
        name = f"{base}-{count}.db"
    return name


def _become_another(path: str) -> None:
    try:
        with closing(connect(path)) as connection:
            identity.renew(connection)
    except sqlite3.Error as error:
        raise as_storage_error(error) from error
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
