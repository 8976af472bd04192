"""``timbred search``: sounds by a description in words."""

from __future__ import annotations

import click

from timbred_api.client import Client
from timbred_daemon.commands.answers import Form, answer_options, filters, write_answer
from timbred_daemon.commands.connection import with_client


@click.command()
@with_client
@click.argument("words", nargs=-1, required=True)
@answer_options
def search(
    client: Client,
    words: tuple[str, ...],
    form: Form | None,
    folder: bytes | None,
    unwanted: str | None,
    **options: str | int | float | None,
) -> None:
    """List the sounds that fit a description best, such as "dusty vinyl snare". Needs a CLAP model.

    On a terminal: a table. Into a pipe, tab-separated: score, ID, label, the part that fits best (start and end in
    seconds) and path. Scores rank one answer; they are lower than those of two sounds.
    """
    asked = {"text": " ".join(words), **options, **filters(folder, unwanted)}
    write_answer(client.get("/v1/search", asked), form)
