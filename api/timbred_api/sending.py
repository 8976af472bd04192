"""From answers that are sent piece by piece to HTTP responses: files by range, and events."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final
from urllib.parse import quote

from aiohttp import web

from timbred_api.answers import EventStream, FileAnswer, Streamed
from timbred_api.ranges import choose, is_known

PIECE: Final = 2**18
"""Bytes that are read at once. By a thread, not by sendfile: a drive that has to spin up would hold the event loop."""

PATIENCE: Final = 20.0
"""Seconds for which a reader may take nothing of what is sent, before the connection is broken off."""


async def send(request: web.Request, answer: Streamed) -> web.StreamResponse:
    """The response, which is out when this returns."""
    if isinstance(answer, FileAnswer):
        return await _send_file(request, answer)
    assert isinstance(answer, EventStream)
    async with aclosing(answer.events(_last_id(request))) as events:
        return await _send_events(request, events)


async def _send_file(request: web.Request, answer: FileAnswer) -> web.StreamResponse:
    headers = {
        "ETag": f'"{answer.etag}"',
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Disposition": disposition(answer.name),
        "X-Content-Type-Options": "nosniff",  # whatever the bytes are, they are no page
    }
    if is_known(request.headers.get("If-None-Match"), answer.etag):
        return web.Response(status=304, headers=headers)
    stretch = choose(request.headers.get("Range"), request.headers.get("If-Range"), answer.etag, answer.size)
    if stretch is None:
        return web.Response(status=416, headers=headers | {"Content-Range": f"bytes */{answer.size}"})
    if stretch.partial:
        headers["Content-Range"] = f"bytes {stretch.start}-{stretch.stop - 1}/{answer.size}"
    response = web.StreamResponse(status=206 if stretch.partial else 200, headers=headers)
    response.content_type = answer.media_type
    response.content_length = stretch.stop - stretch.start
    await response.prepare(request)
    if request.method != "HEAD":
        await _send_bytes(request, response, answer, stretch.start, stretch.stop)
    return response


async def _send_bytes(
    request: web.Request, response: web.StreamResponse, answer: FileAnswer, start: int, stop: int
) -> None:
    try:
        while start < stop:
            piece = await asyncio.to_thread(answer.file.read, start, min(PIECE, stop - start))
            if not piece or not await _write(request, response, piece):
                break
            start += len(piece)
    except OSError:
        pass
    finally:
        # A file that became shorter, a drive that went away, no time left: breaking off says that the rest will not
        # come, where the length has been told already.
        if start < stop:
            _break_off(request)


async def _send_events(request: web.Request, events: AsyncGenerator[bytes]) -> web.StreamResponse:
    first = await anext(events)  # before the status line: where there is no room, that is an error of its own
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    alive = await _write(request, response, first)
    async for event in events:
        # aiohttp tells nobody that a connection was lost: whoever writes nothing has to look.
        alive = alive and not _is_gone(request) and (not event or await _write(request, response, event))
        if not alive:
            _break_off(request)
            break
    return response


async def _write(request: web.Request, response: web.StreamResponse, data: bytes) -> bool:
    """False when the reader is gone, or takes nothing."""
    try:
        async with asyncio.timeout(PATIENCE):
            await response.write(data)
    except (TimeoutError, ConnectionError):
        return False
    return not _is_gone(request)


def _is_gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


def _break_off(request: web.Request) -> None:
    if isinstance(request.transport, asyncio.WriteTransport):
        request.transport.abort()


def _last_id(request: web.Request) -> int | None:
    text = request.headers.get("Last-Event-ID", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def disposition(name: str) -> str:
    """To be shown rather than saved; whoever saves it has the file's name (RFC 6266)."""
    return f"inline; filename*=UTF-8''{quote(os.path.basename(name), safe='')}"
