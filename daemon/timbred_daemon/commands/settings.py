"""``timbred config show``: which settings hold, and where each comes from."""

from __future__ import annotations

import os
from typing import Any, cast

import click

from timbred_api.locations import display, to_uri
from timbred_daemon.commands.output import Cell, say, write_json, write_rows
from timbred_daemon.config import KEYS, FolderSetting, Loaded, Problem, Settings, load

_LISTS = ("allow_users", "allow_hosts")
_DURATIONS = ("rescan_interval", "poll_interval", "quiet", "keep_missing", "backup_interval")
_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1))  # in milliseconds


@click.group()
def config() -> None:
    """Look at the settings."""


@config.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def show(context: click.Context, as_json: bool) -> None:
    """Show every setting: key, value, and the file and line, variable or default it comes from."""
    loaded = load({}, os.environ)
    if as_json:
        write_json(_document(loaded))
    else:
        rows = ((key, _text(loaded.settings, key), loaded.origins[key]) for key in KEYS)
        write_rows(("Key", "Value", "From"), rows)
        say_problems(loaded)
    context.exit(1 if loaded.errors else 0)


def say_problems(loaded: Loaded) -> None:
    """One line for each problem, to stderr."""
    for problem in loaded.problems:
        say(str(problem))


def _text(settings: Settings, key: str) -> Cell:
    if key == "folders":
        return ", ".join(_folder_text(folder) for folder in settings.folders)
    if key == "weights":
        return ",".join(f"{name}:{weight:g}" for name, weight in settings.weights.items())
    value = _value(settings, key)
    if key in _LISTS:
        return ", ".join(map(str, _in_order(value)))
    if key in _DURATIONS:
        return duration_text(cast("float", value))
    if key == "exclude":
        return ", ".join(_patterns(settings))
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)


def duration_text(seconds: float) -> str:
    """As the settings file takes it: ``1h30m``, ``30d``, ``200ms``."""
    left, parts = round(seconds * 1000), list[str]()
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _patterns(settings: Settings) -> list[str]:
    return [display(pattern) for pattern in settings.exclude]


def _value(settings: Settings, key: str) -> object:
    name = key.replace(".", "_")
    return getattr(settings.callers if hasattr(settings.callers, name) else settings, name)


def _in_order(values: object) -> list[Any]:
    return sorted(cast("frozenset[Any]", values))


def _folder_text(folder: FolderSetting) -> str:
    path = display(folder.path)
    return path if folder.watch == "native" else f"{path} ({folder.watch})"


def _document(loaded: Loaded) -> dict[str, object]:
    settings = [{"key": key, "value": _json(loaded.settings, key), "from": loaded.origins[key]} for key in KEYS]
    return {"file": loaded.config_path, "settings": settings, "problems": list(map(_problem_json, loaded.problems))}


def _json(settings: Settings, key: str) -> object:
    if key == "folders":
        return [
            {"path": display(folder.path), "uri": to_uri(folder.path), "watch": folder.watch}
            for folder in settings.folders
        ]
    if key == "weights":
        return dict(settings.weights)
    if key == "exclude":
        return _patterns(settings)
    value = _value(settings, key)
    if key in _LISTS:
        return _in_order(value)
    return value if value is None or isinstance(value, (int, float)) else str(value)


def _problem_json(problem: Problem) -> dict[str, object]:
    return {
        "severity": problem.severity,
        "where": problem.where,
        "line": problem.line,
        "key": problem.key,
        "message": problem.message,
        "suggestion": problem.suggestion,
    }
