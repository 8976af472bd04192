"""Data to stdout, words to stderr: tables for people, tab-separated lines and JSON for programs.

Names of files are other people's text: control characters are made visible, so that none reaches a terminal.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, cast

import click

from timbred_api.forms import visible

if TYPE_CHECKING:
    from rich.table import Table

Cell = str | int | float | None


def say(sentence: str) -> None:
    """Words, to stderr."""
    click.echo(visible(sentence), err=True)


def write_json(value: object) -> None:
    """One JSON document to stdout."""
    write_line(json.dumps(value, ensure_ascii=False, indent=2))


def conclude(answer: object, sentence: str, *, as_json: bool) -> None:
    """What came of an order: the daemon's whole answer to stdout, or a sentence to stderr."""
    if as_json:
        write_json(answer)
    else:
        say(sentence)


def write_line(text: str) -> None:
    """A line of UTF-8 to stdout, whatever the terminal's encoding is said to be."""
    click.echo(text.encode("utf-8", "replace"))


def write_rows(headings: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """A table on a terminal; else tab-separated lines without headings."""
    if sys.stdout.isatty():
        from rich.console import Console

        Console().print(table(headings, rows))
    else:
        for row in rows:
            write_line("\t".join(map(cell_text, row)))


def table(headings: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Table:
    """The rows as a table of plain text: brackets in a file's name are no markup."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        drawn.add_column(heading, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(cell_text(cell), justify="right" if _is_number(cell) else "left") for cell in row))
    return drawn


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, (int, float))


def cell_text(cell: Cell) -> str:
    """Four decimals for a fraction, nothing for None; tabs and line ends in text are made visible."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return f"{cell:.4f}".rstrip("0").rstrip(".")
    return visible(str(cell))


def flattened(value: object, key: str = "") -> Iterable[tuple[str, Cell]]:
    """A JSON value as lines of dotted keys and plain values, such as ``folders.0.state``."""
    items: Iterable[tuple[object, object]]
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value).items()
    elif isinstance(value, list):
        items = enumerate(cast("list[object]", value))
    else:
        yield key, cast("Cell", value)
        return
    for name, inner in items:
        yield from flattened(inner, f"{key}.{name}" if key else str(name))
