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
    with daemon_on(tmp_path / "home", folder, settings=QUICK.replace("workers = 1", "workers = 2")) as daemon:
        in_the_middle(daemon)
        yield daemon


def in_the_middle(daemon: Daemon) -> None:
    """Waits until several files are done and more wait."""
    wait_for(lambda: daemon.status()["files"]["indexed"] > 4)
    assert daemon.status()["files"]["pending"] > 10, "the sounds are too short to be interrupted"


def indexed_on_disk(daemon: Daemon) -> int:
    with closing(sqlite3.connect(daemon.data / "metadata.db")) as connection:
        return connection.execute("SELECT count(*) FROM file WHERE state = 'indexed'").fetchone()[0]


def test_after_kill_9_only_what_was_in_flight_is_done_again(daemon: Daemon, folder: Path) -> None:
    workers = daemon.children()
    first_life = daemon.jobs
    assert workers
    assert daemon.stop(signal.SIGKILL) == -signal.SIGKILL
    wait_for(lambda: not {pid for pid, _ in processes()} & set(workers))
    done = indexed_on_disk(daemon)
    daemon.start()
    status = daemon.settle()
    second_life = status["workers"]["jobs"]
    assert (status["files"]["indexed"], status["sounds"], status["files"]["failed"]) == (len(STEPS), len(STEPS), 0)
    assert second_life == len(STEPS) - done
    assert first_life + second_life <= len(STEPS) + len(workers) + WAITING
    assert len(daemon.similar(path=str(folder / "note-7.wav"), k=1000)) == len(STEPS) - 1


def test_a_stop_in_the_middle_of_the_work_is_clean(daemon: Daemon) -> None:
    workers = daemon.children()
    assert daemon.stop() == 0
    assert not {pid for pid, _ in processes()} & set(workers)
    assert not (daemon.data / "endpoint.json").exists()
    assert "did not stop" not in daemon.log.read_text()


def test_a_killed_worker_costs_one_retry_and_waiting_ends_when_all_is_done(daemon: Daemon) -> None:
    os.kill(daemon.children()[0], signal.SIGKILL)
    assert daemon.cli("status", "--wait").returncode == 0
    status = daemon.status()
    assert (status["files"]["indexed"], status["files"]["pending"], status["scan_owed"]) == (len(STEPS), 0, False)
    assert status["workers"]["jobs"] <= len(STEPS) + 1
    assert status["workers"]["crashes"] <= 1
