"""From a command to the daemon: which address, one client, every page of a list."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Concatenate, ParamSpec, cast

import click

from timbred_api.client import Client, DaemonNotRunning, JsonObject, Parameters
from timbred_api.tokens import read_token
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
        with find_daemon(flags, os.environ).client() as client:
            command(client, *args, **kwargs)

    return wrapper


@dataclass(frozen=True, slots=True)
class Found:
    """Where the daemon answers, and how to be let in.

    Attributes:
        address: base URL.
        socket: path of its unix socket; None where it has none, or it is not known to be this user's.
        token: likewise.
    """

    address: str
    socket: str | None = None
    token: str | None = None

    def client(self) -> Client:
        return Client(self.address, socket=self.socket, token=self.token)


def find_daemon(flags: Mapping[str, object], environ: Mapping[str, str]) -> Found:
    """Where the daemon answers: as said by flag or environment, else as it wrote itself, else as configured.

    Only a daemon that holds the lock of the data folder is told the token: at any other address anybody may listen.

    Raises:
        click.UsageError: the flag or the variable is no address.
        DaemonNotRunning: the address is chosen at start, and no daemon has started.
    """
    loaded = load(flags, environ, isdir=lambda _: True)  # drives are the daemon's business, and may be slow
    report_what_matters(loaded)
    settings = loaded.settings
    endpoint = read_endpoint(settings.data_dir)
    asked_for = loaded.origins["listen"] in ("--listen", "TIMBRED_LISTEN") and settings.listen.port
    if endpoint and (not asked_for or endpoint.address == settings.listen.address):
        return Found(endpoint.address, endpoint.socket, read_token(settings.data_dir))
    if not settings.listen.port:
        raise DaemonNotRunning(settings.listen.address)
    return Found(settings.listen.address)


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
    cursor: str | None = None
    while True:
        answer = client.get(path, {**(parameters or {}), "cursor": cursor})
        yield cast("list[JsonObject]", answer["results"])
        cursor = answer.get("next")
        if cursor is None:
            return
