"""One worker seen from the daemon: its birth, its frames, its death. ``pool`` decides who gets which."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from typing import Final

from timbred_indexer.errors import WorkerError
from timbred_indexer.frames import FrameBuffer
from timbred_indexer.model import Seconds
from timbred_indexer.wire import Done, Failed, Job, Result, decode_greeting, decode_reply

SINGLE_THREADED: Final[Mapping[str, str]] = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
}
"""The environment of a worker that is one core's worth of work: libraries that start a thread per core would only fight
each other."""


async def start_worker(
    command: Sequence[str], *, memory: int, deadline: Seconds, environment: Mapping[str, str] = SINGLE_THREADED
) -> WorkerProcess:
    """Start a worker and wait until it is ready. Cancelling this leaves no process behind.

    Args:
        command: what to run; ``memory`` is appended to it.
        memory: bytes a job may add to what loading took; see ``worker``.
        deadline: seconds until it must have said that it is ready.
        environment: what is set beside the daemon's own environment.

    Raises:
        WorkerError: it could not be started, died, or was not ready in time.
        TimbredError: what it says is in its way.
    """
    loop = asyncio.get_running_loop()
    try:
        # Its own process group: Ctrl-C in a terminal is for the daemon, which then ends its workers itself.
        _, worker = await loop.subprocess_exec(
            WorkerProcess, *command, str(memory), stderr=None, env={**os.environ, **environment}, process_group=0
        )
    except OSError as error:
        raise WorkerError(f"a worker cannot be started: {error.strerror}") from error
    try:
        async with asyncio.timeout(deadline):
            await worker.read_ready()
    except BaseException as error:
        await worker.end()
        if isinstance(error, TimeoutError):
            raise WorkerError(f"a worker was not ready after {deadline:g} s", code="timed_out") from None
        raise
    return worker


class WorkerProcess(asyncio.SubprocessProtocol):
    """A child process that answers one job at a time; build it with ``start_worker``."""

    def __init__(self) -> None:
        self._frames = FrameBuffer()
        self._reply: asyncio.Future[bytes] | None = None
        self._closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ended = False
        self._violation: str | None = None

    @property
    def usable(self) -> bool:
        """Whether it can take a job: nobody has killed it, and it has not died."""
        return not self._ended

    @property
    def pid(self) -> int:
        return self._transport.get_pid()

    async def ask(self, job: Job[Result]) -> Done[Result] | Failed:
        """Have one job done. Cancelling this leaves the worker busy with it: kill it then.

        Raises:
            WorkerError: the worker died on it, or answered with something that is no reply.
        """
        if (stdin := self._transport.get_pipe_transport(0)) is not None and not self._ended:
            assert isinstance(stdin, asyncio.WriteTransport)
            stdin.write(job.encode())
        return decode_reply(await self._read_body(), job)

    async def read_ready(self) -> None:
        """Wait for the greeting.

        Raises:
            WorkerError: the worker died.
            TimbredError: it could not load what it needs.
        """
        if isinstance(greeting := decode_greeting(await self._read_body()), Failed):
            raise greeting.error

    def kill(self) -> None:
        """End it with SIGKILL, and with it whatever it started. It has nothing to save. Does not wait."""
        self._ended = True
        if self._transport.get_returncode() is None:
            # Not Popen.kill(): that polls, and can snatch the exit status from asyncio's child watcher.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    async def end(self) -> None:
        """Kill it, and return when it is reaped; not before that, even if cancelled meanwhile."""
        self.kill()
        cancelled: asyncio.CancelledError | None = None
        while not self._closed.done():
            try:
                await self.wait_closed()
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled

    async def wait_closed(self) -> None:
        """Return when the process is reaped and its pipes are closed."""
        await asyncio.shield(self._closed)

    async def _read_body(self) -> bytes:
        if self._ended:
            await self.wait_closed()
            raise self._death()
        self._reply = asyncio.get_running_loop().create_future()
        try:
            return await self._reply
        except EOFError:
            await self.wait_closed()
            raise self._death() from None
        finally:
            self._reply = None

    def _death(self) -> WorkerError:
        code = self._transport.get_returncode()
        how = f"exit code {code}" if code is None or code >= 0 else f"killed by {signal.Signals(-code).name}"
        return WorkerError(f"the worker died ({self._violation or how})")

    # What follows is called by asyncio.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.SubprocessTransport)
        self._transport = transport

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        try:
            bodies = self._frames.feed(data)
        except WorkerError as error:
            self._violate(error.message)
            return
        for body in bodies:
            if self._reply is None or self._reply.done():
                self._violate("it spoke without being asked")
                return
            self._reply.set_result(body)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        # Without both pipes it is of no use, even if it lives on.
        self.kill()
        if fd == 1 and self._reply is not None and not self._reply.done():
            self._reply.set_exception(EOFError())

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport.close()
        if not self._closed.done():
            self._closed.set_result(None)

    def _violate(self, how: str) -> None:
        self._violation = how
        self.kill()
