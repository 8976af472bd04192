"""Work that ends when it is told to: in a thread, soon after whoever waits for it is cancelled; as tasks."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

T = TypeVar("T")

Stopping = Callable[[], bool]
"""Asked now and then by the work; once it is true, the work raises and is over."""


def never() -> bool:
    """For work that nobody interrupts."""
    return False


async def in_thread(work: Callable[[Stopping], T]) -> T:
    """Runs ``work`` in a thread. Cancelling this tells it to stop, and returns when it has."""
    stop = threading.Event()
    running = asyncio.ensure_future(asyncio.to_thread(work, stop.is_set))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait([running])
        if not running.cancelled():
            running.exception()  # it was told to stop: what it says to that is nobody's concern
        raise


async def to_the_end(work: Callable[[], T]) -> T:
    """Runs ``work`` in a thread. Cancelling this takes effect when the work is through: what it uses stays its own."""
    # A future of the executor's, not a task: a loop that is shut down cancels all tasks, while the thread goes on.
    running = asyncio.get_running_loop().run_in_executor(None, work)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([running])
        if not running.cancelled():
            running.exception()  # nobody waits for what it says any more
        raise


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancels tasks and returns when they are over, however they end."""
    ending = list(tasks)
    for task in ending:
        task.cancel()
    if ending:
        await asyncio.wait(ending)
