"""What is kept for those who listen and look: outlines, decoded sounds, maps, the readers of events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from timbred_api.answers import OpenFile
from timbred_api.feed import Feed
from timbred_api.memo import Memo
from timbred_api.projections import Projections

MOST_WAVEFORMS: Final = 16 * 2**20
"""Bytes of JSON; some two thousand sounds."""

MOST_DECODED: Final = 512 * 2**20
"""Bytes on the disk; a seeking player asks for the same sound many times."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A WAV file that has no name any more: it is gone when it is closed."""

    file: OpenFile
    size: int


class Media:
    """Built once by the daemon.

    One outline and one decoding at a time: a page full of results must not hold the worker that a question needs.

    Args:
        database: path of the database, for the child that makes maps.
        feed: for the readers of events.
    """

    def __init__(self, database: str, feed: Feed | None = None) -> None:
        self.waveforms: Memo[tuple[bytes, int], bytes] = Memo(MOST_WAVEFORMS, len)
        self.decoded: Memo[tuple[bytes, float, float | None], Decoded] = Memo(MOST_DECODED, lambda made: made.size)
        self.feed = feed or Feed()
        self.projections = Projections(database)

    async def close(self) -> None:
        """Ends every stream and whatever is being made."""
        await self.feed.close()
        await self.projections.close()
        await self.waveforms.close()
        await self.decoded.close()
