"""How much is worked on at once, and for how long: beyond that a caller is told to come back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Final, TypeVar

from timbred_indexer.errors import TimbredError, UnavailableError

T = TypeVar("T")

REQUESTS_AT_ONCE: Final = 512
"""A request holds some 100 kB while it is worked on; a client that keeps 64 connections busy is far below."""

UPLOADS_AT_ONCE: Final = 16
"""Each may lie on the disk with all it is allowed."""

BODY_SECONDS: Final = 60.0
"""For a JSON body, and for each next piece of an uploaded sound."""


class TimedOutError(TimbredError):
    """The answer took longer than it may."""

    code = "answer_timed_out"  # `timed_out` is an analysis that did


class TooSlowError(TimbredError):
    """The request's body did not come in time."""

    code = "too_slow"


class Room:
    """Places for requests that are worked on; each is held with ``with``."""

    def __init__(self, places: int) -> None:
        self._free = places

    def __enter__(self) -> None:
        """Takes a place.

        Raises:
            UnavailableError: ``busy``: there is none.
        """
        if self._free <= 0:
            raise UnavailableError("timbred has its hands full; ask again in a moment.", code="busy")
        self._free -= 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._free += 1


async def answer_in_time(seconds: float, answer: Awaitable[T]) -> T:
    """The answer to one request.

    Raises:
        TimedOutError: it took longer.
    """
    deadline = asyncio.timeout(seconds)
    try:
        async with deadline:
            return await answer
    except TimeoutError:
        if not deadline.expired():
            raise
        raise TimedOutError(f"There was no answer within {seconds:g} s.") from None


@asynccontextmanager
async def body_in_time() -> AsyncGenerator[None]:
    """Around each wait for a piece of a request's body.

    Raises:
        TooSlowError: nothing came for :data:`BODY_SECONDS`.
    """
    waiting = asyncio.timeout(BODY_SECONDS)
    try:
        async with waiting:
            yield
    except TimeoutError:
        if not waiting.expired():
            raise
        raise TooSlowError(f"The body did not come within {BODY_SECONDS:g} s.") from None
