"""Makes ``man/timbred.1`` of what ``--help`` says: ``python tests/man_page.py`` writes it anew."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from timbred_daemon.cli import main

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "man/timbred.1"

HEAD = """\
.\\" Made of what --help says by `python tests/man_page.py`; edit that.
.TH TIMBRED 1 "" "timbred {version}" "User commands"
.SH NAME
timbred \\- finds what else sounds like this
.SH SYNOPSIS
"""

TAIL = """\
.SH ENVIRONMENT
.TP
.B TIMBRED_CONFIG
The settings file, instead of the platform's own place.
.TP
.B TIMBRED_DATA_DIR
The data folder; \\-\\-data\\-dir wins over it.
.TP
.B TIMBRED_LISTEN
The daemon's address; \\-\\-listen wins over it.
.SH FILES
.TP
.I ~/.config/timbred/config.toml
Settings, if there are any; on a Mac in ~/Library/Application Support/timbred.
.TP
.I ~/.local/share/timbred
What timbred knows: database, index, backups, models; on a Mac in ~/Library/Application Support/timbred.
.PP
.B timbred config show
says which of them hold.
"""


class Roff(click.HelpFormatter):
    """Writes what click would print as help in the language of manual pages."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        del prefix
        self.write(f".B {escaped(prog)}\n{escaped(args)}\n" if args else f".B {escaped(prog)}\n")

    def write_text(self, text: str) -> None:
        for paragraph in text.split("\n\n"):
            self.write(f".PP\n{escaped(' '.join(paragraph.split()))}\n")

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        del col_max, col_spacing
        for term, meaning in rows:
            if term != "-h, --help":  # the same for every command: said once, above
                self.write(f".TP\n.B {escaped(term)}\n{escaped(meaning)}\n")

    def write_paragraph(self) -> None:
        """The requests for it stand before what needs one."""

    @contextmanager
    def section(self, name: str) -> Generator[None]:
        if name != "Options":  # a command's options follow its text
            self.write(f".SS {escaped(name)}\n")
        yield


def page() -> str:
    """The whole manual page."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    roff = Roff()
    root = click.Context(main, info_name="timbred", **main.context_settings)
    roff.write(HEAD.format(version=version))
    main.format_usage(root, roff)
    roff.write(".SH DESCRIPTION\n")
    main.format_help_text(root, roff)
    roff.write(".PP\n\\-h or \\-\\-help after any command explains it.\n")
    main.format_options(root, roff)
    roff.write(".SH COMMANDS\n")
    for context in commands(root, main):
        roff.write(f".SS {escaped(context.command_path)}\n")
        context.command.format_usage(context, roff)
        context.command.format_help_text(context, roff)
        click.Command.format_options(context.command, context, roff)  # of a group: without its commands
    return roff.getvalue() + TAIL


def commands(parent: click.Context, group: click.Group) -> Iterator[click.Context]:
    """Every command below a group, each before those below it."""
    for name, command in group.commands.items():
        context = click.Context(command, info_name=name, parent=parent)
        yield context
        if isinstance(command, click.Group):
            yield from commands(context, command)


def escaped(text: str) -> str:
    """Text that means itself: hyphens can be copied as they are, and no line is taken for a request."""
    plain = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^(?=[.'])", r"\&", plain, flags=re.MULTILINE)


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
