"""MCP over stdio for assistants that start a program: every request is put to the running daemon's ``/mcp``.

Towards the assistant it speaks whichever era of the protocol is asked of it, towards the daemon the newer one, in which
every request stands for itself: no session can be lost, so the daemon may stop and start again in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, Protocol, TypeVar

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.shared.dispatcher import ProgressFnT
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INTERNAL_ERROR,
    CallToolRequest,
    CallToolRequestParams,
    CallToolResult,
    ListResourcesRequest,
    ListResourcesResult,
    ListResourceTemplatesRequest,
    ListResourceTemplatesResult,
    ListToolsRequest,
    ListToolsResult,
    PaginatedRequestParams,
    ReadResourceRequest,
    ReadResourceRequestParams,
    ReadResourceResult,
)
from mcp.types import Result as McpResult

from timbred_api.async_client import connect
from timbred_api.client import DaemonNotRunning
from timbred_api.mcp import failures
from timbred_api.mcp.identity import INSTRUCTIONS, NAME, TITLE
from timbred_api.version import VERSION
from timbred_indexer.errors import TimbredError, UnavailableError


class Place(Protocol):
    """Where a daemon answers: at its base URL, or its unix socket; the token is for the former alone."""

    @property
    def address(self) -> str: ...

    @property
    def socket(self) -> str | None: ...

    @property
    def token(self) -> str | None: ...


Find = Callable[[], Place]
"""Blocks while it looks. DaemonNotRunning where there is none."""

ERA = "2026-07-28"
TIMEOUT = httpx2.Timeout(30.0, read=300.0)  # seconds; a long call is pinged every 15

Context = ServerRequestContext[Any, Any]
R = TypeVar("R", bound=McpResult)


def run(find: Find) -> None:
    """Serves stdin and stdout until stdin ends."""
    asyncio.run(_serve(find))


async def _serve(find: Find) -> None:
    async with AsyncExitStack() as stack, stdio_server() as (reading, writing):
        server = make_proxy(Upstream(find, stack))
        await server.run(reading, writing, server.create_initialization_options())


class Upstream:
    """The daemon, wherever it is now. Connections live as long as ``stack``."""

    def __init__(self, find: Find, stack: AsyncExitStack) -> None:
        self._find = find
        self._stack = stack
        self._connected: tuple[Place, httpx2.AsyncClient] | None = None
        self._lost = True

    async def ask(self, request: Any, kind: type[R], report: ProgressFnT | None = None) -> R:
        """Puts one request; looks for the daemon anew when it is not where it was.

        Raises:
            MCPError: the daemon's own refusal.
            DaemonNotRunning: there is none.
            UnavailableError: it went away before it had answered.
        """
        if self._connected is not None and not self._lost:
            try:
                return await self._ask(*self._connected, request, kind, report)
            except DaemonNotRunning:
                self._lost = True  # nothing was sent: to ask once more is safe, whatever the request does
        found = await asyncio.to_thread(self._find)
        if self._connected is None or self._connected[0] != found:
            http = connect(found.address, socket=found.socket, token=found.token, timeout=TIMEOUT)
            self._connected = found, await self._stack.enter_async_context(http)
        self._lost = False
        return await self._ask(*self._connected, request, kind, report)

    async def _ask(
        self, place: Place, http: httpx2.AsyncClient, request: Any, kind: type[R], report: ProgressFnT | None
    ) -> R:
        outcome: R | MCPError
        try:
            transport = streamable_http_client(f"{place.address}/mcp", http_client=http)
            async with Client(transport, mode=ERA, cache=None) as client:
                try:
                    outcome = await client.session.send_request(request, kind, progress_callback=report)
                except MCPError as error:
                    outcome = error
        except ExceptionGroup as group:
            if group.subgroup(httpx2.ConnectError) is not None:
                raise DaemonNotRunning(place.address) from group
            if group.subgroup(httpx2.HTTPError) is not None:
                raise UnavailableError("timbred went away before it had answered.") from group
            raise
        if isinstance(outcome, MCPError):
            raise outcome
        return outcome


def make_proxy(upstream: Upstream) -> Server[Any]:
    """A server that knows nothing by itself."""

    async def list_tools(_: Context, params: PaginatedRequestParams | None) -> ListToolsResult:
        return await _or_refuse(upstream.ask(ListToolsRequest(params=_own(params)), ListToolsResult))

    async def call_tool(context: Context, params: CallToolRequestParams) -> CallToolResult:
        async def report(progress: float, total: float | None, message: str | None) -> None:
            await context.session.report_progress(progress, total, message)

        plain = CallToolRequestParams(name=params.name, arguments=params.arguments)
        try:
            return await upstream.ask(CallToolRequest(params=plain), CallToolResult, report)
        except TimbredError as error:
            return failures.failed(error)

    async def list_resources(_: Context, params: PaginatedRequestParams | None) -> ListResourcesResult:
        return await _or_refuse(upstream.ask(ListResourcesRequest(params=_own(params)), ListResourcesResult))

    async def list_templates(_: Context, params: PaginatedRequestParams | None) -> ListResourceTemplatesResult:
        request = ListResourceTemplatesRequest(params=_own(params))
        return await _or_refuse(upstream.ask(request, ListResourceTemplatesResult))

    async def read_resource(_: Context, params: ReadResourceRequestParams) -> ReadResourceResult:
        request = ReadResourceRequest(params=ReadResourceRequestParams(uri=params.uri))
        return await _or_refuse(upstream.ask(request, ReadResourceResult))

    server: Server[Any] = Server(
        NAME,
        version=VERSION,
        title=TITLE,
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_list_resource_templates=list_templates,
        on_read_resource=read_resource,
    )
    server.middleware.clear()  # it holds telemetry, and nothing else
    return server


def _own(params: PaginatedRequestParams | None) -> PaginatedRequestParams:
    """Without the caller's ``_meta``, which names its own era and progress token."""
    return PaginatedRequestParams(cursor=None if params is None else params.cursor)


async def _or_refuse(asked: Awaitable[R]) -> R:
    try:
        return await asked
    except TimbredError as error:
        raise MCPError(code=INTERNAL_ERROR, message=error.message) from error
