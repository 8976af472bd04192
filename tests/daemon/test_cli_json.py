"""``--json``: every command that answers has it, and what it prints is the daemon's whole answer."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from stand_in import FOLDER, ROW, StandIn

from timbred_api.client import JsonObject
from timbred_daemon.cli import main
from timbred_indexer.db import Database

FOLDERS: JsonObject = {"results": [FOLDER], "next": None}
COUNTED: JsonObject = {"files": 2, "labels": 0, "sounds": 1, "removed": False}

WITHOUT = {
    "run": "it runs until it is stopped",
    "mcp": "it speaks a protocol of its own",
    "open": "it opens something",
    "completions": "it prints a script",
    "labels export": "it writes a document of its own, which may be JSON",
    "service install": "it shows its steps",
    "service uninstall": "it shows its steps",
    "service logs": "it shows the log",
    "integrate install": "it shows its steps",
    "integrate remove": "it shows its steps",
}


def commands(group: click.Group, prefix: str = "") -> dict[str, click.Command]:
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        own = f"{prefix} {name}".strip()
        found |= commands(command, own) if isinstance(command, click.Group) else {own: command}
    return found


def test_every_command_that_answers_can_do_so_as_json() -> None:
    without = [
        name
        for name, command in commands(main).items()
        if not any("--json" in parameter.opts for parameter in command.params)
    ]
    assert sorted(without) == sorted(WITHOUT)


@pytest.mark.parametrize(
    ("line", "path", "answer"),
    [
        ("folders add /s", "/v1/folders", FOLDERS),
        ("folders remove /s", "/v1/folders", FOLDERS),
        ("folders confirm /s", "/v1/folders/confirm", FOLDERS),
        ("folders relocate /s /t", "/v1/folders/relocate", FOLDERS),
        ("folders purge --yes", "/v1/folders/purge", COUNTED),
        ("rescan /s", "/v1/rescan", {"folders": ["/s"]}),
        ("label 7 snare", "/v1/sounds/7", ROW),
    ],
)
def test_an_order_prints_what_came_of_it(daemon: StandIn, line: str, path: str, answer: JsonObject) -> None:
    daemon.answer(path, answer)
    result = CliRunner().invoke(main, [*line.split(), "--json"])
    assert (result.exit_code, json.loads(result.stdout)) == (0, answer)


def test_backups_made_listed_and_restored_are_told_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMBRED_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("TIMBRED_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "config.toml").touch()
    (tmp_path / "data").mkdir(mode=0o700)
    Database.open(str(tmp_path / "data" / "metadata.db")).close()
    file = str(tmp_path / "copy.db")

    def asked(*words: str) -> JsonObject:
        return json.loads(CliRunner().invoke(main, [*words, "--json"], catch_exceptions=False).stdout)

    assert asked("backup", file) == {"path": file, "size": Path(file).stat().st_size}
    assert asked("restore", "--list") == {"results": [], "next": None}
    restored = asked("restore", file)
    assert (restored["restored"], Path(restored["aside"]).exists()) == (file, True)
