"""The description of the interface, by itself: ``/openapi.json`` for programs, ``/docs`` for people."""

from __future__ import annotations

import asyncio
import json
from importlib.resources import files
from typing import Final

from aiohttp import web

from timbred_api.openapi import document
from timbred_api.responses import finished

_FILES: Final = {
    "index.html": "text/html; charset=utf-8",
    "reference.js": "text/javascript; charset=utf-8",
    "reference.css": "text/css; charset=utf-8",
}
_HEADERS: Final = {
    "Cache-Control": "no-cache",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    ),
}


class Reference:
    """Answers for the description. What it says is made, or read, with the first request for it."""

    def __init__(self, address: str) -> None:
        """``address``: the base URL that timbred is served at."""
        self._address = address
        self._made: dict[str, bytes] = {}

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/openapi.json", self.openapi)
        app.router.add_get("/docs", self.page)
        app.router.add_get("/docs/{name}", self.file)

    async def openapi(self, request: web.Request) -> web.Response:
        return await self._answer(request, "openapi.json", "application/json; charset=utf-8")

    async def page(self, request: web.Request) -> web.Response:
        return await self._answer(request, "index.html", _FILES["index.html"])

    async def file(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in _FILES:
            raise web.HTTPNotFound
        return await self._answer(request, name, _FILES[name])

    async def _answer(self, request: web.Request, name: str, kind: str) -> web.Response:
        if name not in self._made:
            self._made[name] = await asyncio.to_thread(self._make, name)
        return await finished(request, self._made[name], _HEADERS | {"Content-Type": kind})

    def _make(self, name: str) -> bytes:
        if name == "openapi.json":
            return json.dumps(document(self._address), ensure_ascii=False, separators=(",", ":")).encode()
        return files("timbred_api").joinpath("docs_files", name).read_bytes()
