"""What callers are told before the daemon can answer, and that none is lost when it can."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator

import pytest
from aiohttp import ClientSession, web

from timbred_daemon.config_values import Listen
from timbred_daemon.serving import listen, starting


@pytest.fixture
def listening() -> socket.socket:
    return listen(Listen("127.0.0.1", 0))


@pytest.fixture
async def session(listening: socket.socket) -> AsyncGenerator[ClientSession]:
    async with ClientSession(f"http://127.0.0.1:{listening.getsockname()[1]}") as session:
        yield session
    listening.close()


async def test_while_it_starts_everybody_is_asked_to_come_back(
    listening: socket.socket, session: ClientSession
) -> None:
    async with starting(listening):
        for path in ("/healthz", "/v1/similar?id=1", "/nothing"):
            async with session.get(path) as response:
                assert (response.status, response.headers["Retry-After"]) == (503, "1")
                assert (await response.json(content_type=None))["code"] == "starting"


async def test_nobody_is_lost_when_the_daemon_takes_over(listening: socket.socket, session: ClientSession) -> None:
    statuses: list[int] = []
    told, answered = asyncio.Event(), asyncio.Event()

    async def ask_on() -> None:
        while not answered.is_set():
            async with session.get("/") as response:
                statuses.append(response.status)
            (told if response.status == 503 else answered).set()

    async with starting(listening) as make_way:
        clients = [asyncio.create_task(ask_on()) for _ in range(4)]
        await told.wait()
        await make_way()
        runner = web.ServerRunner(web.Server(_answer))
        await runner.setup()
        await web.SockSite(runner, listening).start()
        await asyncio.gather(*clients)
    await runner.cleanup()
    assert set(statuses) == {503, 200}


async def _answer(_: web.BaseRequest) -> web.StreamResponse:
    return web.Response()
