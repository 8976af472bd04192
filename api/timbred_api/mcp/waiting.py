"""Long calls: how far the daemon is, told while it gets there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

Report = Callable[[float, float | None, str], Awaitable[None]]
"""``(progress, total, message)``; does nothing for a caller who did not ask for progress."""

T = TypeVar("T")

LONGEST = 300.0  # seconds
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.0


@dataclass(frozen=True, slots=True)
class Step:
    """How far something is: ``left`` of ``total`` things; ``words`` say so."""

    done: bool
    left: int
    words: str


async def until_done(
    ask: Callable[[], Awaitable[T]], step: Callable[[T], Step], report: Report, *, longest: float = LONGEST
) -> T:
    """Asks again and again, and reports what has changed.

    Args:
        longest: seconds after which the answer of the moment has to do.

    Returns:
        The last answer.
    """
    most = 0
    told: tuple[int, str] | None = None
    pause = FIRST_PAUSE
    try:
        async with asyncio.timeout(longest):
            while True:
                answer = await ask()
                now = step(answer)
                most = max(most, now.left)
                if now.done:
                    return answer
                if told != (now.left, now.words):
                    told = (now.left, now.words)
                    await report(float(most - now.left), float(most) if most else None, now.words)
                await asyncio.sleep(pause)
                pause = min(LONGEST_PAUSE, pause * 1.5)
    except TimeoutError:
        return await ask()
