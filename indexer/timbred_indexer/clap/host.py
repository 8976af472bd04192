"""The CLAP worker as the daemon sees it: started when it is asked something, gone when it has been idle for a while.

One question is with the worker at a time, and texts go ahead of sounds: somebody waits for a text. Sounds are asked in
small batches, so that a text never waits for long.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic

import numpy as np
from numpy.typing import NDArray

from timbred_indexer.clap.messages import MOST_AT_ONCE, AudioJob, DescribeJob, TextJob
from timbred_indexer.clap.protocol import Description
from timbred_indexer.errors import TimbredError, UnavailableError, WorkerError
from timbred_indexer.model import Seconds
from timbred_indexer.weights_manifest import InstalledModel
from timbred_indexer.wire import Done, Failed, Job, Result
from timbred_indexer.worker_process import WorkerProcess, start_worker

logger = logging.getLogger(__name__)

_USUAL_BATCH = 4
"""Sounds worth preparing at once for a model whose own number is not known yet."""

_IDLE = Seconds(600)
_START_DEADLINE = Seconds(300)  # two gigabytes from a slow disk, hashed, on a busy machine
_CLOSE_DEADLINE = Seconds(5)
_DEADLINE = Seconds(60)
_DEADLINE_EACH = Seconds(20)  # a sound takes 0.2 s on one core; beside a rendering DAW it may take a while


@dataclass(frozen=True, slots=True)
class HostStats:
    """The worker in numbers.

    Attributes:
        alive: there is a process, starting or dying ones included.
        pid: of the process that answers; None while there is none.
        rss: its resident bytes after the last answer.
        starts: processes that became ready.
        crashes: questions whose worker died, hung or talked nonsense.
        sounds: vectors of sounds made.
        texts: vectors of texts made.
    """

    alive: bool
    pid: int | None
    rss: int
    starts: int
    crashes: int
    sounds: int
    texts: int


class _Question(Generic[Result]):
    """A job and whoever waits for it."""

    def __init__(self, job: Job[Result]) -> None:
        self.job = job
        self.answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()

    async def ask(self, worker: WorkerProcess) -> int:
        """Puts it to a worker; returns the worker's resident bytes.

        Raises:
            WorkerError: ``worker_crashed`` or ``timed_out``; the worker is of no more use. The answer has it too.
        """
        try:
            async with asyncio.timeout(self.job.deadline):
                reply: Done[Result] | Failed = await worker.ask(self.job)
        except TimeoutError:
            error = WorkerError(f"the model took longer than {self.job.deadline:g} s", code="timed_out")
            self.fail(error)
            raise error from None
        except WorkerError as error:
            self.fail(error)
            raise
        except asyncio.CancelledError:
            self.fail(_stopping())
            raise
        if isinstance(reply, Failed):
            self.fail(reply.error)
        elif not self.answer.done():
            self.answer.set_result(reply.result)
        return reply.rss

    def fail(self, error: TimbredError) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class ClapHost:
    """Has one model embed sounds and texts. Use it on one event loop; ``close`` it.

    Args:
        installed: the model; verified by the worker each time it loads it.
        threads: for the model, on the processor; 0 is half of the cores.
        idle_seconds: how long the worker stays with nothing to do.
        start_deadline: seconds it may take to load the model.
        deadline: seconds a question may take, and 20 more each sound in it.
        command: what the worker is; the model's, unless given.
    """

    def __init__(
        self,
        installed: InstalledModel,
        *,
        threads: int = 0,
        idle_seconds: Seconds = _IDLE,
        start_deadline: Seconds = _START_DEADLINE,
        deadline: Seconds = _DEADLINE,
        command: Sequence[str] | None = None,
    ) -> None:
        # -P: a file called torch.py in the current folder is not ours to import.
        worker = (sys.executable, "-P", "-m", "timbred_indexer.clap.worker", installed.folder, str(threads))
        self._command = tuple(command or worker)
        self._idle_seconds = idle_seconds
        self._start_deadline = start_deadline
        self._deadline = deadline
        self._texts: deque[_Question[NDArray[np.float32]]] = deque()
        self._sounds: deque[_Question[NDArray[np.float32]]] = deque()
        self._asked = asyncio.Event()
        self._tending: asyncio.Task[None] | None = None
        self._worker: WorkerProcess | None = None
        self._known: asyncio.Future[Description] | None = None
        self._description: Description | None = None
        self._closing = False
        self._rss = self._starts = self._crashes = self._sounds_done = self._texts_done = 0

    @property
    def stats(self) -> HostStats:
        worker = self._worker
        return HostStats(
            alive=self._tending is not None,
            pid=worker.pid if worker is not None and worker.usable else None,
            rss=self._rss if worker is not None else 0,
            starts=self._starts,
            crashes=self._crashes,
            sounds=self._sounds_done,
            texts=self._texts_done,
        )

    @property
    def batch(self) -> int:
        """Sounds worth preparing at once."""
        return _USUAL_BATCH if self._description is None else self._description.batch

    async def describe(self) -> Description:
        """What is loaded; loads it unless that was done before.

        Raises:
            UnavailableError: the model cannot be loaded, and what to do; or the host is closed.
            WorkerError: its worker died.
        """
        if self._description is None:
            self._begin()
            assert self._known is not None
            return await asyncio.shield(self._known)
        return self._description

    async def embed_audio(self, features: Sequence[bytes]) -> NDArray[np.float32]:
        """Vectors of sounds, behind all texts. Cancelling this leaves the worker well.

        Args:
            features: (1001, 64) little-endian float32 each, as ``WorkerPool.features`` gives them.

        Returns:
            (n, dimension) float32, L2-normalised, in the same order.

        Raises:
            UnavailableError: the model cannot be loaded, and what to do; or the host is closed.
            WorkerError: ``worker_crashed`` or ``timed_out``: one of these sounds may be to blame.
        """
        model = await self.describe()
        made = [np.zeros((0, model.dimension), np.float32)]
        for first in range(0, len(features), model.batch):
            part = tuple(features[first : first + model.batch])
            job = AudioJob(part, model.dimension, Seconds(self._deadline + _DEADLINE_EACH * len(part)))
            made.append(await self._ask(job, self._sounds))
            self._sounds_done += len(part)
        return np.concatenate(made)

    async def embed_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of texts, ahead of all sounds. Cancelling this leaves the worker well.

        Returns:
            (n, dimension) float32, L2-normalised, in the same order.

        Raises:
            UnavailableError: the model cannot be loaded or cannot read, and what to do; or the host is closed.
            WorkerError: ``worker_crashed`` or ``timed_out``.
        """
        model = await self.describe()
        made = [np.zeros((0, model.dimension), np.float32)]
        for first in range(0, len(texts), MOST_AT_ONCE):
            part = tuple(texts[first : first + MOST_AT_ONCE])
            made.append(await self._ask(TextJob(part, model.dimension, self._deadline), self._texts))
            self._texts_done += len(part)
        return np.concatenate(made)

    async def close(self, deadline: Seconds = _CLOSE_DEADLINE) -> None:
        """Kills the worker and returns when it is gone; open questions fail with ``UnavailableError``. Idempotent."""
        self._closing = True
        if self._tending is not None:
            self._tending.cancel()
            if (await asyncio.wait([self._tending], timeout=deadline))[1]:
                logger.error("the CLAP worker did not die when killed")

    async def _ask(
        self, job: Job[NDArray[np.float32]], queue: deque[_Question[NDArray[np.float32]]]
    ) -> NDArray[np.float32]:
        question = _Question(job)
        queue.append(question)
        self._begin()
        return await question.answer

    def _begin(self) -> None:
        """There is something to do: wakes the task that tends the worker, or starts it."""
        if self._closing:
            self._fail_all(_stopping())
            raise _stopping()
        self._asked.set()
        if self._tending is None:
            if self._known is None or self._known.done():
                self._known = asyncio.get_running_loop().create_future()
                self._known.add_done_callback(_look_at)
            self._tending = asyncio.get_running_loop().create_task(self._tend(), name="timbred-clap")
            self._tending.add_done_callback(self._ended)

    async def _tend(self) -> None:
        """One worker, from birth to reaping."""
        # It takes the threads that it was told to take, unlike the workers that are one core's worth of work.
        worker = await start_worker(self._command, memory=0, deadline=self._start_deadline, environment={})
        try:
            self._worker = worker
            description = _Question(DescribeJob(_DEADLINE))
            self._rss = await description.ask(worker)
            self._starts += 1
            self._description = await description.answer
            if self._known is not None and not self._known.done():
                self._known.set_result(self._description)
            await self._answer(worker)
        finally:
            self._worker = None
            await worker.end()

    async def _answer(self, worker: WorkerProcess) -> None:
        """Until the worker dies, or there was nothing to do for ``idle_seconds``."""
        while worker.usable:
            if (question := self._next()) is not None:
                self._rss = await question.ask(worker)
                continue
            self._asked.clear()
            try:
                async with asyncio.timeout(self._idle_seconds):
                    await self._asked.wait()
            except TimeoutError:
                return

    def _next(self) -> _Question[NDArray[np.float32]] | None:
        """The next question that somebody still waits for."""
        for queue in (self._texts, self._sounds):
            while queue:
                question = queue.popleft()
                if not question.answer.done():
                    return question
        return None

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tending = None
        error = None if task.cancelled() else task.exception()
        if self._closing or task.cancelled():
            self._fail_all(_stopping())
        elif error is None:
            self._go_on()
        elif self._known is not None and not self._known.done():
            self._fail_all(_not_ready(error))  # what waits would only see the same
        else:
            self._crashes += 1
            logger.warning("the CLAP worker ended: %s", error)
            self._go_on()

    def _go_on(self) -> None:
        """What was asked while the worker went gets a new one."""
        if any(not question.answer.done() for question in (*self._texts, *self._sounds)):
            self._begin()

    def _fail_all(self, error: TimbredError) -> None:
        if self._known is not None and not self._known.done():
            self._known.set_exception(error)
        for queue in (self._texts, self._sounds):
            while queue:
                queue.popleft().fail(error)


def _look_at(future: asyncio.Future[Description]) -> None:
    """Nobody may be waiting for it any more: that is no mistake."""
    if not future.cancelled():
        future.exception()


def _not_ready(error: BaseException) -> TimbredError:
    """It never became ready: no sound is to blame."""
    if isinstance(error, UnavailableError):
        return error
    return UnavailableError(f"The CLAP model's worker does not start: {error}", code="clap_start_failed")


def _stopping() -> UnavailableError:
    return UnavailableError("timbred is stopping")
