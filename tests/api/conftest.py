"""The face, served on a port of its own."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer, unused_port
from face import Face

from timbred_api.http import make_app
from timbred_indexer.db import Database


@pytest.fixture
async def face(db: Database, tmp_path: Path) -> AsyncGenerator[Face]:
    made = Face(db, tmp_path)
    port = unused_port()
    async with TestClient(TestServer(make_app(made.engine, port=port), port=port)) as client:
        await made.open(client)
        yield made
