"""Makes ``docs/http.md`` of the operations: ``python tests/http_reference.py`` writes it anew."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from timbred_api.openapi import document
from timbred_api.problem_codes import CODES

Json = dict[str, Any]

PAGE = Path(__file__).parent.parent / "docs/http.md"

INTRODUCTION = """\
# HTTP reference

<!-- Made of the operations by `python tests/http_reference.py`; edit those. -->

The daemon serves the same as `/openapi.json` (OpenAPI 3.1) and as a page at `/docs`, with an example of each answer.
[reference.md](reference.md#http) is the short form.

## What holds everywhere

- **Parameters** go into the query string of `GET` and `DELETE` and of uploads, and into a JSON body of `POST` and
  `PATCH`. A name that is not known is an error, and so is one given twice.
- **Lists** answer `{"results": […], "next": cursor or null}`; give `next` back as `cursor`. A cursor is an opaque text
  of this one list; whatever comes and goes between two pages, the other rows are neither missed nor repeated.
- **`path`** is for display (what is not UTF-8 is U+FFFD); **`uri`** is the exact, percent-encoded `file://` form and is
  accepted wherever `path` is.
- **Forms.** `Accept: text/plain` has a list of sounds as paths, a line each (a URI where a name is not UTF-8 or holds a
  line end), `Accept: audio/x-mpegurl` as a playlist; `Link: <…>; rel="next"` then says where it goes on. Everything
  else is JSON, or as said below.
- **Asking again.** A `GET` has an `ETag`; with `If-None-Match`, 304 says that nothing has changed. `HEAD` is `GET`
  without the body, `OPTIONS` names the methods.
- **Compression.** With `Accept-Encoding: gzip`, JSON and text from 1 kB on are compressed; for the least latency on the
  same machine, do not ask for it.
- **Errors** are problem documents (RFC 9457, `application/problem+json`) with a sentence in `detail` and a stable
  [`code`](#codes).
- **Limits.** A JSON body has at most 1 MB, an uploaded sound 256 MB; a body that stops coming for a minute is given up
  (408). Beyond 512 requests at once, 16 of them uploads, 503 `busy` with `Retry-After` asks to come back; so does 503
  `stopping`. An answer that has not begun in time is 504 `answer_timed_out`.
- **`X-Request-Id`** names each answer, by your own name for the request if you send one (up to 128 letters, digits and
  `._:@+/=-`); failures are in the log under it. **`Server-Timing`** says how many milliseconds the answer took.
"""


def page() -> str:
    """The whole document."""
    api = document()
    schemas = api["components"]["schemas"]
    return "\n".join([INTRODUCTION, *_operations(api), *_shapes(schemas), *_codes()]) + "\n"


def _operations(api: Json) -> Iterator[str]:
    for tag in api["tags"]:
        yield f"## {tag['name']}\n"
        for path, item in api["paths"].items():
            for method, operation in item.items():
                if tag["name"] in operation["tags"]:
                    yield from _operation(f"{method.upper()} {path}", operation)


def _operation(heading: str, operation: Json) -> Iterator[str]:
    yield f"### `{heading}`\n"
    yield f"{operation['description']}\n"
    if operation["parameters"]:
        rows = [(one["name"], one["schema"], one["required"], one["description"]) for one in operation["parameters"]]
        yield from _table(rows)
    yield from _body(operation.get("requestBody", {}))
    yield f"Answer: {_answer(operation['responses']['200']['content'])}.\n"
    yield f"```sh\n{_asked(heading, operation)}\n```\n"


def _asked(heading: str, operation: Json) -> str:
    """The example's question, for a shell."""
    method, path = heading.split(" ")
    query: dict[str, str] = {}
    for one in operation["parameters"]:
        if "example" in one and one["in"] == "query":
            query[one["name"]] = json.dumps(one["example"]).strip('"')
        elif "example" in one:
            path = path.replace(f"{{{one['name']}}}", str(one["example"]))
    sent = _sent(operation.get("requestBody", {}).get("content", {}))
    how = [] if method == ("POST" if sent else "GET") else ["-X", method]
    address = f"http://127.0.0.1:8462{path}"
    return " ".join(["curl", *how, *sent, f"'{address}?{urlencode(query, safe='/:')}'" if query else address])


def _sent(content: Json) -> list[str]:
    """The body and its type; none where the example's is empty."""
    if "audio/*" in content:
        return ["-H 'Content-Type: audio/wav'", "--data-binary @snare.wav"]
    if "application/octet-stream" in content:
        return ["-H 'Content-Type: application/octet-stream'", "--data-binary @labels.csv"]
    body = content.get("application/json", {}).get("example")
    return ["-H 'Content-Type: application/json'", f"-d '{json.dumps(body)}'"] if body else []


def _body(body: Json) -> Iterator[str]:
    content = body.get("content", {})
    if "application/json" not in content:
        if content:
            yield f"Body: {body['description']} ({', '.join(f'`{media}`' for media in content)})\n"
        return
    schema = content["application/json"]["schema"]
    if schema["properties"]:
        yield "JSON body:\n"
        yield from _fields(schema["properties"], schema.get("required", []))


def _answer(content: Json) -> str:
    said = [f"`{media}`" for media in content if media != "application/json"]
    if "application/json" in content:
        said.insert(0, _kind(content["application/json"]["schema"]))
    return ", ".join(said)


def _table(rows: list[tuple[str, Json, bool, str]]) -> Iterator[str]:
    yield "| name | kind | |\n|---|---|---|"
    for name, schema, required, description in rows:
        kind = _kind(schema) + (", needed" if required else "")
        yield f"| `{name}` | {kind} | {_cell(description)} |"
    yield ""


def _fields(properties: Json, required: Collection[str] = ()) -> Iterator[str]:
    described = properties.items()
    yield from _table([(name, field, name in required, field["description"]) for name, field in described])


def _shapes(schemas: Json) -> Iterator[str]:
    yield "## Shapes of answers\n"
    for name, schema in sorted(schemas.items()):
        yield f"### {name}\n"
        if text := schema.get("description"):
            yield f"{text}\n"
        yield from _fields(schema["properties"])


def _codes() -> Iterator[str]:
    yield "## Codes\n"
    yield "| code | status | meaning |\n|---|---|---|"
    for name, code in sorted(CODES.items()):
        yield f"| `{name}` | {int(code.status)} | {_cell(code.meaning)} |"


def _kind(schema: Json) -> str:
    """A schema in a few words."""
    match schema:
        case {"$ref": str(reference)}:
            name = reference.rsplit("/", 1)[-1]
            said = f"[{name}](#{name.lower()})"
        case {"anyOf": kinds}:
            said = " or ".join(map(_kind, kinds))
        case {"enum": values}:
            said = " or ".join(f"`{json.dumps(value)}`" for value in values)
        case {"const": value}:
            said = f"`{json.dumps(value)}`"
        case {"type": "array", "items": items}:
            said = f"list of {_kind(items)}"
        case {"type": "object", "additionalProperties": {**values}} if values:
            said = f"object of {_kind(values)}"
        case _:
            said = ", ".join(part for part in (schema.get("type", "anything"), _bounds(schema)) if part)
    return said


def _bounds(schema: Json) -> str:
    low, high = schema.get("minimum", schema.get("exclusiveMinimum")), schema.get("maximum")
    parts: list[str] = []
    if high is not None and high < 2**53:
        parts.append(f"{0 if low is None else low} to {high}")
    elif low is not None:
        parts.append(f"from {low}")
    if schema.get("default") is not None:
        parts.append(f"`{json.dumps(schema['default'])}` if left out")
    return ", ".join(parts)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
