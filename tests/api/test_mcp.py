"""MCP as assistants use it: every behaviour over every transport, in both eras of the protocol."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from face import Face
from mcp import Client, StdioServerParameters, stdio_client
from mcp_behaviours import BEHAVIOURS, Behaviour, library

from timbred_api.mcp.server import make_server
from timbred_api.owner import as_owner

Connect = Callable[[Face, str], AbstractAsyncContextManager[Client]]

ERAS = ["legacy", "2026-07-28"]


@asynccontextmanager
async def in_memory(face: Face, era: str) -> AsyncGenerator[Client]:
    with as_owner():
        async with Client(make_server(face.engine), mode=era) as client:
            yield client


def over_http(face: Face, era: str) -> AbstractAsyncContextManager[Client]:
    return Client(f"http://127.0.0.1:{face.client.port}/mcp", mode=era)


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda behaviour: behaviour.__name__)
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("connect", [in_memory, over_http], ids=lambda connect: connect.__name__)
async def test_it_is_so(face: Face, connect: Connect, era: str, behaviour: Behaviour) -> None:
    await library(face)
    async with connect(face, era) as client:
        await behaviour(client, face)


@pytest.mark.parametrize("era", ERAS)
async def test_it_is_all_so_over_stdio(face: Face, tmp_path: Path, era: str) -> None:
    await library(face)
    command = ["-P", "-m", "timbred_daemon", "mcp", "--listen", f"127.0.0.1:{face.client.port}"]
    words = tmp_path / "stderr"
    with words.open("w") as errors:
        started = stdio_client(StdioServerParameters(command=sys.executable, args=command), errlog=errors)
        async with Client(started, mode=era) as client:
            for behaviour in BEHAVIOURS:
                await behaviour(client, face)
    assert words.read_text() == ""


def test_a_daemon_that_nobody_asks_over_mcp_does_not_load_it() -> None:
    script = (
        "import sys, timbred_daemon.app; print([name for name in ('mcp', 'starlette', 'anyio') if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"
