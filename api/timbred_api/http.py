"""HTTP as a face of the operations: one wrapper, one error shape. Never blocks the loop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import logging
import os
import tempfile
from collections.abc import AsyncGenerator
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from multidict import CIMultiDict
from pydantic import ValidationError

from timbred_api.engine import Engine
from timbred_api.mcp.mount import McpMount
from timbred_api.operations import OPERATIONS, Operation
from timbred_api.problems import Problem, bad_parameters, internal_error, problem_of
from timbred_api.rows import Ready
from timbred_api.schemas import Result
from timbred_api.security import check_caller
from timbred_api.version import VERSION
from timbred_indexer.errors import NotFoundError, RequestError, StorageError, TimbredError

logger = logging.getLogger(__name__)

MAX_UPLOAD = 256 * 2**20  # bytes; half an hour of CD sound
MAX_JSON = 2**20
_JSON = CIMultiDict({"Content-Type": "application/json; charset=utf-8"})


def make_app(engine: Engine, *, port: int, mcp: McpMount | None = None) -> web.Application:
    """The aiohttp application, for the port it is served on. ``mcp``: instead of timbred's own."""
    app = web.Application(middlewares=[_guard(port)], client_max_size=MAX_JSON)
    for operation in OPERATIONS:
        app.router.add_route(operation.method, operation.path, _handler(engine, operation))
    app.router.add_get("/", _greet)
    mcp = mcp or McpMount(engine)
    for method in ("GET", "POST", "DELETE"):
        app.router.add_route(method, "/mcp", mcp.handle)
    app.on_shutdown.append(mcp.close)
    return app


def _guard(port: int) -> Middleware:
    """Checks every caller, known route or not, and turns every error into a problem document."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            check_caller(request.method, request.headers, port=port)
            return await handler(request)
        except TimbredError as error:
            return _problem(problem_of(error))
        except web.HTTPException as error:
            return _problem(_of_aiohttp(error))
        except asyncio.CancelledError:
            raise
        except Exception:  # the request's edge: one bad request must not look like a dead daemon
            logger.exception("%s %s failed", request.method, request.path)
            return _problem(internal_error())

    return middleware


def _handler(engine: Engine, operation: Operation) -> Handler:
    call = operation.ready or operation.call

    async def handle(request: web.Request) -> web.StreamResponse:
        parameters = await _parameters(request, operation)
        if operation.upload:
            async with _received(request, engine.upload_folder) as upload:
                return _json(await call(engine, parameters, upload))
        return _json(await call(engine, parameters))

    return handle


async def _parameters(request: web.Request, operation: Operation) -> Any:
    """Path, query and (but for uploads) JSON body, as the operation's parameters."""
    given: dict[str, object] = {}
    if not operation.upload and request.can_read_body:
        given.update(await _json_body(request))
    for name, value in [*request.query.items(), *request.match_info.items()]:
        if name in given:
            raise RequestError(f"The parameter {name!r} is given twice.", code="bad_parameter")
        given[name] = value
    try:
        return operation.parameters.model_validate(given)
    except ValidationError as error:
        raise bad_parameters(error) from None


async def _json_body(request: web.Request) -> dict[str, object]:
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError) as error:
        raise RequestError("The body is not JSON.", code="bad_json") from error
    if not isinstance(body, dict):
        raise RequestError("The body must be a JSON object.", code="bad_json")
    return body  # pyright: ignore[reportUnknownVariableType]  the schema checks each value


@contextlib.asynccontextmanager
async def _received(request: web.Request, folder: str) -> AsyncGenerator[bytes]:
    """Streams the body into a private file and takes it away afterwards.

    Raises:
        RequestError: ``upload_too_large``, or nothing was sent.
        StorageError: ``disk_full``, or another reason for which it could not be kept.
    """
    too_large = RequestError(
        f"The sound is larger than {MAX_UPLOAD // 2**20} MB; send a part of it, or its path.", code="upload_too_large"
    )
    if (request.content_length or 0) > MAX_UPLOAD:
        raise too_large
    descriptor, name = await asyncio.to_thread(tempfile.mkstemp, prefix="upload-", dir=folder)
    try:
        size = 0
        try:
            async for chunk in request.content.iter_chunked(2**18):
                size += len(chunk)
                if size > MAX_UPLOAD:
                    raise too_large
                await asyncio.to_thread(_write_all, descriptor, chunk)
        finally:
            os.close(descriptor)
        if not size:
            raise RequestError("Send the sound as the request's body.", code="empty_body")
        yield os.fsencode(name)
    finally:
        await asyncio.to_thread(os.unlink, name)


def _write_all(descriptor: int, data: bytes) -> None:
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    except OSError as error:
        full = error.errno == errno.ENOSPC
        raise StorageError(
            f"The upload cannot be kept: {error.strerror}.", code="disk_full" if full else "storage"
        ) from error


async def _greet(_: web.Request) -> web.Response:
    return web.Response(text=f"timbred {VERSION}\n\nTry /v1/status or /v1/similar?path=/absolute/path/of/a/sound.wav\n")


def _json(result: Result | Ready) -> web.Response:
    body = result.json if isinstance(result, Ready) else result.model_dump_json().encode()
    return web.Response(body=body, headers=_JSON)


def _problem(problem: Problem) -> web.Response:
    return web.Response(
        status=problem.status, body=problem.model_dump_json().encode(), content_type="application/problem+json"
    )


def _of_aiohttp(error: web.HTTPException) -> Problem:
    if isinstance(error, web.HTTPNotFound):
        return problem_of(NotFoundError("There is nothing at this address.", code="unknown_route"))
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        return problem_of(RequestError(f"This address takes {allowed}.", code="method_not_allowed"))
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return problem_of(RequestError("The body is too large.", code="upload_too_large"))
    return Problem(title=error.reason, status=error.status, detail=error.reason, code="http")
