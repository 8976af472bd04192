"""The operations as an OpenAPI 3.1 document: served at ``/openapi.json``, and what ``docs/http.md`` is made from."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

from timbred_api.examples.example import Example
from timbred_api.forms import path_lines, playlist
from timbred_api.json_schema import ANSWERS, input_schema, schemas_of
from timbred_api.negotiation import JSON, PATHS, PLAYLIST
from timbred_api.operation import Operation
from timbred_api.operations import GROUPS, OPERATIONS
from timbred_api.problem_codes import CODES
from timbred_api.problems import Problem
from timbred_api.schemas import Result
from timbred_api.version import VERSION

Json = dict[str, Any]

PROBLEM: Final = "application/problem+json"

_EVERYWHERE: Final = (
    "unknown_parameter",
    "unauthorized",
    "forbidden",
    "not_acceptable",
    "internal",
    "storage",
    "busy",
    "stopping",
    "answer_timed_out",
)
_WITH_BODY: Final = ("bad_json", "bad_body", "too_slow", "upload_too_large", "unsupported_media_type")

_TEXT: Final = {
    PATHS: "A path a line; as a `file://` URI where it is not UTF-8 or holds a line end.",
    PLAYLIST: "The same sounds as an extended M3U playlist.",
}

_DESCRIPTION: Final = (
    "timbred knows what the sounds on this machine sound like. Lists answer `results` and `next`; give `next` back as "
    "`cursor`. `path` is for display, `uri` is exact and accepted wherever `path` is. Errors are problem documents "
    "(RFC 9457) with a stable `code`. A question can be asked again with `If-None-Match`, and with `HEAD`."
)


def document(address: str | None = None) -> Json:
    """The whole document. ``address``: the base URL that it is served at."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "timbred",
            "version": VERSION,
            "description": _DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": address or "/"}],
        "tags": [{"name": group.title} for group in GROUPS],
        "paths": _paths(),
        "components": {
            "schemas": schemas_of([*(operation.result for operation in OPERATIONS if not operation.media), Problem]),
            "headers": _headers(),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _paths() -> dict[str, Json]:
    from timbred_api.examples.everything import examples  # as much as all the rest, and for readers alone

    paths: dict[str, Json] = defaultdict(dict)
    shown = examples()
    for group in GROUPS:
        for operation in group.operations:
            described = _described(operation, group.title, shown[operation.name])
            paths[operation.path][operation.method.lower()] = described
    return dict(paths)


def _described(operation: Operation, tag: str, example: Example) -> Json:
    described: Json = {
        "operationId": operation.name,
        "tags": [tag],
        "summary": re.split(r"(?<=\.)\s", operation.description)[0],
        "description": re.sub(r"\n\s+", "\n", operation.description),
        "parameters": list(_parameters(operation, example)),
        "responses": {"200": _answer(operation, example), **_not_modified(operation), **_problems(operation)},
    }
    if operation.method in ("POST", "PATCH"):
        described["requestBody"] = _upload(operation, example) if operation.upload else _body(operation, example)
    return described


def _parameters(operation: Operation, example: Example) -> Iterator[Json]:
    """Those of the path and, but for a JSON body, those of the query."""
    schema = input_schema(operation.parameters)
    in_path = _in_path(operation)
    for name, field in schema["properties"].items():
        if name not in in_path and _has_json_body(operation):
            continue
        parameter: Json = {
            "name": name,
            "in": "path" if name in in_path else "query",
            "required": name in schema.get("required", ()),
            "description": field["description"],
            "schema": {key: value for key, value in field.items() if key != "description"},
        }
        yield parameter | ({"example": example.asked[name]} if name in example.asked else {})


def _in_path(operation: Operation) -> list[str]:
    return re.findall(r"{(\w+)}", operation.path)


def _has_json_body(operation: Operation) -> bool:
    return operation.method in ("POST", "PATCH") and not operation.upload


def _body(operation: Operation, example: Example) -> Json:
    schema = input_schema(operation.parameters)
    for name in _in_path(operation):
        del schema["properties"][name]
    required = [name for name in schema.pop("required", []) if name in schema["properties"]]
    if required:
        schema["required"] = required
    said = {name: value for name, value in example.asked.items() if name in schema["properties"]}
    return {"required": bool(required), "content": {JSON: {"schema": schema, "example": said}}}


def _upload(operation: Operation, example: Example) -> Json:
    if operation.body is not None:
        content = {"application/octet-stream": {"example": example.body}}
        return {"required": True, "description": operation.body, "content": content}
    return {
        "required": True,
        "description": "The sound: any format that timbred reads.",
        "content": {"audio/*": {}, "application/octet-stream": {}},
    }


def _answer(operation: Operation, example: Example) -> Json:
    description = "What was asked for."
    if not isinstance(example.answer, Result):
        shown = {} if example.answer is None else {"example": example.answer}
        return {"description": description, "content": {media: dict(shown) for media in operation.media}}
    said = example.answer.model_dump(mode="json", by_alias=True)
    content: Json = {JSON: {"schema": {"$ref": f"{ANSWERS}{operation.result.__name__}"}, "example": said}}
    if operation.sounds:
        content |= {
            media: {"schema": {"type": "string", "description": what}, "example": _as_text(said["results"], media)}
            for media, what in _TEXT.items()
        }
    answer: Json = {"description": description, "content": content}
    if operation.method == "GET":
        answer["headers"] = {"ETag": {"$ref": "#/components/headers/ETag"}}
    return answer


def _as_text(rows: list[Json], form: str) -> str:
    lines = playlist(rows) if form == PLAYLIST else path_lines(rows, utf8=True)
    return b"".join(line + b"\n" for line in lines).decode()


def _not_modified(operation: Operation) -> Json:
    if operation.method != "GET" or operation.lasting:
        return {}
    return {"304": {"description": "What `If-None-Match` names is still true."}}


def _problems(operation: Operation) -> dict[str, Json]:
    """Every refusal by its status, with the codes that it can have."""
    by_status: dict[HTTPStatus, list[str]] = defaultdict(list)
    with_body = _WITH_BODY if operation.method in ("POST", "PATCH") else ()
    for code in dict.fromkeys((*operation.problems, *with_body, *_EVERYWHERE)):
        by_status[CODES[code].status].append(code)
    return {str(int(status)): _problem(codes) for status, codes in sorted(by_status.items())}


def _problem(codes: Iterable[str]) -> Json:
    sentences = "\n".join(f"- `{code}`: {CODES[code].meaning}" for code in codes)
    problem: Json = {"description": sentences, "content": {PROBLEM: {"schema": {"$ref": f"{ANSWERS}Problem"}}}}
    if any(CODES[code].status is HTTPStatus.BAD_REQUEST for code in codes):
        problem["content"][PATHS] = {"schema": {"type": "string", "description": "For what is no HTTP, or too long."}}
    if any(CODES[code].retry_after is not None for code in codes):
        problem["headers"] = {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}
    return problem


def _headers() -> Mapping[str, Json]:
    return {
        "ETag": {"description": "Names this answer; for `If-None-Match`.", "schema": {"type": "string"}},
        "Retry-After": {"description": "Seconds after which to ask again.", "schema": {"type": "integer"}},
    }
