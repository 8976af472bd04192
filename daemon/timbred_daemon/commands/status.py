"""``timbred status``: what the daemon is doing and how far it is."""

from __future__ import annotations

import shlex
import sys
from typing import cast

import click

from timbred_api.client import Client, JsonObject
from timbred_daemon.commands.connection import with_client
from timbred_daemon.commands.folders import write_folders
from timbred_daemon.commands.output import flattened, say, write_json, write_line, write_rows
from timbred_daemon.commands.waiting import progress, wait_until_done


@click.command()
@with_client
@click.option("--json", "as_json", is_flag=True, help="Print the daemon's whole answer.")
@click.option("--wait", is_flag=True, help="Wait until nothing is pending and no scan is owed.")
@click.pass_context
def status(context: click.Context, client: Client, as_json: bool, wait: bool) -> None:
    """Show what the daemon is doing, what it has indexed, and what went wrong.

    --wait ends with 1 when something is pending and work rests: paused, in quiet hours, on battery.
    """

    def fetch() -> JsonObject:
        return client.get("/v1/status")

    if wait:
        with progress() as report:
            answer = wait_until_done(fetch, report)
    else:
        answer = fetch()
    if as_json:
        write_json(answer)
    else:
        _show(answer)
    if wait and answer["state"] == "paused":
        say("Not done: work rests, and something is pending.")
        context.exit(1)


def _show(answer: JsonObject) -> None:
    if sys.stdout.isatty():
        write_line(summary(answer))
        write_folders(answer["folders"])
    else:
        write_rows((), flattened(answer))
    _say_what_needs_attention(answer)


def summary(status: JsonObject) -> str:
    """Three lines for people."""
    files = status["files"]
    counts = ", ".join(f"{files[name]:,} {name}" for name in ("indexed", "pending", "failed", "missing", "offline"))
    return (
        f"timbred {status['version']} is {status['state']} at {status['address']}, data in {status['data_dir']}\n"
        f"{files['found']:,} files: {counts}; {status['sounds']:,} sounds, {status['segments']:,} segments\n"
        f"{_clap(status['spaces']['clap'])}"
    )


def _clap(space: JsonObject) -> str:
    """How far the second space is, or what it lacks."""
    if space["advice"] is not None and space["version"] is None:
        return f"No search by words, and similarity without CLAP. {space['advice']}"
    parts = [f"CLAP ({space['model'] or 'no model'}) has heard {space['vectors']:,} segments"]
    if space["filling"] is not None:
        parts.append("another model is hearing them and will take over")
    if space["pending"]:
        left = "" if space["eta"] is None else f", about {round(space['eta'])} s"
        parts.append(f"{space['pending']:,} to go{left}")
    return "; ".join(parts) + "."


def _say_what_needs_attention(status: JsonObject) -> None:
    for note in cast("list[str]", status.get("notes", [])):
        say(note)
    if failed := status["files"]["failed"]:
        say(f"{failed} {'file' if failed == 1 else 'files'} could not be analysed: see `timbred failures`.")
    for folder in cast("list[JsonObject]", status["folders"]):
        if folder["state"] == "suspect":
            hint = f"if that is right, run `timbred folders confirm {shlex.quote(folder['path'])}`"
            say(f"{folder['path']} is hidden: {folder['reason'] or 'too much vanished at once'}; {hint}.")
