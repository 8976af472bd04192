"""What an answer shows of a segment, kept in memory while nothing changes: most questions find the same sounds."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from timbred_indexer.model import SegmentId, Seq
from timbred_indexer.store import sounds
from timbred_indexer.store.sounds import Sound, StoredSegment

MOST_CARDS = 8192  # some 4 KB each


@dataclass(frozen=True, slots=True)
class Card:
    """A segment with its sound, as both are now.

    Attributes:
        files: (absolute path, set label) of each visible file, oldest first; never empty.
        aspects: aspect → raw values, float32 BLOB.
    """

    segment: StoredSegment
    sound: Sound
    files: tuple[tuple[bytes, str | None], ...]
    aspects: Mapping[str, bytes]


class Cards:
    """Cards by segment, of one state of the library at a time. Any thread may ask."""

    def __init__(self) -> None:
        self._kept: tuple[Seq, dict[SegmentId, Card]] = (Seq(-1), {})

    def get(self, connection: sqlite3.Connection, seq: Seq, ids: Sequence[SegmentId]) -> dict[SegmentId, Card]:
        """The cards of those segments whose sound a present file has.

        Args:
            seq: the state asked about; what is kept of another one is dropped.
        """
        if self._kept[0] != seq or len(self._kept[1]) > MOST_CARDS:
            # A new dict: a thread that still answers from the older state goes on with its own.
            self._kept = (seq, {})
        kept = self._kept[1]
        if missing := [segment for segment in ids if segment not in kept]:
            kept |= self._load(connection, missing)
        return {segment: kept[segment] for segment in ids if segment in kept}

    def _load(self, connection: sqlite3.Connection, ids: list[SegmentId]) -> dict[SegmentId, Card]:
        segments = sounds.segments(connection, ids)
        owners = list({segment.sound for segment in segments.values()})
        known = sounds.by_ids(connection, owners)
        files = sounds.files_of(connection, owners)
        raw = sounds.aspects(connection, ids)
        return {
            identity: Card(
                segment,
                known[segment.sound],
                tuple(files[segment.sound]),
                raw.get(identity, {}),
            )
            for identity, segment in segments.items()
            if segment.sound in files
        }
