"""Finds near-duplicates in the background, once somebody has asked for them.

Three steps, each remembered in the database and none done twice: every sound gets a fingerprint, fresh fingerprints are
paired with all others, each pair is compared as waves. New files of the library come first: while they are scanned and
analysed this waits. What lies on a drive that is unplugged keeps its verdicts and is compared when it is back.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import astuple, dataclass
from typing import Final, Protocol, TypeVar

from timbred_indexer.child import run_module
from timbred_indexer.db import Database
from timbred_indexer.duplicates.fingerprint import VERSION
from timbred_indexer.duplicates.messages import CompareJob, Fingerprint, FingerprintJob, Verdict
from timbred_indexer.errors import StorageError, TimbredError, UnavailableError
from timbred_indexer.model import Seconds, SoundId
from timbred_indexer.store import duplicates
from timbred_indexer.store.duplicates import Owed, Unprinted, Waiting
from timbred_indexer.wire import Job, Result, deadline_for

logger = logging.getLogger(__name__)

BATCH: Final = 64
"""Jobs between two commits: what a crash can cost."""

BUSY_SECONDS = 1.0  # how often to look whether the library's own work is done
TROUBLE_SECONDS = 10.0  # a full disk, or workers that do not start, is looked at again after this

T = TypeVar("T")
R = TypeVar("R")


class Workers(Protocol):
    """The pool of workers that fingerprint and compare."""

    async def run(self, job: Job[Result], *, interactive: bool = False) -> Result: ...


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the search is.

    Attributes:
        owed: what is still to be done.
        passed_over: sounds and pairs that could not be read; they are tried again when the daemon starts.
    """

    owed: Owed
    passed_over: int

    @property
    def complete(self) -> bool:
        return self.owed.nothing


class DuplicateFinder:
    """Args:
    workers: run the jobs; ``slots`` of them are given out at once.
    pair: brings pairs of fresh fingerprints, as lines of ``pairing_child``; it runs the child if none is given.
    may_work: whether the library's own work is done.
    """

    def __init__(
        self,
        db: Database,
        workers: Workers,
        *,
        database: str,
        slots: int,
        may_work: Callable[[], bool],
        pair: Callable[[str], Awaitable[list[str]]] | None = None,
    ) -> None:
        self._db = db
        self._workers = workers
        self._database = database
        self._slots = slots
        self._may_work = may_work
        self._pair = _pair_in_child if pair is None else pair
        self._asked = asyncio.Event()
        self._unreadable: set[SoundId] = set()
        self._apart: set[tuple[SoundId, SoundId]] = set()  # pairs of which a file could not be read

    def ask(self) -> None:
        """Somebody wants to know: from now on the answer is made, and kept complete until :meth:`run` is through."""
        self._asked.set()

    def progress(self, connection: sqlite3.Connection) -> Progress:
        """For a reader thread."""
        owed = duplicates.owed(connection)
        aside = Owed(owed.sounds - len(self._unreadable), owed.unpaired, owed.pairs - len(self._apart))
        return Progress(
            Owed(max(0, aside.sounds), aside.unpaired, max(0, aside.pairs)), len(self._unreadable) + len(self._apart)
        )

    async def run(self) -> None:
        """Works when asked, until cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            try:
                await self.find()
            except UnavailableError:
                return
            except StorageError as error:
                logger.error("The search for duplicates pauses: %s", error.message)
                await asyncio.sleep(TROUBLE_SECONDS)
                self._asked.set()

    async def find(self) -> None:
        """All three steps, for everything that can be read now.

        Raises:
            StorageError: the database or the workers are in trouble; what was done is kept.
            UnavailableError: the workers or the database are closed.
        """
        await self._db.write(lambda connection: duplicates.forget_outdated(connection, VERSION))
        reached: SoundId | None = SoundId(0)
        while reached is not None:
            reached = await self._batch_of_fingerprints(reached)
        await self._pair_fresh()
        while await self._batch_of_comparisons():
            pass

    async def _batch_of_fingerprints(self, after: SoundId) -> SoundId | None:
        """Works on the next sounds in order of id; where it got to, None at the end."""
        if not self._may_work():
            await asyncio.sleep(BUSY_SECONDS)
            return after
        batch = await self._db.read(lambda connection: duplicates.unprinted(connection, after, BATCH))
        found = await self._each(batch, self._fingerprint)
        rows = [(one.sound, made.start, made.words) for one, made in found]
        if rows:
            await self._db.write(lambda connection: duplicates.save_fingerprints(connection, VERSION, rows))
        return batch[-1].sound if batch else None

    async def _fingerprint(self, one: Unprinted) -> Fingerprint | None:
        try:
            return await self._workers.run(FingerprintJob(one.path, deadline_for(one.size)))
        except (UnavailableError, StorageError):
            raise
        except TimbredError as error:
            logger.debug("A sound has no fingerprint (%s): %s", error.code, error.message)
            self._unreadable.add(one.sound)
            return None

    async def _pair_fresh(self) -> None:
        owed = await self._db.read(duplicates.owed)
        if not owed.unpaired:
            return
        *lines, up_to = await self._pair(self._database)
        found = [
            (SoundId(int(first)), SoundId(int(second)), Seconds(float(start)), Seconds(float(other)))
            for first, second, start, other in map(str.split, lines)
        ]
        await self._db.write(lambda connection: duplicates.save_pairs(connection, VERSION, found, int(up_to)))
        logger.info("Near-duplicates: %d pairs are worth a closer look.", len(found))

    async def _batch_of_comparisons(self) -> bool:
        """False when no pair waits any more."""
        if not self._may_work():
            await asyncio.sleep(BUSY_SECONDS)
            return True
        aside = tuple(self._apart)
        batch = await self._db.read(lambda connection: duplicates.waiting(connection, aside, BATCH))
        found = await self._each(batch, self._compare)
        rows = [(one.first, one.second, astuple(verdict)) for one, verdict in found]
        if rows:
            await self._db.write(lambda connection: duplicates.save_verdicts(connection, rows))
        return bool(batch)

    async def _compare(self, pair: Waiting) -> Verdict | None:
        job = CompareJob(pair.first_path, pair.second_path, pair.starts, deadline_for(pair.size))
        try:
            return await self._workers.run(job)
        except (UnavailableError, StorageError):
            raise
        except TimbredError as error:
            logger.debug("Two sounds could not be compared (%s): %s", error.code, error.message)
            self._apart.add((pair.first, pair.second))
            return None

    async def _each(self, items: Iterable[T], work: Callable[[T], Awaitable[R | None]]) -> list[tuple[T, R]]:
        """The results that there are, of all items, ``slots`` at a time."""
        room = asyncio.Semaphore(self._slots)

        async def one(item: T) -> tuple[T, R | None]:
            async with room:
                return item, await work(item)

        tasks = [asyncio.ensure_future(one(item)) for item in items]
        try:
            done = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return [(item, result) for item, result in done if result is not None]


async def _pair_in_child(database: str) -> list[str]:
    """The lines that the child prints; StorageError ``pairing_failed`` if it fails. Cancelling this ends it."""
    failure = StorageError("Fingerprints could not be paired", code="pairing_failed")
    return await run_module("timbred_indexer.duplicates.pairing_child", database, failure=failure)
