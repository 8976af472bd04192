"""Questions to file systems that may never answer: a network drive whose server is gone holds whoever asks.

Each question has a thread of its own. One that hangs takes no thread from others, and the process ends without it.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Hashable
from typing import Any, Final, TypeVar

from timbred_indexer.model import Seconds

T = TypeVar("T")

SILENCE: Final = Seconds(20.0)
"""A question that gets no further for so long hangs; a disk that has to spin up needs half of it."""


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


class Pulse:
    """Beats while a long question gets on: where it beats no more, the question hangs. For any thread."""

    def __init__(self) -> None:
        self.beats = 0

    def beat(self) -> None:
        self.beats += 1


async def outlast(task: asyncio.Task[Any], pulse: Pulse, silence: Seconds) -> bool:
    """Waits for a task while its pulse beats. False: it has not for ``silence`` seconds, and the task goes on."""
    while not task.done():
        beats = pulse.beats
        await asyncio.wait([task], timeout=silence)
        if not task.done() and pulse.beats == beats:
            return False
    return True


class Respondents:
    """Whoever owes an answer is not asked again, nor waited for, until it has come: so each holds one thread at most.

    Args:
        patience: seconds to wait for an answer.
    """

    def __init__(self, patience: Seconds) -> None:
        self._patience = patience
        self._owing: dict[Hashable, threading.Event] = {}

    async def ask(self, whom: Hashable, question: Callable[[], T], otherwise: T) -> T:
        """What ``question`` returns, or raises; ``otherwise`` where no answer comes in time."""
        if (owing := self._owing.get(whom)) is not None and not owing.is_set():
            return otherwise
        answered = threading.Event()

        def run() -> T:
            try:
                return question()
            finally:
                answered.set()

        try:
            return await ask(run, self._patience)
        except TimeoutError:
            self._owing[whom] = answered
            return otherwise
