"""What the doctor finds: each line with its level and its advice."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tomllib
from collections.abc import Generator
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner
from stand_in import CLAP, FOLDER, STATUS, StandIn, stand_in

from timbred_api.client import Client, JsonObject
from timbred_api.peers import Peers
from timbred_daemon import runtime
from timbred_daemon.cli import main
from timbred_daemon.config import Loaded, load
from timbred_daemon.doctor import Finding, callers, examine


class Silent(Peers):
    """A system that does not say whose a TCP connection is."""

    def open(self) -> None:
        """Finds nothing out."""


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def daemon() -> Generator[StandIn]:
    with stand_in() as standing_in:
        yield standing_in


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir(mode=0o700)
    return tmp_path


def settings(home: Path, text: str = "") -> Loaded:
    path = home / "config.toml"
    path.write_text(text)
    environ = {"TIMBRED_CONFIG": str(path)}
    return load({"data_dir": os.fsencode(home / "data")}, environ, isdir=lambda _: True)


def found(home: Path, text: str = "", client: Client | None = None) -> dict[str, list[Finding]]:
    """Findings by what they are about."""
    by_subject: dict[str, list[Finding]] = {}
    for finding in examine(settings(home, text), client):
        by_subject.setdefault(finding.what, []).append(finding)
    return by_subject


def level(home: Path, what: str) -> str:
    return found(home)[what][0].level


def test_a_new_installation_is_well_but_for_what_is_still_to_come(home: Path) -> None:
    levels = {what: [one.level for one in findings] for what, findings in found(home).items()}
    assert {what: levels[what] for what in ("versions", "settings", "data folder")} == {
        "versions": ["ok"],
        "settings": ["ok"],
        "data folder": ["ok"],
    }
    assert (levels["CLAP"], levels["daemon"]) == (["warn"], ["warn"])


def test_every_finding_that_is_not_well_says_what_to_do(home: Path) -> None:
    for findings in found(home).values():
        assert all(one.advice.endswith((".", ").")) for one in findings if one.level != "ok")


def test_bad_settings_have_failed_with_their_line(home: Path) -> None:
    (finding,) = found(home, "wokers = 2")["settings"]
    assert (finding.level, "wokers" in finding.says, finding.advice) == ("fail", True, "Did you mean 'workers'?")
    assert finding.says.endswith("config.toml:1: unknown key 'wokers'")


def test_a_data_folder_that_others_may_read_is_named(home: Path) -> None:
    (home / "data").chmod(0o755)
    assert level(home, "data folder") == "warn"


def test_a_data_folder_that_is_not_there_comes_with_the_first_run(home: Path) -> None:
    (home / "data").rmdir()
    assert "timbred run" in found(home)["data folder"][0].advice


@pytest.mark.parametrize(("free", "expected"), [(10**8, "warn"), (10**12, "ok")])
def test_a_full_disk_is_named(home: Path, monkeypatch: pytest.MonkeyPatch, free: int, expected: str) -> None:
    def disk_usage(_: str) -> Usage:
        return Usage(free, 0, free)

    monkeypatch.setattr(shutil, "disk_usage", disk_usage)
    assert level(home, "disk") == expected


def status_of(daemon: StandIn, **changes: object) -> None:
    daemon.answer("/v1/status", {**STATUS, "uptime": 5.0, **changes})


def test_a_daemon_that_answers_shows_its_folders_and_notes(home: Path, daemon: StandIn) -> None:
    polled: JsonObject = {**FOLDER, "watch": "poll"}
    status_of(daemon, folders=[FOLDER, polled], notes=["A drive is away."], spaces={"clap": CLAP})
    with Client(daemon.address) as client:
        findings = found(home, client=client)
    assert [one.level for one in findings["daemon"]] == ["ok", "warn", "warn"]  # running; of another version; the note
    assert [one.says.endswith("polled") for one in findings["folder"]] == [False, True]
    assert "timbred failures" in findings["files"][0].advice


def test_a_daemon_that_is_not_there_is_said_to_be_missing(home: Path) -> None:
    with Client("http://127.0.0.1:9") as client:
        assert "timbred run" in found(home, client=client)["daemon"][0].advice


def test_the_command_prints_lines_and_fails_only_when_something_has_failed(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIMBRED_CONFIG", str(home / "config.toml"))
    arguments = ["doctor", "--data-dir", str(home / "data"), "--listen", "127.0.0.1:9"]
    (home / "config.toml").write_text("")
    well = CliRunner().invoke(main, arguments)
    assert (well.exit_code, well.stdout.startswith("ok    versions: Python ")) == (0, True)
    (home / "config.toml").write_text("workers = 0")
    bad = CliRunner().invoke(main, [*arguments, "--json"])
    rows = json.loads(bad.stdout)["results"]
    assert bad.exit_code == 1
    assert [row["level"] for row in rows if row["what"] == "settings"] == ["fail"]


def test_the_packages_that_are_shown_are_those_that_timbred_needs() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
    needed = " ".join(project["dependencies"])
    for name in ("librosa", "faiss-cpu", "numpy", "soundfile", "av"):
        assert name in needed


def test_what_confines_the_workers_is_named(home: Path) -> None:
    (finding,) = found(home)["sandbox"]
    assert finding.level in ("ok", "warn")
    assert "Landlock" in finding.says


def test_it_is_said_whether_callers_are_told_apart(home: Path) -> None:
    (finding,) = found(home)["callers"]
    assert finding.level == ("ok" if sys.platform == "linux" else "warn")
    (needed,) = found(home, "require_token = true")["callers"]
    assert (needed.level, needed.says) == ("ok", "over TCP, everybody needs the token")


def test_a_system_that_does_not_tell_whose_a_connection_is_is_a_warning_with_what_to_do(home: Path) -> None:
    finding = callers(settings(home), Silent())
    assert (finding.level, "`token`" in finding.advice) == ("warn", True)


def test_a_daemon_that_does_not_know_its_own_user_says_so_itself(home: Path, daemon: StandIn) -> None:
    daemon.answer("/healthz", {"title": "", "code": "unauthorized", "detail": "The token."}, status=401)
    data = str(home / "data")
    with runtime.data_folder(data), runtime.published_endpoint(data, daemon.address):
        assert callers(settings(home), Peers()).level == "warn"
