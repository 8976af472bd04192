"""kill -9, of the daemon and of its workers, and a stop in the middle of the work."""

import os
import signal
import sqlite3
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import pytest
from daemon_process import QUICK, Daemon, daemon_on, processes, wait_for
from tones import write_scale

STEPS = range(40)
WORKERS = 2
WAITING = 2  # files in flight beyond the workers: hashed and waiting, or analysed and not yet committed
SECONDS = 3.0  # long enough that the work can be interrupted


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "sounds"
    write_scale(folder, STEPS, SECONDS)
    return folder


@pytest.fixture
def daemon(tmp_path: Path, folder: Path) -> Generator[Daemon]:
    """A daemon in the middle of its work."""
    with daemon_on(tmp_path / "home", folder, settings=QUICK.replace("workers = 1", f"workers = {WORKERS}")) as daemon:
        in_the_middle(daemon, folder)
        yield daemon


def in_the_middle(daemon: Daemon, folder: Path) -> None:
    """Waits until several files are done and more wait; brings more where all was done before anybody looked."""
    while True:
        files = wait_for(lambda: (now := daemon.status()["files"])["indexed"] > 4 and now)
        if files["pending"] > 10:
            return
        known = count(folder)
        write_scale(folder, range(known, known + len(STEPS)), SECONDS)
        wait_for(lambda known=known: daemon.status()["files"]["found"] > known)


def count(folder: Path) -> int:
    return len(list(folder.iterdir()))


def indexed_on_disk(daemon: Daemon) -> int:
    with closing(sqlite3.connect(daemon.data / "metadata.db")) as connection:
        return connection.execute("SELECT count(*) FROM file WHERE state = 'indexed'").fetchone()[0]


def test_after_kill_9_only_what_was_in_flight_is_done_again(daemon: Daemon, folder: Path) -> None:
    workers = daemon.children()
    first_life, total = daemon.jobs, count(folder)
    assert workers
    assert daemon.stop(signal.SIGKILL) == -signal.SIGKILL
    wait_for(lambda: not {pid for pid, _ in processes()} & set(workers))
    done = indexed_on_disk(daemon)
    daemon.start()
    status = daemon.settle()
    second_life = status["workers"]["jobs"]
    assert (status["files"]["indexed"], status["sounds"], status["files"]["failed"]) == (total, total, 0)
    assert second_life == total - done
    assert first_life + second_life <= total + WORKERS + WAITING
    assert len(daemon.similar(path=str(folder / "note-7.wav"), k=1000)) == total - 1


def test_a_stop_in_the_middle_of_the_work_is_clean(daemon: Daemon) -> None:
    workers = daemon.children()
    assert daemon.stop() == 0
    assert not {pid for pid, _ in processes()} & set(workers)
    assert not (daemon.data / "endpoint.json").exists()
    assert "did not stop" not in daemon.log.read_text()


def test_a_killed_worker_costs_one_retry_and_waiting_ends_when_all_is_done(daemon: Daemon, folder: Path) -> None:
    os.kill(daemon.children()[0], signal.SIGKILL)
    assert daemon.cli("status", "--wait").returncode == 0
    status = daemon.status()
    assert (status["files"]["indexed"], status["files"]["pending"], status["scan_owed"]) == (count(folder), 0, False)
    assert status["workers"]["jobs"] <= count(folder) + 1
    assert status["workers"]["crashes"] <= 1
