"""From aiohttp to ASGI and back, one request: nothing is held back, and a caller who is gone is noticed.

aiohttp tells nobody that a connection was lost unless it may cancel every handler of the server; so a request that is
still being answered looks now and then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from aiohttp import web

logger = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Message, Receive, Send], Awaitable[None]]

LOOK_EVERY = 0.5  # seconds between looks at whether the caller is still there

_OF_THIS_CONNECTION = frozenset({b"connection", b"keep-alive", b"transfer-encoding"})


class Bridge:
    """Has an ASGI application answer requests."""

    def __init__(self) -> None:
        self._left_behind: set[asyncio.Task[None]] = set()

    async def answer(self, request: web.Request, app: AsgiApp) -> web.StreamResponse:
        """The response that ``app`` made; it is on its way already when this returns.

        Raises:
            HTTPRequestEntityTooLarge: the body is larger than the server takes.
            RuntimeError: ``app`` said nothing.
        """
        exchange = _Exchange(request, await request.read())
        task = asyncio.create_task(exchange.run(app))
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if exchange.gone:
                self._leave(task)  # a lost connection is an event in ASGI; the application ends in its own way
            else:
                task.cancel()
            raise
        if exchange.response is not None:
            return exchange.response
        if exchange.gone:
            return web.Response(status=499)
        raise RuntimeError("the application gave no response")

    async def close(self) -> None:
        """Ends what goes on without a caller."""
        for task in self._left_behind:
            task.cancel()
        if self._left_behind:
            await asyncio.wait(self._left_behind)

    def _leave(self, task: asyncio.Task[None]) -> None:
        self._left_behind.add(task)
        task.add_done_callback(self._left_behind.discard)


class _Exchange:
    """``receive`` and ``send`` of one request."""

    def __init__(self, request: web.Request, body: bytes) -> None:
        self._request = request
        self._body: bytes | None = body
        self.response: web.StreamResponse | None = None

    @property
    def gone(self) -> bool:
        transport = self._request.transport
        return transport is None or transport.is_closing()

    async def run(self, app: AsgiApp) -> None:
        try:
            await app(_scope(self._request), self.receive, self.send)
        except Exception:  # the request's edge, where part of the answer may be out already
            if self.response is None and not self.gone:
                raise
            # Half an answer is out: breaking off is the only way to say that the rest will not come.
            logger.exception("%s %s failed", self._request.method, self._request.path)
            self.break_off()

    async def receive(self) -> Message:
        """The whole body, and then nothing until the caller has gone."""
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        while not self.gone:  # noqa: ASYNC110  there is no event to wait for
            await asyncio.sleep(LOOK_EVERY)
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Says at once what it is given. What is said to a caller who has gone is lost, as it would be on the way."""
        try:
            if message["type"] == "http.response.start":
                await self._start(message)
            elif message["type"] == "http.response.body":
                await self._continue(message)
        except ConnectionError:
            self.break_off()

    async def _start(self, message: Message) -> None:
        self.response = web.StreamResponse(status=message["status"])
        for name, value in message.get("headers", ()):
            if name.lower() not in _OF_THIS_CONNECTION:
                self.response.headers.add(name.decode("latin-1"), value.decode("latin-1"))
        await self.response.prepare(self._request)

    async def _continue(self, message: Message) -> None:
        if self.response is None:
            raise RuntimeError("the application sent a body before its headers")
        if body := message.get("body", b""):
            await self.response.write(body)
        if not message.get("more_body", False):
            await self.response.write_eof()

    def break_off(self) -> None:
        if (transport := self._request.transport) is not None:
            transport.close()


def _scope(request: web.Request) -> Message:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": f"{request.version.major}.{request.version.minor}",
        "method": request.method,
        "scheme": "http",
        "path": request.path,
        "raw_path": request.raw_path.encode(),
        "query_string": request.query_string.encode(),
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.raw_headers],
        "client": None,
        "server": None,
    }
