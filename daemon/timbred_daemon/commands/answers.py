"""The answer of a search, in the form that was asked for: ``timbred similar`` and ``timbred search``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, Literal, cast

import click

from timbred_api.client import JsonObject
from timbred_api.forms import path_lines, playlist
from timbred_daemon.commands.output import Cell, say, write_json, write_rows
from timbred_daemon.commands.paths import argument_uri

Form = Literal["json", "paths", "m3u"]

_OPTIONS = (
    click.option("-k", type=click.IntRange(1, 1000), metavar="N", help="How many to list (default 10)."),
    click.option("--json", "form", flag_value="json", help="Print the daemon's whole answer."),
    click.option("--paths", "form", flag_value="paths", help="Print only paths, byte for byte as on disk."),
    click.option("--m3u", "form", flag_value="m3u", help="Print a playlist."),
    click.option("--folder", type=click.Path(path_type=bytes), metavar="F", help="Only what lies in this folder."),
    click.option("--min-duration", type=click.FloatRange(0), metavar="S", help="Shortest sound, in seconds."),
    click.option("--max-duration", type=click.FloatRange(0), metavar="S", help="Longest sound, in seconds."),
    click.option("--name", metavar="WORDS", help="Only what has all of these words in its path or label."),
    click.option("--format", metavar="F", help="Only sounds of this format: wav, flac, mp3."),
    click.option("--since", metavar="DATE", help="Only what was first seen then or later: 2026-11-01, or with a time."),
    click.option("--not", "unwanted", metavar="WORDS|ID|PATH", help="Lead away from this."),
)


def answer_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What every search takes: how many, in which form, out of what."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def filters(folder: bytes | None, unwanted: str | None) -> dict[str, str]:
    """The parameters of options that need more than to be passed on."""
    given: dict[str, str] = {}
    if folder is not None:
        given["folder"] = argument_uri(folder)
    if unwanted is not None:
        # A path is made absolute where it can only be meant as one; everything else is for the daemon to read.
        is_path = unwanted.startswith((".", "/", "~")) and not unwanted.startswith("file://")
        given["not"] = argument_uri(unwanted.encode(errors="surrogateescape")) if is_path else unwanted
    return given


def write_answer(answer: JsonObject, form: Form | None, explain: bool = False) -> None:
    """Prints results to stdout, and what is to be said about them to stderr."""
    results = cast("list[JsonObject]", answer["results"])
    if form == "json":
        write_json(answer)
        return
    for note in cast("list[str]", answer.get("notes", [])):
        say(note)
    if form == "paths":
        for line in path_lines(results, utf8=False):
            click.echo(line)
    elif form == "m3u":
        for line in playlist(results):
            click.echo(line)
    elif results:
        _write_results(results, explain)
    else:
        say("Nothing was found.")


def _write_results(results: list[JsonObject], explain: bool) -> None:
    if sys.stdout.isatty():
        from timbred_daemon.commands.similar_table import draw

        draw(results, explain)
    else:
        write_rows((), (_cells(row, explain) for row in results))


def _cells(row: JsonObject, explain: bool) -> list[Cell]:
    segment = cast("Mapping[str, float]", row["segment"])
    cells: list[Cell] = [
        row["similarity"],
        row["sound_id"],
        row["label"],
        segment["start"],
        segment["end"],
        row["path"],
    ]
    if explain:
        aspects = cast("Mapping[str, float | None]", row["aspects"])
        cells.append(" ".join(f"{name}:{score:.2f}" for name, score in aspects.items() if score is not None))
        cells.append(" ".join(cast("list[str]", row["reasons"])))
    return cells
