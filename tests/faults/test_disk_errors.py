"""The data folder's own disk fails: full, giving errors, or taking half of what is written; and then it works again."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

import pytest
from daemon_process import QUICK, Daemon, not_running, wait_for
from failing import Failing, Rule, compiled, tried
from tones import tone, wav, write_scale, write_tone

from patience import PATIENCE
from timbred_api.client import ProblemError

STEPS = range(4)
SETTINGS = QUICK + "backups = 0\n"
REFUSED = "never acknowledged"
ROOM = 8 << 20  # bytes of the disk that fills

UNWRITABLE = [
    Rule("sync", errno.EIO, "metadata.db"),
    Rule("write", errno.EIO, "metadata.db"),
    Rule("write", errno.ENOSPC, "metadata.db"),
    Rule("short", errno.ENOSPC, "metadata.db"),
    Rule("sync", errno.ESTALE, "metadata.db"),
]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("library")
    write_scale(folder, STEPS)
    return folder


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, library: Path) -> Generator[Failing]:
    """It can be made to fail, and is whole before and after each test."""
    home = tmp_path_factory.mktemp("home")
    compiled(home)
    with tried(Failing(home, SETTINGS), library) as daemon:
        yield daemon


@pytest.fixture
def known(daemon: Daemon, library: Path, request: pytest.FixtureRequest) -> Generator[int]:
    """A sound with an acknowledged label, which is still there after the test."""
    path, text = library / "note-1.wav", f"before {request.node.name}"
    sound = daemon.indexed(path)["sound_id"]
    daemon.label(sound, text)
    yield sound
    status = daemon.settle()
    assert (daemon.indexed(path)["sound_id"], daemon.indexed(path)["label"]) == (sound, text)
    assert [row["path"] for row in status["folders"]] == [str(library)]
    assert (status["files"]["failed"], status["files"]["missing"]) == (0, 0)
    assert list(daemon.data.glob("metadata-*.db")) == [], "a database that was whole was set aside"


def new_sound(library: Path) -> Path:
    """One that no other test has made."""
    number = len(list(library.iterdir()))
    return write_tone(library / f"new-{number}.wav", 600.0 + 7 * number)


def refusal(daemon: Daemon, sound: int) -> str:
    """The code of the answer to a label that cannot be stored."""
    with pytest.raises(ProblemError) as refused:
        daemon.label(sound, REFUSED)
    return refused.value.code


def refusal_of_upload(daemon: Daemon, sound: bytes) -> str:
    with pytest.raises(ProblemError) as refused:
        daemon.client.upload("/v1/similar", sound)
    return refused.value.code


def is_said(daemon: Daemon, sentence: str) -> bool:
    return sentence in " ".join(daemon.status()["notes"])


@pytest.mark.parametrize("rule", UNWRITABLE, ids=str)
def test_what_cannot_be_written_is_refused_said_and_done_when_it_can(
    daemon: Failing, library: Path, known: int, rule: Rule
) -> None:
    with daemon.failing(rule):
        assert refusal(daemon, known) == ("disk_full" if rule.error == errno.ENOSPC else "storage")
        new = new_sound(library)
        wait_for(lambda: is_said(daemon, "Changes are not taken in"))
        assert daemon.status()["state"] != "idle"
        assert daemon.similar(path=str(library / "note-1.wav"))
    assert daemon.indexed(new)
    wait_for(lambda: not is_said(daemon, "Changes are not taken in"))


def test_a_database_that_cannot_be_read_for_a_while_is_not_called_damaged(
    daemon: Failing, library: Path, known: int
) -> None:
    """SQLite calls it so: for EIO it has no other word."""
    pid = daemon.pid
    with daemon.failing(Rule("read", errno.EIO, "metadata.db")):
        new = new_sound(library)
        wait_for(lambda: not_running(daemon.client))  # it waits for its disk
    daemon.find_again()
    assert daemon.indexed(new)
    status = daemon.settle()
    assert (daemon.pid, status["workers"]["jobs"]) == (pid, 1)
    assert "nothing was changed" in " ".join(status["notes"])


def test_what_cannot_be_read_for_a_while_is_said_and_done_when_it_can(
    daemon: Failing, library: Path, known: int
) -> None:
    with daemon.failing(Rule("read", errno.ESTALE, "metadata.db")):
        new = new_sound(library)
        wait_for(lambda: is_troubled(daemon))
    assert daemon.indexed(new)


def is_troubled(daemon: Daemon) -> bool:
    """It says so, or cannot even do that."""
    try:
        return bool(daemon.status()["notes"])
    except ProblemError as problem:
        return problem.code == "storage"


def test_an_upload_that_does_not_fit_is_refused_and_leaves_nothing(daemon: Failing, known: int) -> None:
    sound = wav(tone(333.0))
    with daemon.failing(Rule("write", errno.ENOSPC, "/uploads/")):
        assert refusal_of_upload(daemon, sound) == "disk_full"
    assert list((daemon.data / "uploads").iterdir()) == []
    assert daemon.client.upload("/v1/similar", sound)["results"]


@pytest.mark.slow
def test_a_stop_and_a_kill_while_the_disk_fails_lose_nothing(tmp_path: Path, library: Path) -> None:
    compiled(tmp_path)
    with tried(Failing(tmp_path, SETTINGS), library) as daemon:
        sound = daemon.indexed(library / "note-1.wav")["sound_id"]
        daemon.label(sound, "acknowledged")
        with daemon.failing(Rule("sync", errno.EIO, "metadata.db$")):  # what is copied back from the log at the end
            daemon.stop()
        daemon.start().settle()
        assert daemon.jobs == 0
        assert daemon.indexed(library / "note-1.wav")["label"] == "acknowledged"
        with daemon.failing(Rule("sync", errno.EIO, "metadata.db")):
            assert refusal(daemon, sound) == "storage"
            new = new_sound(library)
            daemon.stop(signal.SIGKILL)
        daemon.start()
        assert daemon.indexed(new)
        # What could not be made sure of may be there all the same: it was written, and nobody knows how far.
        assert daemon.indexed(library / "note-1.wav")["label"] in {"acknowledged", REFUSED}


@pytest.fixture
def small_disk(tmp_path: Path) -> Generator[Path]:
    """A tmpfs of few megabytes, with the data folder on it."""
    place = tmp_path / "home"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "none", str(place)]
    if sys.platform != "linux" or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting needs Linux and root")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(disk: Path) -> Path:
    """Takes all that is free. Gives what took it."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 8):
            with suppress(OSError):
                while file.write(bytes(size)) == size:
                    pass
    return ballast


def label_until_refused(daemon: Daemon, sound: int, last: str) -> tuple[str, str]:
    """The last label that was acknowledged, ``last`` if none, and the code of the refusal."""
    for number in range(100_000):
        text = f"{number} {os.urandom(100).hex()}"
        try:
            daemon.label(sound, text)
        except ProblemError as refused:
            return last, refused.code
        last = text
    raise AssertionError("the disk never filled")


def snapshot_fails(daemon: Daemon) -> bool:
    """What the daemon runs to build a snapshot; nothing may be left of one that does not fit."""
    before = set(daemon.data.iterdir())
    version = daemon.status()["spaces"]["librosa"]["version"]
    command = [sys.executable, "-m", "timbred_indexer.compact", str(daemon.data / "metadata.db"), str(daemon.data)]
    done = subprocess.run([*command, "librosa", version, "0.99"], check=False, capture_output=True)
    assert set(daemon.data.iterdir()) == before
    return done.returncode != 0


def test_a_full_disk_pauses_the_daemon_which_goes_on_when_there_is_room(tmp_path: Path, small_disk: Path) -> None:
    library = tmp_path / "library"
    first, *_ = write_scale(library, STEPS)
    with tried(Daemon(small_disk, SETTINGS), library) as daemon:
        sound = daemon.indexed(first)["sound_id"]
        daemon.label(sound, "while there was room")
        ballast = fill(small_disk)
        last, code = label_until_refused(daemon, sound, "while there was room")
        assert code == "disk_full"
        new = write_tone(library / "new.wav", 700.0)
        wait_for(lambda: is_said(daemon, "full"))
        assert refusal_of_upload(daemon, wav(tone(333.0, 2.0))) == "disk_full"
        assert snapshot_fails(daemon)
        assert daemon.similar(path=str(first))
        ballast.unlink()
        daemon.indexed(new)
        wait_for(lambda: daemon.status()["notes"] == [])
        assert daemon.indexed(first)["label"] == last
        daemon.stop(signal.SIGKILL)
        daemon.start().settle()
        assert daemon.indexed(first)["label"] == last
        assert daemon.cli("verify", "--deep").returncode == 0


@pytest.mark.slow
def test_a_data_folder_that_is_removed_under_the_daemon_ends_it_with_a_sentence(tmp_path: Path, library: Path) -> None:
    with tried(Daemon(tmp_path, SETTINGS), library) as daemon:
        shutil.rmtree(daemon.data)
        assert ended(daemon) == 1
    assert "was removed or replaced while timbred ran" in daemon.log.read_text()


@pytest.mark.slow
def test_a_read_only_data_folder_is_refused_with_a_sentence(tmp_path: Path, library: Path, small_disk: Path) -> None:
    with tried(Daemon(small_disk, SETTINGS), library) as daemon:
        assert daemon.stop() == 0
        daemon.log = tmp_path / "log"
        subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
        daemon.process = daemon.spawn()
        assert ended(daemon) == 1
        (line,) = daemon.log.read_text().splitlines()
        assert "Read-only file system" in line
        subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
        status = daemon.start().settle()
        assert (status["files"]["failed"], status["workers"]["jobs"]) == (0, 0)
        assert daemon.stop() == 0


def ended(daemon: Daemon) -> int:
    """Waits until the daemon ends by itself; gives its exit code."""
    assert daemon.process is not None
    code = daemon.process.wait(PATIENCE)
    daemon.process = None
    return code
