"""The lock, the endpoint file and the log of a running daemon."""

from __future__ import annotations

import io
import json
import logging
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from timbred_daemon.runtime import (
    AlreadyRunningError,
    Endpoint,
    data_folder,
    logging_to_stderr,
    published_endpoint,
    read_endpoint,
)
from timbred_indexer.errors import StorageError

ADDRESS = "http://127.0.0.1:8462"
HOLDER = """
import sys
from timbred_daemon.runtime import data_folder, published_endpoint
with data_folder(sys.argv[1]), published_endpoint(sys.argv[1], "http://127.0.0.1:8462"):
    print("held", flush=True)
    sys.stdin.read()
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def start_holder(data_dir: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLDER, str(data_dir)]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_the_data_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    with data_folder(str(tmp_path / "new" / "data")):
        assert mode(tmp_path / "new" / "data") == 0o700
        assert mode(tmp_path / "new" / "data" / "lock") == 0o600
        assert (tmp_path / "new" / "data" / "lock").read_text() == f"{os.getpid()}\n"


def test_a_second_daemon_is_told_the_pid_of_the_first(tmp_path: Path) -> None:
    with start_holder(tmp_path) as first:
        with pytest.raises(AlreadyRunningError, match=f"pid {first.pid} ") as caught, data_folder(str(tmp_path)):
            pass
        assert (caught.value.pid, caught.value.code) == (first.pid, "already_running")
        first.communicate("")


def test_the_lock_of_a_killed_daemon_is_free_and_its_endpoint_ignored(tmp_path: Path) -> None:
    with start_holder(tmp_path) as first:
        assert read_endpoint(str(tmp_path)) == Endpoint(ADDRESS, first.pid)
        first.send_signal(signal.SIGKILL)
    assert (tmp_path / "endpoint.json").exists()
    assert read_endpoint(str(tmp_path)) is None
    with data_folder(str(tmp_path)):
        pass


def test_the_lock_can_be_taken_again_after_it_was_given_back(tmp_path: Path) -> None:
    for _ in range(2):
        with data_folder(str(tmp_path)):
            pass


def test_a_file_in_place_of_the_data_folder_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be used"), data_folder(str(tmp_path / "file")):
        pass


def test_the_endpoint_is_there_while_the_daemon_runs_and_no_longer(tmp_path: Path) -> None:
    with data_folder(str(tmp_path)):
        with published_endpoint(str(tmp_path), ADDRESS):
            assert read_endpoint(str(tmp_path)) == Endpoint(ADDRESS, os.getpid())
            assert mode(tmp_path / "endpoint.json") == 0o600
        assert sorted(path.name for path in tmp_path.iterdir()) == ["lock"]


def test_an_endpoint_whose_lock_is_free_is_ignored(tmp_path: Path) -> None:
    with data_folder(str(tmp_path)):
        pass
    with published_endpoint(str(tmp_path), ADDRESS):
        assert read_endpoint(str(tmp_path)) is None


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{",
        "{}",
        '{"address": "http://127.0.0.1:1", "pid": "x"}',
        '{"address": "http://127.0.0.1:1", "pid": 0}',
        '{"address": "http://127.0.0.1:1", "pid": 1e30}',
        json.dumps({"address": "ftp://127.0.0.1", "pid": 1}),
    ],
)
def test_a_damaged_endpoint_is_ignored(tmp_path: Path, content: str) -> None:
    with data_folder(str(tmp_path)):
        (tmp_path / "endpoint.json").write_text(content)
        assert read_endpoint(str(tmp_path)) is None


def test_an_endpoint_in_a_folder_that_is_not_there_is_none(tmp_path: Path) -> None:
    assert read_endpoint(str(tmp_path / "none")) is None


def test_a_half_written_endpoint_of_before_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "endpoint.json.new").write_text("{")
    with data_folder(str(tmp_path)), published_endpoint(str(tmp_path), ADDRESS):
        assert read_endpoint(str(tmp_path)) is not None


def test_an_event_is_one_line_with_its_time() -> None:
    stream = io.StringIO()
    with logging_to_stderr("info", {}, stream):
        logging.getLogger("timbred_daemon.x").info("two\nlines and \x1b[31m")
    time, _, line = stream.getvalue().partition(" ")
    assert line == "INFO timbred_daemon.x: two\\nlines and \\x1b[31m\n"
    assert time[10] == "T"


def test_under_systemd_the_journal_has_the_time(tmp_path: Path) -> None:
    with (tmp_path / "journal").open("w+") as stream:
        status = os.fstat(stream.fileno())
        with logging_to_stderr("info", {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}, stream):
            logging.getLogger("x").warning("hello")
        assert (tmp_path / "journal").read_text() == "WARNING x: hello\n"


def test_a_terminal_that_inherits_the_journals_variable_keeps_the_time(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w+") as stream, logging_to_stderr("info", {"JOURNAL_STREAM": "1:1"}, stream):
        logging.getLogger("x").warning("hello")
        assert not (tmp_path / "log").read_text().startswith("WARNING")


@pytest.mark.parametrize(("level", "lines"), [("info", 1), ("debug", 4)])
def test_a_traceback_is_shown_only_while_debugging(level: str, lines: int) -> None:
    stream = io.StringIO()
    with logging_to_stderr("debug" if level == "debug" else "info", {}, stream):
        try:
            raise ValueError("odd\nvalue")
        except ValueError:
            logging.getLogger("x").exception("failed")
    assert stream.getvalue().splitlines()[0].endswith("(ValueError: odd value)" if lines == 1 else "failed")
    assert len(stream.getvalue().splitlines()) >= lines


def test_logging_is_left_as_it_was_found() -> None:
    before = list(logging.getLogger().handlers), logging.getLogger().level
    with logging_to_stderr("debug", {}, io.StringIO()):
        pass
    assert (list(logging.getLogger().handlers), logging.getLogger().level) == before


def test_events_below_the_level_are_not_logged() -> None:
    stream = io.StringIO()
    with logging_to_stderr("warning", {}, stream):
        logging.getLogger("x").info("quiet")
    assert stream.getvalue() == ""


@pytest.mark.parametrize(("mode", "said"), [(0o700, 0), (0o755, 0), (0o770, 1), (0o707, 1)])
def test_a_data_folder_that_others_can_write_to_is_remarked_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: int, said: int
) -> None:
    tmp_path.chmod(mode)
    with data_folder(str(tmp_path)):
        assert len(caplog.records) == said
