"""The settings file: TOML text → its values, and the line that each key stands on."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast

_NAME = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
_DOTTED = rf"{_NAME}(?:\s*\.\s*{_NAME})*"
_KEY = re.compile(rf"\s*({_DOTTED})\s*=")
_TABLE = re.compile(rf"\s*(\[\[?)\s*({_DOTTED})\s*\]\]?\s*(?:#.*)?$")
_PART = re.compile(_NAME)
_ERROR_LINE = re.compile(r"\(at line (\d+), column \d+\)")


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """What a settings file says.

    Attributes:
        path: the file, as given.
        values: top-level key → value; empty when the file is not there or cannot be read.
        lines: text of the file, for finding places.
        key_lines: key → line (from 1), see ``find_key_lines``.
        fault: why the file as a whole could not be used; None when it could.
        fault_line: where, when the fault has a place.
    """

    path: str
    values: Mapping[str, object] = field(default_factory=dict[str, object])
    lines: tuple[str, ...] = ()
    key_lines: Mapping[str, int] = field(default_factory=dict[str, int])
    fault: str | None = None
    fault_line: int | None = None

    def line_of(self, key: str, text: str | None = None) -> int | None:
        """The line of a key, else of what encloses it; with ``text``, the first line from there on that has it."""
        while key not in self.key_lines:
            key = re.sub(r"(?:\.[^.\[]*|\[\d+\])$", "", outer := key)
            if key == outer:
                return None
        start = self.key_lines[key]
        if text is not None:
            for number, line in enumerate(self.lines[start - 1 :], start):
                if text in line:
                    return number
        return start


def read_config_file(path: str, *, required: bool) -> ConfigFile:
    """The settings in a TOML file.

    Args:
        path: the file.
        required: a file that is not there is a fault (it was asked for by name), not an empty one.
    """
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return ConfigFile(path, fault="there is no such file") if required else ConfigFile(path)
    except OSError as error:
        return ConfigFile(path, fault=f"the file cannot be read: {error.strerror}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return ConfigFile(path, fault="the file is not UTF-8 text", fault_line=data.count(b"\n", 0, error.start) + 1)
    return parse_config_text(path, text)


def parse_config_text(path: str, text: str) -> ConfigFile:
    """The settings in TOML text; ``path`` is only remembered."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = _ERROR_LINE.search(str(error))
        line = int(place[1]) if place else text.count("\n") + 1
        return ConfigFile(path, fault=f"this is not valid TOML: {error}", fault_line=line)
    lines = tuple(text.split("\n"))
    return ConfigFile(path, cast("dict[str, object]", values), lines, find_key_lines(lines))


def find_key_lines(lines: tuple[str, ...]) -> dict[str, int]:
    """The line of each key of a valid TOML text, for messages; ``tomllib`` keeps no places.

    Knows plain and dotted keys, tables, and arrays of tables (``folders[0].path``); not keys in inline tables.
    """
    found: dict[str, int] = {}
    counts: dict[str, int] = {}
    table = ""
    for number, line in _outside_long_strings(lines):
        if header := _TABLE.match(line):
            table = _joined(header[2])
            if header[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                found.setdefault(table, number)
                table = f"{table}[{counts[table]}]"
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            parts = ([table] if table else []) + _parts(key[1])
            for depth in range(1, len(parts) + 1):
                found.setdefault(".".join(parts[:depth]), number)
    return found


def _outside_long_strings(lines: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """Numbered lines, without those that begin inside a multi-line string."""
    closing: str | None = None
    for number, line in enumerate(lines, 1):
        if closing is None:
            yield number, line
        closing = _long_string_after(line, closing)


def _long_string_after(line: str, closing: str | None) -> str | None:
    """Which quote, if any, still has to come after this line."""
    for quote in re.findall("\"\"\"|'''", line):
        if closing is None:
            closing = quote
        elif closing == quote:
            closing = None
    return closing


def _parts(dotted: str) -> list[str]:
    return [part.strip("\"'") for part in _PART.findall(dotted)]


def _joined(dotted: str) -> str:
    return ".".join(_parts(dotted))
