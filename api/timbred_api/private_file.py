"""Files of the daemon's own for a while: an upload while it is analysed, what was decoded for a browser.

Whoever is cancelled meanwhile leaves none behind. And no thread writes to a descriptor that was closed under it: its
number may be another file's by then.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from timbred_api.answers import OpenFile
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
            OSError: there is no room, or the disk is in trouble.
        """
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
            os.unlink(self._path)

    def _append(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._descriptor, data) :]


@asynccontextmanager
async def private_file(folder: str, prefix: str) -> AsyncGenerator[PrivateFile]:
    """A new empty file in ``folder``, which is gone afterwards."""
    file = PrivateFile(folder, prefix)
    try:
        await to_the_end(file.make)
        yield file
    finally:
        await to_the_end(file.remove)
