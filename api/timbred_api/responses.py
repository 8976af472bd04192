"""From an operation's result, or an error, to an HTTP response."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

from aiohttp import web
from multidict import CIMultiDict
from pydantic_core import from_json

from timbred_api.answers import Document, Streamed, Text
from timbred_api.forms import Row, path_lines, playlist
from timbred_api.negotiation import JSON, PATHS, PLAYLIST, accepts_gzip
from timbred_api.problems import Problem, problem_of, retry_after
from timbred_api.ranges import is_known
from timbred_api.rows import Ready
from timbred_api.schemas import Result
from timbred_api.security import CHALLENGES
from timbred_api.sending import send
from timbred_indexer.errors import NotFoundError, RequestError

READING: Final = ("GET", "HEAD")

_SMALL: Final = 1024  # bytes that are not worth compressing
_LARGE: Final = 2**18  # bytes that would hold the loop up for milliseconds

_VARY: Final = "Accept, Accept-Encoding"
# Kept answers are asked about before they are used again: the library may have changed.
_HEADERS: Final = {
    form: CIMultiDict({"Content-Type": type, "Cache-Control": "no-cache", "Vary": _VARY})
    for form, type in (
        (JSON, "application/json; charset=utf-8"),
        (PATHS, "text/plain; charset=utf-8"),
        (PLAYLIST, PLAYLIST),
    )
}
_LASTING: Final = CIMultiDict({**_HEADERS[JSON], "Cache-Control": "private, max-age=31536000, immutable"})

Answer = Result | Ready | Document | Streamed | Text


async def respond(request: web.Request, result: Answer, form: str) -> web.StreamResponse:
    """The answer in the form that was chosen for it."""
    if isinstance(result, Streamed):
        return await send(request, result)
    if isinstance(result, Text):
        headers = {"Content-Type": result.media_type, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return web.Response(body=result.body, headers=headers)
    if isinstance(result, Document):
        return await finished(request, result.json, _LASTING if result.lasting else _HEADERS[JSON])
    if form == JSON:
        body = result.json if isinstance(result, Ready) else result.model_dump_json().encode()
        return await finished(request, body, _HEADERS[JSON])
    document = from_json(result.json) if isinstance(result, Ready) else result.model_dump(mode="json")
    response = await finished(request, _as_text(document["results"], form), _HEADERS[form])
    response.headers["X-Content-Type-Options"] = "nosniff"  # names of files are other people's text
    if document["next"] is not None:
        after = request.rel_url.update_query(cursor=document["next"])
        response.headers["Link"] = f'<{after}>; rel="next"'
    return response


def _as_text(rows: Sequence[Row], form: str) -> bytes:
    lines = playlist(rows) if form == PLAYLIST else path_lines(rows, utf8=True)
    return b"".join(line + b"\n" for line in lines)


async def finished(request: web.Request, body: bytes, headers: Mapping[str, str]) -> web.Response:
    """A response with an ETag where it can be asked again: no body for those who have it, gzipped for those who ask."""
    response = web.Response(body=body, headers=headers)
    if request.method in READING:
        tag = hashlib.sha1(body, usedforsecurity=False).hexdigest()[:20]
        response.headers["ETag"] = f'W/"{tag}"'  # weak: it stands for what is said, compressed or not
        if is_known(request.headers.get("If-None-Match"), tag):
            response.set_status(304)
            response.body = None
            return response
    if len(body) >= _SMALL and accepts_gzip(request.headers.get("Accept-Encoding", "")):
        response.body = await _gzipped(body)
        response.headers["Content-Encoding"] = "gzip"
    return response


async def _gzipped(body: bytes) -> bytes:
    """At the fastest level: over the loopback, time is dearer than bytes."""
    if len(body) < _LARGE:
        return gzip.compress(body, compresslevel=1, mtime=0)
    return await asyncio.to_thread(gzip.compress, body, compresslevel=1, mtime=0)


def problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> web.Response:
    response = web.Response(
        status=problem.status,
        body=problem.model_dump_json().encode(),
        content_type="application/problem+json",
        headers=headers,
    )
    if (seconds := retry_after(problem.code)) is not None:
        response.headers["Retry-After"] = str(seconds)
    if problem.status == 401:
        response.headers.extend([("WWW-Authenticate", challenge) for challenge in CHALLENGES])
    return response


def aiohttp_response(request: web.Request, error: web.HTTPException) -> web.Response:
    """For what aiohttp itself refuses; for ``OPTIONS``, which is no refusal."""
    if not isinstance(error, web.HTTPMethodNotAllowed):
        return problem_response(_aiohttp_problem(error))
    allowed = ", ".join(sorted({*error.allowed_methods, "OPTIONS"}))
    if request.method == "OPTIONS":
        return web.Response(status=204, headers={"Allow": allowed})
    problem = problem_of(RequestError(f"This address takes {allowed}.", code="method_not_allowed"))
    return problem_response(problem, {"Allow": allowed})


def _aiohttp_problem(error: web.HTTPException) -> Problem:
    if isinstance(error, web.HTTPNotFound):
        return problem_of(NotFoundError("There is nothing at this address.", code="unknown_route"))
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return problem_of(RequestError("The body is too large.", code="upload_too_large"))
    return Problem(title=error.reason, status=error.status, detail=error.reason, code="http")
