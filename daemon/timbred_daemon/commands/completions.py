"""``timbred completions``: what makes a shell complete timbred's commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from timbred_daemon.commands.output import write_line


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completions(context: click.Context, shell: str) -> None:
    """Print a completion script for a shell, to be kept where that shell looks for them."""
    script = get_completion_class(shell)
    assert script is not None  # click knows these three
    write_line(script(context.find_root().command, {}, "timbred", "_TIMBRED_COMPLETE").source().rstrip("\n"))
