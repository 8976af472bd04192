"""Files of the daemon's own for a while: an upload while it is analysed, what was decoded for a browser.

Whoever is cancelled meanwhile leaves none behind. And no thread writes to a descriptor that was closed under it: its
number may be another file's by then.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress

from timbred_api.answers import OpenFile
from timbred_indexer.errors import StorageError
from timbred_indexer.interruptible import to_the_end


class PrivateFile:
    """A file that nobody else may read. Made by :func:`private_file`."""

    def __init__(self, folder: str, prefix: str) -> None:
        self._folder = folder
        self._prefix = prefix
        self._path: str | None = None
        self._file: OpenFile | None = None
        self._descriptor = -1
        self._kept = False

    @property
    def path(self) -> bytes:
        return os.fsencode(self._path or "")

    async def write(self, data: bytes) -> None:
        """Appends.

        Raises:
            StorageError: ``disk_full``, or the disk is in trouble.
        """
        with _storage_errors():
            await to_the_end(lambda: self._append(data))

    def close(self) -> None:
        """Nobody writes to it any more: whoever reads it by name need not wait."""
        if self._file is not None and not self._kept:
            self._file.close()

    def keep(self) -> OpenFile:
        """What is in it, for as long as somebody has this; the file's name goes all the same."""
        assert self._file is not None
        self._kept = True
        return self._file

    def make(self) -> None:
        """For a thread."""
        self._descriptor, self._path = tempfile.mkstemp(prefix=self._prefix, dir=self._folder)
        self._file = OpenFile(self._descriptor)

    def remove(self) -> None:
        """For a thread."""
        self.close()
        if self._path is not None:
            with suppress(FileNotFoundError):  # the whole folder was removed; whoever used the file is through with it
                os.unlink(self._path)

    def _append(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._descriptor, data) :]


@asynccontextmanager
async def private_file(folder: str, prefix: str) -> AsyncGenerator[PrivateFile]:
    """A new empty file in ``folder``, which is gone afterwards.

    Raises:
        StorageError: ``disk_full``, or another reason for which none can be made.
    """
    file = PrivateFile(folder, prefix)
    try:
        with _storage_errors():
            await to_the_end(file.make)
        yield file
    finally:
        await to_the_end(file.remove)


@contextmanager
def _storage_errors() -> Generator[None]:
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        sentence = f"The data folder does not take the sound: {error.strerror}."
        raise StorageError(sentence, code="disk_full" if full else "storage") from error
