"""timbred's errors as a tool's failed result: one sentence that a model can act on."""

from __future__ import annotations

from types import MappingProxyType

from mcp.types import CallToolResult, TextContent

from timbred_api.mcp.shaping import one_line
from timbred_api.problems import internal_error
from timbred_indexer.errors import TimbredError

_WHAT_NEXT = MappingProxyType(
    {
        "unknown_id": "Ids come from find_similar_sounds, search_sounds and find_duplicates.",
        "unknown_path": "Give the absolute path of a file that exists; list_folders says where sounds are.",
        "unknown_parameter": "The tool's input schema names those it takes.",
        "unavailable": "Try again in a moment.",
    }
)


def failed(error: TimbredError) -> CallToolResult:
    """The error's own sentence, its stable code, and what to do where the sentence does not say so."""
    advice = _WHAT_NEXT.get(error.code, "")
    return _result(f"{one_line(error.message)} {advice}".strip(), error.code)


def mistaken() -> CallToolResult:
    """For what should not have happened; the details are in the log, not in the answer."""
    problem = internal_error()
    return _result(problem.detail, problem.code)


def _result(sentence: str, code: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=f"{sentence} ({code})")], is_error=True)
