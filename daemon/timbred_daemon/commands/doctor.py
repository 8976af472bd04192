"""``timbred doctor``: what is well with this installation, what is not, and what to do."""

from __future__ import annotations

import os
import sys

import click

from timbred_api.client import DaemonNotRunning
from timbred_api.forms import visible
from timbred_daemon.commands.connection import data_dir_option, find_daemon, listen_option
from timbred_daemon.commands.output import write_json, write_line
from timbred_daemon.config import load

_MARKS = {"ok": ("ok  ", "green"), "warn": ("warn", "yellow"), "fail": ("FAIL", "red")}


@click.command()
@data_dir_option
@listen_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def doctor(context: click.Context, data_dir: bytes | None, listen: str | None, as_json: bool) -> None:
    """Look at versions, settings, disk, limits, the CLAP model and the daemon. Exits with 1 if something has failed.

    Each line says ok, warn or fail, and what to do.
    """
    from timbred_daemon.doctor import examine

    flags = {"data_dir": data_dir, "listen": listen}
    try:
        client = find_daemon(flags, os.environ).client()
    except DaemonNotRunning:
        client = None
    try:
        findings = list(examine(load(flags, os.environ), client))
    finally:
        if client is not None:
            client.close()
    if as_json:
        rows = [
            {"level": one.level, "what": one.what, "says": one.says, "advice": one.advice or None} for one in findings
        ]
        write_json({"results": rows, "next": None})
    for one in [] if as_json else findings:
        mark, colour = _MARKS[one.level]
        shown = click.style(mark, fg=colour) if sys.stdout.isatty() else mark
        write_line(f"{shown}  {one.what}: {visible(one.says)}" + (f". {visible(one.advice)}" if one.advice else ""))
    context.exit(1 if any(one.level == "fail" for one in findings) else 0)
