"""Claims pending files, hashes them, has unknown sounds analysed, commits, tells the index.

The database is the queue: what is pending there is what remains to be done, so a crash loses nothing but the jobs in
flight. A file counts at its one commit; a sound that is known already costs a hash and a row.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from typing import Protocol

from timbred_indexer.asking import SILENCE, Pulse, ask, outlast
from timbred_indexer.db import Database, next_seq
from timbred_indexer.errors import InputError, StorageError, TransientInputError, UnavailableError, WorkerError
from timbred_indexer.interruptible import end
from timbred_indexer.model import Analysis, FileId, FileStat, Seconds
from timbred_indexer.reading import ask_stat, fingerprint
from timbred_indexer.store import files, sounds
from timbred_indexer.store.files import LONGEST_WAIT, PendingFile
from timbred_indexer.trouble import Trouble
from timbred_indexer.wire import AnalyseJob, deadline_for

logger = logging.getLogger(__name__)

HASHED_AT_ONCE = 2  # files: reading is the disk's work
MAX_ATTEMPTS = 4  # reads of a file that cannot be read, before it is called failed
FIRST_PAUSE = 0.5  # seconds until it is read again; each later pause is four times as long
WORKER_CODES = frozenset({"worker_crashed", "timed_out"})
MAX_WORKER_ATTEMPTS = 2  # a crash or a hang is given one more try
TROUBLE_SECONDS = 10.0  # a full disk, or workers that do not start, is looked at again after this at the latest
RATE_WINDOW = 30.0  # seconds over which files/s is measured


class Analyser(Protocol):
    """The worker pool, as far as the pipeline knows it."""

    async def analyse(self, job: AnalyseJob, *, interactive: bool = False) -> Analysis: ...


class Pipeline:
    """Works on pending files until there are none, then waits for :meth:`wake`.

    Args:
        version: the extractor's stamp; sounds of another version are analysed anew.
        slots: files in flight at once.
        stale: called with a file whose stat no longer fits its row: somebody has to look again.
        may_work: while it says no, no file is begun; :meth:`wake` when it says yes again.
        silence: seconds after which reading that gets no further is said to hang.
    """

    def __init__(
        self,
        db: Database,
        analyser: Analyser,
        *,
        version: str,
        slots: int,
        stale: Callable[[PendingFile], None],
        may_work: Callable[[], bool] = lambda: True,
        clock: Callable[[], float] = time.time,
        silence: Seconds = SILENCE,
    ) -> None:
        self._db = db
        self._analyser = analyser
        self._version = version
        self._slots = slots
        self._stale = stale
        self._may_work = may_work
        self._clock = clock
        self._silence = silence
        self._wake = asyncio.Event()
        self._in_flight: dict[FileId, asyncio.Task[None]] = {}
        self._analysing: dict[bytes, asyncio.Future[None]] = {}
        self._hashing = asyncio.Semaphore(HASHED_AT_ONCE)
        self._done: deque[float] = deque()
        self._trouble = Trouble(logger, "Indexing is paused", longest=TROUBLE_SECONDS)
        self._stopping = threading.Event()

    def wake(self) -> None:
        """There may be something to do."""
        self._wake.set()

    @property
    def busy(self) -> int:
        """Files in flight."""
        return len(self._in_flight)

    @property
    def rate(self) -> float:
        """Files finished per second, over the last half minute."""
        now = self._clock()
        self._forget_before(now - RATE_WINDOW)
        return len(self._done) / max(1.0, now - self._done[0]) if self._done else 0.0

    @property
    def notes(self) -> tuple[str, ...]:
        """Why nothing gets done, if so."""
        return self._trouble.notes

    async def run(self) -> None:
        """Works until cancelled; then what is in flight is dropped: it stays pending. A thread that hangs is left."""
        try:
            while True:
                self._wake.clear()
                try:
                    await self._round()
                except StorageError as error:
                    await asyncio.sleep(self._trouble.met(error))
        finally:
            self._stopping.set()
            await end(self._in_flight.values())

    async def _round(self) -> None:
        """Begins what there is room for, or waits."""
        free = self._slots - len(self._in_flight) if self._may_work() else 0
        claimed = await self._claim(free) if free > 0 else []
        for file in claimed:
            self._start(file)
        if free > 0 and not self._in_flight:
            self._trouble.over()  # whatever met it is gone
        if len(claimed) < max(1, free):
            await self._wait(full=free <= 0)

    def _forget_before(self, moment: float) -> None:
        while self._done and self._done[0] < moment:
            self._done.popleft()

    async def _claim(self, limit: int) -> list[PendingFile]:
        busy = tuple(self._in_flight)
        return await self._db.read(lambda connection: files.claim_pending(connection, self._clock(), limit, busy))

    async def _wait(self, *, full: bool) -> None:
        """Until something ends, is woken, or the next retry is due."""
        timeout = None
        if not full:
            busy = tuple(self._in_flight)
            retry_at = await self._db.read(lambda connection: files.next_retry(connection, busy))
            timeout = None if retry_at is None else max(0.02, retry_at - self._clock())
        try:
            async with asyncio.timeout(timeout):
                await self._wake.wait()
        except TimeoutError:
            return

    def _start(self, file: PendingFile) -> None:
        task = asyncio.create_task(self._process(file), name=f"index-{file.id}")
        self._in_flight[file.id] = task
        task.add_done_callback(lambda done: self._finish(file, done))

    def _finish(self, file: PendingFile, task: asyncio.Task[None]) -> None:
        del self._in_flight[file.id]
        self._wake.set()
        if not task.cancelled():
            self._done.append(self._clock())
            self._forget_before(self._done[-1] - RATE_WINDOW)

    async def _process(self, file: PendingFile) -> None:
        """One file, up to the commit that settles what became of it. Raises nothing but a cancellation."""
        try:
            await self._settle(file)
        except UnavailableError:
            return
        except StorageError as error:
            # Ours is in trouble, the file is not to blame: it stays pending, everything waits, status says why.
            await asyncio.sleep(self._trouble.met(error))
        else:
            self._trouble.over()

    async def _settle(self, file: PendingFile) -> None:
        try:
            await self._index(file)
        except (InputError, MemoryError) as error:
            code = error.code if isinstance(error, InputError) else "too_large"
            await self._fail(file, code, str(error) or "The file needs more memory than a worker may use.")
        except TransientInputError as error:
            await self._postpone(file, error)
        except WorkerError as error:
            if _tries(file, WORKER_CODES) >= MAX_WORKER_ATTEMPTS:
                await self._fail(file, error.code, error.message)
            else:
                await self._retry_later(file, 1.0, error.code, error.message, _tries(file, WORKER_CODES))
        except (UnavailableError, StorageError):
            raise
        except Exception:  # the job's edge: our own mistake costs this file, once, and not the daemon
            logger.exception("Indexing a file failed")
            await self._fail(file, "internal", "timbred made a mistake with this file; its log says more.")

    async def _index(self, file: PendingFile) -> None:
        stat, digest = await self._fingerprint(file)
        if (stat.size, stat.mtime_ns, stat.inode) != (file.stat.size, file.stat.mtime_ns, file.stat.inode):
            self._stale(file)
            raise TransientInputError("The file changed since it was scanned.", code="still_writing")
        while (other := self._analysing.get(digest)) is not None:
            await asyncio.wait([other])
        # Taken before the next await: of two copies that come at once, only one may find the sound unknown.
        finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._analysing[digest] = finished
        try:
            if await self._db.write(lambda connection: self._link_known(connection, file, digest)):
                return
            analysis = await self._analyser.analyse(AnalyseJob(file.path, None, None, deadline_for(stat.size)))
            await self._check_unchanged(file, stat)
            await self._db.write(lambda connection: self._store(connection, file, digest, analysis))
        finally:
            del self._analysing[digest]
            finished.set_result(None)

    async def _fingerprint(self, file: PendingFile) -> tuple[FileStat, bytes]:
        """Reads the file. One whose file system does not answer takes its turn from the others for a while only."""
        pulse = Pulse()

        def stopping() -> bool:
            pulse.beat()
            return self._stopping.is_set()

        async with self._hashing:
            reading = asyncio.create_task(ask(lambda: fingerprint(file.path, stopping)))
            try:
                if await outlast(reading, pulse, self._silence):
                    return reading.result()
            finally:
                await end([reading])
        self._stale(file)  # a look finds out whether the whole folder is silent
        raise TransientInputError("The file cannot be read: its file system does not answer.")

    async def _check_unchanged(self, file: PendingFile, stat: FileStat) -> None:
        """What was analysed must be what was hashed."""
        if await ask_stat(file.path, self._silence) != stat:
            self._stale(file)
            raise TransientInputError("The file changed while it was analysed.", code="still_writing")

    def _link_known(self, connection: sqlite3.Connection, file: PendingFile, digest: bytes) -> bool:
        known = sounds.by_hash(connection, digest)
        if known is None or known.version != self._version:
            return False
        seq = next_seq(connection)
        sounds.revive(connection, known.id, seq)
        files.link(connection, file.id, file.stat, known.id, seq)
        return True

    def _store(self, connection: sqlite3.Connection, file: PendingFile, digest: bytes, analysis: Analysis) -> None:
        seq = next_seq(connection)
        sound = sounds.save_analysis(connection, digest, analysis, "librosa", seq)
        files.link(connection, file.id, file.stat, sound, seq)

    async def _fail(self, file: PendingFile, code: str, message: str) -> None:
        logger.debug("Cannot analyse one file (%s): %s", code, message)
        await self._db.write(
            lambda connection: files.fail(connection, file.id, file.stat, code, message, next_seq(connection))
        )

    async def _postpone(self, file: PendingFile, error: TransientInputError) -> None:
        tries = _tries(file, {error.code})
        if error.code == "vanished":
            self._stale(file)
        if error.code == "still_writing":
            # A writer that closes the file is seen at once; asking again is for those nobody tells of.
            await self._retry_later(file, min(0.25 * 2 ** min(tries - 1, 6), 10.0), error.code, error.message, tries)
        elif tries >= MAX_ATTEMPTS and not self._answers(file):
            await self._fail(file, error.code, error.message)
        else:
            # To fail would take what it was out of the answers, though nobody knows yet what it is now.
            pause = min(FIRST_PAUSE * 4 ** min(tries - 1, 8), LONGEST_WAIT)
            await self._retry_later(file, pause, error.code, error.message, tries)

    def _answers(self, file: PendingFile) -> bool:
        """Whether what it was before it changed can be found meanwhile."""
        return file.known_by == self._version

    async def _retry_later(self, file: PendingFile, delay: float, code: str, message: str, attempts: int) -> None:
        retry_at = self._clock() + delay
        await self._db.write(
            lambda connection: files.postpone(
                connection, file.id, retry_at, code, message, attempts, next_seq(connection)
            )
        )


def _tries(file: PendingFile, codes: Collection[str]) -> int:
    """How often the file has ended like this in a row, this time included: a late writer is no crash."""
    return 1 + (file.attempts if file.error_code in codes else 0)
