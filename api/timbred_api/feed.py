"""What is going on, told to many readers: looked at once for all of them, and not at all while there are none.

A reader has no queue: it is told the newest state, and how far the library has come, whenever it can take something.
What it missed meanwhile is in that. Whether it takes anything at all is for the connection to judge.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Final, Protocol

from timbred_indexer.errors import TimbredError, UnavailableError

logger = logging.getLogger(__name__)

TICK: Final = 0.5
"""Seconds between two looks at whether something has changed."""

SHARE: Final = 10.0
"""Times that the last look took: of a large library it is dear, and what is looked at matters more."""

HEARTBEAT: Final = 15.0
"""Seconds of silence after which a comment is sent: proxies and dead connections."""

LOOK: Final = 1.0
"""Seconds after which a reader to whom nothing was said is asked whether it is still there."""

MOST_READERS: Final = 64

_RETRY: Final = b"retry: 2000\n\n"


@dataclass(frozen=True, slots=True)
class State:
    """What readers are told.

    Attributes:
        status: JSON on one line.
        essence: of two states, equal when no reader would care for the difference.
        seq: of the status.
        library: the seq at which a sound last appeared, vanished or changed.
    """

    status: bytes
    essence: object
    seq: int
    library: int


class Source(Protocol):
    """Where states come from."""

    def signature(self) -> object:
        """Cheap to get, and another one whenever :meth:`read` might give something else."""
        ...

    async def read(self) -> State:
        """The state now; TimbredError when it cannot be had."""
        ...


class Feed:
    """One for all readers.

    Args:
        tick, heartbeat, look: seconds, as above.
    """

    def __init__(self, *, tick: float = TICK, heartbeat: float = HEARTBEAT, look: float = LOOK) -> None:
        self._tick = tick
        self._heartbeat = heartbeat
        self._look = look
        self._readers = 0
        self._state: State | None = None
        self._changed = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def readers(self) -> int:
        return self._readers

    async def events(self, source: Source, last_id: int | None) -> AsyncGenerator[bytes]:
        """Whole events for one reader; b"" every second in which there is nothing to say.

        Raises:
            UnavailableError: there are too many readers, or timbred is stopping; before anything was yielded.
        """
        self._join(source)
        try:
            yield _RETRY
            told, told_library, silence = None, last_id, 0.0
            while not self._closed:
                changed, state = self._changed, self._state
                if state is not None and state is not told:
                    yield _event("status", state.seq, state.status)
                    if told_library is not None and state.library > told_library:
                        yield _event("library", state.seq, b'{"seq":%d}' % state.library)
                    told, told_library, silence = state, state.library, 0.0
                elif not await _happens(changed, self._look):
                    silence += self._look
                    yield b": \n\n" if silence >= self._heartbeat else b""
                    silence = 0.0 if silence >= self._heartbeat else silence
        finally:
            self._leave()

    async def close(self) -> None:
        """Tells every reader that this is the end."""
        self._closed = True
        self._wake()
        await self._end_watching()

    def _join(self, source: Source) -> None:
        if self._closed:
            raise UnavailableError("timbred is stopping.")
        if self._readers >= MOST_READERS:
            raise UnavailableError(f"{MOST_READERS} readers listen already.", code="too_many_readers")
        self._readers += 1
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch(source))
            self._watching.add_done_callback(_tell)

    def _leave(self) -> None:
        self._readers -= 1
        if not self._readers and self._watching is not None:
            self._watching.cancel()
            self._watching, self._state = None, None

    async def _end_watching(self) -> None:
        if (task := self._watching) is not None:
            self._watching = None
            task.cancel()
            await asyncio.wait([task])

    async def _watch(self, source: Source) -> None:
        """Looks for changes until the last reader has left."""
        seen: object = None
        clock = asyncio.get_running_loop().time
        while True:
            began = clock()
            signature = source.signature()
            if signature != seen:
                try:
                    self._publish(await source.read())
                    seen = signature
                except TimbredError as error:  # the next look may fare better, and readers keep what they know
                    logger.debug("The state cannot be read: %s", error.message)
            await asyncio.sleep(max(self._tick, SHARE * (clock() - began)))

    def _publish(self, state: State) -> None:
        if (old := self._state) is not None and (old.essence, old.library) == (state.essence, state.library):
            return
        self._state = state
        self._wake()

    def _wake(self) -> None:
        # A fresh event for those who wait next: nobody can miss this one, and nobody sees it twice.
        self._changed.set()
        self._changed = asyncio.Event()


def _tell(task: asyncio.Task[None]) -> None:
    """A mistake of ours ends the looking until the next reader comes; nobody else would say so."""
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("The state cannot be told to readers.", exc_info=error)


async def _happens(event: asyncio.Event, within: float) -> bool:
    try:
        async with asyncio.timeout(within):
            return await event.wait()
    except TimeoutError:
        return False


def _event(name: str, seq: int, data: bytes) -> bytes:
    return b"event: %b\nid: %d\ndata: %b\n\n" % (name.encode(), seq, data)
