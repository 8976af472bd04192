"""What is sent piece by piece is sent whole, or is seen to have broken off; and no descriptor is kept."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from aiohttp import ClientError, web
from aiohttp.test_utils import TestClient, TestServer

from timbred_api.answers import FileAnswer, OpenFile
from timbred_api.sending import disposition, send


def app_with(path: Path, size: int) -> web.Application:
    """Serves a file of which it believes that it has ``size`` bytes."""

    async def handle(request: web.Request) -> web.StreamResponse:
        descriptor = await asyncio.to_thread(os.open, path, os.O_RDONLY)
        return await send(request, FileAnswer(OpenFile(descriptor), size, "audio/wav", "tag", "a.wav"))

    app = web.Application()
    app.router.add_get("/", handle)
    return app


async def test_a_large_file_arrives_whole(tmp_path: Path) -> None:
    content = os.urandom(3 * 2**20 + 17)
    await asyncio.to_thread((tmp_path / "a").write_bytes, content)
    async with TestClient(TestServer(app_with(tmp_path / "a", len(content)))) as client:
        response = await client.get("/")
        assert await response.read() == content
        assert response.headers["Content-Length"] == str(len(content))


async def test_a_file_that_became_shorter_is_seen_to_break_off(tmp_path: Path) -> None:
    await asyncio.to_thread((tmp_path / "a").write_bytes, b"short")
    async with TestClient(TestServer(app_with(tmp_path / "a", 1000))) as client:
        with pytest.raises(ClientError):
            await (await client.get("/")).read()


async def test_whoever_hangs_up_in_the_middle_leaves_nothing_open(tmp_path: Path) -> None:
    await asyncio.to_thread((tmp_path / "a").write_bytes, bytes(2**23))
    async with TestClient(TestServer(app_with(tmp_path / "a", 2**23))) as client:
        response = await client.get("/")
        await response.content.read(10)
        response.close()


async def test_an_empty_file_is_an_empty_answer(tmp_path: Path) -> None:
    await asyncio.to_thread((tmp_path / "a").touch)
    async with TestClient(TestServer(app_with(tmp_path / "a", 0))) as client:
        response = await client.get("/")
        assert (response.status, await response.read()) == (200, b"")


def test_a_file_is_closed_when_nobody_has_it(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"sound")
    descriptor = os.open(tmp_path / "a", os.O_RDONLY)
    kept = [OpenFile(descriptor)]
    assert kept[0].read(1, 3) == b"oun"
    kept.clear()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


@pytest.mark.parametrize("name", ["a.wav", 'x"; filename=evil.exe', "a\r\nSet-Cookie: x", "dir/ü.wav", "\ufffd.wav"])
def test_a_name_cannot_break_out_of_its_header(name: str) -> None:
    value = disposition(name).removeprefix("inline; filename*=UTF-8''")
    assert set(value) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%.-_~")
