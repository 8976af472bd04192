"""Copies of the database: made while it is in use, checked before they count, rotated.

A copy is taken by SQLite's backup interface inside one read transaction, so it shows one state of the database whatever
is written meanwhile. It is one file, without a write-ahead log beside it.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import sqlite3
import time
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote_from_bytes

from timbred_indexer.atomic import remove_leftovers, replace_file
from timbred_indexer.db import as_storage_error, current_seq
from timbred_indexer.errors import StorageError, UnavailableError
from timbred_indexer.interruptible import Stopping, never
from timbred_indexer.migrate import check_history, check_owner, shipped
from timbred_indexer.model import Seq

FOLDER: Final = "backups"
"""In the data folder: where the automatic ones are."""

STEP_PAGES = 256  # copied at a time: 1 MB; between two steps it can be stopped
CHECK_STEPS = 200_000  # of SQLite's virtual machine between two looks whether to stop
SPARE = 64 * 2**20  # bytes that a backup leaves free for everything else

_NAME = re.compile(r"metadata-(\d{8}T\d{6}Z)\.db")
_STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Backup:
    """An automatic backup. ``made``: Unix time, to the second; ``size``: bytes."""

    path: str
    made: float
    size: int


def stamp(moment: float) -> str:
    """A Unix time as it stands in a file's name: ``20260131T235959Z``."""
    return datetime.fromtimestamp(moment, UTC).strftime(_STAMP)


def write_backup(database: str, target: str, *, force: bool = False, stopping: Stopping = never) -> None:
    """Copies the database to ``target``, in one step: there is a whole checked backup there, or what was there before.

    Args:
        database: path of a database, in use or not.
        force: replace a file that is there.

    Raises:
        StorageError: ``backup_exists``, ``no_database``, ``disk_full``, ``database_corrupt`` (nothing is kept then),
            or another reason it cannot be written.
        UnavailableError: ``stopping`` said so.
    """
    if os.path.lexists(target) and not force:
        raise StorageError(f"{target} is there already; name another file, or add --force.", code="backup_exists")
    if os.path.exists(target) and os.path.samefile(target, database):
        raise StorageError("That is the database itself; name another file.", code="backup_exists")

    def fill(temporary: str) -> None:
        copy(database, temporary, stopping)
        check(temporary, stopping)

    try:
        replace_file(target, fill)
    except OSError as error:
        raise _unwritable(target, error) from error


def make_automatic(data_dir: str, *, keep: int, now: float | None = None, stopping: Stopping = never) -> Backup:
    """Adds a backup to those in the data folder, and takes away all but the newest ``keep``.

    Raises:
        StorageError, UnavailableError: as :func:`write_backup`; also ``disk_full`` where too little would be left free.
    """
    database, folder = os.path.join(data_dir, "metadata.db"), os.path.join(data_dir, FOLDER)
    moment = time.time() if now is None else now
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        remove_leftovers(folder)
        _leave_room(database, folder)
        path = os.path.join(folder, f"metadata-{stamp(moment)}.db")
        write_backup(database, path, force=True, stopping=stopping)
        others = [one for one in automatic(data_dir, moment) if one.path != path]
        for old in others[max(1, keep) - 1 :]:
            os.unlink(old.path)
        return Backup(path, moment, os.path.getsize(path))
    except OSError as error:
        raise _unwritable(folder, error) from error


def automatic(data_dir: str, now: float | None = None) -> list[Backup]:
    """The backups in the data folder, the newest first. One of a time to come was dated by a clock that was wrong.

    Args:
        data_dir: the data folder.
        now: Unix time; what is dated later comes last.

    Raises:
        StorageError: they cannot be listed.
    """
    latest = time.time() if now is None else now
    folder = os.path.join(data_dir, FOLDER)
    found: list[Backup] = []
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StorageError(f"The backups in {folder} cannot be listed: {error.strerror}.") from error
    for name in names:
        if (match := _NAME.fullmatch(name)) is not None:
            path = os.path.join(folder, name)
            with suppress(OSError):  # gone meanwhile, or on a disk that fails: of no use
                moment = datetime.strptime(match[1], _STAMP).replace(tzinfo=UTC).timestamp()
                found.append(Backup(path, moment, os.path.getsize(path)))
    return sorted(found, key=lambda one: (one.made <= latest, one.made), reverse=True)


def seq_of(path: str) -> Seq | None:
    """The state that a backup shows; None when it cannot be read."""
    try:
        with _reading(path) as connection:
            return current_seq(connection)
    except (sqlite3.Error, StorageError, TypeError):
        return None


def copy(source: str, target: str, stopping: Stopping = never) -> None:
    """One state of the database ``source`` into the new file ``target``.

    Raises:
        StorageError: ``no_database``, ``foreign_database``, ``disk_full``, ``database_corrupt``.
        UnavailableError: ``stopping`` said so.
    """

    def step(_status: int, _remaining: int, _total: int) -> None:
        if stopping():
            raise UnavailableError("timbred is stopping.")

    with _storage_errors(), _reading(source) as connection, closing(_blank(target)) as destination:
        check_owner(connection)
        if not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            raise StorageError(f"{source} is an empty database.", code="no_database")
        connection.execute("BEGIN")
        current_seq(connection)  # the first read chooses the state that is copied
        connection.backup(destination, pages=STEP_PAGES, progress=step)
        destination.execute("PRAGMA journal_mode = DELETE")


def check(path: str, stopping: Stopping = never, *, deep: bool = False) -> None:
    """Whether a database is whole, ours, and of a schema that this program knows.

    Args:
        deep: compare every index with its table too, which takes several times as long.

    Raises:
        StorageError: ``database_corrupt``, ``foreign_database``, ``database_newer``, ``database_differs``.
        UnavailableError: ``stopping`` said so.
    """
    with _storage_errors(), _reading(path) as connection:
        check_owner(connection)
        applied: dict[int, str] = dict(connection.execute("SELECT number, sha256 FROM migration"))
        check_history(applied, shipped())
        connection.set_progress_handler(stopping, CHECK_STEPS)
        try:
            found = connection.execute(f"PRAGMA {'integrity_check' if deep else 'quick_check'}(1)").fetchone()[0]
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname == "SQLITE_INTERRUPT":
                raise UnavailableError("timbred is stopping.") from error
            raise
        if found != "ok":
            raise StorageError(f"The database is damaged: {found}.", code="database_corrupt")


def _blank(path: str) -> sqlite3.Connection:
    """A new private file that needs no journal: it counts only when it is renamed."""
    with suppress(FileNotFoundError):
        os.unlink(path)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute("PRAGMA synchronous = OFF")
    return connection


@contextmanager
def _reading(path: str) -> Generator[sqlite3.Connection]:
    """A connection that changes nothing and makes no file that was not there."""
    if not os.path.exists(path):
        raise StorageError(f"There is no database at {path}.", code="no_database")
    uri = f"file:{quote_from_bytes(os.fsencode(os.path.abspath(path)))}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=30)) as found:
        yield found


@contextmanager
def _storage_errors() -> Generator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise as_storage_error(error) from error


def _leave_room(database: str, folder: str) -> None:
    parts = (database, f"{database}-wal")
    needed = sum(os.path.getsize(part) for part in parts if os.path.exists(part)) + SPARE
    free = shutil.disk_usage(folder).free
    if free < needed:
        told = f"A backup needs {needed // 2**20} MB, and the disk of {folder} has {free // 2**20} MB free"
        raise StorageError(f"{told}; free some space.", code="disk_full")


def _unwritable(path: str, error: OSError) -> StorageError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return StorageError(
        f"The backup cannot be written to {path}: {error.strerror}.", code="disk_full" if full else "storage"
    )
