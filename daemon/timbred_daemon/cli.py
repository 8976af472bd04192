"""The command ``timbred``. Exit codes: 0 ok, 1 failed, 2 wrong usage, 3 the daemon is not running."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Final

import click

from timbred_api.client import DaemonNotRunning, ProblemError
from timbred_daemon.commands.backup import backup, restore
from timbred_daemon.commands.completions import completions
from timbred_daemon.commands.doctor import doctor
from timbred_daemon.commands.duplicates import duplicates
from timbred_daemon.commands.folders import folders, rescan
from timbred_daemon.commands.integrate import integrate
from timbred_daemon.commands.labels import labels
from timbred_daemon.commands.mcp import mcp
from timbred_daemon.commands.model import model
from timbred_daemon.commands.open import open_page
from timbred_daemon.commands.output import say
from timbred_daemon.commands.pause import pause, resume
from timbred_daemon.commands.run import run
from timbred_daemon.commands.search import search
from timbred_daemon.commands.service import service
from timbred_daemon.commands.settings import config
from timbred_daemon.commands.similar import similar
from timbred_daemon.commands.sounds import failures, label, sounds
from timbred_daemon.commands.status import status
from timbred_daemon.commands.verify import verify
from timbred_indexer.errors import TimbredError

_TOPICS: Final[Mapping[str, tuple[click.Command, ...]]] = {
    "Sounds": (open_page, similar, search, duplicates, sounds, label, failures),
    "The daemon": (run, status, pause, resume, service, doctor, config),
    "The library": (folders, rescan, model, labels, backup, restore, verify),
    "Other programs": (mcp, integrate, completions),
}


class _Timbred(click.Group):
    """Turns timbred's errors into a sentence and an exit code, for all commands at once."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except TimbredError as error:
            say(error.message if error.message.startswith("timbred ") else f"timbred: {error.message}")
            ctx.exit(exit_code(error))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands by what they are for, each with its whole first sentence."""
        for heading, commands in _TOPICS.items():
            with formatter.section(heading):
                formatter.write_dl([(command.name or "", command.get_short_help_str(200)) for command in commands])


def exit_code(error: TimbredError) -> int:
    """3: the daemon is not running; 2: the daemon found the request itself at fault; 1: anything else."""
    if isinstance(error, DaemonNotRunning):
        return 3
    return 2 if isinstance(error, ProblemError) and error.status == 400 else 1


def _print_version(context: click.Context, _parameter: click.Parameter, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"timbred {version('timbred')}")
        context.exit()


@click.group(cls=_Timbred, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_print_version, help="Show it.")
def main() -> None:
    """timbred knows what your samples sound like.

    Data goes to stdout, words to stderr. Exit codes: 0 ok, 1 failed, 2 wrong usage, 3 the daemon is not running.
    """


for _command in itertools.chain.from_iterable(_TOPICS.values()):
    main.add_command(_command)
