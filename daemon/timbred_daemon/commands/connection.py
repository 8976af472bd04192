"""From a command to the daemon: which address, one client, every page of a list."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Concatenate, ParamSpec, cast

import click

from timbred_api.client import Client, DaemonNotRunning, JsonObject, Parameters
from timbred_daemon.commands.output import say
from timbred_daemon.config import Loaded, load
from timbred_daemon.runtime import read_endpoint

P = ParamSpec("P")

data_dir_option = click.option(
    "--data-dir", type=click.Path(path_type=bytes), metavar="D", help="The daemon's data folder."
)
listen_option = click.option("--listen", metavar="HOST:PORT", help="The daemon's address.")


def with_client(command: Callable[Concatenate[Client, P], None]) -> Callable[P, None]:
    """Gives a command ``--data-dir`` and ``--listen``, and a client of the daemon that they name."""

    @data_dir_option
    @listen_option
    @functools.wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        flags = {name: kwargs.pop(name, None) for name in ("data_dir", "listen")}
        with Client(daemon_address(flags, os.environ)) as client:
            command(client, *args, **kwargs)

    return wrapper


def daemon_address(flags: Mapping[str, object], environ: Mapping[str, str]) -> str:
    """Where the daemon answers: as said by flag or environment, else as it wrote itself, else as configured.

    Raises:
        click.UsageError: the flag or the variable is no address.
        DaemonNotRunning: the address is chosen at start, and no daemon has started.
    """
    loaded = load(flags, environ, isdir=lambda _: True)  # drives are the daemon's business, and may be slow
    report_what_matters(loaded)
    settings = loaded.settings
    asked_for = loaded.origins["listen"] in ("--listen", "TIMBRED_LISTEN")
    if asked_for and settings.listen.port:
        return settings.listen.address
    if endpoint := read_endpoint(settings.data_dir):
        return endpoint.address
    if not settings.listen.port:
        raise DaemonNotRunning(settings.listen.address)
    return settings.listen.address


def report_what_matters(loaded: Loaded, keys: tuple[str, ...] = ("", "data_dir", "listen")) -> None:
    """Only what may lead to the wrong daemon; the rest is said by ``timbred run`` and ``timbred config show``."""
    for problem in loaded.errors:
        if problem.key not in keys:
            continue
        if problem.where != loaded.config_path:
            raise click.UsageError(f"{problem.where}: {problem.message}")
        say(str(problem))


def pages(client: Client, path: str, parameters: Parameters | None = None) -> Iterator[list[JsonObject]]:
    """The rows of a list, page by page, to its end."""
    cursor: str | int | None = None
    while True:
        answer = client.get(path, {**(parameters or {}), "cursor": cursor})
        yield cast("list[JsonObject]", answer["results"])
        cursor = answer.get("next")
        if cursor is None:
            return
