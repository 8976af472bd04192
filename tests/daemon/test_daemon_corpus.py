"""Files that others wrote to break decoders: each ends indexed, or failed with a reason."""

import csv
import shutil
from collections.abc import Generator
from pathlib import Path

import pytest
from daemon_process import Daemon, daemon_on
from timbred_api.client import JsonObject
from tones import corpus


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    odd = corpus() / "odd"
    if not odd.is_dir():
        pytest.skip("the corpus has no odd/ folder")
    return Path(shutil.copytree(odd, tmp_path_factory.mktemp("corpus") / "odd"))


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Generator[Daemon]:
    with daemon_on(tmp_path_factory.mktemp("home"), folder) as daemon:
        daemon.settle()
        yield daemon


@pytest.fixture(scope="module")
def failures(daemon: Daemon) -> dict[str, JsonObject]:
    return {row["path"]: row for row in daemon.client.get("/v1/failures", {"limit": 1000})["results"]}


def expected() -> dict[str, str]:
    """Path below odd/ → ``opens``, ``opens (not by libsndfile)`` or ``fails``."""
    with (corpus() / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {row["path"].removeprefix("odd/"): row["expected"] for row in rows if row["path"].startswith("odd/")}


def test_every_file_ends_indexed_or_failed_and_no_worker_died(daemon: Daemon, folder: Path) -> None:
    status = daemon.status()
    present = sum(1 for path in folder.rglob("*") if path.is_file())
    assert (status["files"]["found"], status["files"]["pending"]) == (present, 0)
    assert (status["workers"]["crashes"], status["workers"]["timeouts"]) == (0, 0)


def test_every_failure_has_a_code_and_a_sentence(daemon: Daemon, failures: dict[str, JsonObject]) -> None:
    assert len(failures) == daemon.status()["files"]["failed"]
    for row in failures.values():
        assert row["code"] not in {"worker_crashed", "timed_out", "error"}, row
        assert len(row["reason"].split()) >= 3, row


def test_what_opens_is_indexed(daemon: Daemon, folder: Path, failures: dict[str, JsonObject]) -> None:
    opens = {str(folder / path) for path, verdict in expected().items() if verdict.startswith("opens")}
    assert {path: failures[path]["code"] for path in sorted(opens & failures.keys())} == {}


def test_what_fails_to_open_is_named_or_honestly_indexed(
    daemon: Daemon, folder: Path, failures: dict[str, JsonObject]
) -> None:
    for path, verdict in expected().items():
        if verdict == "fails" and str(folder / path) not in failures:
            sound = daemon.sound(folder / path)
            assert sound is not None
            assert sound["duration"] > 0
