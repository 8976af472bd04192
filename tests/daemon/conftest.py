"""A command line that finds a stand-in daemon, and nothing of whoever runs the tests."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest
from stand_in import StandIn, stand_in


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[StandIn]:
    """A stand-in; modules that need the real daemon have their own."""
    (tmp_path / "config.toml").touch()
    monkeypatch.setenv("TIMBRED_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("TIMBRED_DATA_DIR", str(tmp_path / "data"))
    with stand_in() as standing_in:
        monkeypatch.setenv("TIMBRED_LISTEN", standing_in.address.removeprefix("http://"))
        yield standing_in
