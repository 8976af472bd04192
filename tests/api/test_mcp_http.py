"""MCP at its HTTP address: who may call, what is refused, sessions and streams; and nothing left behind."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from aiohttp import ClientResponse
from face import Face
from mcp_behaviours import finish, library

from patience import PATIENCE
from timbred_api.mcp import server

JSON = {"Content-Type": "application/json"}
ACCEPT = {"Accept": "application/json, text/event-stream"}
OLD = {**ACCEPT, "MCP-Protocol-Version": "2025-11-25"}
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
}
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}


def post(face: Face, body: object, headers: dict[str, str] = ACCEPT) -> AbstractAsyncContextManager[ClientResponse]:
    return face.client.post("/mcp", json=body, headers=headers)


def call(face: Face, name: str, **arguments: object) -> AbstractAsyncContextManager[ClientResponse]:
    """A tool's call in the newer era: one request that stands for itself."""
    params = {"name": name, "arguments": arguments, "_meta": {**META, "progressToken": "p"}}
    headers = {**ACCEPT, "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": name}
    return post(face, {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}, headers)


async def session(face: Face) -> str:
    """A session of the older era; its id."""
    async with post(face, HELLO) as response:
        assert response.status == 200
        await response.read()
        return response.headers["Mcp-Session-Id"]


async def status(face: Face, method: str, session_id: str, **how: Any) -> int:
    async with face.client.request(method, "/mcp", headers={**OLD, "Mcp-Session-Id": session_id}, **how) as response:
        return response.status


async def event(response: ClientResponse) -> dict[str, Any]:
    """The next message of a stream."""
    async with asyncio.timeout(PATIENCE):
        while not (line := await response.content.readline()).startswith(b"data: {"):
            assert line, "the stream ended"
    return json.loads(line.removeprefix(b"data: "))


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await true():  # noqa: ASYNC110  there is no event to wait for
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}], ids=str)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_strangers_are_refused(face: Face, method: str, headers: dict[str, str]) -> None:
    answer, body = await face.ask(method, "/mcp", headers=headers)
    assert (answer, body["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    ("how", "expected", "code"),
    [
        ({"data": b"{}", "headers": {"Content-Type": "text/plain"}}, 415, "unsupported_media_type"),
        ({"data": b"{}", "headers": {"Content-Type": "audio/wav"}}, 415, "unsupported_media_type"),
        ({}, 415, "unsupported_media_type"),
        ({"data": io.BytesIO(b" " * server.MAX_BODY + b"{}"), "headers": JSON}, 413, "upload_too_large"),
    ],
)
async def test_a_body_that_cannot_be_a_message_is_refused(
    face: Face, how: dict[str, Any], expected: int, code: str
) -> None:
    answer, body = await face.ask("POST", "/mcp", **how)
    assert (answer, body["code"]) == (expected, code)


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[]", b"{}", b"[" * 100_000, b"\xff"], ids=lambda body: body[:9])
@pytest.mark.parametrize("version", ["2025-11-25", "2026-07-28"])
async def test_what_is_no_message_is_a_bad_request(face: Face, body: bytes, version: str) -> None:
    headers = {**ACCEPT, **JSON, "MCP-Protocol-Version": version}
    async with face.client.post("/mcp", data=body, headers=headers) as response:
        assert response.status == 400


async def test_a_method_that_there_is_none_of_is_told_those_there_are(face: Face) -> None:
    answer, body = await face.ask("PUT", "/mcp")
    assert (answer, "DELETE, GET, OPTIONS, POST" in body["detail"]) == (405, True)


async def test_a_stream_needs_a_session(face: Face) -> None:
    async with face.client.get("/mcp", headers={"Accept": "text/event-stream"}) as response:
        assert response.status == 400


async def test_the_newer_era_has_no_standing_stream(face: Face) -> None:
    headers = {"Accept": "text/event-stream", "MCP-Protocol-Version": "2026-07-28"}
    async with face.client.get("/mcp", headers=headers) as response:
        assert (response.status, response.headers["Allow"]) == (405, "POST")


async def test_a_session_has_one_stream_and_ends_when_deleted(face: Face) -> None:
    opened = await session(face)
    async with face.client.get("/mcp", headers={**OLD, "Mcp-Session-Id": opened}) as stream:
        assert (stream.status, stream.content_type) == (200, "text/event-stream")
        assert await status(face, "GET", opened) == 409
        assert await status(face, "DELETE", opened) == 200
        async with asyncio.timeout(PATIENCE):
            assert await stream.read() == b""
    assert await status(face, "POST", opened, json={"jsonrpc": "2.0", "id": 2, "method": "ping"}) == 404


async def test_sessions_are_bounded_in_number(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MAX_SESSIONS", 2)
    first = await session(face)
    await session(face)
    async with post(face, HELLO) as refused:
        assert refused.status == 503
    assert await status(face, "DELETE", first) == 200
    assert await session(face)


async def test_a_session_that_nobody_uses_ends(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "IDLE_SESSION", 0.001)
    monkeypatch.setattr(server, "MAX_SESSIONS", 1)
    opened = await session(face)

    async def ended() -> bool:
        return await status(face, "POST", opened, json={"jsonrpc": "2.0", "method": "notifications/x"}) == 404

    await until(ended)


async def test_progress_is_told_while_the_call_goes_on(face: Face) -> None:
    await library(face)
    await face.pending(b"new.wav")
    async with call(face, "rescan_folder", wait=True) as response:
        assert response.content_type == "text/event-stream"
        told = await event(response)
        assert (told["method"], told["params"]["progressToken"]) == ("notifications/progress", "p")
        await finish(face)
        while "result" not in told:
            told = await event(response)
    assert told["result"]["structuredContent"]["done"] is True


@pytest.mark.parametrize("era", ["2025-11-25", "2026-07-28"])
async def test_a_caller_who_leaves_in_the_middle_leaves_nothing_behind(face: Face, era: str) -> None:
    await library(face)
    await face.pending(b"new.wav")
    opened = await session(face)
    before = len(asyncio.all_tasks())
    if era == "2026-07-28":
        asked = call(face, "rescan_folder", wait=True)
    else:
        params = {"name": "rescan_folder", "arguments": {"wait": True}, "_meta": {"progressToken": "p"}}
        body = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params}
        asked = post(face, body, {**OLD, "Mcp-Session-Id": opened})
    async with asked as response:
        await event(response)
        response.close()
    if era == "2025-11-25":
        # There a lost connection is no cancellation: the client may say so, or the session ends.
        assert await status(face, "DELETE", opened) == 200

    async def nothing_is_left() -> bool:
        return len(asyncio.all_tasks()) <= before

    await until(nothing_is_left)


async def test_open_streams_do_not_hold_up_the_end(face: Face) -> None:
    opened = await session(face)
    stream = await face.client.get("/mcp", headers={**OLD, "Mcp-Session-Id": opened})
    async with asyncio.timeout(PATIENCE):
        await face.client.server.close()
        assert await stream.read() == b""


async def test_sessions_ids_are_not_logged(face: Face, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    opened = await session(face)
    assert await status(face, "DELETE", opened) == 200
    assert opened not in caplog.text


async def test_our_own_mistake_is_said_without_details(
    face: Face, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(_: object) -> object:
        raise KeyError("secret")

    monkeypatch.setattr(face.control, "rescan", fail)
    async with call(face, "rescan_folder") as response:
        result = (await response.json())["result"]
    assert (result["isError"], "internal" in str(result), "secret" in str(result)) == (True, True, False)
    assert "secret" in caplog.text
