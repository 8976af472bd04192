"""What an assistant must find, whatever the transport and the protocol's era: one function, one behaviour."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any, cast

from face import Face
from mcp import Client, MCPError
from mcp.types import INVALID_PARAMS, CallToolResult, ResourceLink, TextContent

from builders import analysis
from timbred_api.mcp.tools import TOOLS
from timbred_indexer.db import next_seq
from timbred_indexer.store import files

Behaviour = Callable[[Client, Face], Awaitable[None]]
Json = dict[str, Any]

ARGUMENTS: dict[str, Json] = {
    "find_similar_sounds": {"id": 1, "k": 3},
    "search_sounds": {"text": "dusty"},
    "get_sound": {"id": 1},
    "list_folders": {},
    "get_index_status": {},
    "find_duplicates": {},
    "rescan_folder": {},
    "label_sound": {"id": 1, "label": "a name"},
}

BAD_CALLS: tuple[tuple[str, Json, str], ...] = (
    ("find_similar_sounds", {}, "missing_parameter"),
    ("find_similar_sounds", {"id": 99}, "unknown_id"),
    ("find_similar_sounds", {"id": 1, "path": "/a"}, "missing_parameter"),
    ("find_similar_sounds", {"id": 1, "k": 51}, "bad_parameter"),
    ("find_similar_sounds", {"id": "one"}, "bad_parameter"),
    ("find_similar_sounds", {"id": 1, "colour": "red"}, "unknown_parameter"),
    ("find_similar_sounds", {"path": "/nowhere/at/all.wav"}, "unknown_path"),
    ("find_similar_sounds", {"path": "relative.wav"}, "bad_path"),
    ("find_similar_sounds", {"id": 1, "weights": "mfc:1"}, "bad_parameter"),
    ("search_sounds", {"text": "dusty vinyl"}, "clap_unavailable"),
    ("search_sounds", {}, "missing_parameter"),
    ("get_sound", {"id": 99}, "unknown_id"),
    ("get_sound", {"id": 0}, "bad_parameter"),
    ("find_duplicates", {"limit": 1000}, "bad_parameter"),
    ("label_sound", {"id": 99, "label": "x"}, "unknown_id"),
    ("label_sound", {"id": 1}, "missing_parameter"),
)


async def library(face: Face) -> None:
    """Three sounds: 1 and 2 are near each other."""
    await face.indexed(b"kick.wav", analysis(1))
    await face.indexed(b"kick two.wav", analysis(1))
    await face.indexed(b"sn\xffare\n.wav", analysis(5))


async def call(client: Client, name: str, **arguments: object) -> Json:
    """The structured answer, which must be one; that it fits its schema is what the SDK's client insists on."""
    result = await client.call_tool(name, arguments)
    assert not result.is_error, text_of(result)
    return cast("Json", result.structured_content)


def text_of(result: CallToolResult) -> str:
    return "\n".join(item.text for item in result.content if isinstance(item, TextContent))


def links_of(result: CallToolResult) -> list[str]:
    return [item.uri for item in result.content if isinstance(item, ResourceLink)]


async def every_tool_is_listed_with_what_it_takes_and_gives(client: Client, face: Face) -> None:
    listed = (await client.list_tools()).tools
    assert [tool.name for tool in listed] == [tool.name for tool in TOOLS] == list(ARGUMENTS)
    for tool in listed:
        assert tool.title
        assert len(tool.description or "") > 20
        assert tool.annotations is not None
        assert tool.annotations.open_world_hint is False
        assert (tool.input_schema["type"], (tool.output_schema or {})["type"]) == ("object", "object")


async def what_only_reads_says_so(client: Client, face: Face) -> None:
    hints = {tool.name: tool.annotations for tool in (await client.list_tools()).tools}
    changing = {name for name, hint in hints.items() if hint is not None and not hint.read_only_hint}
    assert changing == {"label_sound", "rescan_folder"}


async def every_tool_answers_or_says_what_is_missing(client: Client, face: Face) -> None:
    for name, arguments in ARGUMENTS.items():
        if name == "search_sounds":
            continue  # there is no model here; see the bad calls
        assert await call(client, name, **arguments)


async def similar_sounds_come_with_reasons_and_links(client: Client, face: Face) -> None:
    result = await client.call_tool("find_similar_sounds", {"id": 1, "k": 2})
    found = cast("Json", result.structured_content)
    assert [row["sound_id"] for row in found["results"]] == [2, 3]
    assert found["results"][0]["reasons"]
    assert found["results"][0]["aspects"] is None
    assert links_of(result) == ["sound://2", face.uri(b"kick two.wav"), "sound://3", face.uri(b"sn\xffare\n.wav")]
    assert found["truncated"], "k were asked for, k came: there may be more"


async def aspects_come_when_asked_for(client: Client, face: Face) -> None:
    found = await call(client, "find_similar_sounds", id=1, with_aspects=True)
    assert "mfcc" in found["results"][0]["aspects"]
    assert not found["truncated"]


async def a_file_can_be_named_by_its_uri(client: Client, face: Face) -> None:
    found = await call(client, "find_similar_sounds", uri=face.uri(b"sn\xffare\n.wav"))
    assert found["query"]["sound_id"] == 3


async def a_name_cannot_forge_a_line(client: Client, face: Face) -> None:
    text = text_of(await client.call_tool("get_sound", {"id": 3}))
    assert "\n" not in text
    assert "\\n" in text


async def a_label_is_set_and_taken_away(client: Client, face: Face) -> None:
    assert (await call(client, "label_sound", id=1, label="my kick"))["label"] == "my kick"
    assert (await call(client, "get_sound", id=1))["label"] == "my kick"
    assert (await call(client, "label_sound", id=1, label=""))["label"] == "kick"


async def a_bad_call_fails_with_a_sentence(client: Client, face: Face) -> None:
    for name, arguments, code in BAD_CALLS:
        result = await client.call_tool(name, arguments)
        text = text_of(result)
        assert (result.is_error, result.structured_content) == (True, None), (name, arguments)
        assert text.endswith(f"({code})"), (name, arguments, text)
        assert "\n" not in text


async def a_search_by_words_says_what_is_missing(client: Client, face: Face) -> None:
    assert "No model is installed." in text_of(await client.call_tool("search_sounds", {"text": "dusty"}))


async def an_unknown_tool_is_refused_with_those_there_are(client: Client, face: Face) -> None:
    error = await refusal(client.call_tool("delete_everything", {}))
    assert error.code == INVALID_PARAMS
    assert "find_similar_sounds" in error.message


async def a_rescan_reports_progress_and_returns_when_all_is_done(client: Client, face: Face) -> None:
    await face.pending(b"new.wav")
    reports: list[str] = []

    async def report(progress: float, total: float | None, message: str | None) -> None:
        reports.append(message or "")
        await finish(face)

    result = await client.call_tool("rescan_folder", {"path": face.path(""), "wait": True}, progress_callback=report)
    assert cast("Json", result.structured_content)["done"] is True
    assert reports


async def finish(face: Face) -> None:
    """What the daemon would have done about the pending file."""

    def write(connection: sqlite3.Connection) -> None:
        (row,) = files.below(connection, face.folder, b"new.wav")
        files.fail(connection, row.id, row.stat, "empty", "There is no sound in it.", next_seq(connection))

    await face.db.write(write)
    await face.index.catch_up()


async def a_sound_can_be_read_as_a_resource(client: Client, face: Face) -> None:
    (template,) = (await client.list_resource_templates()).resource_templates
    assert template.uri_template == "sound://{id}"
    (content,) = (await client.read_resource("sound://1")).contents
    described = json.loads(cast("Any", content).text)
    assert (described["sound_id"], described["uris"]) == (1, [face.uri(b"kick.wav")])
    assert (await client.list_resources()).resources == []


async def an_unknown_resource_is_refused(client: Client, face: Face) -> None:
    for uri in ("sound://99", "sound://one", "sound://99999999999999999999", "file:///etc/passwd", "sound://0"):
        assert (await refusal(client.read_resource(uri))).code == INVALID_PARAMS


async def refusal(asked: Awaitable[object]) -> MCPError:
    """The protocol error that a request must end in."""
    try:
        answer = await asked
    except MCPError as error:
        return error
    raise AssertionError(f"it was answered: {answer}")


BEHAVIOURS: tuple[Behaviour, ...] = (
    every_tool_is_listed_with_what_it_takes_and_gives,
    what_only_reads_says_so,
    every_tool_answers_or_says_what_is_missing,
    similar_sounds_come_with_reasons_and_links,
    aspects_come_when_asked_for,
    a_file_can_be_named_by_its_uri,
    a_name_cannot_forge_a_line,
    a_label_is_set_and_taken_away,
    a_bad_call_fails_with_a_sentence,
    a_search_by_words_says_what_is_missing,
    an_unknown_tool_is_refused_with_those_there_are,
    a_sound_can_be_read_as_a_resource,
    an_unknown_resource_is_refused,
    a_rescan_reports_progress_and_returns_when_all_is_done,
)
