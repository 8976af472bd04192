"""What answers show, and queries need, of sounds: read once, kept in memory for as long as it is true."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from timbred_indexer.db import current_seq
from timbred_indexer.kept import NotAtOnceError
from timbred_indexer.model import SegmentId, Seq, SoundId
from timbred_indexer.store import sounds, vectors
from timbred_indexer.store.sounds import Sound

Files = tuple[tuple[bytes, str | None], ...]
Describe = Callable[[Sound, Files], bytes]

MOST_CARDS = 100_000  # some 700 bytes each
AT_ONCE = 500  # sounds in one statement


@dataclass(frozen=True, slots=True)
class Card:
    """A sound.

    Attributes:
        shown: what the API says of it, as ``describe`` made it; empty when no present file has it.
        duration: seconds.
        segments: its living segments that have a librosa vector, in order of time.
        current: they are all that this version of the extractor makes of it.
    """

    shown: bytes
    duration: float
    segments: tuple[SegmentId, ...]
    current: bool


class Cards:
    """Cards by sound, true up to one seq. Any thread may ask.

    Args:
        version: the extractor's stamp.
        describe: makes what is shown of a sound and its visible files: (absolute path, set label), oldest first.
    """

    def __init__(self, version: str, describe: Describe) -> None:
        self._version = version
        self._describe = describe
        self._kept: dict[SoundId, Card] = {}
        self._seq = Seq(-1)
        self._writing = threading.Lock()

    def get(self, connection: sqlite3.Connection | None, seq: Seq, ids: Sequence[SoundId]) -> dict[SoundId, Card]:
        """The cards of those sounds that there are, as of ``seq`` or later.

        Raises:
            NotAtOnceError: there is no connection, and something has changed or was never asked for.
        """
        if connection is not None and self._seq < seq:
            self._forget_changed(connection)
        # Whoever moves the seq on has dropped what changed before.
        kept = self._kept if self._seq >= seq else {}
        known = {sound: kept[sound] for sound in ids if sound in kept}
        missing = list(set(ids) - known.keys())
        if not missing:
            return known
        if connection is None:
            raise NotAtOnceError
        for start in range(0, len(missing), AT_ONCE):
            known |= self._load(connection, missing[start : start + AT_ONCE])
        return known

    def _forget_changed(self, connection: sqlite3.Connection) -> None:
        now = current_seq(connection)
        with self._writing:
            if now > self._seq:
                for sound in sounds.changed_since(connection, self._seq) if self._kept else ():
                    self._kept.pop(sound, None)
                self._seq = now

    def _load(self, connection: sqlite3.Connection, ids: list[SoundId]) -> dict[SoundId, Card]:
        now = current_seq(connection)
        known, files = sounds.by_ids(connection, ids), sounds.files_of(connection, ids)
        segments = vectors.segments_of(connection, "librosa", self._version, ids)
        made = {
            sound: Card(
                self._describe(one, tuple(files[sound])) if sound in files else b"",
                one.duration,
                tuple(segments.get(sound, ())),
                one.version == self._version
                and (sound in segments or sounds.can_answer(connection, sound, self._version)),
            )
            for sound, one in known.items()
        }
        with self._writing:
            if now >= self._seq:
                if len(self._kept) + len(made) > MOST_CARDS:
                    self._kept = {}  # a new dict: a thread that still reads the old one goes on with it
                self._kept |= made
        return made
