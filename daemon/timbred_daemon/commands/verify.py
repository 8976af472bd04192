"""``timbred verify``: whether the index, the database and the files on disk agree."""

from __future__ import annotations

from typing import cast

import click

from timbred_api.client import Client, JsonObject
from timbred_daemon.commands.connection import with_client
from timbred_daemon.commands.output import say, write_json, write_line

PATIENCE = 660.0  # seconds: a little longer than the daemon allows itself


@click.command()
@with_client
@click.option("--deep", is_flag=True, help="Read the whole database, and every indexed file again.")
@click.option("--repair", is_flag=True, help="Rebuild what is wrong.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def verify(context: click.Context, client: Client, deep: bool, repair: bool, as_json: bool) -> None:
    """Compare the index with the database; exit with 1 if something is wrong, a sentence each.

    Ids, visibility and checksums are all compared, vectors by sample. --deep also finds files whose bytes have changed
    without a new size or time; it reads them once the index is right. --repair rebuilds an index from the database, a
    database from its newest good backup, and has such files analysed anew; 0 then says that nothing else is wrong.
    """
    client.wait_up_to(PATIENCE)
    answer = client.post("/v1/verify", {"deep": deep, "repair": repair})
    problems = list(cast("list[str]", answer["problems"]))
    pages = _files(client, repair) if deep and not problems else []
    rows = [row for page in pages for row in cast("list[JsonObject]", page["results"])]
    # A repair has the files analysed anew whose bytes rotted; the others change, or cannot be read, all the same.
    left = sum(not (repair and row["rotten"]) for row in rows) or (bool(problems) and (deep or not answer["repaired"]))
    problems += [f"{row['path']} {row['problem']}" for row in rows]
    checked = sum(page["checked"] for page in pages)
    if as_json:
        write_json({**answer, "problems": problems, "files": checked, "repaired": bool(problems) and not left})
    else:
        for problem in problems:
            write_line(problem)
        _conclude(answer, checked, bool(problems), repair)
    context.exit(1 if left else 0)


def _files(client: Client, repair: bool) -> list[JsonObject]:
    """Every page of the comparison of files; a line now and then says how far it is."""
    found: list[JsonObject] = []
    cursor: str | None = None
    while True:
        found.append(client.post("/v1/verify/files", {"cursor": cursor, "repair": repair}))
        cursor = cast("str | None", found[-1]["next"])
        if cursor is None:
            return found
        say(f"{sum(page['checked'] for page in found):,} files compared.")


def _conclude(answer: JsonObject, checked: int, wrong: bool, repair: bool) -> None:
    files = f", {checked:,} files" if checked else ""
    compared = f"{answer['vectors']:,} vectors by id, {answer['sampled']:,} number by number{files}"
    if not wrong:
        say(f"All is well: {compared}.")
    elif repair:
        say("What can be repaired is repaired, or will be in a moment: run `timbred verify` once more.")
    else:
        say("Run `timbred verify --repair`.")
