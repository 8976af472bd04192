"""The workers: who gets one, how many there are, and what their deaths cost.

The backlog uses at most ``backlog_workers`` at once; a job somebody waits for goes ahead of it and has one worker more.
Workers start when a job finds none free, one stays warm, the others leave when they have been idle for a while. Nothing
polls: a pool without jobs wakes for nothing but those departures.

Each worker has one task from birth to reaping, and counts against the limit until it is reaped.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from timbred_indexer.errors import StorageError, TimbredError, UnavailableError, WorkerError
from timbred_indexer.model import Analysis, Seconds
from timbred_indexer.wire import AnalyseJob, Failed, FeaturesJob, Job, Result
from timbred_indexer.worker_process import WorkerProcess, start_worker

logger = logging.getLogger(__name__)

# -P: a file called msgpack.py in the current folder is not ours to import.
WORKER_COMMAND = (sys.executable, "-P", "-m", "timbred_indexer.worker")

_IDLE = Seconds(60)
_CLOSE_DEADLINE = Seconds(5)
_START_DEADLINE = Seconds(120)
_START_BACKOFF = Seconds(0.5)
_LAST_STAYS = 10  # times idle_seconds: the one warm worker is worth keeping longer
_START_TRIES = 5
_REAP = 2.0
_MAX_BACKOFF = 60.0


@dataclass(frozen=True, slots=True)
class PoolStats:
    """The pool in numbers.

    Attributes:
        alive: worker processes that exist, starting and dying ones included.
        busy: those with a job.
        jobs_started: jobs handed to a worker.
        jobs_done: jobs a worker answered, with a result or an error.
        crashes: jobs whose worker died or talked nonsense.
        timeouts: jobs that overran their deadline.
    """

    alive: int
    busy: int
    jobs_started: int
    jobs_done: int
    crashes: int
    timeouts: int


class WorkerPool:
    """Runs analyses, and what else parses files, in child processes.

    Use it on one event loop; ``close`` it, or use it as a context manager.

    Args:
        backlog_workers: how many workers the backlog may use at once, at least 1.
        command: what a worker is; it must call ``worker.serve``.
        idle_seconds: how long an idle worker stays; the last one stays ten times as long.
        max_rss_bytes: a worker over this after a job is replaced. On Linux a job that asks for more than twice this
            gets a MemoryError.
        start_deadline: seconds a worker may take until it is ready.
        start_backoff: seconds to wait after a failed start; doubles with each further one.
        clock: monotonic seconds, for idle times.
    """

    def __init__(
        self,
        *,
        backlog_workers: int,
        command: Sequence[str] = WORKER_COMMAND,
        idle_seconds: Seconds = _IDLE,
        max_rss_bytes: int = 1 << 30,
        start_deadline: Seconds = _START_DEADLINE,
        start_backoff: Seconds = _START_BACKOFF,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._backlog_workers = max(1, backlog_workers)
        self._command = tuple(command)
        self._idle_seconds = idle_seconds
        self._max_rss = max_rss_bytes
        self._start_deadline = start_deadline
        self._start_backoff = start_backoff
        self._clock = clock
        self._waiting: dict[bool, deque[asyncio.Future[WorkerProcess]]] = {True: deque(), False: deque()}
        self._idle: list[tuple[WorkerProcess, float]] = []  # the longest idle first
        self._busy: dict[WorkerProcess, bool] = {}  # worker → its job is interactive
        self._workers: set[WorkerProcess] = set()  # ready and alive
        self._tasks: set[asyncio.Task[None]] = set()  # one per process
        self._starting: set[asyncio.Task[None]] = set()
        self._failed_starts = 0
        self._backing_off: asyncio.TimerHandle | None = None
        self._shrink_timer: asyncio.TimerHandle | None = None
        self._closing = False
        self._jobs_started = self._jobs_done = self._crashes = self._timeouts = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def stats(self) -> PoolStats:
        return PoolStats(
            alive=len(self._tasks),
            busy=len(self._busy),
            jobs_started=self._jobs_started,
            jobs_done=self._jobs_done,
            crashes=self._crashes,
            timeouts=self._timeouts,
        )

    async def analyse(self, job: AnalyseJob, *, interactive: bool = False) -> Analysis:
        """Have one file analysed; see ``run``."""
        return await self.run(job, interactive=interactive)

    async def features(self, job: FeaturesJob, *, interactive: bool = False) -> tuple[bytes, ...]:
        """Have the CLAP features of stretches of one file computed; see ``run``.

        Returns:
            (1001, 64) little-endian float32 a stretch, in the stretches' order.
        """
        return await self.run(job, interactive=interactive)

    async def run(self, job: Job[Result], *, interactive: bool = False) -> Result:
        """Have one job done. Cancelling this ends the job, and its worker with it.

        Args:
            job: what to do; its deadline counts from when a worker takes it.
            interactive: somebody waits for the answer.

        Raises:
            TimbredError: what the worker says of the file (``InputError``, ``TransientInputError``).
            WorkerError: ``worker_crashed`` or ``timed_out``; this job alone is the poorer for it.
            StorageError: ``worker_start_failed``: workers do not start, whatever the file.
            UnavailableError: the pool is closed, or was meanwhile; the file is not to blame.
        """
        worker = await self._acquire(interactive)
        keep = False
        self._jobs_started += 1
        try:
            async with asyncio.timeout(job.deadline):
                reply = await worker.ask(job)
            keep = reply.rss <= self._max_rss
        except TimeoutError:
            self._timeouts += 1
            raise WorkerError(f"the analysis took longer than {job.deadline:g} s", code="timed_out") from None
        except WorkerError as error:
            if self._closing:
                raise _stopping() from error
            self._crashes += 1
            raise
        finally:
            self._put_back(worker, keep=keep)
        self._jobs_done += 1
        if isinstance(reply, Failed):
            raise reply.error
        return reply.result

    def let_work(self, backlog_workers: int) -> None:
        """From now on the backlog may use so many workers, at least 1; those at work finish their jobs."""
        self._backlog_workers = max(1, backlog_workers)
        self._dispatch()

    def shrink(self) -> None:
        """End the workers that have been idle for long enough. A timer calls this; tests may, too."""
        while self._idle and self._idle_until() <= self._clock():
            worker, _ = self._idle.pop(0)
            self._workers.discard(worker)
            worker.kill()
        self._arm_shrink()

    async def close(self, deadline: Seconds = _CLOSE_DEADLINE) -> None:
        """Kill every worker and return when they are gone; jobs in flight fail with ``UnavailableError``. Idempotent.

        Args:
            deadline: seconds to wait for the killed; one stuck in the kernel (a dead network drive) is left behind.
        """
        self._closing = True
        for timer in (self._shrink_timer, self._backing_off):
            if timer is not None:
                timer.cancel()
        self._fail_waiting(_stopping)
        for task in self._starting:
            task.cancel()
        for worker in self._workers:
            worker.kill()
        if self._tasks and (leftover := (await asyncio.wait(self._tasks, timeout=deadline))[1]):
            logger.error("%d workers did not die when killed", len(leftover))

    async def _acquire(self, interactive: bool) -> WorkerProcess:
        if self._closing:
            raise _stopping()
        if self._backing_off is not None and self._failed_starts >= _START_TRIES and not self._workers:
            raise _no_start()
        waiter: asyncio.Future[WorkerProcess] = asyncio.get_running_loop().create_future()
        self._waiting[interactive].append(waiter)
        self._dispatch()
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._put_back(waiter.result(), keep=True)  # it came at the same moment as the cancellation
            raise

    def _put_back(self, worker: WorkerProcess, *, keep: bool) -> None:
        del self._busy[worker]
        if keep and worker.usable and not self._closing:
            self._idle.append((worker, self._clock()))
        else:
            self._workers.discard(worker)
            worker.kill()
        self._dispatch()

    def _dispatch(self) -> None:
        """Bring free workers and waiting jobs together, and start what is missing. Called after every change."""
        if self._closing:
            return
        for queue in self._waiting.values():
            while queue and queue[0].cancelled():
                queue.popleft()
        self._idle = [entry for entry in self._idle if entry[0].usable]  # an idle worker's death costs no job
        while self._idle and self._eligible() > 0:
            interactive = bool(self._waiting[True])
            waiter = self._waiting[interactive].popleft()
            if not waiter.cancelled():
                worker, _ = self._idle.pop()  # the one used last: the others may reach their idle time
                self._busy[worker] = interactive
                waiter.set_result(worker)
        if self._backing_off is None:
            room = self._backlog_workers + 1 - len(self._tasks)
            for _ in range(min(self._eligible() - len(self._starting), room)):
                self._start_one()
        self._arm_shrink()

    def _eligible(self) -> int:
        """How many of the waiting jobs may have a worker now."""
        backlog_busy = sum(not interactive for interactive in self._busy.values())
        backlog = min(len(self._waiting[False]), self._backlog_workers - backlog_busy)
        return len(self._waiting[True]) + backlog

    def _start_one(self) -> None:
        task = asyncio.get_running_loop().create_task(self._tend(), name="timbred-worker")
        self._tasks.add(task)
        self._starting.add(task)
        task.add_done_callback(self._ended)

    async def _tend(self) -> None:
        """One worker, from birth to reaping."""
        worker = await start_worker(self._command, memory=2 * self._max_rss, deadline=self._start_deadline)
        self._failed_starts = 0
        self._starting.difference_update({asyncio.current_task()})
        self._workers.add(worker)
        self._idle.append((worker, self._clock()))
        self._dispatch()
        try:
            await worker.wait_closed()
        finally:
            worker.kill()
            self._workers.discard(worker)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_REAP):
                    await worker.wait_closed()  # when the loop is shut down without close()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and task in self._starting:
            self._start_failed(error)
        self._starting.discard(task)
        self._dispatch()

    def _start_failed(self, error: BaseException) -> None:
        if self._closing:
            return
        self._failed_starts += 1
        logger.warning("worker start failed (%d in a row): %s", self._failed_starts, error)
        delay = min(self._start_backoff * 2.0 ** (self._failed_starts - 1), _MAX_BACKOFF)
        if self._backing_off is None:
            self._backing_off = asyncio.get_running_loop().call_later(delay, self._back_off_over)
        if self._failed_starts >= _START_TRIES and not self._workers:
            self._fail_waiting(lambda: _no_start(error))

    def _back_off_over(self) -> None:
        self._backing_off = None
        self._dispatch()

    def _fail_waiting(self, error: Callable[[], TimbredError]) -> None:
        for queue in self._waiting.values():
            while queue:
                waiter = queue.popleft()
                if not waiter.done():
                    waiter.set_exception(error())

    def _idle_until(self) -> float:
        """When the longest idle worker's time is over. Only asked while there is one."""
        alone = len(self._workers) + len(self._starting) == 1
        return self._idle[0][1] + self._idle_seconds * (_LAST_STAYS if alone else 1)

    def _arm_shrink(self) -> None:
        if self._shrink_timer is not None:
            self._shrink_timer.cancel()
            self._shrink_timer = None
        if self._idle and not self._closing:
            delay = max(0.0, self._idle_until() - self._clock())
            self._shrink_timer = asyncio.get_running_loop().call_later(delay, self.shrink)


def _stopping() -> UnavailableError:
    return UnavailableError("timbred is stopping")


def _no_start(cause: BaseException | None = None) -> StorageError:
    why = f": {cause}" if cause else "; the next try is due within a minute"
    return StorageError(f"the workers that analyse sound do not start{why}", code="worker_start_failed")
