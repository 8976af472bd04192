"""The child's loop: one job at a time, at low priority, until the daemon hangs up; and the jobs of analysis workers.

Started by ``worker_process`` as ``python -P -m timbred_indexer.worker MEMORY``; frames come in on stdin and go out on
what was stdout. It holds no state worth saving: the daemon ends it with SIGKILL whenever it likes.
"""

from __future__ import annotations

import ctypes
import logging
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Protocol

from timbred_indexer.confine import confine
from timbred_indexer.errors import InputError, TimbredError, WorkerError
from timbred_indexer.frames import FrameBuffer
from timbred_indexer.model import Analysis, Seconds
from timbred_indexer.wire import (
    AnalyseJob,
    Done,
    Failed,
    FeaturesJob,
    Fill,
    Ready,
    decode_job,
    encode_reply,
    from_analysis,
)

logger = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1


Work = Callable[[bytes], object]
"""A job's body → its result, in the shape in which it travels."""


class Analyse(Protocol):
    """What turns a file into an ``Analysis``."""

    def __call__(self, path: bytes, *, start: Seconds | None, end: Seconds | None) -> Analysis: ...


class Featurise(Protocol):
    """What turns stretches of a file into their CLAP features."""

    def __call__(self, path: bytes, stretches: Sequence[tuple[Seconds, Seconds]], fill: Fill) -> list[bytes]: ...


def main() -> None:
    """Entry point of ``python -m timbred_indexer.worker``."""
    *writable, memory = sys.argv[1:] or ["0"]
    serve(_load_work, memory=int(memory), writable=writable)


def serve(load: Callable[[], Work], *, memory: int, writable: Sequence[str] | None = None) -> None:
    """Answer jobs until stdin ends; never returns before that.

    Args:
        load: imports what the work needs; called once, after the process has become polite and before it says "ready".
            What it raises is told to the daemon and ends the process.
        memory: bytes a job may add to what loading took; 0 sets no limit.
        writable: the only folders in which files may be written from then on; None confines nothing.
    """
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    stdin, stdout = _reserve_pipes()
    _become_polite()
    try:
        work = load()
    except TimbredError as error:
        _write(stdout, encode_reply(Failed(error, resident_bytes())))
        raise
    except ImportError as error:
        failure = WorkerError(f"a worker cannot load what it needs: {error}")
        _write(stdout, encode_reply(Failed(failure, resident_bytes())))
        raise
    if writable is not None:
        confine(writable)
    _limit_memory(memory)
    _write(stdout, encode_reply(Ready()))
    bodies: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_read_jobs, args=(stdin, bodies), daemon=True).start()
    while True:
        _write(stdout, _answer(work, bodies.get()))


def analysing(analyse: Analyse, featurise: Featurise) -> Work:
    """The work of an analysis worker, made of its two kinds of jobs."""

    def work(body: bytes) -> object:
        match decode_job(body):
            case AnalyseJob(path, start, end):
                return from_analysis(analyse(path, start=start, end=end))
            case FeaturesJob(path, stretches, fill):
                return featurise(path, stretches, fill)

    return work


def resident_bytes() -> int:
    """This process's resident memory, in bytes; where only the peak is known (macOS), the peak."""
    try:
        return _statm(1)
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _load_work() -> Work:
    from timbred_indexer.analyse import analyse, warm_up
    from timbred_indexer.clap.featurise import featurise
    from timbred_indexer.previews.work import previewing

    warm_up()  # numba, which librosa loads late, gives up where it can write no cache
    return previewing(analysing(analyse, featurise))


def _answer(work: Work, body: bytes) -> bytes:
    """One job's reply, whatever happens in it; this is the job's edge."""
    try:
        return encode_reply(Done(work(body), resident_bytes()))
    except TimbredError as error:
        failure = error
    except MemoryError:
        failure = InputError("analysing this file needs more memory than a worker may use", code="too_large")
    except Exception as error:  # the job's edge: our own mistake costs this file, and not the worker
        logger.exception("a job failed in an unforeseen way")
        failure = WorkerError(f"the job failed: {type(error).__name__}: {error}")
    return encode_reply(Failed(failure, resident_bytes()))


def _read_jobs(stdin: int, bodies: SimpleQueue[bytes]) -> None:
    """Runs beside the job, so that a busy worker sees the daemon's end too, on every platform."""
    frames = FrameBuffer()
    while data := os.read(stdin, 65_536):
        for body in frames.feed(data):
            bodies.put(body)
    os._exit(0)


def _write(stdout: int, data: bytes) -> None:
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(stdout, view) :]
    except BrokenPipeError:
        os._exit(0)  # the daemon is gone


def _reserve_pipes() -> tuple[int, int]:
    """Move the frame pipes away from descriptors 0 and 1, where a chatty library would write into them."""
    stdin, stdout = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    return stdin, stdout


def _become_polite() -> None:
    # A tenth of what a program at work gets, for I/O too. Not SCHED_IDLE: beside a busy program such workers stand
    # still, and so would somebody who waits for an answer.
    os.nice(10)
    if sys.platform == "linux":
        # A worker stuck in C code does not see its stdin end; the kernel does. Had the daemon died before this line,
        # stdin would have ended before the first job.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # Crashes on broken files are expected here: no core dumps of a hundred megabytes each.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def _limit_memory(more: int) -> None:
    """Allow ``more`` bytes of data beyond what loading took; 0 sets no limit.

    RLIMIT_AS would count the address space that LLVM merely reserves; RLIMIT_DATA counts writable private memory, but
    only on Linux.
    """
    if more and sys.platform == "linux":
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        limit = _statm(5) + more
        resource.setrlimit(resource.RLIMIT_DATA, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def _statm(field: int) -> int:
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[field]) * resource.getpagesize()


if __name__ == "__main__":
    main()
