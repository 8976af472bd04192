"""Events over HTTP: the status as a stream, and a stream that ends when either side wants."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientResponse
from face import Face, Json

from builders import analysis
from patience import PATIENCE
from timbred_api import feed, sending


@asynccontextmanager
async def following(face: Face, **headers: str) -> AsyncGenerator[ClientResponse]:
    async with face.client.get("/v1/events", headers=headers) as response:
        assert (response.status, response.content_type) == (200, "text/event-stream")
        assert response.headers["Cache-Control"] == "no-store"
        yield response


async def event(response: ClientResponse) -> tuple[str, Json]:
    """The next event's name and data."""
    name = ""
    async with asyncio.timeout(PATIENCE):
        async for line in response.content:
            key, _, value = line.decode().rstrip("\n").partition(": ")
            if key == "event":
                name = value
            elif key == "data":
                return name, json.loads(value)
    raise AssertionError("the stream has ended")


async def test_the_status_is_told_at_once_and_a_new_sound_when_it_comes(face: Face) -> None:
    async with following(face) as response:
        name, status = await event(response)
        whole = await face.get("/v1/status")
        assert (name, status | {"uptime": 0}) == ("status", whole | {"uptime": 0})
        await face.indexed(b"a.wav", analysis(1))
        while (found := await event(response))[0] != "library":
            assert found[0] == "status"
        assert found[1]["seq"] > status["seq"]


async def test_who_comes_back_is_told_that_the_library_has_changed(face: Face) -> None:
    await face.indexed(b"a.wav", analysis(1))
    async with following(face, **{"Last-Event-ID": "1"}) as response:
        assert [(await event(response))[0], (await event(response))[0]] == ["status", "library"]


async def test_a_reader_who_leaves_is_noticed(face: Face) -> None:
    async with following(face) as response:
        await event(response)
        assert face.engine.media.feed.readers == 1
    async with asyncio.timeout(PATIENCE):
        while face.engine.media.feed.readers:  # noqa: ASYNC110  there is no event to wait for
            await asyncio.sleep(0.01)


async def test_a_reader_who_takes_nothing_is_dropped(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "PATIENCE", 0.05)
    hub = face.engine.media.feed
    reader, writer = await asyncio.open_connection(face.client.host, face.client.port, limit=1024)
    host = f"{face.client.host}:{face.client.port}"
    writer.write(f"GET /v1/events HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    await reader.readline()
    publish = hub._publish  # pyright: ignore[reportPrivateUsage]
    async with asyncio.timeout(PATIENCE):
        count = 0
        while hub.readers:
            count += 1
            publish(feed.State(b" " * 2**18, count, count, count))
            await asyncio.sleep(0.001)
    writer.close()


async def test_the_end_of_the_server_ends_the_stream(face: Face) -> None:
    async with following(face) as response:
        await event(response)
        await face.engine.media.close()
        assert (await response.content.read()).count(b"event:") == 0
    status, answer = await face.ask("GET", "/v1/events")
    assert (status, answer["code"]) == (503, "unavailable")


async def test_events_take_no_parameters(face: Face) -> None:
    assert (await face.problem(400, "GET", "/v1/events", since=1))["code"] == "unknown_parameter"
