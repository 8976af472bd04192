"""``timbred run``: be the daemon."""

from __future__ import annotations

import os

import click

from timbred_daemon.commands.connection import data_dir_option, listen_option
from timbred_daemon.commands.settings import say_problems
from timbred_daemon.config import Loaded, load


@click.command()
@click.argument("folders", metavar="[FOLDER]...", nargs=-1, type=click.Path(path_type=bytes))
@data_dir_option
@listen_option
@click.pass_context
def run(context: click.Context, folders: tuple[bytes, ...], data_dir: bytes | None, listen: str | None) -> None:
    """Run the daemon in the foreground. FOLDERs join those of the settings file and are remembered.

    While no folder is watched, it names places in which sounds lie, with the command for each.
    """

    def reload() -> Loaded:
        return load({"data_dir": data_dir, "listen": listen}, os.environ)

    loaded = reload()
    say_problems(loaded)
    if loaded.errors:
        context.exit(2)
    named = tuple(os.path.abspath(folder) for folder in folders)
    for folder in named:
        if not os.path.isdir(folder):
            raise click.UsageError(f"There is no folder {os.fsdecode(folder)!r}.")
    from timbred_daemon.app import run as run_app

    context.exit(run_app(loaded, named, reload))
