"""The document that describes the interface: complete, valid, and true."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from face import Face
from jsonschema import Draft202012Validator

from timbred_api.answers import AudioBytes
from timbred_api.examples.everything import examples
from timbred_api.json_schema import input_schema
from timbred_api.openapi import document
from timbred_api.operation import Operation
from timbred_api.operations import OPERATIONS
from timbred_api.problem_codes import CODES

Json = dict[str, Any]
DOCUMENT = document()
EXAMPLES = examples()


def described(operation: Operation) -> Json:
    return DOCUMENT["paths"][operation.path][operation.method.lower()]


def references() -> set[str]:
    """Every ``$ref`` anywhere in the document."""
    return set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(DOCUMENT)))


def at(reference: str) -> object:
    found: Any = DOCUMENT
    for name in reference.removeprefix("#/").split("/"):
        found = found[name]
    return found


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_operation_is_described_with_all_that_it_takes(operation: Operation) -> None:
    said = described(operation)
    body = said.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    taken = {one["name"] for one in said["parameters"]} | set(body.get("properties", {}))
    fields = {field.alias or name for name, field in operation.parameters.model_fields.items()}
    assert (said["operationId"], taken) == (operation.name, fields)


def test_whatever_is_referred_to_is_there() -> None:
    assert all(at(reference) for reference in references())


def test_no_two_operations_have_a_name() -> None:
    names = [operation.name for operation in OPERATIONS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_code_of_an_operation_is_explained(operation: Operation) -> None:
    assert set(operation.problems) <= set(CODES)
    text = str({status: one for status, one in described(operation)["responses"].items() if status >= "400"})
    assert [code for code in operation.problems if f"`{code}`" not in text] == []


def test_a_parameter_of_the_path_is_needed_and_no_part_of_the_body() -> None:
    label = DOCUMENT["paths"]["/v1/sounds/{id}"]["patch"]
    assert [(one["name"], one["in"], one["required"]) for one in label["parameters"]] == [("id", "path", True)]
    body = label["requestBody"]["content"]["application/json"]["schema"]
    assert (list(body["properties"]), body["required"]) == (["label"], ["label"])


def test_a_list_of_sounds_can_be_had_as_paths_and_as_a_playlist() -> None:
    content = DOCUMENT["paths"]["/v1/similar"]["get"]["responses"]["200"]["content"]
    assert list(content) == ["application/json", "text/plain", "audio/x-mpegurl"]


async def test_the_document_is_served_with_its_address_and_asked_for_once(face: Face) -> None:
    async with face.client.get("/openapi.json") as response:
        served, tag = await response.json(), response.headers["ETag"]
    assert (served["openapi"], served["servers"]) == ("3.1.0", [{"url": face.engine.address}])
    assert served["paths"].keys() == DOCUMENT["paths"].keys()
    async with face.client.get("/openapi.json", headers={"If-None-Match": tag}) as response:
        assert (response.status, await response.read()) == (304, b"")


async def test_the_page_that_shows_it_takes_nothing_from_elsewhere(face: Face) -> None:
    async with face.client.get("/docs") as response:
        page, policy = await response.text(), response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for address in re.findall(r'(?:src|href)="([^"]+)"', page):
        async with face.client.get(address) as response:
            assert (response.status, address[0]) == (200, "/")


async def test_the_page_has_no_other_files(face: Face) -> None:
    assert (await face.problem(404, "GET", "/docs/secrets.txt"))["code"] == "unknown_route"


def shown(operation: Operation) -> Iterator[tuple[Json, Any]]:
    """(schema, example) of each thing that the document shows of an operation as JSON."""
    said = described(operation)
    yield from ((one["schema"], one["example"]) for one in said["parameters"] if "example" in one)
    for content in (said.get("requestBody", {}).get("content", {}), said["responses"]["200"]["content"]):
        yield from ((one["schema"], one["example"]) for one in content.values() if {"schema", "example"} <= one.keys())


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_example_is_as_its_schema_says(operation: Operation) -> None:
    for schema, example in shown(operation):
        # References within the document are looked up in it.
        Draft202012Validator({**DOCUMENT, **schema}).validate(example)  # pyright: ignore[reportUnknownMemberType]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_operation_has_an_example_of_all_that_can_be_written_down(operation: Operation) -> None:
    example = EXAMPLES[operation.name]
    assert operation.parameters.model_validate(dict(example.asked))
    assert set(example.asked) >= set(input_schema(operation.parameters).get("required", ()))
    assert bool(example.asked) == bool(operation.parameters.model_fields)
    assert (example.body is None) == (operation.body is None)
    if not operation.media:
        assert type(example.answer) is operation.result
    elif operation.result is not AudioBytes:
        assert isinstance(example.answer, str)


def test_no_example_is_of_an_operation_that_is_not() -> None:
    assert set(EXAMPLES) == {operation.name for operation in OPERATIONS}


async def test_what_the_examples_give_as_a_cursor_is_taken(face: Face) -> None:
    for operation in OPERATIONS:
        answer = EXAMPLES[operation.name].answer
        if (cursor := getattr(answer, "next", None)) is not None:
            how = {"params": {"cursor": cursor}} if operation.method == "GET" else {"json": {"cursor": cursor}}
            assert (await face.ask(operation.method, operation.path, **how))[0] == 200
