"""A pause, a damaged database and its backup, in a real daemon."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

import pytest
from daemon_process import QUICK, Daemon, daemon_on, wait_for
from tones import write_scale, write_tone

STEPS = range(6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sounds")
    write_scale(folder, STEPS)
    return folder


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Daemon:
    """A daemon that has indexed the folder and was stopped."""
    with daemon_on(tmp_path_factory.mktemp("home"), folder, settings=QUICK) as daemon:
        daemon.settle()
    daemon.process = None
    return daemon


@pytest.fixture
def daemon(library: Daemon) -> Generator[Daemon]:
    yield library
    if library.process is not None:
        assert library.stop() == 0


def test_a_pause_holds_over_a_restart_and_is_never_called_done(daemon: Daemon, folder: Path) -> None:
    daemon.start().client.post("/v1/pause", {})
    daemon.restart()
    write_tone(folder / "new.wav", 1234.0)
    wait_for(lambda: daemon.status()["files"]["pending"] == 1 and daemon.status()["state"] == "paused")
    assert daemon.cli("status", "--wait").returncode == 1
    assert daemon.jobs == 0
    assert daemon.similar(path=str(folder / "note-1.wav"))
    daemon.client.post("/v1/resume", {})
    assert daemon.settle()["files"]["indexed"] == len(STEPS) + 1


def test_a_damaged_database_comes_back_from_its_backup(daemon: Daemon, folder: Path) -> None:
    daemon.start()
    daemon.label(daemon.indexed(folder / "note-2.wav")["sound_id"], "second")
    found = daemon.settle()["files"]["indexed"]
    daemon.client.post("/v1/backup", {})
    assert daemon.stop() == 0
    (daemon.data / "metadata.db").write_bytes(b"nothing that SQLite knows" * 1000)
    daemon.start()
    status = daemon.settle()
    assert (status["files"]["indexed"], daemon.jobs) == (found, 0)
    assert "was damaged" in " ".join(status["notes"])
    assert daemon.indexed(folder / "note-2.wav")["label"] == "second"
    be_damaged_meanwhile(daemon)
    assert daemon.indexed(folder / "note-2.wav")["label"] == "second"
    assert daemon.cli("verify", "--deep").returncode == 0


def published(endpoint: Path) -> int | None:
    """When a daemon wrote where it answers; None while none has. (The port may be the same again.)"""
    with suppress(FileNotFoundError):
        return endpoint.stat().st_mtime_ns
    return None


def be_damaged_meanwhile(daemon: Daemon) -> None:
    """Spoils the database under the running daemon, which goes on with the backup as the same process."""
    pid, endpoint = daemon.pid, daemon.data / "endpoint.json"
    before, database = published(endpoint), daemon.data / "metadata.db"
    with database.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(database.stat().st_size - 4096))
    daemon.cli("verify", "--repair")
    wait_for(lambda: published(endpoint) not in (None, before))
    daemon.find_again()
    assert daemon.pid == pid
    assert daemon.settle()["notes"]
