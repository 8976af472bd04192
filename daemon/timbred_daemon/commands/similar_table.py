"""The answer of ``timbred similar`` for people: what, how similar, where, and why."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import cast

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from timbred_api.client import JsonObject
from timbred_api.forms import visible

LONG_SECONDS = 10.0  # from here on it matters which moment matched
BESIDE = 34  # columns that the other cells take


def draw(results: list[JsonObject], explain: bool) -> None:
    """Writes the table to stdout, as wide as the terminal."""
    console = Console(highlight=False)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("Similar", justify="right")
    table.add_column("ID", justify="right")
    table.add_column("Length", justify="right")
    table.add_column("Sound, and why", overflow="fold")
    for row in results:
        table.add_row(
            f"{row['similarity']:.2f}",
            str(row["sound_id"]),
            _clock(row["duration"]),
            _sound(row, explain, console.width - BESIDE),
        )
    console.print(table)


def _sound(row: JsonObject, explain: bool, width: int) -> Text:
    lines = [Text(_shortened(visible(row["path"]), width))]
    if row["label"] != os.path.splitext(os.path.basename(row["path"]))[0]:
        lines[0] = Text(f"{visible(row['label'])}  ").append(lines[0])
    reasons = " ".join(cast("list[str]", row["reasons"]))
    if row["duration"] > LONG_SECONDS:
        reasons = f"At {_clock(row['segment']['start'])}: {reasons}"
    lines.append(Text(reasons, style="dim"))
    if explain:
        aspects = cast("Mapping[str, float]", row["aspects"])
        lines.append(Text("  ".join(f"{name} {score:.2f}" for name, score in aspects.items()), style="dim"))
    others = len(cast("list[str]", row["paths"])) - 1
    if others:
        lines.append(Text(f"… and {others} more copies" if others > 1 else "… and 1 more copy", style="dim"))
    return Text("\n").join(lines)


def _shortened(path: str, width: int) -> str:
    """The end of a path says more than its beginning."""
    home = os.path.expanduser("~")
    if path.startswith(home + "/"):
        path = "~" + path[len(home) :]
    if len(path) <= max(width, 20):
        return path
    while len(path) + 2 > max(width, 20) and "/" in path[1:]:
        path = path[path.index("/", 1) :]
    return "…" + path


def _clock(seconds: float) -> str:
    """``0.30 s``, ``12.5 s``, ``3:05``."""
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"
    return f"{int(seconds // 60)}:{int(seconds % 60):02d}"
