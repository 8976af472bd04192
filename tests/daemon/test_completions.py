"""Completion of the command line, and help: what can be typed is offered and explained."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from timbred_daemon.cli import main


def commands(group: click.Group, prefix: str = "timbred") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        yield f"{prefix} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix} {name}")


COMMANDS = dict(commands(main))


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_asks_timbred(shell: str) -> None:
    printed = CliRunner().invoke(main, ["completions", shell])
    assert (printed.exit_code, f"_TIMBRED_COMPLETE={shell}_complete" in printed.stdout) == (0, True)


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_the_script_is_one_that_bash_reads() -> None:
    script = CliRunner().invoke(main, ["completions", "bash"]).stdout
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("timbred ser", "plain,service"),
        ("timbred service inst", "plain,install"),
        ("timbred service install --sy", "plain,--system"),
    ],
)
def test_commands_and_options_are_completed(line: str, offered: str) -> None:
    words = line.split()
    environment = {"_TIMBRED_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    answer = CliRunner().invoke(main, prog_name="timbred", env=environment)
    assert answer.stdout.splitlines() == [offered]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_explains_every_command_and_each_of_its_options(name: str) -> None:
    command = COMMANDS[name]
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    assert command.help
    assert [option.name for option in options if not option.help] == []
