"""``timbred similar``: what else sounds like this?"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Literal, cast

import click

from timbred_api.client import Client, JsonObject
from timbred_api.locations import from_uri
from timbred_daemon.commands.connection import with_client
from timbred_daemon.commands.output import Cell, say, visible, write_json, write_rows
from timbred_daemon.commands.paths import argument_uri, target_parameters

Form = Literal["json", "paths", "m3u"]


@click.command()
@with_client
@click.argument("target", metavar="PATH|ID", type=click.Path(path_type=bytes))
@click.option("-k", type=click.IntRange(1, 1000), help="How many to list (default 10).")
@click.option("--json", "form", flag_value="json", help="Print the daemon's whole answer.")
@click.option("--paths", "form", flag_value="paths", help="Print only paths, byte for byte as on disk.")
@click.option("--m3u", "form", flag_value="m3u", help="Print a playlist.")
@click.option("--explain", is_flag=True, help="Show how similar each aspect is.")
@click.option("--min-similarity", type=click.FloatRange(0, 1), metavar="X", help="Leave out what is less similar.")
@click.option("--folder", type=click.Path(path_type=bytes), metavar="F", help="Only what lies in this folder.")
@click.option("--min-duration", type=click.FloatRange(0), metavar="S", help="Shortest sound, in seconds.")
@click.option("--max-duration", type=click.FloatRange(0), metavar="S", help="Longest sound, in seconds.")
@click.option("--start", type=click.FloatRange(0), metavar="S", help="Ask about the part from this second on.")
@click.option("--end", type=click.FloatRange(0), metavar="S", help="Ask about the part up to this second.")
@click.option("--weights", metavar="SPEC", help="Weights of spaces and aspects, such as clap:0,mfcc:2.")
def similar(
    client: Client,
    target: bytes,
    form: Form | None,
    explain: bool,
    folder: bytes | None,
    **filters: str | int | float | None,
) -> None:
    """List the sounds most similar to a file, or to the sound with a number.

    On a terminal: a table with the reasons. Into a pipe, tab-separated: similarity, ID, label, the part that matched
    best (start and end in seconds) and path.
    """
    if folder is not None:
        filters["folder"] = argument_uri(folder)
    answer = client.get("/v1/similar", {**target_parameters(target), **filters})
    results = cast("list[JsonObject]", answer["results"])
    if form == "json":
        write_json(answer)
        return
    for note in cast("list[str]", answer.get("notes", [])):
        say(note)
    if form == "paths":
        for row in results:
            click.echo(from_uri(row["uri"]))
    elif form == "m3u":
        for line in playlist(results):
            click.echo(line)
    elif results:
        _write_results(results, explain)
    else:
        say("Nothing similar was found.")


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


def playlist(results: list[JsonObject]) -> Iterator[bytes]:
    """Lines of an extended M3U; a path that would break its line is given as a URI."""
    yield b"#EXTM3U"
    for row in results:
        yield f"#EXTINF:{round(row['duration'])},{visible(row['label'])}".encode()
        path = from_uri(row["uri"])
        yield row["uri"].encode() if b"\n" in path or b"\r" in path or path.startswith(b"#") else path
