"""Work, kill -9 at a random moment, restart: nothing that was acknowledged is lost, nothing is done twice."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

import pytest
from daemon_process import Daemon, daemon_on, processes, wait_for
from ledger import Ledger, Stored, left_behind, number_of
from tones import tone, wav

from timbred_api.client import JsonObject
from timbred_daemon.commands.connection import pages

SHORT = 2
LONG = int(os.environ.get("TIMBRED_KILLS", "200"))  # of the daemon; a worker dies besides in some of its lives
SEED = 30
FILES = 4  # a life
SETTINGS = "workers = {workers}\nquiet = 0.05\npoll_interval = 0.2\nbackups = 0\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "sounds").mkdir()
    return tmp_path / "sounds"


@pytest.fixture
def daemon(tmp_path: Path, root: Path) -> Generator[Daemon]:
    with daemon_on(tmp_path / "home", root, settings=SETTINGS.format(workers=2)) as daemon:
        yield daemon


@pytest.mark.parametrize("kills", [SHORT, pytest.param(LONG, marks=pytest.mark.slow)], ids=["short", "long"])
def test_no_moment_to_be_killed_costs_anything(daemon: Daemon, root: Path, tmp_path: Path, kills: int) -> None:
    lives = Lives(daemon, root, tmp_path / "copy")
    while lives.kills < kills:
        lives.work_and_die()
        if lives.chance.random() < 0.6:
            lives.die_while_starting()
        lives.begin()
    lives.assert_all_done()


class Lives:
    """One data folder through many lives of the daemon. Between its methods the daemon runs, or was killed."""

    def __init__(self, daemon: Daemon, root: Path, copy: Path) -> None:
        self.chance = random.Random(SEED)
        self.kills = 0
        self._daemon = daemon
        self._root = root
        self._copy = copy
        self._ledger = Ledger()
        self._written: set[bytes] = set()
        self._stored = Stored({}, {}, {}, frozenset())
        self._dead_workers = 0  # of this life
        self._start_takes = 1.0  # seconds

    def work_and_die(self) -> None:
        """Kills the daemon soon after files came, or soon after the first sound of this life was acknowledged."""
        known = self._daemon.status()["sounds"]
        self._write()
        if self.chance.random() < 0.5:
            wait_for(lambda: self._daemon.status()["sounds"] > known)
            self._acknowledge()
            if self.chance.random() < 0.3:
                self._kill_worker()
        self._die(self._jobs_within(1.0))

    def die_while_starting(self) -> None:
        """One more life that ends before it answers, or soon after."""
        self._dead_workers = 0
        self._change_while_nobody_looks()
        self._daemon.process = self._daemon.spawn()
        self._wait(2 * self._start_takes)
        self._die(0)  # how many it was given, nobody can ask: it may have no address yet

    def begin(self) -> None:
        """The next life, which must know whatever was acknowledged before."""
        self._dead_workers = 0
        self._change_while_nobody_looks()
        began = time.monotonic()
        self._daemon.start()
        self._start_takes = time.monotonic() - began
        wait_for(lambda: (status := self._daemon.status())["state"] != "starting" and not status["scan_owed"])
        rows = all_rows(self._daemon)
        self._ledger.assert_shown(rows)
        self._ledger.note(rows)
        self._ledger.assert_found(self._daemon)

    def assert_all_done(self) -> None:
        status = self._daemon.settle()
        self._ledger.assert_shown(all_rows(self._daemon))
        assert (status["files"]["indexed"], status["sounds"]) == (len(self._written), len(self._written))
        assert (status["files"]["failed"], status["files"]["missing"]) == (0, 0)
        self._assert_nothing_twice(status["workers"]["jobs"])

    def _write(self) -> None:
        for number in range(len(self._written), len(self._written) + FILES):
            content = wav(tone(150.0 + number))
            self._written.add(hashlib.sha256(content).digest())
            (self._root / f"{number}.wav").write_bytes(content)

    def _change_while_nobody_looks(self) -> None:
        """The next life has one worker, or two; a file with a label has another name in it."""
        self._daemon.settings.write_text(SETTINGS.format(workers=self.chance.choice((1, 1, 2))))
        if self._ledger.labels:
            number = self.chance.choice(sorted(self._ledger.labels))
            (old,) = (path for path in self._root.iterdir() if number_of(path.name) == number)
            old.rename(self._root / f"{self.kills}-{old.name}")

    def _acknowledge(self) -> None:
        self._ledger.note(all_rows(self._daemon))
        number, label = self.chance.choice(sorted(self._ledger.sounds)), f"label {self.chance.random()}"
        self._daemon.label(self._ledger.sounds[number], label)
        self._ledger.labels[number] = label

    def _kill_worker(self) -> None:
        if children := self._daemon.children():
            with suppress(ProcessLookupError):
                os.kill(self.chance.choice(children), signal.SIGKILL)
            self._dead_workers += 1

    def _jobs_within(self, seconds: float) -> int:
        """Waits for a part of that time. Returns how many files a worker was given in this life by then."""
        self._wait(seconds)
        return self._daemon.jobs

    def _wait(self, seconds: float) -> None:
        assert self._daemon.process is not None
        with suppress(subprocess.TimeoutExpired):
            self._daemon.process.wait(self.chance.uniform(0.0, seconds))

    def _die(self, jobs: int) -> None:
        """Kills the daemon, and looks at what it left."""
        children = set(self._daemon.children())
        assert self._daemon.stop(signal.SIGKILL) == -signal.SIGKILL
        wait_for(lambda: not children & {pid for pid, _ in processes()})
        self.kills += 1
        self._assert_nothing_twice(jobs)
        self._stored = left_behind(self._daemon, self._copy)
        self._ledger.assert_stored(self._stored)

    def _assert_nothing_twice(self, jobs: int) -> None:
        """A worker was given nothing that was stored before this life began, but for what a dead one had in hand."""
        assert jobs <= len(self._written - self._stored.hashes) + self._dead_workers


def all_rows(daemon: Daemon) -> list[JsonObject]:
    return [row for page in pages(daemon.client, "/v1/sounds", {"limit": 1000}) for row in page]
