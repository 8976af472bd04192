"""The pool with real child processes; what the children do is in ``fake_work``."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from pathlib import Path

import pytest

from patience import PATIENCE
from timbred_indexer.errors import InputError, StorageError, UnavailableError, WorkerError
from timbred_indexer.model import Analysis, Seconds
from timbred_indexer.pool import PoolStats, WorkerPool
from timbred_indexer.wire import AnalyseJob

BROKEN = "--broken"
FAKE_WORK = (sys.executable, str(Path(__file__).with_name("fake_work.py")))
MEBI = 1 << 20


def job(path: bytes, *, deadline: Seconds = PATIENCE) -> AnalyseJob:
    return AnalyseJob(path, None, None, deadline)


def pid_of(analysis: Analysis) -> int:
    return int(analysis.version.split()[0])


@pytest.fixture
async def pool() -> AsyncIterator[WorkerPool]:
    async with asyncio.timeout(PATIENCE), WorkerPool(backlog_workers=1, command=FAKE_WORK) as pool:
        yield pool
    assert pool.stats.alive == 0


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    fds = set(os.listdir("/dev/fd"))
    yield
    assert set(os.listdir("/dev/fd")) <= fds
    for thread in threading.enumerate():
        if thread.name.startswith(("asyncio-waitpid", "waitpid")):
            thread.join(PATIENCE)
    dead = None
    with contextlib.suppress(ChildProcessError):  # no child at all; else there is a daemon for other modules
        dead = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    assert dead is None


@contextlib.asynccontextmanager
async def running(
    pool: WorkerPool, path: bytes, *, interactive: bool = False
) -> AsyncGenerator[asyncio.Task[Analysis]]:
    """A job in the background; whatever becomes of it, it is over at the end."""
    task = asyncio.create_task(pool.analyse(job(path), interactive=interactive))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()


class Gate:
    """A named pipe on which a job waits."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        self.job_path = b"fifo:" + os.fsencode(path)

    async def reached(self) -> int:
        """Wait until a job stands before the gate; closing the descriptor opens it."""
        return await asyncio.to_thread(os.open, self.path, os.O_WRONLY)


async def test_a_result_comes_back_whole(pool: WorkerPool) -> None:
    analysis = await pool.analyse(AnalyseJob(b"ok", Seconds(0.25), Seconds(0.5), PATIENCE))
    segment = analysis.segments[0]
    assert (segment.start, segment.end, segment.aspects) == (0.25, 0.5, {"rms": b"\0\0\x80?"})
    assert pool.stats == PoolStats(alive=1, busy=0, jobs_started=1, jobs_done=1, crashes=0, timeouts=0)


async def test_a_worker_is_polite_single_threaded_and_leaves_no_core_dumps(pool: WorkerPool) -> None:
    _, nice, threads, core = (await pool.analyse(job(b"ok"))).version.split()
    assert (int(nice), threads, core) == (min(19, os.nice(0) + 10), "1", "0")


async def test_a_warm_worker_is_used_again(pool: WorkerPool) -> None:
    assert pid_of(await pool.analyse(job(b"ok"))) == pid_of(await pool.analyse(job(b"ok")))


@pytest.mark.parametrize(("path", "how"), [(b"abort", "SIGABRT"), (b"exit", "exit code 3")])
async def test_a_crash_costs_one_job(pool: WorkerPool, path: bytes, how: str) -> None:
    with pytest.raises(WorkerError, match=how) as caught:
        await pool.analyse(job(path))
    assert caught.value.code == "worker_crashed"
    await pool.analyse(job(b"ok"))
    assert (pool.stats.crashes, pool.stats.jobs_done) == (1, 1)


async def test_a_hang_is_killed_at_its_deadline(pool: WorkerPool) -> None:
    with pytest.raises(WorkerError) as caught:
        await pool.analyse(job(b"hang", deadline=Seconds(0.05)))
    assert caught.value.code == "timed_out"
    await pool.analyse(job(b"ok"))
    assert (pool.stats.timeouts, pool.stats.crashes) == (1, 0)


async def test_an_input_error_keeps_its_branch_and_code_and_the_worker(pool: WorkerPool) -> None:
    before = pid_of(await pool.analyse(job(b"ok")))
    with pytest.raises(InputError, match="no sound in it") as caught:
        await pool.analyse(job(b"fail"))
    assert caught.value.code == "empty"
    assert pid_of(await pool.analyse(job(b"ok"))) == before


async def test_a_bug_in_the_analysis_is_named_and_the_worker_lives_on(pool: WorkerPool) -> None:
    before = pid_of(await pool.analyse(job(b"ok")))
    with pytest.raises(WorkerError, match="KeyError: 'tempo'"):
        await pool.analyse(job(b"bug"))
    assert pid_of(await pool.analyse(job(b"ok"))) == before


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits data")
async def test_a_job_that_wants_too_much_memory_is_too_large() -> None:
    async with WorkerPool(backlog_workers=1, command=FAKE_WORK, max_rss_bytes=256 * MEBI) as pool:
        with pytest.raises(InputError) as caught:
            await pool.analyse(job(b"allocate:%d" % (1024 * MEBI)))
        assert caught.value.code == "too_large"
        await pool.analyse(job(b"ok"))


async def test_a_worker_that_grew_is_replaced() -> None:
    async with WorkerPool(backlog_workers=1, command=FAKE_WORK, max_rss_bytes=128 * MEBI) as pool:
        grown = pid_of(await pool.analyse(job(b"grow:%d" % (150 * MEBI))))
        assert pid_of(await pool.analyse(job(b"ok"))) != grown


async def test_what_a_library_prints_does_not_disturb_the_frames(pool: WorkerPool) -> None:
    await pool.analyse(job(b"print"))
    await pool.analyse(job(b"ok"))


async def test_nonsense_in_the_frames_is_a_crash_and_costs_one_job(pool: WorkerPool) -> None:
    with pytest.raises(WorkerError) as caught:
        await pool.analyse(job(b"nonsense"))
    assert caught.value.code == "worker_crashed"
    await pool.analyse(job(b"ok"))


async def test_the_backlog_never_uses_the_interactive_slot(pool: WorkerPool, tmp_path: Path) -> None:
    gate = Gate(tmp_path / "gate")
    async with running(pool, gate.job_path), running(pool, b"ok") as waiting:
        os.close(await gate.reached())
        await waiting
        assert pool.stats.alive == 1


async def test_an_interactive_job_runs_beside_a_full_backlog(pool: WorkerPool) -> None:
    async with running(pool, b"hang"):
        await pool.analyse(job(b"ok"), interactive=True)
        assert (pool.stats.alive, pool.stats.busy) == (2, 1)


async def test_an_interactive_job_overtakes_the_backlog(pool: WorkerPool, tmp_path: Path) -> None:
    gate = Gate(tmp_path / "gate")
    finished: list[str] = []
    async with running(pool, gate.job_path), running(pool, b"hang", interactive=True):
        handle = await gate.reached()
        async with running(pool, b"ok") as backlog, running(pool, b"ok", interactive=True) as interactive:
            backlog.add_done_callback(lambda _: finished.append("backlog"))
            interactive.add_done_callback(lambda _: finished.append("interactive"))
            await asyncio.sleep(0)
            os.close(handle)
            await asyncio.gather(backlog, interactive)
    assert finished == ["interactive", "backlog"]


async def test_a_cancelled_job_does_not_poison_the_next(pool: WorkerPool, tmp_path: Path) -> None:
    gate = Gate(tmp_path / "gate")
    async with running(pool, gate.job_path):
        handle = await gate.reached()
    os.close(handle)
    assert (await pool.analyse(job(b"ok"))).format == "wav"
    assert pool.stats.crashes == 0


async def test_a_job_cancelled_while_it_waits_leaves_the_running_one_alone(pool: WorkerPool, tmp_path: Path) -> None:
    gate = Gate(tmp_path / "gate")
    async with running(pool, gate.job_path) as first:
        handle = await gate.reached()
        async with running(pool, b"ok"):
            await asyncio.sleep(0)
        os.close(handle)
        await first
    assert pool.stats.jobs_started == 1


async def test_an_idle_worker_that_dies_costs_no_job(pool: WorkerPool) -> None:
    pid = pid_of(await pool.analyse(job(b"ok")))
    os.kill(pid, signal.SIGKILL)
    await asyncio.to_thread(_await_death, pid)
    while pool.stats.alive:  # noqa: ASYNC110  rounds of the loop, until it has seen the pipe's end
        await asyncio.sleep(0)
    await pool.analyse(job(b"ok"))
    assert pool.stats.crashes == 0


def _await_death(pid: int) -> None:
    with contextlib.suppress(ChildProcessError, ProcessLookupError):
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


async def test_idle_workers_leave_and_the_last_one_stays_longer(tmp_path: Path) -> None:
    now = 0.0
    gate = Gate(tmp_path / "gate")
    async with WorkerPool(backlog_workers=1, command=FAKE_WORK, clock=lambda: now) as pool:
        async with running(pool, gate.job_path) as first:
            handle = await gate.reached()
            surplus = pid_of(await pool.analyse(job(b"ok"), interactive=True))
            os.close(handle)
            warm = pid_of(await first)
        now += 61
        pool.shrink()
        await asyncio.to_thread(_await_death, surplus)
        assert pid_of(await pool.analyse(job(b"ok"))) == warm
        now += 601
        pool.shrink()
        assert pid_of(await pool.analyse(job(b"ok"))) != warm


async def test_closing_ends_running_and_waiting_jobs_without_blaming_their_files(tmp_path: Path) -> None:
    gate = Gate(tmp_path / "gate")
    pool = WorkerPool(backlog_workers=1, command=FAKE_WORK)
    async with running(pool, gate.job_path) as first, running(pool, b"ok") as second:
        handle = await gate.reached()
        await pool.close()
        os.close(handle)
        outcomes = await asyncio.gather(first, second, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [UnavailableError, UnavailableError]
    assert pool.stats.crashes == 0


async def test_closing_twice_or_while_a_worker_starts_is_fine() -> None:
    pool = WorkerPool(backlog_workers=1, command=FAKE_WORK)
    async with running(pool, b"ok"):
        await asyncio.sleep(0)
        await asyncio.gather(pool.close(), pool.close())
        await pool.close()
    assert pool.stats.alive == 0
    with pytest.raises(UnavailableError):
        await pool.analyse(job(b"ok"))


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ((*FAKE_WORK, BROKEN), "no such library"),
        (("/nonexistent/python",), "No such file"),
        ((sys.executable, "-c"), "exit code 0"),
    ],
)
async def test_workers_that_do_not_start_are_given_up(command: tuple[str, ...], why: str) -> None:
    async with WorkerPool(backlog_workers=1, command=command, start_backoff=Seconds(0.001)) as pool:
        with pytest.raises(StorageError, match=why) as caught:
            await pool.analyse(job(b"ok"))
        assert caught.value.code == "worker_start_failed"
        assert (pool.stats.jobs_started, pool.stats.crashes) == (0, 0)


PARENT = """
import asyncio, sys
from timbred_indexer.model import Seconds
from timbred_indexer.pool import WorkerPool
from timbred_indexer.wire import AnalyseJob

def job(path): return AnalyseJob(path, None, None, Seconds(60))

async def main():
    async with WorkerPool(backlog_workers=1, command=sys.argv[1:]) as pool:
        busy = asyncio.create_task(pool.analyse(job(b"hang")))
        idle = await pool.analyse(job(b"ok"), interactive=True)
        print(idle.version.split()[0], pool.stats, flush=True)
        await busy

asyncio.run(main())
"""


def test_workers_do_not_outlive_a_killed_parent() -> None:
    command = [sys.executable, "-c", PARENT, *FAKE_WORK]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert b"alive=2, busy=1" in parent.stdout.readline()
        parent.kill()
        # The workers hold their parent's stderr: it ends when the last of them does.
        parent.communicate(timeout=PATIENCE)
