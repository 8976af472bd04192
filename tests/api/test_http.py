"""Bad questions: each gets a problem document that says what to do, and none does harm."""

from __future__ import annotations

import asyncio
import errno
import io
import os
import sqlite3
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from face import Face

from builders import analysis
from timbred_api import private_file, requests
from timbred_api.operations import OPERATIONS
from timbred_indexer import aspects
from timbred_indexer.errors import StorageError

JSON = {"Content-Type": "application/json"}
AUDIO = {"Content-Type": "audio/wav"}
BEYOND = 2**63

BAD_QUERIES = [
    ("/v1/similar", 400, "missing_parameter"),
    ("/v1/similar?id=1&path=/a", 400, "missing_parameter"),
    ("/v1/similar?path=/a&uri=file:///a", 400, "bad_parameter"),
    ("/v1/similar?id=99", 404, "unknown_id"),
    (f"/v1/similar?id={BEYOND}", 400, "bad_parameter"),
    ("/v1/similar?id=0", 400, "bad_parameter"),
    ("/v1/similar?id=-1", 400, "bad_parameter"),
    ("/v1/similar?id=one", 400, "bad_parameter"),
    ("/v1/similar?id=1&id=2", 400, "bad_parameter"),
    (f"/v1/similar?id=1&not={BEYOND}", 404, "unknown_id"),
    ("/v1/similar?id=1&not=" + "9" * 5000, 404, "unknown_id"),
    ("/v1/similar?id=1&colour=red", 400, "unknown_parameter"),
    ("/v1/similar?id=1&k=0", 400, "bad_parameter"),
    ("/v1/similar?id=1&k=1000000", 400, "bad_parameter"),
    ("/v1/similar?id=1&k=1e6", 400, "bad_parameter"),
    ("/v1/similar?id=1&k=ten", 400, "bad_parameter"),
    ("/v1/similar?id=1&k=", 400, "bad_parameter"),
    ("/v1/similar?id=1&min_similarity=nan", 400, "bad_parameter"),
    ("/v1/similar?id=1&min_similarity=2", 400, "bad_parameter"),
    ("/v1/similar?id=1&start=2&end=1", 400, "bad_parameter"),
    ("/v1/similar?id=1&start=-1", 400, "bad_parameter"),
    ("/v1/similar?id=1&end=inf", 400, "bad_parameter"),
    ("/v1/similar?id=1&min_duration=2&max_duration=1", 400, "bad_parameter"),
    ("/v1/similar?id=1&since=yesterday", 400, "bad_parameter"),
    ("/v1/similar?id=1&since=0001-01-01", 400, "bad_parameter"),
    ("/v1/similar?id=1&weights=mfc:1", 400, "bad_parameter"),
    ("/v1/similar?id=1&weights=mfcc", 400, "bad_parameter"),
    ("/v1/similar?id=1&weights=mfcc:-1", 400, "bad_parameter"),
    ("/v1/similar?id=1&weights=mfcc:nan", 400, "bad_parameter"),
    (f"/v1/similar?id=1&weights={','.join(f'{name}:0' for name in aspects.WEIGHTS)}", 400, "bad_parameter"),
    ("/v1/similar?id=1&folder=relative", 400, "bad_path"),
    ("/v1/similar?id=1&folder=http://x/", 400, "bad_path"),
    ("/v1/similar?path=/nowhere/at/all.wav", 404, "unknown_path"),
    ("/v1/similar?path=relative.wav", 400, "bad_path"),
    ("/v1/similar?path=", 400, "bad_path"),
    ("/v1/similar?path=/a%00b", 400, "bad_path"),
    ("/v1/similar?path=/", 400, "bad_path"),
    ("/v1/similar?path=/dev/null", 404, "unknown_path"),
    ("/v1/similar?path=/%FF", 404, "unknown_path"),
    ("/v1/similar?path=/" + "a" * 5000, 400, "bad_parameter"),
    ("/v1/similar?uri=http://elsewhere/a", 400, "bad_uri"),
    ("/v1/similar?uri=file://elsewhere/a", 400, "bad_uri"),
    ("/v1/similar?uri=file:a", 400, "bad_path"),
    ("/v1/sounds?cursor=-1", 400, "bad_cursor"),
    ("/v1/sounds?limit=0", 400, "bad_parameter"),
    ("/v1/sounds?limit=1001", 400, "bad_parameter"),
    ("/v1/sounds?path=/nowhere.wav", 404, "unknown_path"),
    ("/v1/sounds/99", 404, "unknown_id"),
    (f"/v1/sounds/{BEYOND}", 400, "bad_parameter"),
    ("/v1/sounds/1?id=2", 400, "bad_parameter"),
    ("/v1/sounds/one", 400, "bad_parameter"),
    (f"/v1/failures?cursor={BEYOND}", 400, "bad_cursor"),
    ("/v1/status?verbose=1", 400, "unknown_parameter"),
    ("/v1/nothing", 404, "unknown_route"),
    ("/v1/similar/", 404, "unknown_route"),
]

BAD_BODIES: list[tuple[str, str, dict[str, Any], int, str]] = [
    ("POST", "/v1/folders", {}, 400, "missing_parameter"),
    ("POST", "/v1/folders", {"json": {"path": "relative"}}, 400, "bad_path"),
    ("POST", "/v1/folders", {"json": {"path": "/a\0b"}}, 400, "bad_path"),
    ("POST", "/v1/folders", {"json": {"path": "/a", "watch": "hard"}}, 400, "bad_parameter"),
    ("POST", "/v1/folders", {"json": {"path": 5}}, 400, "bad_parameter"),
    ("POST", "/v1/folders", {"json": {"path": "/refused"}}, 409, "nested_folder"),
    ("POST", "/v1/folders", {"json": ["/a"]}, 400, "bad_json"),
    ("POST", "/v1/folders", {"data": b"path=/a", "headers": JSON}, 400, "bad_json"),
    ("POST", "/v1/folders", {"data": b"\xff\xfe\xfd", "headers": JSON}, 400, "bad_json"),
    ("POST", "/v1/folders", {"data": b"[" * 100_000, "headers": JSON}, 400, "bad_json"),
    ("POST", "/v1/folders", {"data": b'{"path": "/\\ud800"}', "headers": JSON}, 400, "bad_parameter"),
    ("POST", "/v1/folders", {"data": io.BytesIO(b" " * 2**20 + b"{}"), "headers": JSON}, 413, "upload_too_large"),
    ("POST", "/v1/folders", {"data": {"path": "/a"}}, 415, "unsupported_media_type"),
    ("POST", "/v1/folders?path=/a", {"json": {"path": "/b"}}, 400, "bad_parameter"),
    ("DELETE", "/v1/folders", {}, 400, "missing_parameter"),
    ("POST", "/v1/rescan", {"json": {"everything": True}}, 400, "unknown_parameter"),
    ("POST", "/v1/failures/retry", {"json": {"path": "/nowhere.wav"}}, 404, "unknown_path"),
    ("PATCH", "/v1/sounds/99", {"json": {"label": "x"}}, 404, "unknown_id"),
    ("PATCH", "/v1/sounds/1", {"json": {}}, 400, "missing_parameter"),
    ("PATCH", "/v1/sounds/1", {"json": {"label": 5}}, 400, "bad_parameter"),
    ("PATCH", "/v1/sounds/1", {"json": {"label": "x" * 501}}, 400, "bad_parameter"),
    ("PATCH", "/v1/sounds/1", {"data": b'{"label": "\\ud800"}', "headers": JSON}, 400, "bad_parameter"),
    ("PATCH", "/v1/sounds/1", {"data": b"x", "headers": {"Content-Type": "text/plain"}}, 415, "unsupported_media_type"),
    ("POST", "/v1/similar", {"headers": AUDIO}, 400, "empty_body"),
    ("POST", "/v1/similar?id=1", {"data": b"RIFF", "headers": AUDIO}, 400, "unknown_parameter"),
    ("POST", "/v1/similar?k=0", {"data": b"RIFF", "headers": AUDIO}, 400, "bad_parameter"),
    ("POST", "/v1/similar", {"data": {"file": "x"}}, 415, "unsupported_media_type"),
    ("PUT", "/v1/sounds/1", {}, 405, "method_not_allowed"),
    ("DELETE", "/v1/sounds/1", {}, 405, "method_not_allowed"),
]


async def everything(face: Face) -> list[str]:
    """Every row of every table; an index of words lies in tables, too, and cannot be read as one itself."""

    def read(connection: sqlite3.Connection) -> list[str]:
        listed = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
        tables = [name for (name,) in connection.execute(listed)]
        return [f"{table}: {row}" for table in tables for row in connection.execute(f'SELECT * FROM "{table}"')]

    return await face.db.read(read)


@pytest.mark.parametrize(("path", "status", "code"), BAD_QUERIES, ids=[query[0][:60] for query in BAD_QUERIES])
async def test_a_bad_question_is_answered_with_what_is_wrong(face: Face, path: str, status: int, code: str) -> None:
    await face.indexed(b"a.wav", analysis(1))
    answer = await face.ask("GET", path)
    assert (answer[0], answer[1]["code"]) == (status, code), answer


@pytest.mark.parametrize(("method", "path", "how", "status", "code"), BAD_BODIES)
async def test_a_bad_order_is_refused_and_changes_nothing(
    face: Face, method: str, path: str, how: dict[str, Any], status: int, code: str
) -> None:
    await face.indexed(b"a.wav", analysis(1))
    before = await everything(face)
    answer = await face.ask(method, path, **how)
    assert (answer[0], answer[1]["code"]) == (status, code), answer
    assert (await everything(face), face.control.told, face.workers.jobs) == (before, [], [])


async def test_an_upload_that_announces_too_much_is_refused_unread(face: Face) -> None:
    headers = AUDIO | {"Content-Length": str(2 * 2**30), "Expect": "100-continue"}
    reader, writer = await asyncio.open_connection(face.client.host, face.client.port)
    lines = [
        "POST /v1/similar HTTP/1.1",
        f"Host: {face.client.host}:{face.client.port}",
        *(f"{name}: {value}" for name, value in headers.items() if name != "Expect"),
    ]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    answer = await reader.readline()
    writer.close()
    await writer.wait_closed()
    assert b" 413 " in answer
    assert await asyncio.to_thread(os.listdir, face.uploads) == []


async def test_an_upload_that_never_ends_is_cut_off(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "MAX_UPLOAD", 2**20)

    async def endless() -> AsyncGenerator[bytes]:
        for _ in range(2**20 // 2**16 + 1):
            yield b"x" * 2**16

    status, answer = await face.ask("POST", "/v1/similar", data=endless(), headers=AUDIO)
    assert (status, answer["code"], face.workers.jobs) == (413, "upload_too_large", [])
    assert await asyncio.to_thread(os.listdir, face.uploads) == []


@pytest.mark.parametrize("call", ["open", "write"])
async def test_an_upload_onto_a_full_disk_says_so(face: Face, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    usual = getattr(os, call)

    def full(where: object, *others: object) -> int:
        if call == "write" or str(where).startswith(str(face.uploads)):
            raise OSError(errno.ENOSPC, "No space left on device")
        return usual(where, *others)

    monkeypatch.setattr(private_file.os, call, full)
    status, answer = await face.ask("POST", "/v1/similar", data=b"RIFF", headers=AUDIO)
    monkeypatch.undo()
    assert (status, answer["code"]) == (507, "disk_full")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [(StorageError("The disk is full.", code="disk_full"), 507, "disk_full"), (KeyError("secret"), 500, "internal")],
)
async def test_our_own_trouble_is_said_without_details(
    face: Face, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, code: str
) -> None:
    async def fail(_: object) -> object:
        raise error

    monkeypatch.setattr(face.control, "rescan", fail)
    answer = await face.ask("POST", "/v1/rescan")
    assert (answer[0], answer[1]["code"], "secret" in str(answer)) == (status, code, False)


async def test_a_wrong_method_is_told_the_right_ones(face: Face) -> None:
    _, answer = await face.ask("PUT", "/v1/folders")
    assert "DELETE, GET, HEAD, OPTIONS, POST" in answer["detail"]


async def test_the_root_greets(face: Face) -> None:
    async with face.client.get("/") as response:
        assert (response.status, "timbred" in await response.text()) == (200, True)


def test_no_two_operations_share_a_route() -> None:
    routes = [(operation.method, operation.path) for operation in OPERATIONS]
    assert len(set(routes)) == len(routes)


async def test_many_questions_at_once_are_all_answered(face: Face) -> None:
    await face.indexed(b"a.wav", analysis(1))
    await face.indexed(b"b.wav", analysis(2))
    answers = await asyncio.gather(*(face.get("/v1/similar", id=1) for _ in range(30)))
    assert all(answer == answers[0] for answer in answers)
