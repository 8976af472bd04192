"""Whether, and where, a folder is: questions that a network drive whose server is gone may never answer."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from typing import Final

from timbred_indexer.asking import Respondents, ask
from timbred_indexer.model import Seconds

PATIENCE: Final = Seconds(3.0)
"""A disk that has to spin up may take longer; then it is as if it did not answer."""


async def is_folder(path: bytes) -> bool:
    """Whether there is a folder that answers."""
    try:
        return await ask(lambda: os.path.isdir(path), PATIENCE)
    except TimeoutError:
        return False


class RealPaths:
    """Paths with their links resolved, as far as their file systems answer."""

    def __init__(self, patience: Seconds = PATIENCE, resolve: Callable[[bytes], bytes] = os.path.realpath) -> None:
        self._respondents = Respondents(patience)
        self._resolve = resolve

    async def of(self, paths: Iterable[bytes]) -> dict[bytes, bytes]:
        """Each path with its real one, or with itself where nothing answers in time.

        What hangs is not asked again, nor waited for, until it has answered.
        """
        wanted = list(paths)
        found = await asyncio.gather(*map(self._one, wanted))
        return dict(zip(wanted, found, strict=True))

    async def _one(self, path: bytes) -> bytes:
        return await self._respondents.ask(path, lambda: self._resolve(path), path)
