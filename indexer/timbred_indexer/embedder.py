"""Gives every segment its CLAP vector, behind the librosa space: what was asked about first, then the newest.

The database is the memory: a segment without a vector of this version is what remains to be done, so a crash loses
nothing but the batch in flight. While the model works on one batch, workers prepare the next one's features.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from timbred_indexer.db import Database, next_seq
from timbred_indexer.errors import InputError, StorageError, TimbredError, TransientInputError, UnavailableError
from timbred_indexer.index import Ids, Mask, mask, set_bits
from timbred_indexer.live import LiveIndex, segments_beyond
from timbred_indexer.model import FolderId, Seconds, SegmentId, Seq, SoundId
from timbred_indexer.reading import ask_stat
from timbred_indexer.store import clap
from timbred_indexer.store.clap import Stretch, Unembedded, Unheard
from timbred_indexer.trouble import Trouble
from timbred_indexer.wire import deadline_for

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 4  # for a file that cannot be read, or that ends its worker
TROUBLE_SECONDS = 30.0  # a model that does not start, or a full disk, is tried again after this at the latest
MOST_WANTED = 1_000  # segments that go first; the newest wishes
RETRY_SECONDS = 1.0  # until the first retry; each later one waits four times as long
BUSY_SECONDS = 1.0  # how often to look whether the librosa space has caught up
RATE_WINDOW = 30.0


class Ears(Protocol):
    """What hears: the workers for a file's features, the model for their vectors."""

    @property
    def batch(self) -> int:
        """Segments that the model takes best at once."""
        ...

    async def features(self, path: bytes, stretches: Sequence[Stretch], deadline: Seconds) -> Sequence[bytes]: ...

    async def vectors(self, features: Sequence[bytes]) -> NDArray[np.float32]: ...


@dataclass(frozen=True, slots=True)
class EmbedderStats:
    """``missing``: segments that are still to be heard; ``aside``: sounds that could not be."""

    missing: int
    aside: int
    rate: float
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A segment with its features."""

    sound: SoundId
    segment: SegmentId
    features: bytes


class Embedder:
    """Works for one version of the ``clap`` space.

    Args:
        librosa: knows which segments may be found.
        may_work: False while the librosa space is behind: that comes first.
        stale: called with the folder and path of a file that is not what its row says.
    """

    def __init__(
        self,
        db: Database,
        librosa: LiveIndex,
        ears: Ears,
        *,
        version: str,
        may_work: Callable[[], bool],
        stale: Callable[[FolderId, bytes], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._db = db
        self._librosa = librosa
        self._ears = ears
        self._version = version
        self._may_work = may_work
        self._stale = stale
        self._clock = clock
        self._wake = asyncio.Event()
        self._opened = False
        self._have: Mask = mask(0)
        self._aside: Mapping[SoundId, Unheard] = {}
        self._in_flight: set[SegmentId] = set()
        self._wanted: deque[SegmentId] = deque(maxlen=MOST_WANTED)
        self._later: tuple[Seq, set[SegmentId]] = (Seq(-1), set())
        self._done: deque[tuple[float, int]] = deque()
        self._trouble = Trouble(logger, "CLAP is paused", longest=TROUBLE_SECONDS)
        self._rested: Seq | None = None

    def wake(self) -> None:
        """There may be something to do."""
        self._wake.set()

    def prefer(self, segments: Iterable[SegmentId]) -> None:
        """Somebody asked about these: they go first."""
        self._wanted.extendleft(reversed(list(segments)))
        self._wake.set()

    @property
    def complete(self) -> bool:
        """Every segment has been heard, or set aside."""
        return self._opened and not self._in_flight and not self._missing(waiting=True).size

    @property
    def resting(self) -> bool:
        """It had nothing left to do when it last looked, and nothing has changed since. At no cost."""
        return self._rested == self._librosa.view.seq

    def stats(self, searchable: Mask | None = None) -> EmbedderStats:
        """How far it is.

        Args:
            searchable: the segments whose vectors can be found already: the rest is missing, stored or not.
        """
        missing = self._missing(searchable, waiting=True).size
        return EmbedderStats(missing, len(self._final()), self._rate(), self._notes())

    async def run(self) -> None:
        """Works until cancelled."""
        ahead: asyncio.Task[list[_Prepared]] | None = None
        try:
            while True:
                try:
                    if not self._opened:
                        await self._open()
                    preparing, ahead = ahead or asyncio.create_task(self._prepare_next()), None
                    if not (ready := await preparing):
                        if self.resting:
                            self._trouble.over()
                        await self._rest()
                        continue
                    ahead = asyncio.create_task(self._prepare_next())
                    await self._embed(ready)
                    self._trouble.over()
                except (StorageError, UnavailableError) as error:
                    # Ours is in trouble, no sound is to blame.
                    await asyncio.sleep(self._trouble.met(error))
        finally:
            if ahead is not None:
                ahead.cancel()
                await asyncio.gather(ahead, return_exceptions=True)

    async def forget_failures(self) -> int:
        """What was set aside gets another chance; returns how many sounds that is."""
        forgotten = await self._db.write(lambda connection: clap.give_another_chance(connection, self._version))
        self._aside = {}
        self._rested = None
        self.wake()
        return forgotten

    async def _open(self) -> None:
        version = self._version
        have, self._aside = await self._db.read(
            lambda connection: (clap.having(connection, version), clap.unheard(connection, version))
        )
        self._mark(have)
        self._opened = True
        self._trouble.over()

    async def _prepare_next(self) -> list[_Prepared]:
        """The next batch's features; nothing when there is no work now."""
        if not self._may_work():
            return []
        while claimed := self._claim():
            self._in_flight.update(claimed)
            ready: list[_Prepared] = []
            try:
                works = await self._look_up(claimed)
                parts = await asyncio.gather(*(self._prepare(work) for work in works))
                ready = [one for part in parts for one in part]
            finally:
                self._in_flight -= set(claimed) - {one.segment for one in ready}
            if ready:
                return ready
        return []

    def _claim(self) -> list[SegmentId]:
        missing = self._missing()
        if not missing.size and not self._in_flight:
            self._rested = self._librosa.view.seq
        if self._in_flight:
            missing = missing[~np.isin(missing, list(self._in_flight))]
        wanted = np.array(list(dict.fromkeys(self._wanted)), np.int64)
        self._wanted.clear()
        wanted = wanted[np.isin(wanted, missing)]
        self._wanted.extend(wanted[self._ears.batch :].tolist())
        first = wanted[: self._ears.batch]
        rest = missing[: 2 * self._ears.batch]
        return np.concatenate([first, rest[~np.isin(rest, first)]])[: self._ears.batch].tolist()

    def _missing(self, have: Mask | None = None, *, waiting: bool = False) -> Ids:
        """Segments to be heard, newest first; with ``waiting`` also those that are not to be tried yet."""
        view = self._librosa.view
        if self._later[0] != view.seq:
            self._later = (view.seq, set())
        beyond = segments_beyond(view, self._have if have is None else have)
        aside = self._final() if waiting else self._waiting()
        if aside:
            beyond = beyond[~np.isin(view.sounds(beyond), aside)]
        later = self._later[1]
        return beyond[~np.isin(beyond, list(later))] if later else beyond

    def _final(self) -> list[SoundId]:
        """Sounds that are not tried again by themselves."""
        return [sound for sound, why in self._aside.items() if why.retry_at is None]

    def _waiting(self) -> list[SoundId]:
        """Sounds that are not to be tried now."""
        now = self._clock()
        return [sound for sound, why in self._aside.items() if why.retry_at is None or why.retry_at > now]

    async def _look_up(self, claimed: list[SegmentId]) -> list[Unembedded]:
        def read(connection: sqlite3.Connection) -> tuple[set[SegmentId], list[Unembedded]]:
            done = clap.among_having(connection, self._version, claimed)
            return done, clap.unembedded(connection, [segment for segment in claimed if segment not in done])

        done, works = await self._db.read(read)
        self._mark(done)
        reachable = {stretch.segment for work in works for stretch in work.stretches}
        self._later[1].update(set(claimed) - done - reachable)
        return works

    async def _prepare(self, work: Unembedded) -> list[_Prepared]:
        try:
            await self._check(work)
            deadline = deadline_for(work.stat.size)
            features = await self._ears.features(work.path, work.stretches, deadline)
            await self._check(work)
        except (StorageError, UnavailableError):
            raise
        except TimbredError as error:
            await self._set_aside(work.sound, error)
            return []
        return [
            _Prepared(work.sound, stretch.segment, data) for stretch, data in zip(work.stretches, features, strict=True)
        ]

    async def _check(self, work: Unembedded) -> None:
        """What is heard must be the sound that was hashed."""
        if await ask_stat(work.path) != work.stat:
            self._stale(work.folder, work.path)
            raise TransientInputError("The file changed since it was indexed.", code="still_writing")

    async def _embed(self, ready: Sequence[_Prepared]) -> None:
        """One batch; if the model dies of it, sound by sound, to find the one that it dies of."""
        try:
            sounds = list(dict.fromkeys(one.sound for one in ready))
            error = await self._hear(ready)
            deaths = {sounds[0]: error} if error is not None else {}
            if error is not None and len(sounds) > 1:
                alone = {sound: await self._hear([one for one in ready if one.sound == sound]) for sound in sounds}
                deaths = {sound: error for sound, error in alone.items() if error is not None}
                if len(deaths) == len(sounds):
                    raise StorageError(f"the model fails at every sound: {error.message}", code="clap_failed")
            for sound, why in deaths.items():
                await self._set_aside(sound, why)
        finally:
            self._in_flight -= {one.segment for one in ready}

    async def _hear(self, ready: Sequence[_Prepared]) -> TimbredError | None:
        """Vectors of a batch, stored; or what the model died of."""
        try:
            vectors = await self._ears.vectors([one.features for one in ready])
        except (StorageError, UnavailableError):
            raise
        except TimbredError as error:
            return error
        made = {one.segment: row.astype("<f4").tobytes() for one, row in zip(ready, vectors, strict=True)}
        await self._db.write(lambda connection: clap.save(connection, self._version, made, next_seq(connection)))
        self._mark(made)
        self._done.append((self._clock(), len(made)))
        return None

    async def _set_aside(self, sound: SoundId, error: TimbredError) -> None:
        known = self._aside.get(sound)
        attempts = 1 + (known.attempts if known is not None else 0)
        final = isinstance(error, InputError) or attempts >= MAX_ATTEMPTS
        why = Unheard(
            error.code, error.message, attempts, None if final else self._clock() + RETRY_SECONDS * 4 ** (attempts - 1)
        )
        await self._db.write(lambda connection: clap.set_aside(connection, self._version, sound, why))
        self._aside = {**self._aside, sound: why}

    async def _rest(self) -> None:
        """Until woken, or the next retry is due; while librosa is at work, for a moment."""
        self._wake.clear()
        timeout: float | None = BUSY_SECONDS
        if self._may_work():
            retries = [why.retry_at for why in self._aside.values() if why.retry_at is not None]
            timeout = max(0.05, min(retries) - self._clock()) if retries else None
        try:
            async with asyncio.timeout(timeout):
                await self._wake.wait()
        except TimeoutError:
            return

    def _mark(self, segments: Iterable[SegmentId]) -> None:
        ids = np.fromiter(segments, np.int64)
        if not ids.size:
            return
        need = int(ids.max()) // 8 + 1
        if need > self._have.size:
            self._have = np.concatenate(
                [self._have, np.zeros(max(need, 2 * self._have.size) - self._have.size, np.uint8)]
            )
        set_bits(self._have, ids, value=True)

    def _rate(self) -> float:
        """Segments a second, over the last half minute."""
        now = self._clock()
        while self._done and self._done[0][0] < now - RATE_WINDOW:
            self._done.popleft()
        if not self._done:
            return 0.0
        return sum(count for _, count in self._done) / max(1.0, now - self._done[0][0])

    def _notes(self) -> tuple[str, ...]:
        notes = [*self._trouble.notes]
        if final := [why for why in self._aside.values() if why.retry_at is None]:
            notes.append(f"CLAP could not hear {len(final)} sounds; the first reason: {final[0].message}")
        return tuple(notes)
