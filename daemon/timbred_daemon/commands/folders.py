"""``timbred folders``: which folders are watched. ``timbred rescan``: look at them now."""

from __future__ import annotations

from typing import cast

import click

from timbred_api.client import Client, JsonObject
from timbred_api.locations import display, from_uri
from timbred_daemon.commands.connection import pages, with_client
from timbred_daemon.commands.output import conclude, say, write_json, write_rows
from timbred_daemon.commands.paths import argument_uri
from timbred_daemon.commands.sounds import write_sounds

_path_argument = click.argument("path", type=click.Path(path_type=bytes))
_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def folders() -> None:
    """List and change the watched folders."""


@folders.command("list")
@with_client
@_json_option
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
@_json_option
def add(client: Client, path: bytes, watch: str | None, as_json: bool) -> None:
    """Watch a folder and all that is in it, from now on."""
    body = {"uri": argument_uri(path)} | ({} if watch is None else {"watch": watch})
    conclude(client.post("/v1/folders", body), f"Watching {_shown(path)}.", as_json=as_json)


@folders.command()
@with_client
@_path_argument
@_json_option
def remove(client: Client, path: bytes, as_json: bool) -> None:
    """Stop watching a folder. Its files stay where they are."""
    answer = client.delete("/v1/folders", {"uri": argument_uri(path)})
    conclude(answer, f"No longer watching {_shown(path)}.", as_json=as_json)


@folders.command()
@with_client
@_path_argument
@_json_option
def confirm(client: Client, path: bytes, as_json: bool) -> None:
    """Confirm that what vanished from a suspect folder is really gone."""
    answer = client.post("/v1/folders/confirm", parameters={"uri": argument_uri(path)})
    conclude(answer, f"Accepted: what vanished from {_shown(path)} is gone.", as_json=as_json)


@folders.command()
@with_client
@_json_option
def offline(client: Client, as_json: bool) -> None:
    """List the sounds of folders that cannot be reached now: ID, label, duration in seconds, path."""
    found = pages(client, "/v1/offline")
    if as_json:
        write_json({"results": [row for page in found for row in page], "next": None})
    else:
        write_sounds(found, "No folder is offline, or what is offline held no sound.")


@folders.command()
@with_client
@click.argument("old", type=click.Path(path_type=bytes))
@click.argument("new", type=click.Path(path_type=bytes))
@click.option("--force", is_flag=True, help="Also when other files are at NEW.")
@_json_option
def relocate(client: Client, old: bytes, new: bytes, force: bool, as_json: bool) -> None:
    """Say that the files of OLD are at NEW now, such as at a new mount point. Nothing is analysed again."""
    body = {"uri": argument_uri(old), "new_uri": argument_uri(new), "force": force}
    answer = client.post("/v1/folders/relocate", body)
    conclude(answer, f"{_shown(old)} is {_shown(new)} now.", as_json=as_json)


@folders.command()
@with_client
@click.argument("path", type=click.Path(path_type=bytes), required=False)
@click.option("--older-than", type=float, default=0.0, metavar="DAYS", help="Only what is missing for so long.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_json_option
def purge(client: Client, path: bytes | None, older_than: float, yes: bool, as_json: bool) -> None:
    """Forget files that are missing, of one watched folder or of all that are online. Asks before it does."""
    scope = {"older_than": older_than} | ({} if path is None else {"uri": argument_uri(path)})
    found = client.post("/v1/folders/purge", scope)
    if not found["files"]:
        nothing = "Nothing can be forgotten: what vanished is waited for, a minute or two at least."
        conclude(found, nothing, as_json=as_json)
        return
    say(
        f"This forgets {_number(found['files'], 'missing file')}, {_number(found['labels'], 'label')} that you set, "
        f"and what was analysed of {_number(found['sounds'], 'sound')}."
    )
    if not yes:
        click.confirm("Forget them?", abort=True, err=True)
    done = client.post("/v1/folders/purge", scope | {"confirm": True})
    conclude(done, f"Forgot {_number(done['files'], 'file')}.", as_json=as_json)


def _number(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


@click.command()
@with_client
@click.argument("path", type=click.Path(path_type=bytes), required=False)
@_json_option
def rescan(client: Client, path: bytes | None, as_json: bool) -> None:
    """Look for changes now, everywhere or under PATH, without waiting for events."""
    answer = client.post("/v1/rescan", {} if path is None else {"uri": argument_uri(path)})
    conclude(answer, "A rescan is under way; `timbred status --wait` tells when it is done.", as_json=as_json)


def _shown(path: bytes) -> str:
    return display(from_uri(argument_uri(path)))
