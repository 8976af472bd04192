"""``timbred sounds``, ``label`` and ``failures``: what is known about single sounds and files."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Final

import click

from timbred_api.client import Client, JsonObject
from timbred_api.locations import display
from timbred_daemon.commands.connection import pages, with_client
from timbred_daemon.commands.output import Cell, conclude, say, write_json, write_line, write_rows
from timbred_daemon.commands.paths import argument_uri, target_parameters
from timbred_indexer.errors import NotFoundError

_PAGE: Final = 1000
"""Rows asked for at a time; on a terminal each page is one table, so that a large library starts to show at once."""


@click.command()
@with_client
@click.option("--name", metavar="WORDS", help="Only those with all of these words in the path or label of a file.")
@click.option("--folder", type=click.Path(path_type=bytes), metavar="F", help="Only those in this folder or below.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one sound a line inside one list.")
def sounds(client: Client, name: str | None, folder: bytes | None, as_json: bool) -> None:
    """List every sound, or those of a name: ID, label, duration in seconds, path."""
    inside = None if folder is None else argument_uri(folder)
    found = pages(client, "/v1/sounds", {"limit": _PAGE, "name": name, "folder": inside})
    if as_json:
        _write_json_list(chain.from_iterable(found))
        return
    write_sounds(found, "No sound is known that fits.")


def write_sounds(found: Iterable[list[JsonObject]], nothing: str) -> None:
    """Lists sounds as they come; says ``nothing`` where there is none."""
    _write_pages(found, _sound_cells, _draw_sounds, nothing)


def _sound_cells(row: JsonObject) -> Sequence[Cell]:
    return row["sound_id"], row["label"], row["duration"], row["path"]


def _draw_sounds(rows: list[JsonObject]) -> None:
    from timbred_daemon.commands.listings import Entry, at_home, clock, draw

    draw(
        ("ID", "Length", "Label", "Path"),
        (Entry((row["sound_id"], clock(row["duration"]), row["label"]), at_home(row["path"])) for row in rows),
    )


@click.command()
@with_client
@click.argument("target", metavar="PATH|ID", type=click.Path(path_type=bytes))
@click.argument("text")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def label(client: Client, target: bytes, text: str, as_json: bool) -> None:
    """Name a sound. An empty TEXT removes the label, and the file's name is shown again."""
    answer = client.patch(f"/v1/sounds/{_sound_id(client, target)}", {"label": text or None})
    conclude(answer, f"Labelled {text!r}." if text else "Label removed.", as_json=as_json)


def _sound_id(client: Client, target: bytes) -> int | str:
    named = target_parameters(target)
    if "id" in named:
        return named["id"]
    results = client.get("/v1/sounds", named)["results"]
    if not results:
        raise NotFoundError(f"timbred knows no sound at {display(target)}")
    return results[0]["sound_id"]


@click.command()
@with_client
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--retry", is_flag=True, help="Try all of them again instead of listing them.")
def failures(client: Client, as_json: bool, retry: bool) -> None:
    """List the files that could not be analysed: code, reason, path."""
    if retry:
        answer = client.post("/v1/failures/retry", {})
        if as_json:
            write_json(answer)
        say(f"Failed files tried again: {answer['retried']}; `timbred status --wait` tells when that is done.")
        return
    found = pages(client, "/v1/failures", {"limit": _PAGE})
    if as_json:
        _write_json_list(chain.from_iterable(found))
        return
    _write_pages(found, _failure_cells, _draw_failures, "No file has failed.")


def _failure_cells(row: JsonObject) -> Sequence[Cell]:
    return row["code"], row["reason"], row["path"]


def _draw_failures(rows: list[JsonObject]) -> None:
    from timbred_daemon.commands.listings import Entry, at_home, draw

    entries = (Entry((row["code"],), at_home(row["path"]), below=(row["reason"],)) for row in rows)
    draw(("Code", "File, and why"), entries)


def _write_pages(
    found: Iterable[list[JsonObject]],
    cells: Callable[[JsonObject], Sequence[Cell]],
    draw: Callable[[list[JsonObject]], None],
    nothing: str,
) -> None:
    """Page by page as they come: drawn on a terminal, else as lines of cells. Says ``nothing`` where there is none."""
    count = 0
    for page in found:
        count += len(page)
        if page and sys.stdout.isatty():
            draw(page)
        else:
            write_rows((), map(cells, page))
    if not count:
        say(nothing)


def _write_json_list(rows: Iterable[JsonObject]) -> None:
    """The same shape as the daemon's lists, written as it arrives: a library may be larger than memory is free."""
    separator = ""
    write_line('{"results": [')
    for row in rows:
        write_line(f"{separator}{json.dumps(row, ensure_ascii=False)}")
        separator = ","
    write_line('], "next": null}')
