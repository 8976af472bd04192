"""Four writers at once while queries run; afterwards disk, database, index and answers agree exactly."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from agreement import assert_agreement, on_disk
from daemon_process import QUICK, Daemon, daemon_on, wait_for
from honesty import facts, questioned
from tones import write_tone
from writers import leftovers, storm

from patience import PATIENCE
from timbred_api.client import Client
from timbred_indexer.errors import TimbredError

SHORT = 400
LONG = int(os.environ.get("TIMBRED_STORM", "50000"))  # changes of files
SEED = 20_260
NO_WATCHES = "echo 3 > /proc/sys/user/max_inotify_watches && exec "

sizes = pytest.mark.parametrize(
    "operations", [SHORT, pytest.param(LONG, marks=pytest.mark.slow)], ids=["short", "long"]
)


@contextmanager
def asked_all_the_time(daemon: Daemon) -> Generator[None]:
    """Queries until the body is done. Some are answered, and none may fail."""
    answered: list[int] = []
    over = threading.Event()
    failures: list[TimbredError] = []

    def ask() -> None:
        with Client(daemon.client.address) as client:
            while not over.is_set():
                try:
                    rows = client.get("/v1/sounds", {"limit": 5})["results"]
                    answered.append(len(client.get("/v1/neighbours", {"limit": 3, "k": 5})["results"]) + len(rows))
                except TimbredError as error:
                    failures.append(error)
                    return

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
        wait_for(lambda: answered or failures)
    finally:
        over.set()
        thread.join()
    assert failures == []


def after_the_storm(daemon: Daemon, library: Path, folder: Path) -> int:
    assert leftovers(folder) == []
    left = assert_agreement(daemon, library)
    # So many deletions look like a loss, and it is none.
    if daemon.status()["folders"][0]["state"] == "suspect":
        daemon.client.post("/v1/folders/confirm", {"path": str(library)})
    return left


@pytest.fixture
def broken(daemon: Daemon, tmp_path: Path) -> Generator[Path]:
    """A second folder, watched for one test: nothing in it can be decoded."""
    (tmp_path / "broken").mkdir()
    daemon.client.post("/v1/folders", {"path": str(tmp_path / "broken")})
    yield tmp_path / "broken"
    daemon.client.delete("/v1/folders", {"path": str(tmp_path / "broken")})


@sizes
def test_after_a_storm_all_agree(daemon: Daemon, library: Path, folder: Path, operations: int) -> None:
    with asked_all_the_time(daemon):
        storm(folder, operations, SEED)
        daemon.settle(PATIENCE + operations / 20)
    assert after_the_storm(daemon, library, folder) > operations // 10


@sizes
def test_in_a_storm_status_events_and_metrics_add_up_at_every_moment(
    daemon: Daemon, library: Path, folder: Path, broken: Path, operations: int
) -> None:
    with questioned(daemon) as honesty:
        for number in range(5):
            (broken / f"{number}.wav").write_bytes(b"RIFF" + bytes([number]) * 100)
        storm(folder, operations // 4, SEED + 1)
        daemon.settle(PATIENCE + operations / 20)
        daemon.look()
        wait_for(lambda: facts(daemon.status()) == honesty.last_event)
    total, folders = facts(daemon.status())
    assert [files["found"] for files in folders] == [len(on_disk(library)), len(on_disk(broken))]
    assert total["failed"] == len(on_disk(broken))


class Unwatched(Daemon):
    """A daemon in a namespace of its own that allows next to no watches: no event reaches it."""

    def command(self, *arguments: str) -> list[str]:
        line = NO_WATCHES + '"$0" "$@"'
        return ["unshare", "--user", "--map-root-user", "sh", "-c", line, *super().command(*arguments)]


@pytest.fixture
def unwatched(tmp_path: Path) -> Generator[Daemon]:
    """It watches ``tmp_path / "sounds"``, which has more directories than it may watch."""
    probe = ["unshare", "--user", "--map-root-user", "sh", "-c", NO_WATCHES + "true"]
    if sys.platform != "linux" or not shutil.which("unshare") or subprocess.run(probe, check=False).returncode:
        pytest.skip("no user namespace to set a limit in")
    (tmp_path / "sounds/a/b/c").mkdir(parents=True)
    with daemon_on(tmp_path / "home", tmp_path / "sounds", settings=QUICK, kind=Unwatched) as daemon:
        yield daemon


def wait_until_looked_at(daemon: Daemon, timeout: float) -> None:
    """Until the daemon, by itself, has looked at the whole folder once more."""
    before = daemon.status()["folders"][0]["last_scan"]
    wait_for(lambda: daemon.status()["folders"][0]["last_scan"] != before, timeout)


@sizes
def test_after_a_storm_of_which_no_event_came_all_agree(unwatched: Daemon, tmp_path: Path, operations: int) -> None:
    root = tmp_path / "sounds"
    unwatched.settle()  # which does not wait for the watches
    wait_for(lambda: "sudo sysctl fs.inotify.max_user_watches=" in " ".join(unwatched.status()["notes"]))
    wait_for(lambda: unwatched.status()["folders"][0]["watch"] == "poll")
    storm(root, operations, SEED)
    for _ in range(2):  # the first may have begun before the end of the storm
        wait_until_looked_at(unwatched, PATIENCE + operations / 20)
    unwatched.settle(PATIENCE + operations / 20)
    assert after_the_storm(unwatched, root, root) > operations // 10


@pytest.mark.skipif(sys.platform != "linux", reason="inotify")
def test_what_happened_while_the_queue_of_events_was_full_is_found(daemon: Daemon, library: Path, folder: Path) -> None:
    with open("/proc/sys/fs/inotify/max_queued_events", encoding="ascii") as file:
        limit = int(file.read())
    if limit > 100_000:
        pytest.skip("this system queues more events than a test should make")
    kept, lost = write_tone(folder / "kept.wav", 300.0), write_tone(folder / "lost.wav", 301.0)
    daemon.indexed(kept)
    daemon.indexed(lost)
    os.kill(daemon.pid, signal.SIGSTOP)
    try:
        for _ in range(limit):
            os.utime(kept)
            os.utime(lost)
        lost.unlink()
        new = write_tone(folder / "deep/er/new.wav", 302.0)
    finally:
        os.kill(daemon.pid, signal.SIGCONT)
    daemon.gone(lost)
    daemon.indexed(new)
    wait_for(lambda: "(overflow)" in daemon.log.read_text())
    # The directories that appeared meanwhile are watched too.
    daemon.indexed(write_tone(folder / "deep/er/newer.wav", 303.0))
    assert_agreement(daemon, library)
