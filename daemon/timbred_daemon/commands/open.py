"""``timbred open``: the page at a sound, or a folder of links; what file managers call."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import cast

import click

from timbred_api.client import Client, JsonObject
from timbred_api.locations import from_uri
from timbred_daemon.commands.connection import data_dir_option, find_daemon, listen_option
from timbred_daemon.commands.paths import target_parameters
from timbred_daemon.launching import launch, notify
from timbred_daemon.links import make_links
from timbred_indexer.errors import TimbredError


@click.command("open")
@data_dir_option
@listen_option
@click.argument("target", metavar="[PATH|ID]", type=click.Path(path_type=bytes), required=False)
@click.option("--links", "as_links", is_flag=True, help="Open a folder of links to the most similar sounds instead.")
@click.option("-k", type=click.IntRange(1, 1000), metavar="N", help="With --links: how many (default 10).")
@click.option("--print", "only_print", is_flag=True, help="Print what would be opened, and open nothing.")
@click.option("--notify", "notifies", is_flag=True, help="Show a failure as a notification of the desktop, too.")
def open_page(
    target: bytes | None, as_links: bool, k: int | None, only_print: bool, notifies: bool, **flags: object
) -> None:
    """Open timbred's page in the browser, at the sounds that are similar to a file or to the sound with a number."""
    if as_links and target is None:
        raise click.UsageError("--links takes a file or a sound's number.")
    if k is not None and not as_links:
        raise click.UsageError("-k goes with --links.")
    try:
        with find_daemon(flags, os.environ).client() as client:
            opened = _linked(client, target, k) if as_links and target is not None else _page(client, target)
        if only_print:
            click.echo(os.fsencode(opened))
        else:
            launch(opened)
    except TimbredError as error:
        if notifies:
            notify(error.message)
        raise


def page_address(address: str, question: Mapping[str, str]) -> str:
    """Where the page shows the answer to a question, such as ``{"uri": "file:///a%FF.wav"}``."""
    from urllib.parse import quote, urlencode

    query = urlencode(question, quote_via=quote, safe="/:", errors="surrogateescape")
    return f"{address}/?{query}" if query else f"{address}/"


def _page(client: Client, target: bytes | None) -> str:
    """The page's address.

    Raises:
        DaemonNotRunning: a browser would only show that nothing answers.
    """
    client.get("/healthz")
    return page_address(client.address, {} if target is None else target_parameters(target))


def _linked(client: Client, target: bytes, k: int | None) -> str:
    """A folder of links to what is similar; asked again, it is the same folder."""
    from platformdirs import user_cache_dir

    named = target_parameters(target)
    answer = client.get("/v1/similar", {**named, "k": k})
    name = os.path.basename(from_uri(named["uri"])) if "uri" in named else named["id"].encode()
    folder = os.path.join(os.fsencode(user_cache_dir("timbred")), b"similar", name)
    make_links(folder, [from_uri(row["uri"]) for row in cast("list[JsonObject]", answer["results"])])
    return os.fsdecode(folder)
