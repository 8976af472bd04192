"""SQLite: connections, pragmas, one writer with group commit, reader threads.

Every change goes through :meth:`Database.write`. The writer takes all tasks that wait, runs each in a savepoint of
its own, commits once with an fsync, and only then resolves their futures: what is acknowledged is on the disk, and a
busy indexer pays one fsync for many files. Shape after Datasette's write queue.
"""

from __future__ import annotations

import asyncio
import os
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from timbred_indexer.errors import StorageError, UnavailableError
from timbred_indexer.migrate import check_owner, migrate, shipped
from timbred_indexer.model import Seq

T = TypeVar("T")
Task = Callable[[sqlite3.Connection], T]

GROUP_LIMIT = 256  # tasks a commit; bounds how long the first of a burst waits


@dataclass(frozen=True, slots=True)
class _Write:
    task: Task[Any]
    future: Future[Any]


def next_seq(connection: sqlite3.Connection) -> Seq:
    """Advances the one clock; call once in each task that changes something."""
    row = connection.execute("UPDATE meta SET value = value + 1 WHERE key = 'seq' RETURNING value").fetchone()
    return Seq(row[0])


def current_seq(connection: sqlite3.Connection) -> Seq:
    return Seq(connection.execute("SELECT value FROM meta WHERE key = 'seq'").fetchone()[0])


def connect(path: str | bytes, *, readonly: bool = False) -> sqlite3.Connection:
    """A connection in autocommit mode with our pragmas.

    Raises:
        StorageError: the file cannot be opened or is no SQLite database.
    """
    try:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
    except sqlite3.Error as error:
        raise as_storage_error(error) from error
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA temp_store = MEMORY")
        # A reader keeps write access to the -shm file; query_only keeps it from changing anything.
        connection.execute(f"PRAGMA query_only = {'ON' if readonly else 'OFF'}")
    except sqlite3.Error as error:
        connection.close()
        raise as_storage_error(error) from error
    return connection


def as_storage_error(error: sqlite3.Error) -> StorageError:
    """SQLite's errors as sentences with a code: ``disk_full``, ``database_corrupt``, ``storage``."""
    match getattr(error, "sqlite_errorname", ""):
        case "SQLITE_FULL":
            return StorageError("The disk that holds the data folder is full; free some space.", code="disk_full")
        case "SQLITE_CORRUPT" | "SQLITE_NOTADB":
            return StorageError(
                "The database file is damaged or not a database; restore a backup, or move it away to start anew.",
                code="database_corrupt",
            )
        case _:
            return StorageError(f"The database cannot be used: {error}.")


class Database:
    """The only door to ``metadata.db``. Build it with :meth:`open`; close it once.

    Attributes:
        on_commit: called on the writer thread after each commit.
        on_damage: called, on whichever thread it was, when a page could not be made sense of.
    """

    def __init__(self, path: str, writer: sqlite3.Connection, readers: int) -> None:
        self._path = path
        self._writer = writer
        self._tasks: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        self._closed = False
        self._closing = threading.Lock()  # nothing is queued behind the end of the queue
        self.on_commit: Callable[[], None] | None = None
        self.on_damage: Callable[[StorageError], None] | None = None
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="timbred-read")
        self._thread = threading.Thread(target=self._write_loop, name="timbred-write", daemon=True)
        self._thread.start()

    @classmethod
    def open(cls, path: str, *, readers: int = 2) -> Database:
        """Opens or creates the database and brings its schema up to date.

        Raises:
            StorageError: see :func:`connect` and :func:`~timbred_indexer.migrate.migrate`.
        """
        _create_private(path)
        writer = connect(path)
        try:
            check_owner(writer)
            writer.execute("PRAGMA journal_mode = WAL")
            migrate(writer, shipped())
        except sqlite3.Error as error:
            writer.close()
            raise as_storage_error(error) from error
        except StorageError:
            writer.close()
            raise
        return cls(path, writer, readers)

    async def write(self, task: Task[T]) -> T:
        """Runs ``task`` in a transaction on the writer thread; returns when it is durable.

        Raises:
            StorageError: the database could not take it (disk full, damaged); nothing of ``task`` remains.
            UnavailableError: it is closed.
        """
        future: Future[T] = Future()
        with self._closing:
            self._check_open()
            self._tasks.put(_Write(task, future))
        return await asyncio.wrap_future(future)

    async def read(self, task: Task[T]) -> T:
        """Runs ``task`` in one read transaction on a reader thread: it sees a single state of the database."""
        self._check_open()
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.read_here, task)

    def read_here(self, task: Task[T]) -> T:
        """Like :meth:`read`, on the calling thread (which gets a connection of its own)."""
        connection = self._reader()
        try:
            connection.execute("BEGIN")
            try:
                return task(connection)
            finally:
                _roll_back(connection)
        except sqlite3.Error as error:
            raise self._failure(error) from error

    def report_damage(self, failure: StorageError) -> None:
        """Somebody found out that the file is damaged: whoever watches for it is told."""
        if self.on_damage is not None:
            self.on_damage(failure)

    def close(self) -> None:
        """Finishes what was queued, then closes every connection. Safe to call twice."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._tasks.put(None)
        self._thread.join()
        self._readers.shutdown(wait=True)
        for connection in self._connections:
            connection.close()
        self._writer.close()

    def _check_open(self) -> None:
        if self._closed:
            raise UnavailableError("timbred is stopping.")

    def _reader(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = connect(self._path, readonly=True)
            self._local.connection = connection
            self._connections.append(connection)
        return connection

    def _write_loop(self) -> None:
        stopping = False
        while not stopping:
            group = [self._tasks.get()]
            while len(group) < GROUP_LIMIT and not self._tasks.empty():
                group.append(self._tasks.get())
            stopping = None in group
            # From here on nobody can cancel them.
            self._commit([write for write in group if write and write.future.set_running_or_notify_cancel()])

    def _commit(self, group: list[_Write]) -> None:
        done: list[tuple[Future[Any], Any]] = []
        try:
            _roll_back(self._writer)  # what a failing disk did not let go of at once
            self._writer.execute("BEGIN IMMEDIATE")
            for write in group:
                self._run(write, done)
            self._writer.execute("COMMIT")
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):  # the thread must live: whoever writes next waits for it
                _roll_back(self._writer)
            for write in group:
                if not write.future.done():
                    write.future.set_exception(self._failure(error))
            return
        if done and self.on_commit is not None:
            self.on_commit()
        for future, result in done:
            future.set_result(result)

    def _run(self, write: _Write, done: list[tuple[Future[Any], Any]]) -> None:
        self._writer.execute("SAVEPOINT task")
        try:
            result = write.task(self._writer)
        except BaseException as error:
            # Whatever it was goes to the one who asked; the group goes on.
            if not self._writer.in_transaction and isinstance(error, sqlite3.Error):
                raise  # a full disk may end the whole transaction, and then the group shares the reason
            self._writer.execute("ROLLBACK TO task")
            write.future.set_exception(self._failure(error) if isinstance(error, sqlite3.Error) else error)
        else:
            done.append((write.future, result))
        self._writer.execute("RELEASE task")

    def _failure(self, error: sqlite3.Error) -> StorageError:
        failure = as_storage_error(error)
        if failure.code == "database_corrupt":
            self.report_damage(failure)
        return failure


def _roll_back(connection: sqlite3.Connection) -> None:
    # A full disk may have ended the transaction already; then there is nothing left to undo.
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _create_private(path: str) -> None:
    """SQLite gives the files it makes beside the database the database's own mode: it has to be right from the start.

    Raises:
        StorageError: the file cannot be made or opened.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        os.chmod(path, 0o600)
    except OSError as error:
        raise StorageError(f"The database cannot be opened: {error.strerror}.") from error
