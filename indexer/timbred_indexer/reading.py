"""Opens a user's file, read-only, and says what its bytes are: whole or still being written, and their hash."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import signal
import stat
import sys
import time
from collections.abc import Callable

from timbred_indexer.asking import SILENCE, ask
from timbred_indexer.errors import TransientInputError, UnavailableError
from timbred_indexer.model import FileStat, Seconds
from timbred_indexer.scan import file_stat

CHUNK = 1 << 20  # bytes read at once
# A child that is being started holds what its parent had open until it has become its own program: a file that was
# written a moment ago is asked about again before it is called unfinished.
_LEASE_PAUSES = (0.001, 0.01, 0.03, 0.0)  # seconds
SETTLED_SECONDS = 1.0  # age of the last change after which a file counts as whole where nobody can be asked


def fingerprint(path: bytes, stopping: Callable[[], bool] = lambda: False) -> tuple[FileStat, bytes]:
    """The stat and SHA-256 of a file that nobody is writing.

    Args:
        path: as the file system has it.
        stopping: asked now and then; once it is true, reading ends: a film takes longer than a daemon has to stop.

    Returns:
        The stat the hash belongs to, and the digest (32 bytes).

    Raises:
        TransientInputError: ``vanished``, ``unreadable``, or ``still_writing`` when a program has the file open for
            writing or it changed while it was read.
        UnavailableError: ``stopping`` said so.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise TransientInputError("The file vanished before it was read.", code="vanished") from error
    except OSError as error:
        raise TransientInputError(f"The file cannot be read: {error.strerror}.", code="unreadable") from error
    try:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise TransientInputError("The path is no longer a regular file.", code="vanished")
        if is_being_written(descriptor, before):
            raise TransientInputError("Another program is still writing the file.", code="still_writing")
        digest = _digest(descriptor, stopping)
        after = file_stat(os.fstat(descriptor))
    except OSError as error:
        raise TransientInputError(f"The file cannot be read: {error.strerror}.", code="unreadable") from error
    finally:
        os.close(descriptor)
    if after != file_stat(before):
        raise TransientInputError("The file changed while it was read.", code="still_writing")
    return after, digest


def _digest(descriptor: int, stopping: Callable[[], bool]) -> bytes:
    sha = hashlib.sha256()
    while data := os.read(descriptor, CHUNK):
        sha.update(data)
        if stopping():
            raise UnavailableError("timbred is stopping.")
    return sha.digest()


def stat_of(path: bytes) -> FileStat | None:
    """The file's stat now; None when it cannot be had."""
    try:
        return file_stat(os.stat(path))
    except OSError:
        return None


async def ask_stat(path: bytes, patience: Seconds = SILENCE) -> FileStat | None:
    """:func:`stat_of`, in a thread of its own; None, too, when there is no answer within ``patience`` seconds."""
    try:
        return await ask(lambda: stat_of(path), patience)
    except TimeoutError:
        return None


def is_being_written(descriptor: int, info: os.stat_result) -> bool:
    """Whether a program has the file open for writing.

    Linux knows: a read lease is granted only on a file that nobody has open for writing (fcntl(2), F_SETLEASE). It is
    given back at once. Where leases do not exist (other systems, network file systems, files of another user), a file
    counts as whole when its last change is a second old.
    """
    if sys.platform == "linux":
        for pause in _LEASE_PAUSES:
            if (written := _is_held_for_writing(descriptor)) is False:
                return False
            if written is None:
                break
            time.sleep(pause)
        else:
            return True
    age = time.time() - info.st_mtime
    return 0 <= age < SETTLED_SECONDS


def _is_held_for_writing(descriptor: int) -> bool | None:
    """What the kernel says to a read lease; None where there are none."""
    try:
        # The signal for a broken lease is SIGIO, which would end the process; SIGURG is ignored by default.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return True if error.errno in (errno.EAGAIN, errno.EWOULDBLOCK) else None
    return False
