"""Reading a user's file: whole, still being written, vanished, or not to be read."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import sys
from pathlib import Path

import pytest

from timbred_indexer import reading
from timbred_indexer.errors import TransientInputError, UnavailableError
from timbred_indexer.reading import fingerprint, stat_of


def refusal(path: Path) -> str:
    with pytest.raises(TransientInputError) as caught:
        fingerprint(os.fsencode(path))
    return caught.value.code


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "a.wav"
    path.write_bytes(b"sound")
    os.utime(path, (1, 1))
    return path


def without_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a network file system."""

    def refuse(*_: object) -> int:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(fcntl, "fcntl", refuse)


def test_reading_ends_when_the_daemon_stops(tmp_path: Path) -> None:
    (tmp_path / "film.wav").write_bytes(b"sound")
    with pytest.raises(UnavailableError):
        fingerprint(bytes(tmp_path / "film.wav"), lambda: True)


def test_the_digest_and_the_stat_belong_together(sound: Path) -> None:
    assert fingerprint(os.fsencode(sound)) == (stat_of(os.fsencode(sound)), hashlib.sha256(b"sound").digest())


def test_reading_leaves_the_file_as_it_was(sound: Path) -> None:
    sound.chmod(0o444)
    before = sound.stat()
    fingerprint(os.fsencode(sound))
    after = sound.stat()
    assert (after.st_mtime_ns, after.st_ctime_ns) == (before.st_mtime_ns, before.st_ctime_ns)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who writes")
@pytest.mark.parametrize("mode", ["r+b", "ab"])
def test_a_file_open_for_writing_is_left_until_it_is_closed(sound: Path, mode: str) -> None:
    with sound.open(mode):
        assert refusal(sound) == "still_writing"
    fingerprint(os.fsencode(sound))


def test_a_child_that_has_not_yet_let_go_of_the_file_is_waited_for(
    sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sound.open("r+b") as writer:

        def let_go(_: float) -> None:
            writer.close()

        monkeypatch.setattr(reading.time, "sleep", let_go)
        assert fingerprint(os.fsencode(sound))[1] == hashlib.sha256(sound.read_bytes()).digest()


def test_a_writer_may_come_after_us(sound: Path) -> None:
    fingerprint(os.fsencode(sound))
    with sound.open("r+b", buffering=0) as file:
        file.write(b"S")
    assert fingerprint(os.fsencode(sound))[1] == hashlib.sha256(b"Sound").digest()


def test_where_nobody_knows_who_writes_the_last_change_must_have_settled(
    sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_leases(monkeypatch)
    fingerprint(os.fsencode(sound))
    sound.write_bytes(b"fresh")
    moment = sound.stat().st_mtime
    monkeypatch.setattr(reading.time, "time", lambda: moment)
    assert refusal(sound) == "still_writing"


def test_a_file_that_changes_while_it_is_read_has_no_digest(sound: Path) -> None:
    def change_and_go_on() -> bool:
        sound.write_bytes(b"longer than before")
        return False

    with pytest.raises(TransientInputError) as caught:
        fingerprint(os.fsencode(sound), change_and_go_on)
    assert caught.value.code == "still_writing"


@pytest.mark.parametrize("below", ["gone.wav", "a.wav/below"])
def test_a_file_that_is_not_there_has_vanished(sound: Path, below: str) -> None:
    assert refusal(sound.parent / below) == "vanished"


def test_a_named_pipe_is_no_file_and_nobody_waits_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    assert refusal(tmp_path / "pipe.wav") == "vanished"


def test_a_directory_where_the_file_was_is_no_file_and_leaks_nothing(tmp_path: Path) -> None:
    assert refusal(tmp_path) == "vanished"


def test_a_file_that_may_not_be_opened_is_unreadable(sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(reading.os, "open", refuse)
    assert refusal(sound) == "unreadable"


def test_a_disk_that_fails_while_it_is_read_makes_the_file_unreadable(
    sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(reading.os, "read", fail)
    assert refusal(sound) == "unreadable"


def test_the_stat_of_what_is_not_there_is_nothing(tmp_path: Path) -> None:
    assert stat_of(os.fsencode(tmp_path / "gone")) is None
