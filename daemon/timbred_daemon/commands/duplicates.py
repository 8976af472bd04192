"""``timbred duplicates``: which sounds are the same audio? Lists them and does nothing else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import Final, cast

import click

from timbred_api.client import Client, JsonObject, Parameters
from timbred_api.locations import from_uri
from timbred_daemon.commands.connection import with_client
from timbred_daemon.commands.output import Cell, say, write_json, write_rows
from timbred_daemon.commands.paths import argument_uri

_PAGE: Final = 200
_PATH: Final = "/v1/duplicates"
_PAUSE: Final = 0.5
_LINE_EVERY: Final = 10  # pauses


@click.command()
@with_client
@click.option("--json", "as_json", is_flag=True, help="Print the groups as one JSON document.")
@click.option("--paths", is_flag=True, help="Print only paths, byte for byte as on disk; an empty line ends a group.")
@click.option("--folder", type=click.Path(path_type=bytes), metavar="F", help="Only groups with a file in this folder.")
@click.option(
    "--kind", type=click.Choice(["same_bytes", "same_audio", "trimmed"]), help="Only what this evidence connects."
)
@click.option("--wait", is_flag=True, help="Return when everything has been compared.")
def duplicates(client: Client, as_json: bool, paths: bool, folder: bytes | None, kind: str | None, wait: bool) -> None:
    """List groups of sounds that are the same audio, with the evidence. No file is ever touched.

    Same bytes; the same audio in another format, at another rate, depth or level; trimmed or faded copies. The first
    time, comparing takes a while: it goes on in the background, and --wait waits for it. Into a pipe, tab-separated:
    group, kind, similarity, ID, path, evidence.
    """
    asked: Parameters = {"kind": kind, "folder": None if folder is None else argument_uri(folder)}
    if wait:
        wait_until_complete(lambda: client.get(_PATH, {"limit": 1}), time.sleep)
    answers = list(_pages(client, asked))
    found = [group for answer in answers for group in cast("list[JsonObject]", answer["results"])]
    if as_json:
        write_json({**answers[-1], "results": found, "next": None})
        return
    for note in cast("list[str]", answers[-1]["notes"]):
        say(note)
    if paths:
        for group in found:
            for row in cast("list[JsonObject]", group["members"]):
                for uri in cast("list[str]", row["uris"]):
                    click.echo(from_uri(uri))
            click.echo()
    elif found:
        _write(found)
    elif answers[-1]["complete"]:
        say("No duplicates were found.")


def wait_until_complete(ask: Callable[[], JsonObject], sleep: Callable[[float], object]) -> None:
    """Asks until the answer is complete, and says now and then how far it is."""
    waited = 0
    while not (answer := ask())["complete"]:
        if waited % _LINE_EVERY == 0:
            pending = answer["pending"]
            say(f"{pending['sounds']:,} sounds to listen to, {pending['pairs']:,} pairs to compare")
        waited += 1
        sleep(_PAUSE)


def _pages(client: Client, asked: Parameters) -> Iterator[JsonObject]:
    cursor: str | None = None
    while True:
        answer = client.get(_PATH, {**asked, "limit": _PAGE, "cursor": cursor})
        yield answer
        cursor = answer["next"]
        if cursor is None:
            return


def _write(found: list[JsonObject]) -> None:
    if sys.stdout.isatty():
        _draw(found)
    else:
        write_rows((), (_cells(group, row) for group in found for row in group["members"]))


def _draw(found: list[JsonObject]) -> None:
    """One table for people; a line between two groups."""
    from timbred_daemon.commands.listings import Entry, at_home, draw

    def entry(row: JsonObject, last: bool) -> Entry:
        evidence = cast("JsonObject | None", row["evidence"])
        path, *others = map(at_home, cast("list[str]", row["paths"]))
        similarity = "" if evidence is None else f"{evidence['similarity']:.2f}"
        what = "The longest, best kept one." if evidence is None else evidence["sentence"]
        below = (*(f"The same bytes: {other}" for other in others), what)
        return Entry((similarity, row["sound_id"]), path, below=below, last=last)

    members = [cast("list[JsonObject]", group["members"]) for group in found]
    draw(
        ("Similar", "ID", "Sound, and what it is"),
        (entry(row, row is rows[-1]) for rows in members for row in rows),
    )


def _cells(group: JsonObject, row: JsonObject) -> list[Cell]:
    evidence = cast("JsonObject", row["evidence"] or {"kind": "", "similarity": None, "sentence": ""})
    return [
        group["id"],
        evidence["kind"],
        evidence["similarity"],
        row["sound_id"],
        row["path"],
        evidence["sentence"],
    ]
