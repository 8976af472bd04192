"""Maps of the library, each made by a child process and kept until the library has changed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Literal

from timbred_indexer.child import run_module
from timbred_indexer.errors import StorageError, TimbredError, UnavailableError
from timbred_indexer.interruptible import end
from timbred_indexer.worker_process import SINGLE_THREADED

logger = logging.getLogger(__name__)

Method = Literal["pca", "umap"]

Project = Callable[[str, Method, str], Awaitable[list[str]]]
"""Database, method and version of the vectors → the seq that a map is true for, and the map as a line of JSON."""

REST: Final = 30.0
"""Seconds between two maps of a library that keeps changing."""

SHARE: Final = 10.0
"""Times that the last one took: a map that is dear to make is made less often."""


@dataclass(frozen=True, slots=True)
class _Made:
    seq: int
    json: bytes
    at: float
    took: float


class Projections:
    """The newest map of each kind.

    Args:
        database: path of the database.
        project: makes one.
        clock: monotonic seconds.
    """

    def __init__(
        self, database: str, *, project: Project | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._project = project or _in_child
        self._clock = clock
        self._kept: dict[Method, _Made] = {}
        self._making: dict[Method, asyncio.Task[_Made]] = {}

    async def get(self, method: Method, version: str, seq: int, *, changing: bool) -> bytes:
        """The map as JSON, true for ``seq`` or, while the library keeps changing, for an earlier one.

        Args:
            version: of the librosa space's vectors.
            changing: more changes are on their way: the last map will do, and a new one is made now and then.

        Raises:
            StorageError: ``map_failed``.
            UnavailableError: timbred is stopping.
        """
        kept = self._kept.get(method)
        if kept is not None and kept.seq >= seq:
            return kept.json
        if kept is None or not changing:
            return (await self._wait(self._begin(method, version))).json
        if self._clock() - kept.at > max(REST, SHARE * kept.took):
            self._begin(method, version).add_done_callback(_tell)
        return kept.json

    async def close(self) -> None:
        """Ends what is being made."""
        await end(self._making.values())

    async def _wait(self, task: asyncio.Task[_Made]) -> _Made:
        """Whoever waits may go away; what was begun is for the next one."""
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise UnavailableError("timbred is stopping.") from None
            task.add_done_callback(_tell)
            raise

    def _begin(self, method: Method, version: str) -> asyncio.Task[_Made]:
        task = self._making.get(method)
        if task is None:
            task = self._making[method] = asyncio.create_task(self._make(method, version))
        return task

    async def _make(self, method: Method, version: str) -> _Made:
        began = self._clock()
        try:
            seq, json = await self._project(self._database, method, version)
        finally:
            del self._making[method]
        now = self._clock()
        self._kept[method] = _Made(int(seq), json.encode(), now, now - began)
        return self._kept[method]


async def _in_child(database: str, method: Method, version: str) -> list[str]:
    failure = StorageError("The map could not be made", code="map_failed")
    return await run_module(
        "timbred_indexer.projection_child", database, method, version, failure=failure, environment=SINGLE_THREADED
    )


def _tell(task: asyncio.Task[_Made]) -> None:
    """Of a map that nobody waits for, an error is for the log."""
    if not task.cancelled() and isinstance(error := task.exception(), TimbredError):
        logger.warning("%s", error.message)
