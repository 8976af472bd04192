"""What every test is held to: it leaves nothing behind, and nothing of timbred blocks the event loop."""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
import os
import sqlite3
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from blockbuster import blockbuster_ctx
from hypothesis import HealthCheck, settings

from patience import PATIENCE
from timbred_indexer import db as db_module
from timbred_indexer.db import Database, connect
from tiny import write_checkpoint

# A busy machine is no reason to fail.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

LASTING_THREADS = (
    "pydevd",  # a debugger's own
    "asyncio_",  # the executor of a loop that outlives the test (module-wide fixtures)
)
LASTING_FILES = (
    ".so",  # a library that was loaded on first use stays
    "/dev/urandom",  # opened once by the interpreter or a library
    "/dev/null",  # kept open by libraries that silence a child
)


LONG_FIRST = ("faults", "page", "daemon")  # folders of tests that wait for processes; what comes last should be short


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One for each processor, for the daemons under test work too; none for one module alone."""
    modules = {argument.partition("::")[0] for argument in config.args}
    if len(modules) == 1 and modules.pop().endswith(".py"):
        return 0
    return min(4, os.cpu_count() or 1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def turn(item: pytest.Item) -> int:
        folder = item.path.parent.name
        return LONG_FIRST.index(folder) if folder in LONG_FIRST else len(LONG_FIRST)

    items.sort(key=turn)


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    new = (thread for thread in threading.enumerate() if thread not in before)
    left = [thread for thread in new if not thread.name.startswith(LASTING_THREADS)]
    for thread in left:
        thread.join(PATIENCE)
    names = [thread.name for thread in left if thread.is_alive()]
    assert not names, f"these threads were left running: {names}"


@pytest.fixture(autouse=True)
def no_child_is_left() -> Iterator[None]:
    before = _children()
    yield
    left = _children() - before
    assert not left, f"these child processes were left: {left}"


@pytest.fixture(autouse=True)
def no_file_is_left_open(no_thread_is_left: None, no_child_is_left: None) -> Iterator[None]:
    before = _open_files()
    yield
    now = _open_files()
    left = {number: now[number] for number in now if now[number] != before.get(number)}
    left = {number: target for number, target in left.items() if not target.endswith(LASTING_FILES)}
    assert not left, f"these files were left open: {left}"


@pytest.fixture(autouse=True)
def nothing_blocks_the_loop(request: pytest.FixtureRequest) -> Iterator[None]:
    """Only in tests that have a loop; elsewhere the checks would only cost time."""
    if not inspect.iscoroutinefunction(getattr(request.node, "obj", None)):
        yield
        return
    with blockbuster_ctx(["timbred_api", "timbred_daemon", "timbred_indexer"]):
        yield


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    """A fresh database in ``tmp_path / "data"``; it does not wait for the disk, which only ``test_db`` asks about."""
    folder = tmp_path / "data"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(db_module, "connect", _hasty)
        database = Database.open(str(folder / "metadata.db"))
    yield database
    database.close()


def _hasty(path: str | bytes, *, readonly: bool = False) -> sqlite3.Connection:
    connection = connect(path, readonly=readonly)
    connection.execute("PRAGMA synchronous = OFF")
    return connection


def _children() -> set[str]:
    if sys.platform != "linux":
        return set()
    found: set[str] = set()
    for task in os.listdir("/proc/self/task"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread that has just ended
            found.update(Path(f"/proc/self/task/{task}/children").read_text().split())
    return found


def _open_files() -> dict[str, str]:
    if sys.platform != "linux":
        return {}
    found: dict[str, str] = {}
    for number in os.listdir("/proc/self/fd"):
        try:
            found[number] = os.readlink(f"/proc/self/fd/{number}")
        except OSError:
            continue  # the listing's own
    return found


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny checkpoint; not to be changed."""
    for package in ("torch", "transformers"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"no {package}: pip install 'timbred[clap]'")
    folder = tmp_path_factory.mktemp("checkpoint")
    write_checkpoint(folder)
    return folder
