"""Questions to file systems that may never answer: a network drive whose server is gone holds whoever asks.

Each question has a thread of its own. One that hangs takes no thread from others, and the process ends without it.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import threading
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from timbred_indexer.model import Seconds

PATIENCE: Final = Seconds(3.0)
"""A disk that has to spin up may take longer; then it is as if it did not answer."""

T = TypeVar("T")


async def ask(question: Callable[[], T], patience: Seconds | None = None) -> T:
    """What ``question`` returns, or raises, in a thread. Cancelling this leaves the thread to itself.

    Raises:
        TimeoutError: there was no answer within ``patience`` seconds.
    """
    answer: concurrent.futures.Future[T] = concurrent.futures.Future()

    def run() -> None:
        if not answer.set_running_or_notify_cancel():
            return
        try:
            answer.set_result(question())
        except Exception as error:  # noqa: BLE001  raised again where the answer is awaited
            answer.set_exception(error)

    threading.Thread(target=run, name="ask", daemon=True).start()
    async with asyncio.timeout(patience):
        return await asyncio.wrap_future(answer)


async def is_folder(path: bytes) -> bool:
    """Whether there is a folder that answers."""
    try:
        return await ask(lambda: os.path.isdir(path), PATIENCE)
    except TimeoutError:
        return False


class RealPaths:
    """Paths with their links resolved, as far as their file systems answer."""

    def __init__(self, patience: Seconds = PATIENCE, resolve: Callable[[bytes], bytes] = os.path.realpath) -> None:
        self._patience = patience
        self._resolve = resolve
        self._silent: dict[bytes, threading.Event] = {}  # what did not answer in time; set when it has

    async def of(self, paths: Iterable[bytes]) -> dict[bytes, bytes]:
        """Each path with its real one, or with itself where nothing answers in time.

        What hangs is not asked again, nor waited for, until it has answered.
        """
        wanted = list(paths)
        found = await asyncio.gather(*map(self._one, wanted))
        return dict(zip(wanted, found, strict=True))

    async def _one(self, path: bytes) -> bytes:
        if (silent := self._silent.get(path)) is not None and not silent.is_set():
            return path
        answered = threading.Event()

        def question() -> bytes:
            try:
                return self._resolve(path)
            finally:
                answered.set()

        try:
            return await ask(question, self._patience)
        except TimeoutError:
            self._silent[path] = answered
            return path
