"""The answer of ``timbred similar`` for people: what, how similar, where, and why."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from typing import cast

from timbred_api.client import JsonObject
from timbred_api.forms import visible
from timbred_daemon.commands.listings import Entry, at_home, clock
from timbred_daemon.commands.listings import draw as draw_entries

LONG_SECONDS = 10.0  # from here on it matters which moment matched
BESIDE = 34  # columns that the other cells take


def draw(results: list[JsonObject], explain: bool) -> None:
    """Writes the table to stdout, as wide as the terminal."""
    width = shutil.get_terminal_size().columns - BESIDE
    draw_entries(("Similar", "ID", "Length", "Sound, and why"), (_entry(row, explain, width) for row in results))


def _entry(row: JsonObject, explain: bool, width: int) -> Entry:
    own_label = row["label"] != os.path.splitext(os.path.basename(row["path"]))[0]
    return Entry(
        (f"{row['similarity']:.2f}", row["sound_id"], clock(row["duration"])),
        _shortened(visible(row["path"]), width),
        row["label"] if own_label else "",
        tuple(_below(row, explain)),
    )


def _below(row: JsonObject, explain: bool) -> Iterator[str]:
    reasons = " ".join(cast("list[str]", row["reasons"]))
    yield f"At {clock(row['segment']['start'])}: {reasons}" if row["duration"] > LONG_SECONDS else reasons
    if explain:
        aspects = cast("Mapping[str, float]", row["aspects"])
        yield "  ".join(f"{name} {score:.2f}" for name, score in aspects.items())
    others = len(cast("list[str]", row["paths"])) - 1
    if others:
        yield f"… and {others} more copies" if others > 1 else "… and 1 more copy"


def _shortened(path: str, width: int) -> str:
    """The end of a path says more than its beginning."""
    path = at_home(path)
    if len(path) <= max(width, 20):
        return path
    while len(path) + 2 > max(width, 20) and "/" in path[1:]:
        path = path[path.index("/", 1) :]
    return "…" + path
