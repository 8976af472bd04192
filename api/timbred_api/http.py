"""HTTP as a face of the operations: one wrapper, one error shape. Never blocks the loop."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from timbred_api.engine import Engine
from timbred_api.limits import REQUESTS_AT_ONCE, UPLOADS_AT_ONCE, Room, answer_in_time
from timbred_api.mcp.mount import McpMount
from timbred_api.negotiation import JSON, PATHS, PLAYLIST, choose
from timbred_api.operation import Operation
from timbred_api.operations import OPERATIONS
from timbred_api.page import Page
from timbred_api.problems import internal_error, problem_of
from timbred_api.reference import Reference
from timbred_api.requests import read_parameters, received
from timbred_api.responses import aiohttp_response, problem_response, respond
from timbred_api.security import Access, Door
from timbred_api.tracing import RequestIds, Trace
from timbred_indexer.errors import RequestError, TimbredError, UnavailableError

logger = logging.getLogger(__name__)

MAX_JSON = 2**20
MAX_LINE = 2**16
"""Bytes of a request's first line: the longest path takes three for each of its own as a URI."""
TRACE = web.RequestKey("trace", Trace)


def make_app(engine: Engine, *, port: int, mcp: McpMount | None = None, door: Door | None = None) -> web.Application:
    """The aiohttp application, for the port it is served on.

    Args:
        mcp: instead of timbred's own.
        door: who may call; without one, this user and root. It is opened and closed with the application.
    """
    door = door or Door(Access(port))
    app = web.Application(middlewares=[_guard(engine, door)], client_max_size=MAX_JSON)
    app.on_response_prepare.append(_label)
    requests, uploads = Room(REQUESTS_AT_ONCE), Room(UPLOADS_AT_ONCE)
    for operation in OPERATIONS:
        answering = _handler(engine, operation, uploads if operation.upload else requests)
        handler = engine.latencies.timed(operation.name, answering)
        app.router.add_route(operation.method, operation.path, handler)
        if operation.method == "GET" and not operation.lasting:
            app.router.add_route("HEAD", operation.path, handler)
    Page().add_to(app)
    Reference(engine.address).add_to(app)
    mcp = mcp or McpMount(engine)
    for method in ("GET", "POST", "DELETE"):
        app.router.add_route(method, "/mcp", mcp.handle)
    app.on_shutdown.append(mcp.close)
    app.on_shutdown.append(lambda _: engine.media.close())

    async def attended(_: web.Application) -> AsyncGenerator[None]:
        await asyncio.to_thread(door.open)
        yield
        door.close()

    app.cleanup_ctx.append(attended)
    return app


def _guard(engine: Engine, door: Door) -> Middleware:
    """Checks every caller, known route or not, and turns every error into a problem document."""
    ids = RequestIds()

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        trace = request[TRACE] = Trace(ids.of(request.headers.get("X-Request-Id")), time.perf_counter())
        try:
            door.check(request.transport, request.method, request.headers)
            if engine.control.stopping:
                raise UnavailableError("timbred is stopping.", code="stopping")
            return await handler(request)
        except TimbredError as error:
            response = problem_response(problem_of(error))
        except web.HTTPException as error:
            response = aiohttp_response(request, error)
        except web.RequestPayloadError:
            broken = RequestError("The body breaks off, or is not what its headers say.", code="bad_body")
            response = problem_response(problem_of(broken))
        except asyncio.CancelledError:
            raise
        except Exception as error:  # the request's edge: one bad request must not look like a dead daemon
            if isinstance(error, ConnectionError) and (request.transport is None or request.transport.is_closing()):
                raise  # the caller has gone, which is no failure of ours
            logger.exception("%s %s failed (request %s)", request.method, request.path, trace.id)
            response = problem_response(internal_error())
        if trace.answering:
            raise ConnectionAbortedError("The answer broke off.")  # nothing else can be said on this connection
        return response

    return middleware


async def _label(request: web.Request, response: web.StreamResponse) -> None:
    """Says which request this answers and how long that took; of a stream, until it began."""
    trace = request.get(TRACE)
    if trace is None:
        return  # aiohttp refused it before it came to us
    trace.answering = True
    response.headers["X-Request-Id"] = trace.id
    response.headers["Server-Timing"] = f"total;dur={(time.perf_counter() - trace.began) * 1000:.2f}"


def _handler(engine: Engine, operation: Operation, room: Room) -> Handler:
    call = operation.ready or operation.call
    offers = operation.media or ((JSON, PATHS, PLAYLIST) if operation.sounds else (JSON,))

    async def result_of(request: web.Request) -> Any:
        parameters = await read_parameters(request, operation)
        if operation.upload:
            async with received(request, engine.upload_folder) as upload:
                return await call(engine, parameters, upload)
        return await call(engine, parameters)

    async def handle(request: web.Request) -> web.StreamResponse:
        form = choose(request.headers.get("Accept", ""), offers)
        with room:
            result = await answer_in_time(operation.limit, result_of(request))
        return await respond(request, result, form)

    return handle
