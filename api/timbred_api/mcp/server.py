"""The MCP server: the SDK's protocol, both eras of it, over the tools and resources.

It stands on the SDK's plain ``Server``, not on ``MCPServer``: that one makes schemas from function signatures, while
ours come from the operations' models, and wraps failures in words of its own.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from mcp.server.caching import CacheHint
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    TextContent,
    ToolAnnotations,
)
from mcp.types import Tool as ListedTool
from pydantic import ValidationError

from timbred_api.engine import Engine
from timbred_api.json_schema import input_schema, output_schema
from timbred_api.mcp import failures
from timbred_api.mcp.bridge import AsgiApp
from timbred_api.mcp.identity import INSTRUCTIONS, NAME, TITLE
from timbred_api.mcp.resources import TEMPLATE, read_sound
from timbred_api.mcp.tools import TOOLS, Call, Tool
from timbred_api.problems import bad_parameters
from timbred_api.version import VERSION
from timbred_indexer.errors import TimbredError

logger = logging.getLogger(__name__)

MAX_BODY = 2**20  # bytes of one message
MAX_SESSIONS = 512  # of the older protocol; an idle one is some 40 kB
IDLE_SESSION = 600.0  # seconds; many clients leave theirs behind, and an assistant at work holds a stream open

_LASTING = CacheHint(ttl_ms=3_600_000)

Context = ServerRequestContext[Any, Any]

LISTED: tuple[ListedTool, ...] = tuple(
    ListedTool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=input_schema(tool.parameters),
        output_schema=output_schema(tool.answer),
        annotations=ToolAnnotations(
            title=tool.title,  # where older clients look for it
            read_only_hint=tool.reads_only,
            destructive_hint=None if tool.reads_only else tool.destructive,  # says nothing of what only reads
            idempotent_hint=None if tool.reads_only else True,
            open_world_hint=False,
        ),
    )
    for tool in TOOLS
)


def make_server(engine: Engine) -> Server[Any]:
    """The server over an engine, for whichever transport."""

    async def list_tools(_: Context, __: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=list(LISTED))

    async def call_tool(context: Context, params: CallToolRequestParams) -> CallToolResult:
        tool = next((tool for tool in TOOLS if tool.name == params.name), None)
        if tool is None:
            names = ", ".join(tool.name for tool in TOOLS)
            raise MCPError(code=INVALID_PARAMS, message=f"There is no tool {params.name!r}; there are {names}.")
        return await _called(engine, tool, params.arguments or {}, context)

    async def list_resources(_: Context, __: PaginatedRequestParams | None) -> ListResourcesResult:
        return ListResourcesResult(resources=[])  # a library is too long a list: links and the template lead to sounds

    async def list_templates(_: Context, __: PaginatedRequestParams | None) -> ListResourceTemplatesResult:
        return ListResourceTemplatesResult(resource_templates=[TEMPLATE])

    async def read_resource(_: Context, params: ReadResourceRequestParams) -> ReadResourceResult:
        return await read_sound(engine, str(params.uri))

    server: Server[Any] = Server(
        NAME,
        version=VERSION,
        title=TITLE,
        instructions=INSTRUCTIONS,
        cache_hints={"tools/list": _LASTING, "resources/templates/list": _LASTING},
        get_tool_input_schema={tool.name: tool.input_schema for tool in LISTED}.get,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_list_resource_templates=list_templates,
        on_read_resource=read_resource,
    )
    server.middleware.clear()  # it holds telemetry, and nothing else
    return server


def serving(engine: Engine) -> AbstractAsyncContextManager[AsgiApp]:
    """timbred's server over streamable HTTP, while the body runs."""
    return over_http(make_server(engine))


@asynccontextmanager
async def over_http(server: Server[Any]) -> AsyncGenerator[AsgiApp]:
    """The streamable HTTP transport while the body runs, as an ASGI application; enter and leave it in one task."""
    # Who may call is checked before this, for every route alike.
    manager = StreamableHTTPSessionManager(
        server,
        max_request_body_size=MAX_BODY,
        session_idle_timeout=IDLE_SESSION,
        max_sessions=MAX_SESSIONS,
    )
    logging.getLogger("mcp").setLevel(logging.WARNING)  # below that it logs the sessions' ids, which are keys to them
    async with manager.run():
        yield manager.handle_request


async def _called(engine: Engine, tool: Tool, arguments: dict[str, Any], context: Context) -> CallToolResult:
    async def report(progress: float, total: float | None, message: str) -> None:
        await context.session.report_progress(progress, total, message)

    try:
        try:
            parameters = tool.parameters.model_validate(arguments)
        except ValidationError as error:
            raise bad_parameters(error) from None
        answer = await tool.call(Call(engine, report), parameters)
    except TimbredError as error:
        return failures.failed(error)
    except Exception:  # the request's edge: one bad call must not look like a dead daemon
        logger.exception("The tool %s failed", tool.name)
        return failures.mistaken()
    return CallToolResult(
        content=[TextContent(type="text", text=answer.text), *answer.links],
        structured_content=answer.structure.model_dump(mode="json", by_alias=True),
    )
