"""``timbred integrate``: "Find Similar Sounds" in the menu of a file manager."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Final

import click

from timbred_daemon.commands.connection import report_what_matters
from timbred_daemon.commands.output import say, write_json, write_rows
from timbred_daemon.commands.program import program
from timbred_daemon.commands.steps import taken
from timbred_daemon.config import load
from timbred_daemon.integrate import Integration, Places, integrations
from timbred_daemon.integrate_files import SHIPPED, Command
from timbred_daemon.service_steps import Step, WriteFile, read

_NAMES: Final = tuple(one.name for one in integrations(Places("", "", "")))

dry_run_option = click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
names_argument = click.argument("names", metavar="NAME...", nargs=-1, required=True, type=click.Choice(_NAMES))


@click.group()
def integrate() -> None:
    """Put "Find Similar Sounds" into the menu that file managers have for a sound."""


@integrate.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(as_json: bool) -> None:
    """List the file managers: whether each is here, what is in its menu, and which file has it there.

    The menu is `absent`, `installed`, `differs` (timbred's, but `install` would write something else now) or `foreign`
    (what lies there is not timbred's).
    """
    commands = _command(), _command(links=True)
    rows = [
        {"name": one.name, "here": _is_here(one), "menu": one.state(commands, read), "file": one.path}
        for one in _known()
        if one.platform == _platform()
    ]
    if as_json:
        write_json({"results": rows})
    else:
        cells = ((row["name"], "yes" if row["here"] else "no", row["menu"], row["file"]) for row in rows)
        write_rows(("File manager", "Here", "Menu", "File"), cells)


@integrate.command()
@names_argument
@dry_run_option
@click.option("--links", is_flag=True, help="Have it open a folder of links to the sounds instead of the page.")
@click.option("--data-dir", type=click.Path(path_type=bytes), metavar="D", help="The daemon's data folder.")
@click.option("--listen", metavar="HOST:PORT", help="The daemon's address.")
def install(names: tuple[str, ...], dry_run: bool, links: bool, data_dir: bytes | None, listen: str | None) -> None:
    """Put it into the menu of these file managers, or update it there. Doing so twice changes nothing."""
    command = _command(links=links, data_dir=data_dir, listen=listen)
    for one in _named(names):
        steps = one.install(command, read)
        if taken(steps, dry_run):
            say(f"{one.name}: wrote {_files(steps)}. {one.then}" if steps else f"{one.name}: is installed already.")


@integrate.command()
@names_argument
@dry_run_option
def remove(names: tuple[str, ...], dry_run: bool) -> None:
    """Take it out of the menu of these file managers. What is not timbred's stays."""
    for one in _named(names):
        steps = one.remove(read)
        if taken(steps, dry_run):
            say(f"{one.name}: removed." if steps else f"{one.name}: was not installed.")


def _command(*, links: bool = False, data_dir: bytes | None = None, listen: str | None = None) -> Command:
    """What a menu runs. A file manager has not the environment of this command: what counts of it is written down."""
    loaded = load({"data_dir": data_dir, "listen": listen}, os.environ, isdir=lambda _: True)
    report_what_matters(loaded)
    config = os.environ.get("TIMBRED_CONFIG")
    words = ["env", f"TIMBRED_CONFIG={os.path.abspath(config)}"] if config else []
    words += [*program(), *SHIPPED[1:], *(["--links"] if links else [])]
    if loaded.origins["data_dir"] in ("--data-dir", "TIMBRED_DATA_DIR"):
        words += ["--data-dir", loaded.settings.data_dir]
    if loaded.origins["listen"] in ("--listen", "TIMBRED_LISTEN"):
        words += ["--listen", str(loaded.settings.listen)]
    return tuple(words)


def _known() -> tuple[Integration, ...]:
    return integrations(Places.of(os.path.expanduser("~"), os.environ))


def _platform() -> str:
    """Other systems than a Mac have the desktops of Linux."""
    return "darwin" if sys.platform == "darwin" else "linux"


def _is_here(one: Integration) -> bool:
    return not one.program or shutil.which(one.program) is not None


def _named(names: tuple[str, ...]) -> list[Integration]:
    chosen = [one for one in _known() if one.name in names]
    for one in chosen:
        if one.platform != _platform():
            raise click.UsageError(f"There is no {one.name} on this system.")
    return chosen


def _files(steps: list[Step]) -> str:
    return " and ".join(step.path for step in steps if isinstance(step, WriteFile))
