"""Sounds and files for people: each path on a line of its own, and below it what there is to say of it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from timbred_api.forms import visible
from timbred_daemon.commands.output import Cell, cell_text

_NUMBERS: Final = frozenset({"Similar", "ID", "Length"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One row.

    Attributes:
        cells: what stands before the path, a cell for each heading but the last.
        path: as it is to be shown.
        label: a name that stands before the path.
        below: lines that stand below it, fainter.
        last: whether a group ends with this row.
    """

    cells: Sequence[Cell]
    path: str
    label: str = ""
    below: Sequence[str] = ()
    last: bool = False


def draw(headings: Sequence[str], entries: Iterable[Entry]) -> None:
    """Writes a table to stdout, as wide as the terminal. A path that is too wide goes on in the next line."""
    console = Console(highlight=False)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right" if heading in _NUMBERS else "left", overflow="fold")
    for row in entries:
        table.add_row(*(Text(cell_text(cell)) for cell in row.cells), _lines(row), end_section=row.last)
    console.print(table)


def _lines(row: Entry) -> Text:
    path = Text(visible(row.path))
    first = Text(f"{visible(row.label)}  ").append(path) if row.label else path
    return Text("\n").join([first, *(Text(visible(line), style="dim") for line in row.below)])


def at_home(path: str) -> str:
    """The path, short where it lies at home: ``~/Samples/kick.wav``."""
    home = os.path.expanduser("~")
    return "~" + path[len(home) :] if path.startswith(home + "/") else path


def clock(seconds: float) -> str:
    """``2.3 ms``, ``0.30 s``, ``12.5 s``, ``3:05``."""
    if seconds < 0.01:
        return f"{1000 * seconds:.1f} ms"
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"
    return f"{int(seconds // 60)}:{int(seconds % 60):02d}"
