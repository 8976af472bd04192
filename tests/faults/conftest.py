"""One daemon and one watched folder for all proofs that leave a daemon running."""

from __future__ import annotations

import sys
from collections.abc import Generator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent.parent / "daemon"))  # the harness of the daemon's own tests

from daemon_process import QUICK, Daemon, daemon_on

SETTINGS = QUICK + 'exclude = ["*.left-out.wav", "left-out"]\n'


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The watched folder."""
    return tmp_path_factory.mktemp("library")


@pytest.fixture(scope="session")
def daemon(tmp_path_factory: pytest.TempPathFactory, library: Path) -> Generator[Daemon]:
    with daemon_on(tmp_path_factory.mktemp("home"), library, settings=SETTINGS) as daemon:
        daemon.settle()
        yield daemon


@pytest.fixture
def folder(library: Path, request: pytest.FixtureRequest) -> Path:
    """A directory of the watched folder, for one test alone."""
    made = library / request.node.name
    made.mkdir()
    return made
