"""Seeded damage to files of every format, given to a running daemon: each ends indexed or failed with a reason."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import pytest
from daemon_process import QUICK, Daemon, daemon_on
from mutations import good_files, mutated, small_files
from tones import corpus, write_scale

from patience import PATIENCE
from timbred_api.client import JsonObject
from timbred_daemon.commands.connection import pages

SHORT = 60
LONG = int(os.environ.get("TIMBRED_MUTATIONS", "1000"))
SEED = 20_261
GOOD = range(3)

ABOUT_THE_FILE = {"empty_file", "not_audio", "no_sound", "not_finite", "bad_sample_rate", "too_many_channels"}
ABOUT_ITS_COST = {"too_large", "timed_out", "worker_crashed"}  # a library's own defect, paid for by this file alone
MOST_MEMORY = 1 << 30  # bytes that a worker may have used at its peak; the daemon uses far less

sizes = pytest.mark.parametrize("number", [SHORT, pytest.param(LONG, marks=pytest.mark.slow)], ids=["short", "long"])


@pytest.fixture(scope="module")
def originals() -> dict[str, bytes]:
    """Whole files of every format, and the odd ones of the corpus where it is."""
    files = good_files()
    try:
        odd = small_files(corpus() / "odd")
    except pytest.skip.Exception:
        return files
    return files | odd


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mutated")


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, library: Path) -> Generator[Daemon]:
    with daemon_on(tmp_path_factory.mktemp("home"), library, settings=QUICK) as daemon:
        yield daemon


@sizes
def test_damaged_files_end_indexed_or_failed_with_a_reason(
    daemon: Daemon, library: Path, originals: dict[str, bytes], number: int
) -> None:
    folder = library / str(number)
    folder.mkdir()
    for name, data in mutated(originals, number, SEED):
        (folder / name).write_bytes(data)
    good = write_scale(folder / "good", GOOD)
    status = daemon.look(PATIENCE + number / 2)
    failures = failures_in(daemon, folder)
    verdicts = Counter(row["code"] for row in failures)
    print(f"{number} files: {verdicts}; crashes: {status['workers']['crashes']}")  # noqa: T201 - for the table in the docs
    assert set(verdicts) <= ABOUT_THE_FILE | ABOUT_ITS_COST
    assert [row for row in failures if row["reason"].startswith("the job failed")] == []
    assert sum(verdicts.values()) + indexed_in(daemon, folder) == number + len(good)
    assert all(daemon.sound(path) for path in good)
    assert peak_memory(daemon.pid) < MOST_MEMORY
    assert max(map(peak_memory, daemon.children()), default=0) < MOST_MEMORY


def failures_in(daemon: Daemon, folder: Path) -> list[JsonObject]:
    found: list[JsonObject] = []
    for page in pages(daemon.client, "/v1/failures", {"limit": 1000}):
        found += [row for row in page if row["path"].startswith(f"{folder}/")]
    return found


def indexed_in(daemon: Daemon, folder: Path) -> int:
    return sum(daemon.sound(path) is not None for path in folder.rglob("*") if path.is_file())


def peak_memory(pid: int) -> int:
    """Bytes that a process had in memory at its peak; 0 where that is not told, and of one that has just ended."""
    try:
        told = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    found = re.search(r"VmHWM:\s+(\d+) kB", told)
    return int(found[1]) << 10 if found else 0
