"""The fixtures that MCP's conformance suite wants by name, on timbred's own HTTP stack: ``python serve.py PORT``."""

from __future__ import annotations

import asyncio
import base64
import sys
from contextlib import AbstractAsyncContextManager
from types import SimpleNamespace
from typing import Any, cast

from aiohttp import web
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    AudioContent,
    BlobResourceContents,
    CallToolRequestParams,
    CallToolResult,
    ContentBlock,
    EmbeddedResource,
    GetPromptRequestParams,
    GetPromptResult,
    ImageContent,
    ListPromptsResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    PaginatedRequestParams,
    Prompt,
    PromptArgument,
    PromptMessage,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    SamplingMessage,
    TextContent,
    TextResourceContents,
    Tool,
)

from timbred_api.engine import Engine
from timbred_api.http import make_app
from timbred_api.latencies import Latencies
from timbred_api.mcp.bridge import AsgiApp
from timbred_api.mcp.mount import McpMount
from timbred_api.mcp.server import over_http
from timbred_api.media import Media

Context = ServerRequestContext[Any, Any]
Json = dict[str, Any]

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
SILENCE = base64.b64encode(
    b"RIFF&\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0@\x1f\0\0@\x1f\0\0\x01\0\x08\0data\x02\0\0\0\x80\x80"
).decode()

NO_ARGUMENTS: Json = {"type": "object", "properties": {}}
ADDRESS: Json = {"type": "object", "properties": {"street": {"type": "string"}, "city": {"type": "string"}}}
NEW_SCHEMA: Json = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {"address": ADDRESS},
    "properties": {"name": {"type": "string"}, "address": {"$ref": "#/$defs/address"}},
    "additionalProperties": False,
}
OPTIONS = ["option1", "option2", "option3"]
TITLED = [{"const": f"value{number}", "title": f"Option {number}"} for number in (1, 2, 3)]
QUESTIONS: dict[str, Json] = {
    "test_elicitation": {"username": {"type": "string"}, "email": {"type": "string"}},
    "test_elicitation_sep1034_defaults": {
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        "verified": {"type": "boolean", "default": True},
    },
    "test_elicitation_sep1330_enums": {
        "untitledSingle": {"type": "string", "enum": OPTIONS},
        "titledSingle": {"type": "string", "oneOf": TITLED},
        "legacyEnum": {"type": "string", "enum": ["opt1", "opt2"], "enumNames": ["Option One", "Option Two"]},
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": OPTIONS}},
        "titledMulti": {"type": "array", "items": {"anyOf": TITLED}},
    },
}
TOOLS: dict[str, Json] = {
    "test_simple_text": NO_ARGUMENTS,
    "test_image_content": NO_ARGUMENTS,
    "test_audio_content": NO_ARGUMENTS,
    "test_embedded_resource": NO_ARGUMENTS,
    "test_multiple_content_types": NO_ARGUMENTS,
    "test_error_handling": NO_ARGUMENTS,
    "test_missing_capability": NO_ARGUMENTS,
    "test_tool_with_progress": NO_ARGUMENTS,
    "json_schema_2020_12_tool": NEW_SCHEMA,
    "test_sampling": {"type": "object", "properties": {"prompt": {"type": "string"}}},
    **{name: {"type": "object", "properties": {"message": {"type": "string"}}} for name in QUESTIONS},
}
PROMPTS: dict[str, tuple[str, ...]] = {
    "test_simple_prompt": (),
    "test_prompt_with_arguments": ("arg1", "arg2"),
    "test_prompt_with_embedded_resource": ("resourceUri",),
    "test_prompt_with_image": (),
}


def text(words: str) -> TextContent:
    return TextContent(type="text", text=words)


def image() -> ImageContent:
    return ImageContent(type="image", data=PIXEL, mime_type="image/png")


def embedded(uri: str) -> EmbeddedResource:
    contents = TextResourceContents(uri=uri, mime_type="text/plain", text="Embedded.")
    return EmbeddedResource(type="resource", resource=contents)


async def list_tools(_: Context, __: PaginatedRequestParams | None) -> ListToolsResult:
    return ListToolsResult(
        tools=[Tool(name=name, description=f"Fixture {name}.", input_schema=schema) for name, schema in TOOLS.items()]
    )


async def call_tool(context: Context, params: CallToolRequestParams) -> CallToolResult:
    arguments = params.arguments or {}
    contents: dict[str, list[ContentBlock]] = {
        "test_simple_text": [text("This is a simple text response for testing.")],
        "test_image_content": [image()],
        "test_audio_content": [AudioContent(type="audio", data=SILENCE, mime_type="audio/wav")],
        "test_embedded_resource": [embedded("test://embedded-resource")],
        "test_multiple_content_types": [text("Mixed:"), image(), embedded("test://mixed-content-resource")],
    }
    if params.name == "test_tool_with_progress":
        for done in (0.0, 50.0, 100.0):
            await context.session.report_progress(done, 100.0)
            await asyncio.sleep(0.05)
    if params.name == "test_missing_capability":
        data: Json = {"requiredCapabilities": {"sampling": {}}}
        raise MCPError(code=MISSING_REQUIRED_CLIENT_CAPABILITY, message="It needs sampling.", data=data)
    if params.name == "test_sampling":
        asked = SamplingMessage(role="user", content=text(str(arguments.get("prompt"))))
        answer = await context.session.create_message([asked], max_tokens=100)  # pyright: ignore[reportDeprecated]
        return CallToolResult(content=[text(f"LLM response: {answer.content}")])
    if (fields := QUESTIONS.get(params.name)) is not None:
        schema: Json = {"type": "object", "properties": fields, "required": list(fields)}
        said = await context.session.elicit_form(str(arguments.get("message", "?")), schema)
        return CallToolResult(content=[text(f"User response: {said.action}, {said.content}")])
    failing = params.name == "test_error_handling"
    return CallToolResult(content=contents.get(params.name, [text(params.name)]), is_error=failing)


async def list_resources(_: Context, __: PaginatedRequestParams | None) -> ListResourcesResult:
    names = ("static-text", "static-binary")
    return ListResourcesResult(
        resources=[Resource(uri=f"test://{name}", name=name, description="A fixture.") for name in names]
    )


async def list_templates(_: Context, __: PaginatedRequestParams | None) -> ListResourceTemplatesResult:
    template = ResourceTemplate(uri_template="test://template/{id}/data", name="template")
    return ListResourceTemplatesResult(resource_templates=[template])


async def read_resource(_: Context, params: ReadResourceRequestParams) -> ReadResourceResult:
    uri = str(params.uri)
    if uri.endswith("binary"):
        return ReadResourceResult(contents=[BlobResourceContents(uri=uri, mime_type="image/png", blob=PIXEL)])
    if not uri.startswith(("test://static-", "test://template/")):
        raise MCPError(code=INVALID_PARAMS, message="There is no such resource.", data={"uri": uri})
    return ReadResourceResult(contents=[TextResourceContents(uri=uri, mime_type="text/plain", text=f"About {uri}.")])


async def list_prompts(_: Context, __: PaginatedRequestParams | None) -> ListPromptsResult:
    made = [
        Prompt(
            name=name, description="A fixture.", arguments=[PromptArgument(name=one, required=True) for one in takes]
        )
        for name, takes in PROMPTS.items()
    ]
    return ListPromptsResult(prompts=made)


async def get_prompt(_: Context, params: GetPromptRequestParams) -> GetPromptResult:
    arguments = params.arguments or {}
    contents: list[ContentBlock] = [text(f"A prompt with {arguments}.")]
    if params.name.endswith("image"):
        contents.insert(0, image())
    if params.name.endswith("resource"):
        contents.insert(0, embedded(str(arguments["resourceUri"])))
    return GetPromptResult(messages=[PromptMessage(role="user", content=content) for content in contents])


def load() -> Any:
    server: Server[Any] = Server(
        "fixtures",
        version="1",
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_list_resource_templates=list_templates,
        on_read_resource=read_resource,
        on_list_prompts=list_prompts,
        on_get_prompt=get_prompt,
    )

    def serving(_: Engine) -> AbstractAsyncContextManager[AsgiApp]:
        return over_http(server)

    return serving


def main() -> None:
    port = int(sys.argv[1])
    # The fixtures ask nothing of it; the HTTP stack around them asks this much.
    media = Media("")
    control = SimpleNamespace(stopping=False)
    engine = cast(
        "Engine",
        SimpleNamespace(latencies=Latencies(), control=control, media=media, address=f"http://127.0.0.1:{port}"),
    )
    app = make_app(engine, port=port, mcp=McpMount(engine, load))
    web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None)


if __name__ == "__main__":
    main()
