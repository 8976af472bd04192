"""MCP at an address of the HTTP server. The SDK costs two seconds and 30 MB: it is imported with the first request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from aiohttp import web

from timbred_api.engine import Engine
from timbred_api.mcp.bridge import AsgiApp, Bridge
from timbred_indexer.errors import RequestError, UnavailableError

Serving = Callable[[Engine], AbstractAsyncContextManager[AsgiApp]]


class McpMount:
    """Answers requests between the first one and ``close``."""

    def __init__(self, engine: Engine, load: Callable[[], Serving] | None = None) -> None:
        """``load``: imports and gives what serves; instead of timbred's own server."""
        self._engine = engine
        self._load = load or _load
        self._bridge = Bridge()
        self._stop = asyncio.Event()
        self._ready: asyncio.Future[AsgiApp] | None = None
        self._task: asyncio.Task[None] | None = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The aiohttp handler.

        Raises:
            RequestError: ``unsupported_media_type``.
            UnavailableError: the server is stopping.
        """
        if request.method == "POST" and request.content_type != "application/json":
            raise RequestError("Send JSON as application/json.", code="unsupported_media_type")
        return await self._bridge.answer(request, await self._started())

    async def close(self, _: web.Application) -> None:
        """Ends every session and stream, so that the server need not wait for them."""
        self._stop.set()
        if self._task is not None:
            await asyncio.wait([self._task])
        await self._bridge.close()

    async def _started(self) -> AsgiApp:
        if self._stop.is_set():
            raise UnavailableError("timbred is stopping.")
        if self._ready is None:
            self._ready = asyncio.get_running_loop().create_future()
            self._task = asyncio.create_task(self._serve(self._ready))
        return await asyncio.shield(self._ready)

    async def _serve(self, ready: asyncio.Future[AsgiApp]) -> None:
        """One task for the whole life of the sessions: what they stand on must be left where it was entered."""
        try:
            serving = await asyncio.to_thread(self._load)
            async with serving(self._engine) as app:
                ready.set_result(app)
                await self._stop.wait()
        except Exception as error:  # whoever asks is told, and the next one tries again
            if ready.done():
                raise
            self._ready = None
            ready.set_exception(error)


def _load() -> Serving:
    from timbred_api.mcp.server import serving

    return serving
