"""A watched folder on a file system that fails on demand: what cannot be looked at is frozen, and comes back."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import failing_disk
import pytest
from daemon_process import Daemon, daemon_on, wait_for
from failing import Rule, in_force
from tones import write_scale, write_tone

from timbred_api.client import JsonObject
from timbred_indexer.pipeline import MAX_ATTEMPTS
from timbred_indexer.scanner import NO_ANSWER

STEPS = range(4)
INNER = range(30, 34)
SETTINGS = "workers = 1\nquiet = 0.05\npoll_interval = 0.2\nbackups = 0\n"
ERRORS = pytest.mark.parametrize("error", [errno.EIO, errno.ESTALE], ids=["EIO", "ESTALE"])


class FailingDisk:
    """``folder``, shown at ``place`` for as long as the program runs."""

    def __init__(self, home: Path) -> None:
        self.folder, self.place, self.rules = home / "folder", home / "place", home / "rules"
        self.folder.mkdir()
        self.place.mkdir()
        self.process: subprocess.Popen[bytes] | None = None

    def mount(self) -> None:
        command = [sys.executable, failing_disk.__file__, str(self.folder), str(self.place), str(self.rules)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE)
        wait_for(self._is_up)

    def _is_up(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            assert self.process.stderr is not None
            pytest.skip(f"FUSE cannot be mounted here: {self.process.stderr.read()[-200:]!r}")
        return os.path.ismount(self.place)

    def end(self) -> None:
        """Ends the program, and then unmounts: meanwhile every call fails."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None

    def unmount(self) -> None:
        subprocess.run(["umount", "-l", str(self.place)], check=True)

    def bring(self, name: str, pitch: float) -> None:
        """A sound that is there whole at once: who writes a file that is seen through FUSE, nobody can tell."""
        write_tone(self.folder.parent / name, pitch).rename(self.folder / name)

    @contextmanager
    def failing(self, call: str, error: int, part: str) -> Generator[None]:
        """Within the body these calls fail on every path that contains ``part``."""
        with in_force(self.rules, [Rule(call, error, part)]):
            yield


@contextmanager
def mounted(home: Path) -> Generator[FailingDisk]:
    """With some sounds on it, in two directories."""
    if sys.platform != "linux" or os.geteuid() != 0 or not os.path.exists("/dev/fuse") or not shutil.which("umount"):
        pytest.skip("mounting needs Linux, FUSE and root")
    disk = FailingDisk(home)
    write_scale(disk.folder, STEPS)
    write_scale(disk.folder / "inner", INNER)
    disk.mount()
    try:
        yield disk
    finally:
        disk.end()
        disk.unmount()


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Generator[FailingDisk]:
    with mounted(tmp_path_factory.mktemp("disk")) as disk:
        yield disk


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, disk: FailingDisk) -> Generator[Daemon]:
    with daemon_on(tmp_path_factory.mktemp("home"), disk.place, settings=SETTINGS) as daemon:
        daemon.settle()
        yield daemon


@pytest.fixture
def whole(daemon: Daemon, disk: FailingDisk) -> Generator[None]:
    """After each test all of the first files answer as before, and none of them was analysed again."""
    before = daemon.similar(path=str(disk.place / "note-1.wav"), k=1000)
    new, jobs = files_in(disk), daemon.jobs
    yield
    wait_for(lambda: row_of(daemon)["state"] == "online")
    status = daemon.look()
    assert (status["files"]["missing"], status["files"]["failed"]) == (0, 0)
    assert status["workers"]["jobs"] == jobs + files_in(disk) - new
    after = daemon.similar(path=str(disk.place / "note-1.wav"), k=1000)
    assert [row for row in after if row in before] == before


def files_in(disk: FailingDisk) -> int:
    return len(list(disk.folder.rglob("*.wav")))


def row_of(daemon: Daemon) -> JsonObject:
    (row,) = daemon.status()["folders"]
    return row


@pytest.mark.usefixtures("whole")
@ERRORS
@pytest.mark.parametrize("call", ["stat", "list"])
def test_a_root_that_cannot_be_looked_at_is_offline(daemon: Daemon, disk: FailingDisk, call: str, error: int) -> None:
    with disk.failing(call, error, "/"):
        wait_for(lambda: row_of(daemon)["state"] == "offline")
        row = row_of(daemon)
        assert os.strerror(error) in row["reason"]
        assert (row["files"]["offline"], row["files"]["missing"]) == (files_in(disk), 0)


@pytest.mark.usefixtures("whole")
@ERRORS
@pytest.mark.parametrize("call", ["stat", "list"])
def test_a_directory_that_cannot_be_looked_at_keeps_what_was_in_it(
    daemon: Daemon, disk: FailingDisk, call: str, error: int
) -> None:
    inner = disk.place / "inner/note-31.wav"
    with disk.failing(call, error, "/inner"):
        status = daemon.look()
        assert (status["files"]["missing"], row_of(daemon)["state"]) == (0, "online")
        assert daemon.sound(inner)


@pytest.mark.usefixtures("whole")
@ERRORS
@pytest.mark.parametrize("call", ["open", "read"])
def test_a_file_that_cannot_be_read_is_named_and_tried_again(
    daemon: Daemon, disk: FailingDisk, call: str, error: int
) -> None:
    name = f"new-{call}-{error}.wav"
    with disk.failing(call, error, name):
        disk.bring(name, 900.0 + files_in(disk))
        failure = wait_for(lambda: failure_of(daemon, disk.place / name))
        assert failure["code"] == "unreadable"
        assert os.strerror(error) in failure["reason"]
        assert daemon.sound(disk.place / name) is None
    assert daemon.indexed(disk.place / name)
    assert failure_of(daemon, disk.place / name) is None


def failure_of(daemon: Daemon, path: Path) -> JsonObject | None:
    rows = daemon.client.get("/v1/failures", {"limit": 1000})["results"]
    return next((row for row in rows if row["path"] == str(path)), None)


@pytest.mark.usefixtures("whole")
def test_a_file_that_cannot_be_read_now_keeps_answering_with_what_it_was(daemon: Daemon, disk: FailingDisk) -> None:
    path = disk.place / "changing.wav"
    disk.bring(path.name, 1234.0)
    before = daemon.indexed(path)["sound_id"]
    with disk.failing("read", errno.EIO, path.name):
        os.utime(disk.folder / "changing.wav", (1, 1))
        wait_for(lambda: failure_of(daemon, path))
        assert str(path) in daemon.found_near(disk.place / "note-1.wav")
    wait_for(lambda: failure_of(daemon, path) is None)
    assert daemon.indexed(path)["sound_id"] == before


@pytest.mark.slow
@pytest.mark.usefixtures("whole")
def test_what_a_file_was_answers_for_as_long_as_the_disk_fails(daemon: Daemon, disk: FailingDisk) -> None:
    path = disk.place / "failing-for-long.wav"
    disk.bring(path.name, 1357.0)
    daemon.indexed(path)
    with disk.failing("read", errno.EIO, path.name):
        os.utime(disk.folder / path.name, (1, 1))
        wait_for(lambda: (failure_of(daemon, path) or {"attempts": 0})["attempts"] > MAX_ATTEMPTS)
        assert str(path) in daemon.found_near(disk.place / "note-1.wav")
        assert any("1 changed file cannot be read now" in note for note in daemon.status()["notes"])
    daemon.client.post("/v1/failures/retry")
    wait_for(lambda: failure_of(daemon, path) is None)


@pytest.mark.usefixtures("whole")
def test_a_file_system_that_does_not_answer_holds_up_no_question(daemon: Daemon, disk: FailingDisk) -> None:
    assert disk.process is not None
    daemon.client.post("/v1/rescan")
    disk.process.send_signal(signal.SIGSTOP)
    try:
        daemon.client.post("/v1/rescan")
        assert daemon.similar(path=str(disk.place / "note-1.wav"))
        assert daemon.status()["files"]["missing"] == 0
    finally:
        disk.process.send_signal(signal.SIGCONT)


@pytest.mark.slow
def test_a_file_system_whose_program_died_is_offline_until_it_is_mounted_again(tmp_path: Path) -> None:
    with mounted(tmp_path) as disk, daemon_on(tmp_path / "home", disk.place, settings=SETTINGS) as daemon:
        before = daemon.settle()
        disk.end()
        wait_for(lambda: row_of(daemon)["state"] == "offline")
        assert row_of(daemon)["files"]["missing"] == 0
        disk.unmount()
        wait_for(lambda: "empty" in (row_of(daemon)["reason"] or ""))
        disk.mount()
        wait_for(lambda: row_of(daemon)["state"] == "online")
        status = daemon.settle()
        assert (status["files"], status["workers"]["jobs"]) == (before["files"], before["workers"]["jobs"])


@pytest.mark.slow
def test_a_file_system_that_does_not_answer_holds_up_neither_another_folder_nor_the_stop_nor_the_start(
    tmp_path: Path,
) -> None:
    plain = tmp_path / "plain"
    write_scale(plain, range(40, 42))
    with mounted(tmp_path) as disk, daemon_on(tmp_path / "home", disk.place, plain, settings=SETTINGS) as daemon:
        jobs = daemon.settle()["workers"]["jobs"]
        assert disk.process is not None
        disk.process.send_signal(signal.SIGSTOP)
        try:
            daemon.client.post("/v1/rescan")
            write_tone(plain / "new.wav", 1500.0)
            daemon.indexed(plain / "new.wav")
            wait_for(lambda: silent_in(daemon) == [str(disk.place)])
            assert str(plain / "new.wav") in daemon.found_near(plain / "note-40.wav")
            assert daemon.stop() == 0  # it was not forced to
            daemon.start()
            write_tone(plain / "newer.wav", 1600.0)
            daemon.indexed(plain / "newer.wav")
        finally:
            disk.process.send_signal(signal.SIGCONT)
        wait_for(lambda: not silent_in(daemon))
        assert daemon.settle()["workers"]["jobs"] == 1
        assert jobs == len(STEPS) + len(INNER) + 2


def silent_in(daemon: Daemon) -> list[str]:
    return [row["path"] for row in daemon.status()["folders"] if row["reason"] == NO_ANSWER]
