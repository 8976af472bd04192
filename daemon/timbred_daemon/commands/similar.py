"""``timbred similar``: what else sounds like this?"""

from __future__ import annotations

import json
import os
from typing import cast

import click

from timbred_api.client import Client, JsonObject, Parameters
from timbred_api.locations import from_uri
from timbred_daemon.commands.answers import Form, answer_options, filters, write_answer
from timbred_daemon.commands.connection import pages, with_client
from timbred_daemon.commands.output import say, write_line
from timbred_daemon.commands.paths import target_parameters
from timbred_daemon.links import make_links


@click.command()
@with_client
@click.argument("target", metavar="[PATH|ID]", type=click.Path(path_type=bytes), required=False)
@answer_options
@click.option("--all", "every", is_flag=True, help="List every sound with its nearest instead, as lines of JSON.")
@click.option("--explain", is_flag=True, help="Show how similar each aspect is.")
@click.option(
    "--links",
    type=click.Path(path_type=bytes),
    metavar="DIR",
    help="Fill this folder with links to the sounds, named by rank, instead of printing them.",
)
@click.option("--min-similarity", type=click.FloatRange(0, 1), metavar="X", help="Leave out what is less similar.")
@click.option("--start", type=click.FloatRange(0), metavar="S", help="Ask about the part from this second on.")
@click.option("--end", type=click.FloatRange(0), metavar="S", help="Ask about the part up to this second.")
@click.option("--weights", metavar="SPEC", help="A preset, or weights of spaces and aspects: loop, or clap:0,mfcc:2.")
@click.option("--text", metavar="WORDS", help="Lean towards these words (needs a CLAP model).")
@click.option("--text-weight", type=click.FloatRange(0, 1), metavar="X", help="The words' share (default 0.5).")
def similar(
    client: Client,
    target: bytes | None,
    form: Form | None,
    explain: bool,
    links: bytes | None,
    folder: bytes | None,
    unwanted: str | None,
    every: bool,
    **options: str | int | float | None,
) -> None:
    """List the sounds most similar to a file, or to the sound with a number.

    On a terminal: a table with the reasons. Into a pipe, tab-separated: similarity, ID, label, the part that matched
    best (start and end in seconds) and path.
    """
    if every:
        given = {name for name, option in options.items() if option is not None} | filters(folder, unwanted).keys()
        if target is not None or form or explain or links or given - {"k", "weights"}:
            raise click.UsageError("--all goes with -k and --weights only.")
        _write_every(client, {name: options[name] for name in ("k", "weights")})
        return
    if target is None:
        raise click.UsageError("Name a file or a sound's number, or say --all.")
    asked = {**target_parameters(target), **options, **filters(folder, unwanted)}
    if links is not None and (form or explain):
        raise click.UsageError("--links goes without --json, --paths, --m3u and --explain.")
    answer = client.get("/v1/similar", asked)
    if links is None:
        write_answer(answer, form, explain)
    else:
        _link(links, cast("list[JsonObject]", answer["results"]))


def _link(folder: bytes, rows: list[JsonObject]) -> None:
    make_links(folder, [from_uri(row["uri"]) for row in rows])
    say(f"Links to {len(rows)} sounds are in {os.fsdecode(folder)}.")


def _write_every(client: Client, asked: Parameters) -> None:
    """One line for each sound, as far as a whole page is there: a graph of the library."""
    for rows in pages(client, "/v1/neighbours", {**asked, "limit": 200}):
        for row in rows:
            write_line(json.dumps(row, ensure_ascii=False, separators=(",", ":")))
