"""Long work in a thread that ends soon after whoever waits for it is cancelled."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

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
