"""The asynchronous client against the face itself."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator

import pytest
from face import Face

from builders import analysis
from ports import nothing_listens
from timbred_api.async_client import AsyncClient
from timbred_api.client import DaemonNotRunning, ProblemError
from timbred_indexer.errors import UnavailableError


@pytest.fixture(autouse=True, scope="module")
def imported() -> None:
    """httpx2 imports its other half with the first client, which holds a loop once."""
    AsyncClient("http://127.0.0.1:1")


@pytest.fixture
async def client(face: Face) -> AsyncGenerator[AsyncClient]:
    async with AsyncClient(str(face.client.make_url("")).rstrip("/")) as made:
        yield made


async def test_it_asks_sends_and_changes(face: Face, client: AsyncClient) -> None:
    sound = await face.indexed(b"a.wav", analysis(1))
    await face.indexed(b"b.wav", analysis(1))
    assert len((await client.get("/v1/similar", {"id": sound, "k": 5, "folder": None}))["results"]) == 1
    assert (await client.patch(f"/v1/sounds/{sound}", {"label": "boom"}))["label"] == "boom"
    assert await client.post("/v1/failures/retry") == {"retried": 0}
    assert len((await client.upload("/v1/similar", b"RIFF"))["results"]) == 2


async def test_many_questions_at_once_are_answered(face: Face, client: AsyncClient) -> None:
    sounds = [await face.indexed(b"%d.wav" % number, analysis(number)) for number in range(8)]
    answers = await asyncio.gather(*(client.get(f"/v1/sounds/{sound}") for sound in sounds))
    assert [answer["sound_id"] for answer in answers] == sounds


async def test_a_refusal_is_an_error_with_its_code(client: AsyncClient) -> None:
    with pytest.raises(ProblemError) as problem:
        await client.get("/v1/sounds/7")
    assert (problem.value.status, problem.value.code) == (404, "unknown_id")


async def test_where_nothing_listens_the_daemon_does_not_run() -> None:
    with nothing_listens() as place:
        async with AsyncClient(f"http://{place}") as client:
            with pytest.raises(DaemonNotRunning):
                await client.get("/v1/status")


async def test_an_answer_that_does_not_come_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:  # and never accepts
        async with AsyncClient(f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=0.1) as client:
            with pytest.raises(UnavailableError, match="no answer in time"):
                await client.get("/v1/status")


async def test_events_tell_the_status_first(face: Face, client: AsyncClient) -> None:
    async with client.events() as events:
        first = await anext(events)
    assert (first.kind, first.data["address"]) == ("status", face.engine.address)


@pytest.mark.parametrize("address", ["127.0.0.1:8462", "https://127.0.0.1:8462", "http://127.0.0.1:8462/v1"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        AsyncClient(address)
