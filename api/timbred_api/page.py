"""The page at ``/``: the files of ``page_files``, under a policy that lets nothing else in."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from aiohttp import web

from timbred_api.page_script import joined
from timbred_api.ranges import is_known
from timbred_api.version import VERSION

FRONT: Final = "index.html"
SCRIPT: Final = "script.js"
STYLE: Final = "style.css"

_FIRST_SCRIPT: Final = "theme.js"  # runs before anything is drawn, so it is no module
_STYLES: Final = ("base.css", "sounds.css", "views.css")

_TYPES: Final = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}

# Sounds have hostile names, and the page can do everything that timbred can: no script or style but its own files, no
# parsing of text as HTML at all (trusted types), nothing sent elsewhere, no frame around it.
POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)

_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
}


@dataclass(frozen=True, slots=True)
class PageFile:
    body: bytes
    type: str


@dataclass(frozen=True, slots=True)
class PageFiles:
    """The page as it is sent.

    Attributes:
        files: by name. The front names the others below ``/page/EDITION/``: the modules as one script, the style
            sheets as one, and both as they were written, too, for those who look into the page.
        edition: a hash of all of them. Browsers keep what has it in its address and never ask again, and an update
            never meets yesterday's script.
    """

    files: Mapping[str, PageFile]
    edition: str


def read_files() -> PageFiles:
    """Reads every file of the page from the package."""
    found: dict[str, PageFile] = {}
    for entry in sorted(files("timbred_api").joinpath("page_files").iterdir(), key=lambda entry: entry.name):
        if (kind := _TYPES.get(entry.name[entry.name.rfind(".") :])) is not None:
            found[entry.name] = PageFile(entry.read_bytes(), kind)
    found[SCRIPT] = PageFile(_script(found).encode(), _TYPES[".js"])
    found[STYLE] = PageFile(b"".join(found[name].body for name in _STYLES), _TYPES[".css"])
    edition = hashlib.sha256(b"".join(file.body for file in found.values())).hexdigest()[:16]
    front = found[FRONT].body.replace(b'"/page/', f'"/page/{edition}/'.encode())
    return PageFiles(found | {FRONT: PageFile(front, found[FRONT].type)}, edition)


def _script(found: Mapping[str, PageFile]) -> str:
    names = [name.removesuffix(".js") for name in found if name.endswith(".js") and name != _FIRST_SCRIPT]
    return joined({name: found[f"{name}.js"].body.decode() for name in names}, "main")


class Page:
    """Answers for the page. Its files are read once, with the first request for one of them."""

    def __init__(self) -> None:
        self._read: PageFiles | None = None

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/", self.front)
        app.router.add_get("/page/{edition}/{name}", self.file)

    async def front(self, request: web.Request) -> web.Response:
        """The page for browsers; for curl, a hint in two lines."""
        if "text/html" not in request.headers.get("Accept", ""):
            return web.Response(text=_greeting(), headers={"Vary": "Accept"})
        page = await self._page()
        headers = _HEADERS | {"ETag": f'"{page.edition}"', "Cache-Control": "no-cache", "Vary": "Accept"}
        if is_known(request.headers.get("If-None-Match"), page.edition):
            return web.Response(status=304, headers=headers)
        return _answer(page.files[FRONT], headers)

    async def file(self, request: web.Request) -> web.Response:
        page = await self._page()
        file = page.files.get(request.match_info["name"])
        if file is None or request.match_info["edition"] != page.edition:
            raise web.HTTPNotFound
        return _answer(file, _HEADERS | {"Cache-Control": "private, max-age=31536000, immutable"})

    async def _page(self) -> PageFiles:
        if self._read is None:
            self._read = await asyncio.to_thread(read_files)
        return self._read


def _answer(file: PageFile, headers: Mapping[str, str]) -> web.Response:
    return web.Response(body=file.body, content_type=file.type, charset="utf-8", headers=headers)


def _greeting() -> str:
    return (
        f"timbred {VERSION}\n\nTry /v1/status or /v1/similar?path=/absolute/path/of/a/sound.wav; "
        "a browser shows the page here.\n"
    )
