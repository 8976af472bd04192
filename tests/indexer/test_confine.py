"""What a confined process can no longer do, tried in one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tones import write_tone

from timbred_indexer.confine import in_force, landlock_version
from timbred_indexer.model import Seconds
from timbred_indexer.pool import WORKER_COMMAND, WorkerPool
from timbred_indexer.wire import AnalyseJob

TRIES = """
import os, socket, subprocess, sys
from timbred_indexer.confine import confine
top, port = sys.argv[1], int(sys.argv[2])
listener = socket.create_server(("127.0.0.1", 0))
assert confine([top + "/writable"])
def tried(what, *arguments):
    try:
        what(*arguments)
    except OSError as error:
        return type(error).__name__
    return "done"
def write(path):
    os.close(os.open(path, os.O_WRONLY))
print(tried(write, top + "/file"))
print(tried(open, top + "/new", "x"))
print(tried(os.unlink, top + "/file"))
print(tried(os.rename, top + "/file", top + "/other"))
print(tried(subprocess.run, ["/bin/true"]))
print(tried(socket.create_connection, listener.getsockname()))
print(tried(open, top + "/file"))
print(tried(write, top + "/writable/file"))
print(tried(open, top + "/writable/new", "x"))
"""
pytestmark = pytest.mark.skipif(landlock_version() < 4, reason="this kernel's Landlock knows no network")


def test_a_confined_process_reads_and_does_little_else(tmp_path: Path) -> None:
    (tmp_path / "writable").mkdir()
    for name in ("file", "writable/file"):
        (tmp_path / name).write_bytes(b"x")
    command = [sys.executable, "-W", "ignore", "-c", TRIES, str(tmp_path), "0"]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    refused, done = "PermissionError", "done"
    assert said.stdout.split() == [refused] * 6 + [done, done, refused], said.stderr
    assert (tmp_path / "file").read_bytes() == b"x"


async def test_a_confined_worker_analyses_as_before(tmp_path: Path) -> None:
    """What its libraries load late must not want to write."""
    path = write_tone(tmp_path / "tone.wav", 440.0)
    async with WorkerPool(backlog_workers=1, command=(*WORKER_COMMAND, str(tmp_path))) as pool:
        made = await pool.analyse(AnalyseJob(bytes(path), None, None, Seconds(60)))
    assert len(made.segments) == 1


@pytest.mark.parametrize(("version", "tcp"), [(1, False), (3, False), (4, True)])
def test_what_is_in_force_is_not_called_more_than_it_is(version: int, tcp: bool) -> None:
    assert ("TCP" in in_force(version)) is tcp
