"""HTTP as a face of the operations: one wrapper, one error shape. Never blocks the loop."""

from __future__ import annotations

import asyncio
import logging

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from timbred_api.engine import Engine
from timbred_api.mcp.mount import McpMount
from timbred_api.operation import Operation
from timbred_api.operations import OPERATIONS
from timbred_api.problems import internal_error, problem_of
from timbred_api.requests import read_parameters, received
from timbred_api.responses import aiohttp_problem, json_response, problem_response
from timbred_api.security import check_caller
from timbred_api.version import VERSION
from timbred_indexer.errors import TimbredError

logger = logging.getLogger(__name__)

MAX_JSON = 2**20


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
            return problem_response(problem_of(error))
        except web.HTTPException as error:
            return problem_response(aiohttp_problem(error))
        except asyncio.CancelledError:
            raise
        except Exception:  # the request's edge: one bad request must not look like a dead daemon
            logger.exception("%s %s failed", request.method, request.path)
            return problem_response(internal_error())

    return middleware


def _handler(engine: Engine, operation: Operation) -> Handler:
    call = operation.ready or operation.call

    async def handle(request: web.Request) -> web.StreamResponse:
        parameters = await read_parameters(request, operation)
        if operation.upload:
            async with received(request, engine.upload_folder) as upload:
                return json_response(await call(engine, parameters, upload))
        return json_response(await call(engine, parameters))

    return handle


async def _greet(_: web.Request) -> web.Response:
    return web.Response(text=f"timbred {VERSION}\n\nTry /v1/status or /v1/similar?path=/absolute/path/of/a/sound.wav\n")
