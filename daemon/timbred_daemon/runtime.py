"""What a running daemon holds: its data folder's lock, the endpoint file that clients find it by, its log on stderr."""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import stat
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final, TextIO

from timbred_daemon.config_values import LogLevel
from timbred_indexer.errors import StorageError

_LOCK_NAME: Final = "lock"
_ENDPOINT_NAME: Final = "endpoint.json"
_LOCK_TRIES: Final = 25
_LOCK_PAUSE: Final = 0.02
"""Seconds. A client that looks whether the lock is free holds it for an instant; that must not stop a daemon."""


class AlreadyRunningError(StorageError):
    """Another daemon has this data folder.

    Attributes:
        pid: of the other daemon; None when it has not said yet.
    """

    code = "already_running"

    def __init__(self, data_dir: str, pid: int | None) -> None:
        who = f"with pid {pid} " if pid is not None else ""
        super().__init__(f"timbred is already running {who}on {data_dir}; stop it first, or name another --data-dir")
        self.pid = pid


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a running daemon answers.

    Attributes:
        address: base URL, such as ``http://127.0.0.1:8462``.
        pid: of the daemon.
        socket: path of its unix socket; None where it has none.
    """

    address: str
    pid: int
    socket: str | None = None


@contextmanager
def data_folder(data_dir: str) -> Generator[bool]:
    """Makes the data folder (0700) where it is missing, and holds it for this process alone.

    The system lets go of the lock when the process ends, however it ends; the lock file itself stays. Start no forked
    child that outlives the daemon while this is held: it would inherit the lock (one that execs does not).

    Yields:
        Whether the process that last held it ended without letting go: killed, or by a power cut.

    Raises:
        AlreadyRunningError: another process holds it.
        StorageError: the folder cannot be made or locked.
    """
    lock = _open_lock(data_dir)
    try:
        _take_lock(lock, data_dir)
        _look_at_rights(data_dir)
        cut_off = _lock_holder(lock) is not None
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        try:
            yield cut_off
        finally:
            os.ftruncate(lock, 0)
    finally:
        os.close(lock)


def _open_lock(data_dir: str) -> int:
    try:
        os.makedirs(data_dir, mode=0o700, exist_ok=True)
        return os.open(os.path.join(data_dir, _LOCK_NAME), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageError(f"the data folder {data_dir} cannot be used: {error.strerror}") from error


def _look_at_rights(data_dir: str) -> None:
    """Whoever can write here can be taken for this daemon, and can change what it knows."""
    status = os.stat(data_dir)
    if status.st_uid not in (os.geteuid(), 0) or stat.S_IMODE(status.st_mode) & 0o022:
        logging.getLogger(__name__).warning(
            "Other users can change what is in %s; `chmod 700` it, or name another --data-dir.", data_dir
        )


def _take_lock(lock: int, data_dir: str) -> None:
    for _ in range(_LOCK_TRIES):
        if _try_lock(lock, fcntl.LOCK_EX, data_dir):
            return
        time.sleep(_LOCK_PAUSE)
    raise AlreadyRunningError(data_dir, _lock_holder(lock))


def _try_lock(lock: int, kind: int, data_dir: str) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise StorageError(f"the data folder {data_dir} is on a file system without locks: {error.strerror}") from error
    return True


def _lock_holder(lock: int) -> int | None:
    written = os.pread(lock, 20, 0).strip()
    return int(written) if written.isdigit() else None


@contextmanager
def published_endpoint(data_dir: str, address: str, socket: str | None = None) -> Generator[None]:
    """Writes ``endpoint.json`` (0600, in one step) and removes it at the end. Needs the ``data_folder`` to be held.

    Args:
        data_dir: the data folder.
        address: base URL, with the port that was really opened.
        socket: path of the unix socket.

    Raises:
        StorageError: the file cannot be written.
    """
    path = os.path.join(data_dir, _ENDPOINT_NAME)
    text = json.dumps({"address": address, "pid": os.getpid(), "socket": socket}) + "\n"
    try:
        _replace(path, text)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error
    try:
        yield
    finally:
        with suppress(OSError):  # a left-over is harmless: readers see that its daemon is gone
            os.unlink(path)


def _replace(path: str, text: str) -> None:
    new = f"{path}.new"
    with suppress(FileNotFoundError):
        os.unlink(new)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(new, path)


def read_endpoint(data_dir: str) -> Endpoint | None:
    """Where the daemon of this data folder answers; None when none runs (a left-over file of a dead one is ignored)."""
    try:
        with open(os.path.join(data_dir, _ENDPOINT_NAME), encoding="utf-8") as file:
            endpoint = json.load(file)
        socket = endpoint.get("socket")
        found = Endpoint(str(endpoint["address"]), int(endpoint["pid"]), socket if isinstance(socket, str) else None)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    usable = found.address.startswith("http://")
    return found if usable and _is_alive(found.pid) and _is_held(data_dir) else None


def _is_alive(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except OSError as error:
        return error.errno == errno.EPERM
    except OverflowError:
        return False
    return True


def _is_held(data_dir: str) -> bool:
    """A pid can be given again to another program; a lock cannot."""
    try:
        lock = os.open(os.path.join(data_dir, _LOCK_NAME), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not _try_lock(lock, fcntl.LOCK_SH, data_dir)
    except StorageError:
        return True  # cannot be known here; the connection will tell
    finally:
        os.close(lock)


class _OneLine(logging.Formatter):
    """One event, one line: what is in a name cannot forge a second one. The whole traceback only while debugging."""

    def __init__(self, pattern: str, *, tracebacks: bool) -> None:
        super().__init__(pattern)
        self._tracebacks = tracebacks

    def format(self, record: logging.LogRecord) -> str:
        record.message = record.getMessage()
        record.asctime = self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z")
        line = "".join(_visible(character) for character in self.formatMessage(record))
        if record.exc_info and record.exc_info[1] is not None:
            if self._tracebacks:
                return f"{line}\n{self.formatException(record.exc_info)}"
            line += f" ({type(record.exc_info[1]).__name__}: {' '.join(str(record.exc_info[1]).split())})"
        return line


def _visible(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")


@contextmanager
def logging_to_stderr(
    level: LogLevel, environ: Mapping[str, str] = os.environ, stream: TextIO | None = None
) -> Generator[None]:
    """Logs to stderr, one line per event, without a time where the systemd journal keeps its own.

    Args:
        level: the least that is logged.
        environ: ``JOURNAL_STREAM`` says which device and inode the journal reads.
        stream: instead of stderr.
    """
    output: TextIO = stream or sys.stderr
    pattern = "%(levelname)s %(name)s: %(message)s"
    if not _goes_to_journal(environ, output):
        pattern = f"%(asctime)s {pattern}"
    handler = logging.StreamHandler(output)
    handler.setFormatter(_OneLine(pattern, tracebacks=level == "debug"))
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(level.upper())
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


def _goes_to_journal(environ: Mapping[str, str], stream: TextIO) -> bool:
    """A terminal of a desktop session inherits ``JOURNAL_STREAM`` too; systemd.exec(5) asks to compare."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
