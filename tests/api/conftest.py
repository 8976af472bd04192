"""The face, served on a port of its own."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient
from face import Face

from ports import serving
from timbred_api.http import make_app
from timbred_indexer.db import Database


@pytest.fixture
async def face(db: Database, tmp_path: Path) -> AsyncGenerator[Face]:
    made = Face(db, tmp_path)
    async with TestClient(serving(lambda port: make_app(made.engine, port=port))) as client:
        await made.open(client)
        yield made


@pytest.fixture
def desktop_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A desktop session of which nothing is there but ``gdbus``; the file that it writes its arguments to."""
    commands = tmp_path / "commands"
    commands.mkdir()
    gdbus = commands / "gdbus"
    gdbus.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" > {commands}/calls\n")
    gdbus.chmod(0o755)
    monkeypatch.setenv("PATH", str(commands))
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
    return commands / "calls"
