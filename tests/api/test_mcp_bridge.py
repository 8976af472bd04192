"""The way from aiohttp to ASGI and back, with applications that do as they like."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientError, ClientSession, web

from patience import PATIENCE
from timbred_api.mcp.bridge import AsgiApp, Bridge, Message, Receive, Send

START: Message = {"type": "http.response.start", "status": 200, "headers": []}


@asynccontextmanager
async def served(app: AsgiApp, *, cancelling: bool = False) -> AsyncGenerator[ClientSession]:
    """``cancelling``: aiohttp cancels handlers whose caller has gone; the daemon has it not."""
    bridge = Bridge()

    async def handle(request: web.Request) -> web.StreamResponse:
        return await bridge.answer(request, app)

    outer = web.Application()
    outer.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(outer, handler_cancellation=cancelling, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as client:
            yield client
    finally:
        await runner.cleanup()
        await bridge.close()


async def test_a_request_arrives_whole_and_the_answer_goes_back_whole() -> None:
    seen: list[Message] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        seen.extend([scope, await receive()])
        headers = [(b"x-one", b"a"), (b"x-one", b"b"), (b"connection", b"close"), (b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        await send({"type": "http.response.body", "body": b"ok"})

    async with served(app) as client, client.post("/a%20b?c=d", data=b"body", headers={"X-In": "1"}) as response:
        assert (response.status, await response.read()) == (201, b"ok")
        assert (response.headers.getall("X-One"), "Connection" in response.headers) == (["a", "b"], False)
    scope, body = seen
    assert (scope["method"], scope["path"], scope["query_string"]) == ("POST", "/a b", b"c=d")
    assert (b"x-in", b"1") in scope["headers"]
    assert body == {"type": "http.request", "body": b"body", "more_body": False}


async def test_what_is_sent_is_not_held_back() -> None:
    go_on = asyncio.Event()

    async def app(_: Message, __: Receive, send: Send) -> None:
        await send(START)
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        await go_on.wait()
        await send({"type": "http.response.body", "body": b"second"})

    async with served(app) as client, asyncio.timeout(PATIENCE), client.get("/") as response:
        assert await response.content.readexactly(5) == b"first"
        go_on.set()
        assert await response.read() == b"second"


@pytest.mark.parametrize("cancelling", [False, True])
async def test_the_application_hears_that_the_caller_has_gone(cancelling: bool) -> None:
    heard = asyncio.Event()

    async def app(_: Message, receive: Receive, send: Send) -> None:
        await receive()
        await send(START)
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        assert await receive() == {"type": "http.disconnect"}
        await send({"type": "http.response.body", "body": b"to nobody"})
        heard.set()

    async with served(app, cancelling=cancelling) as client, asyncio.timeout(PATIENCE):
        async with client.get("/") as response:
            await response.content.readexactly(5)
            response.close()
        await heard.wait()


async def fails_first(_: Message, __: Receive, ___: Send) -> None:
    raise ValueError


async def says_nothing(_: Message, __: Receive, ___: Send) -> None:
    pass


async def body_first(_: Message, __: Receive, send: Send) -> None:
    await send({"type": "http.response.body", "body": b"x"})


@pytest.mark.parametrize("app", [fails_first, says_nothing, body_first])
async def test_an_application_that_gives_no_answer_is_an_error(app: Callable[..., Awaitable[None]]) -> None:
    async with served(app) as client, client.get("/") as response:
        assert response.status == 500


async def test_half_an_answer_is_broken_off() -> None:
    async def app(_: Message, __: Receive, send: Send) -> None:
        await send(START)
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        raise ValueError

    async with served(app) as client, client.get("/") as response:
        with pytest.raises(ClientError):
            await response.read()
