"""Completion of the command line, and help: what can be typed is offered and explained."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

import man_page
from timbred_daemon.cli import main


def commands(group: click.Group, prefix: str = "timbred") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        yield f"{prefix} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix} {name}")


COMMANDS = dict(commands(main))
MANUAL = man_page.PAGE.read_text("utf-8")


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


def test_the_manual_page_is_what_help_says() -> None:
    assert man_page.PAGE.read_text("utf-8") == man_page.page(), "run: python tests/man_page.py"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_manual_page_has_every_command_with_each_of_its_options(name: str) -> None:
    (section,) = re.findall(rf"^\.SS {man_page.escaped(name)}\n(.*?)(?=^\.S[SH] )", MANUAL, re.MULTILINE | re.DOTALL)
    spellings = [spelling for option in COMMANDS[name].params for spelling in option.opts if spelling[0] == "-"]
    assert [spelling for spelling in spellings if man_page.escaped(spelling) not in section] == []


def test_the_manual_page_comes_with_the_wheel() -> None:
    shared = tomllib.loads((man_page.ROOT / "pyproject.toml").read_text("utf-8"))
    assert shared["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"] == {
        str(man_page.PAGE.relative_to(man_page.ROOT)): "share/man/man1/timbred.1"
    }


@pytest.mark.skipif(shutil.which("groff") is None, reason="no groff")
def test_nothing_in_the_manual_page_is_unknown_to_groff() -> None:
    made = subprocess.run(["groff", "-man", "-ww", "-Tascii", "-z", man_page.PAGE], capture_output=True, check=False)
    assert (made.returncode, made.stderr) == (0, b"")
