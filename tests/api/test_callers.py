"""Who is let in, over real connections: every route alike, another user of this machine, callers with the token."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import socket
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from face import Face
from mcp import Client

from builders import analysis
from other_user import NOBODY, needs_root, request_of, tell_as_nobody
from ports import serving
from timbred_api.http import make_app
from timbred_api.peers import Peers
from timbred_api.security import Access, Door

TOKEN = "x" * 43
BEARER = f"Authorization: Bearer {TOKEN}"
BASIC = "Authorization: Basic " + base64.b64encode(f":{TOKEN}".encode()).decode()


class Silent(Peers):
    """A system that does not say whose a TCP connection is."""

    def open(self) -> None:
        """Finds nothing out."""


class Stranger(Peers):
    """Everybody is another user."""

    def uid_of(self, connection: Any) -> int | None:
        return NOBODY


def routes(face: Face) -> Iterator[tuple[str, str]]:
    """Everything that is served."""
    assert face.client.app is not None
    for route in face.client.app.router.routes():
        assert route.resource is not None
        yield route.method.replace("*", "GET"), re.sub(r"\{\w+(:[^}]*)?\}", "1", route.resource.canonical)


@asynccontextmanager
async def served(
    face: Face, *, users: frozenset[int] = frozenset(), token_needed: bool = False, peers: Peers | None = None
) -> AsyncGenerator[tuple[int, str, int]]:
    """The same engine behind another door; its family, host and port."""
    async with behind(face, lambda port: Door(Access(port, TOKEN, token_needed, users), peers)) as place:
        yield place


@asynccontextmanager
async def behind(face: Face, door: Callable[[int], Door]) -> AsyncGenerator[tuple[int, str, int]]:
    """The same engine behind a door that knows its port."""
    async with serving(lambda port: make_app(face.engine, port=port, door=door(port))) as server:
        yield socket.AF_INET, "127.0.0.1", server.make_url("/").port or 0


async def as_nobody(place: tuple[int, str, int], *requests: bytes) -> list[int]:
    """The status of each answer to another user."""
    _, answer = await asyncio.to_thread(tell_as_nobody, place, b"".join(requests))
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+) ", answer)]


async def status_of(place: tuple[int, str, int], *headers: str, path: str = "/healthz") -> int:
    """The status of an answer to this user."""
    reading, writing = await asyncio.open_connection(place[1], place[2])
    writing.write(request_of("GET", path, *headers))
    answer = await reading.read()
    writing.close()
    await writing.wait_closed()
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}],
    ids=str,
)
async def test_no_route_answers_a_foreign_page(face: Face, headers: dict[str, str]) -> None:
    answers = {(method, path): await answer_to(face, method, path, headers) for method, path in routes(face)}
    assert len(answers) > 15
    assert ("POST", "/mcp") in answers
    assert {place: answer for place, answer in answers.items() if answer != 403} == {}
    assert face.control.told == []


async def answer_to(face: Face, method: str, path: str, headers: dict[str, str]) -> int:
    async with face.client.request(method, path, headers=headers) as response:
        assert not [name for name in response.headers if name.startswith("Access-Control-")]
        return response.status


@pytest.mark.parametrize("path", ["/nowhere", "/v1/sounds/1/%2e%2e"])
async def test_nor_does_an_address_that_is_none(face: Face, path: str) -> None:
    assert await answer_to(face, "GET", path, {"Host": "evil.example"}) == 403


@needs_root
async def test_no_route_answers_another_user(face: Face) -> None:
    *first, last = [request_of(method, path, "Content-Length: 0") for method, path in routes(face) if method != "HEAD"]
    kept = [request.replace(b"Connection: close\r\n", b"") for request in first]
    place = socket.AF_INET, "127.0.0.1", face.client.port or 0
    for begin in range(0, len(kept), 8):
        batch = [*kept[begin : begin + 8], last]
        assert await as_nobody(place, *batch) == [401] * len(batch)
    assert face.control.told == []


@needs_root
async def test_another_user_with_the_token_or_in_the_settings_is_let_in(face: Face) -> None:
    async with served(face) as place:
        assert await as_nobody(place, request_of("GET", "/healthz", BEARER)) == [200]
        assert await as_nobody(place, request_of("GET", "/healthz", BASIC)) == [200]
        assert await as_nobody(place, request_of("GET", "/healthz", BEARER[:-1])) == [401]
    async with served(face, users=frozenset({NOBODY})) as place:
        assert await as_nobody(place, request_of("GET", "/healthz")) == [200]


@needs_root
async def test_who_is_let_in_may_not_name_files_outside_the_watched_folders(face: Face, tmp_path: Path) -> None:
    await face.indexed(b"kick.wav", analysis(1))
    secret = tmp_path / "secret.wav"
    secret.write_bytes(b"RIFF")
    os.symlink(secret, face.path("link.wav"))
    os.symlink(tmp_path, face.path("way"))
    outside = [str(secret), face.path("link.wav"), face.path("way/secret.wav"), face.path("../secret.wav"), "/nowhere"]
    requests = [request_of("GET", f"/v1/similar?path={quote(path)}") for path in outside]
    adding = request_of("POST", f"/v1/folders?path={quote(str(tmp_path))}")
    async with served(face, users=frozenset({NOBODY})) as place:
        assert [await as_nobody(place, request) for request in [*requests, adding]] == [[403]] * 6
        assert await as_nobody(place, request_of("GET", f"/v1/similar?path={quote(face.path('kick.wav'))}")) == [200]
    assert (face.workers.jobs, face.control.told) == ([], [])
    assert (await face.ask("GET", "/v1/similar", params={"path": str(secret)}))[0] == 200


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("X: y", 401),
        (BEARER, 200),
        (BEARER.replace("Bearer", "bearer"), 200),
        (BASIC, 200),
        ("Authorization: Bearer", 401),
        ("Authorization: Bearer \xff", 401),
        (f"Authorization: Bearer {TOKEN}x", 401),
        ("Authorization: Basic ****", 401),
        ("Authorization: Basic Og==", 401),
        (f"Authorization: Digest {TOKEN}", 401),
    ],
)
async def test_a_token_that_is_needed_is_asked_of_everybody(face: Face, header: str, status: int) -> None:
    async with served(face, token_needed=True) as place:
        assert await status_of(place, header) == status


async def test_a_door_without_a_token_is_not_opened_by_an_empty_one(face: Face) -> None:
    async with behind(face, lambda port: Door(Access(port, None, token_needed=True))) as place:
        for header in ("Authorization: Bearer ", "Authorization: Basic Og==", "X: y"):
            assert await status_of(place, header) == 401


async def test_a_browser_is_told_how_to_ask_for_the_token(face: Face) -> None:
    async with served(face, token_needed=True) as place:
        reading, writing = await asyncio.open_connection(place[1], place[2])
        writing.write(request_of("GET", "/"))
        answer = (await reading.read()).decode()
        writing.close()
        await writing.wait_closed()
    assert re.findall(r"WWW-Authenticate: (\w+) realm", answer) == ["Bearer", "Basic"]
    assert TOKEN not in answer


async def test_where_users_cannot_be_told_apart_the_token_is_the_owners(face: Face, tmp_path: Path) -> None:
    (tmp_path / "mine.wav").write_bytes(b"RIFF")
    asking = f"/v1/similar?path={quote(str(tmp_path / 'mine.wav'))}"
    async with served(face, peers=Silent()) as place:
        assert await status_of(place) == 401
        assert await status_of(place, BEARER, path=asking) == 200


@pytest.mark.parametrize("era", ["legacy", "2026-07-28"])
async def test_an_assistant_of_another_user_is_held_to_the_same(face: Face, tmp_path: Path, era: str) -> None:
    (tmp_path / "secret.wav").write_bytes(b"RIFF")
    async with (
        served(face, users=frozenset({NOBODY}), peers=Stranger()) as (_, host, port),
        Client(f"http://{host}:{port}/mcp", mode=era) as client,
    ):
        answer = await client.call_tool("find_similar_sounds", {"path": str(tmp_path / "secret.wav")})
    assert answer.is_error
    assert "is left to the user that timbred runs as" in str(answer.content)
    assert face.workers.jobs == []
