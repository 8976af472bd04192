"""What HTTP itself promises: forms, tags, compression, HEAD and OPTIONS, names of requests, limits."""

from __future__ import annotations

import asyncio
import gzip
import logging
import re
from collections.abc import Awaitable
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from face import Face, body_of

from builders import analysis
from ports import serving
from timbred_api import http, limits
from timbred_api.operations import OPERATIONS

GETS = [operation for operation in OPERATIONS if operation.method == "GET" and not operation.media]


async def text_of(face: Face, path: str, accept: str) -> str:
    async with face.client.get(path, headers={"Accept": accept}) as response:
        assert (response.status, response.content_type) == (200, accept)
        return await response.text()


async def test_a_search_can_be_had_as_paths_and_as_a_playlist(face: Face) -> None:
    for name in (b"own.wav", b"near.wav", b"\xff.wav"):
        await face.indexed(name, analysis(1))
    paths = (await text_of(face, "/v1/similar?id=1", "text/plain")).splitlines()
    assert paths == [face.path("near.wav"), face.uri(b"\xff.wav")]
    async with face.client.get("/v1/similar?id=1", headers={"Accept": "audio/x-mpegurl"}) as response:
        lines = (await response.read()).split(b"\n")
    assert lines[:3] == [b"#EXTM3U", b"#EXTINF:1,near", face.path("near.wav").encode()]


async def test_an_upload_can_be_answered_with_paths(face: Face) -> None:
    await face.indexed(b"a.wav", analysis(1))
    headers = {"Content-Type": "audio/wav", "Accept": "text/plain"}
    async with face.client.post("/v1/similar", data=b"RIFF", headers=headers) as response:
        assert await response.text() == face.path("a.wav") + "\n"


async def test_a_list_of_paths_says_where_it_goes_on(face: Face) -> None:
    for name in (b"a.wav", b"b.wav", b"c.wav"):
        await face.indexed(name, analysis(1), content=name)
    found: list[str] = []
    address: str | None = "/v1/sounds?limit=2"
    while address:
        async with face.client.get(address, headers={"Accept": "text/plain"}) as response:
            found += (await response.text()).splitlines()
            link = re.fullmatch(r'<([^>]*)>; rel="next"', response.headers.get("Link", ""))
            address = link and link[1]
    assert found == [face.path(name) for name in ("a.wav", "b.wav", "c.wav")]


@pytest.mark.parametrize("path", ["/v1/status", "/v1/sounds/1", "/v1/folders"])
async def test_what_is_no_list_of_sounds_is_json_alone(face: Face, path: str) -> None:
    answer = await face.ask("GET", path, headers={"Accept": "text/plain"})
    assert (answer[0], answer[1]["code"]) == (406, "not_acceptable")


async def test_nothing_is_done_for_who_would_not_take_the_answer(face: Face) -> None:
    answer = await face.ask("POST", "/v1/rescan", headers={"Accept": "image/png"})
    assert (answer[0], face.control.told) == (406, [])


@pytest.mark.parametrize("path", ["/v1/similar?id=1", "/v1/sounds", "/v1/sounds/1", "/v1/failures", "/v1/folders"])
async def test_an_answer_is_not_sent_twice_until_it_changes(face: Face, path: str) -> None:
    await face.indexed(b"a.wav", analysis(1))
    async with face.client.get(path) as response:
        tag = response.headers["ETag"]
    for known in (tag, f'"other", {tag}', tag.removeprefix("W/"), "*"):
        async with face.client.get(path, headers={"If-None-Match": known}) as response:
            assert (response.status, await response.read(), response.headers["ETag"]) == (304, b"", tag)
    async with face.client.get(path, headers={"If-None-Match": '"other"'}) as response:
        assert response.status == 200


async def test_a_label_changes_the_tag(face: Face) -> None:
    await face.indexed(b"a.wav", analysis(1))
    async with face.client.get("/v1/sounds/1") as response:
        tag = response.headers["ETag"]
    await face.ask("PATCH", "/v1/sounds/1", json={"label": "boom"})
    async with face.client.get("/v1/sounds/1", headers={"If-None-Match": tag}) as response:
        assert (await body_of(response))["label"] == "boom"


async def test_a_long_answer_is_compressed_for_those_who_ask(face: Face) -> None:
    for number in range(12):
        await face.indexed(b"%d.wav" % number, analysis(1), content=b"%d" % number)
    plain, zipped = {"Accept-Encoding": "identity"}, {"Accept-Encoding": "gzip"}
    client = face.client
    async with client.get("/v1/sounds", headers=plain) as one, client.get("/v1/sounds", headers=zipped) as other:
        assert "Content-Encoding" not in one.headers
        assert (other.headers["Content-Encoding"], other.headers["ETag"]) == ("gzip", one.headers["ETag"])
        assert int(other.headers["Content-Length"]) < int(one.headers["Content-Length"]) / 3
        assert (await other.read(), one.headers["Vary"]) == (await one.read(), "Accept, Accept-Encoding")


async def test_a_short_answer_is_not_compressed(face: Face) -> None:
    async with face.client.get("/healthz", headers={"Accept-Encoding": "gzip"}) as response:
        assert "Content-Encoding" not in response.headers


async def test_gzip_can_be_read_by_others(face: Face) -> None:
    async with face.client.get("/openapi.json", headers={"Accept-Encoding": "gzip"}, auto_decompress=False) as response:
        assert gzip.decompress(await response.read()).startswith(b'{"openapi":"3.1.0"')


async def test_head_is_get_without_the_body(face: Face) -> None:
    for path in [operation.path.replace("{id}", "1") for operation in GETS]:
        async with face.client.head(path) as head, face.client.get(path) as get:
            assert (head.status, await head.read(), head.content_type) == (get.status, b"", get.content_type)


async def test_options_names_the_methods(face: Face) -> None:
    for operation in OPERATIONS:
        async with face.client.options(operation.path.replace("{id}", "1")) as response:
            assert (response.status, await response.read()) == (204, b"")
            assert {operation.method, "OPTIONS"} <= set(response.headers["Allow"].split(", "))


async def test_a_wrong_method_is_told_the_right_ones_in_a_header(face: Face) -> None:
    async with face.client.put("/v1/status") as response:
        assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")


async def test_every_answer_has_a_name_and_says_what_it_took(face: Face) -> None:
    names: set[str] = set()
    for path in ("/v1/status", "/v1/status", "/v1/nothing", "/"):
        async with face.client.get(path) as response:
            names.add(response.headers["X-Request-Id"])
            assert re.fullmatch(r"total;dur=\d+\.\d\d", response.headers["Server-Timing"])
    assert len(names) == 4


@pytest.mark.parametrize(("given", "kept"), [("trace-7:a/b", True), ("a b", False), ("x" * 200, False), ("", False)])
async def test_a_sane_name_of_the_callers_own_is_kept(face: Face, given: str, kept: bool) -> None:
    async with face.client.get("/healthz", headers={"X-Request-Id": given}) as response:
        assert (response.headers["X-Request-Id"] == given) == kept


async def test_our_own_mistake_is_in_the_log_under_the_requests_name(
    face: Face, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(_: object) -> object:
        raise KeyError("what")

    monkeypatch.setattr(face.control, "rescan", fail)
    with caplog.at_level(logging.ERROR):
        await face.ask("POST", "/v1/rescan", headers={"X-Request-Id": "mine-1"})
    assert "POST /v1/rescan failed (request mine-1)" in caplog.text


async def test_what_takes_too_long_is_given_up(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(_: object) -> object:
        return await asyncio.Event().wait()

    monkeypatch.setattr(face.control, "rescan", hang)

    def at_once(_: float, answer: Awaitable[Any]) -> Awaitable[Any]:
        return limits.answer_in_time(0.0, answer)

    monkeypatch.setattr(http, "answer_in_time", at_once)
    answer = await face.ask("POST", "/v1/rescan")
    assert (answer[0], answer[1]["code"]) == (504, "answer_timed_out")


async def test_a_body_that_does_not_come_is_given_up(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BODY_SECONDS", 0.0)
    reader, writer = await asyncio.open_connection(face.client.host, face.client.port)
    writer.write(b"POST /v1/rescan HTTP/1.1\r\nHost: localhost:%d\r\n" % (face.client.port or 0))
    writer.write(b"Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{")
    assert b" 408 " in await reader.readline()
    writer.close()
    await writer.wait_closed()


async def test_beyond_what_fits_a_request_is_told_to_come_back(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    async def wait(_: object) -> list[bytes]:
        entered.set()
        await leave.wait()
        return []

    monkeypatch.setattr(face.control, "rescan", wait)
    monkeypatch.setattr(http, "REQUESTS_AT_ONCE", 1)
    async with TestClient(serving(lambda port: http.make_app(face.engine, port=port))) as client:
        first = asyncio.create_task(client.post("/v1/rescan"))
        await entered.wait()
        async with client.get("/v1/status") as response:
            assert (response.status, response.headers["Retry-After"]) == (503, "1")
            assert (await body_of(response))["code"] == "busy"
        leave.set()
        assert (await first).status == 200


async def test_while_stopping_nothing_new_is_begun(face: Face) -> None:
    face.control.stopping = True
    async with face.client.get("/v1/status") as response:
        assert (response.status, response.headers["Retry-After"]) == (503, "5")
        assert (await body_of(response))["code"] == "stopping"
