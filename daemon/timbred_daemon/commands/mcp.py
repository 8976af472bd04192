"""``timbred mcp``: what an assistant starts to talk to timbred. On stdout goes the protocol and nothing else."""

from __future__ import annotations

import os
import sys
import time
from typing import Final

import click

from timbred_api.client import DaemonNotRunning
from timbred_daemon.commands.connection import Found, data_dir_option, find_daemon, listen_option
from timbred_daemon.config import load
from timbred_daemon.runtime import logging_to_stderr
from timbred_indexer.errors import UnavailableError

Flags = dict[str, object]

_START_PATIENCE: Final = 60.0  # seconds
_PAUSE: Final = 0.1
_LOG_NAME: Final = "started-by-mcp.log"


@click.command()
@click.option("--start", is_flag=True, help="Start the daemon in the background if none runs.")
@data_dir_option
@listen_option
def mcp(start: bool, data_dir: bytes | None, listen: str | None) -> None:
    """Speak MCP on stdin and stdout, for assistants. Needs a running daemon, or --start."""
    flags: Flags = {"data_dir": data_dir, "listen": listen}

    def find() -> Found:
        try:
            return _running(flags)
        except DaemonNotRunning:
            if not start:
                raise
        return _start(flags)

    find()
    from timbred_api.mcp.proxy import run

    with logging_to_stderr("warning"):
        run(find)


def _running(flags: Flags) -> Found:
    """The daemon, which has answered."""
    with find_daemon(flags, os.environ).client() as client:
        client.get("/healthz")
    return find_daemon(flags, os.environ)  # one that has just started says now how to be let in


def _start(flags: Flags) -> Found:
    """Starts a daemon that outlives this process, and waits until it answers; another's daemon will do as well.

    Raises:
        UnavailableError: it ended at once, or does not answer.
    """
    import subprocess

    data_dir = load(flags, os.environ, isdir=lambda _: True).settings.data_dir
    os.makedirs(data_dir, mode=0o700, exist_ok=True)
    path = os.path.join(data_dir, _LOG_NAME)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as log:
        process = subprocess.Popen(
            _command(flags), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    deadline = time.monotonic() + _START_PATIENCE
    while time.monotonic() < deadline:
        ended = process.poll() is not None
        try:
            return _running(flags)
        except DaemonNotRunning:
            if ended:
                break
        time.sleep(_PAUSE)
    raise UnavailableError(f"timbred did not start; {path} says why.")


def _command(flags: Flags) -> list[str | bytes]:
    command: list[str | bytes] = [sys.executable, "-P", "-m", "timbred_daemon", "run"]
    for name, option in (("data_dir", "--data-dir"), ("listen", "--listen")):
        value = flags[name]
        if isinstance(value, (str, bytes)):
            command += [option, value]
    return command
