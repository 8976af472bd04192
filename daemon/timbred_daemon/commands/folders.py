"""``timbred folders``: which folders are watched. ``timbred rescan``: look at them now."""

from __future__ import annotations

from typing import cast

import click

from timbred_api.client import Client, JsonObject
from timbred_api.locations import display, from_uri
from timbred_daemon.commands.connection import pages, with_client
from timbred_daemon.commands.output import say, write_json, write_rows
from timbred_daemon.commands.paths import argument_uri

_path_argument = click.argument("path", type=click.Path(path_type=bytes))


@click.group()
def folders() -> None:
    """List and change the watched folders."""


@folders.command("list")
@with_client
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_folders(client: Client, as_json: bool) -> None:
    """List the watched folders: path, state, source, watch mode, files found, pending and failed."""
    rows = [row for page in pages(client, "/v1/folders") for row in page]
    if as_json:
        write_json({"results": rows, "next": None})
    elif rows:
        write_folders(rows)
    else:
        say("No folder is watched; add one with `timbred folders add PATH`.")


def write_folders(rows: list[JsonObject]) -> None:
    """One line for each folder."""
    headings = ("Path", "State", "Source", "Watch", "Found", "Pending", "Failed")
    write_rows(
        headings,
        (
            (row["path"], row["state"], row["source"], row["watch"], *_counts(cast("dict[str, int]", row["files"])))
            for row in rows
        ),
    )


def _counts(files: dict[str, int]) -> tuple[int, int, int]:
    return files["found"], files["pending"], files["failed"]


@folders.command()
@with_client
@_path_argument
@click.option("--watch", type=click.Choice(["native", "poll"]), help="How to notice changes (default native).")
def add(client: Client, path: bytes, watch: str | None) -> None:
    """Watch a folder and all that is in it, from now on."""
    body = {"uri": argument_uri(path)} | ({} if watch is None else {"watch": watch})
    client.post("/v1/folders", body)
    say(f"Watching {_shown(path)}.")


@folders.command()
@with_client
@_path_argument
def remove(client: Client, path: bytes) -> None:
    """Stop watching a folder. Its files stay where they are."""
    client.delete("/v1/folders", {"uri": argument_uri(path)})
    say(f"No longer watching {_shown(path)}.")


@folders.command()
@with_client
@_path_argument
def confirm(client: Client, path: bytes) -> None:
    """Confirm that what vanished from a suspect folder is really gone."""
    client.post("/v1/folders/confirm", parameters={"uri": argument_uri(path)})
    say(f"Accepted: what vanished from {_shown(path)} is gone.")


@click.command()
@with_client
@click.argument("path", type=click.Path(path_type=bytes), required=False)
def rescan(client: Client, path: bytes | None) -> None:
    """Look for changes now, everywhere or under PATH, without waiting for events."""
    client.post("/v1/rescan", {} if path is None else {"uri": argument_uri(path)})
    say("A rescan is under way; `timbred status --wait` tells when it is done.")


def _shown(path: bytes) -> str:
    return display(from_uri(argument_uri(path)))
