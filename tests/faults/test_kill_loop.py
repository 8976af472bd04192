"""Work, kill -9 at a random moment, restart: nothing that was acknowledged is lost, nothing is done twice."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
from collections.abc import Generator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from daemon_process import Daemon, daemon_on, processes, wait_for
from tones import write_tone

from timbred_api.client import DaemonNotRunning, JsonObject

SHORT = 2
LONG = int(os.environ.get("TIMBRED_KILLS", "200"))  # lives
SEED = 30
FILES = 6  # a life
IN_FLIGHT = 2 + 2  # hashed and waiting, or analysed and not yet committed, beside each of two workers
SETTINGS = "workers = 2\nquiet = 0.05\npoll_interval = 0.2\nbackups = 0\n"


class Acknowledged:
    """What the daemon has said to be so. It must be so for ever."""

    def __init__(self) -> None:
        self.sounds: dict[str, int] = {}
        self.labels: dict[str, str] = {}

    def note_sounds(self, rows: list[JsonObject]) -> None:
        self.sounds |= {path: row["sound_id"] for row in rows for path in row["paths"]}

    def assert_kept(self, rows: list[JsonObject]) -> None:
        now = {path: row for row in rows for path in row["paths"]}
        assert {path: now[path]["sound_id"] for path in self.sounds} == self.sounds
        assert {path: now[path]["label"] for path in self.labels} == self.labels


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "sounds").mkdir()
    return tmp_path / "sounds"


@pytest.fixture
def daemon(tmp_path: Path, root: Path) -> Generator[Daemon]:
    with daemon_on(tmp_path / "home", root, settings=SETTINGS) as daemon:
        yield daemon


@pytest.mark.parametrize("lives", [SHORT, pytest.param(LONG, marks=pytest.mark.slow)], ids=["short", "long"])
def test_no_moment_to_be_killed_costs_anything(daemon: Daemon, root: Path, lives: int) -> None:
    chance = random.Random(SEED)
    acknowledged = Acknowledged()
    jobs = 0
    for life in range(lives):
        for number in range(FILES):
            write_tone(root / f"{life}-{number}.wav", 150.0 + life * FILES + number, seconds=1.0)
        work(daemon, acknowledged, chance)
        jobs += killed_within(daemon, chance.uniform(0.0, 1.0))
        assert is_sound(daemon)
        daemon.start()
        wait_for(lambda: daemon.status()["state"] != "starting")
        acknowledged.assert_kept(all_rows(daemon))
    status = daemon.settle()
    jobs += status["workers"]["jobs"]
    acknowledged.assert_kept(all_rows(daemon))
    assert (status["files"]["indexed"], status["sounds"], status["files"]["failed"]) == (
        FILES * lives,
        FILES * lives,
        0,
    )
    assert jobs <= FILES * lives + IN_FLIGHT * lives


def work(daemon: Daemon, acknowledged: Acknowledged, chance: random.Random) -> None:
    """Waits for the first sound of this life, notes what is there, and labels some of it."""
    known = len(acknowledged.sounds)
    wait_for(lambda: len(all_rows(daemon)) > known)
    acknowledged.note_sounds(all_rows(daemon))
    for path in chance.sample(sorted(acknowledged.sounds), k=1):
        label = f"label {chance.random()}"
        daemon.label(acknowledged.sounds[path], label)
        acknowledged.labels[path] = label


def killed_within(daemon: Daemon, seconds: float) -> int:
    """Kills the daemon after that time. Returns how many files it had handed to a worker, as it last said."""
    assert daemon.process is not None
    jobs = daemon.jobs
    with suppress(subprocess.TimeoutExpired):
        daemon.process.wait(seconds)
    with suppress(DaemonNotRunning):
        jobs = daemon.jobs
    children = set(daemon.children())
    assert daemon.stop(signal.SIGKILL) == -signal.SIGKILL
    wait_for(lambda: not children & {pid for pid, _ in processes()})
    return jobs


def is_sound(daemon: Daemon) -> bool:
    """SQLite's own opinion of the file that was left behind."""
    with closing(sqlite3.connect(daemon.data / "metadata.db")) as connection:
        broken = connection.execute("PRAGMA foreign_key_check").fetchall()
        return connection.execute("PRAGMA integrity_check").fetchone() == ("ok",) and not broken


def all_rows(daemon: Daemon) -> list[JsonObject]:
    rows: list[JsonObject] = []
    cursor: int | None = 0
    while cursor is not None:
        page = daemon.client.get("/v1/sounds", {"cursor": cursor, "limit": 1000})
        rows += page["results"]
        cursor = page["next"]
    return rows
