"""Who may call: on every route alike."""

from __future__ import annotations

import pytest
from face import Face

from timbred_api.operation import Operation
from timbred_api.operations import OPERATIONS
from timbred_api.security import check_caller, is_loopback
from timbred_indexer.errors import RequestError

PORT = 8462
HERE = {"Host": f"127.0.0.1:{PORT}"}

FOREIGN = [
    {"Host": "evil.example"},
    {"Host": f"evil.example:{PORT}"},
    {"Host": "127.0.0.1:1"},
    {"Host": f"127.0.0.1.evil.example:{PORT}"},
    {"Host": f"0.0.0.0:{PORT}"},
    {"Host": "["},
    {"Host": "127.0.0.1:port"},
    {"Host": ""},
    {**HERE, "Origin": "http://evil.example"},
    {**HERE, "Origin": "null"},
    {**HERE, "Origin": ""},
    {**HERE, "Origin": f"https://127.0.0.1:{PORT}"},
    {**HERE, "Origin": "http://127.0.0.1"},
    {**HERE, "Origin": "http://127.0.0.1:3000"},
    {**HERE, "Origin": f"http://127.0.0.1:{PORT}/path"},
    {**HERE, "Origin": "http://["},
    {**HERE, "Sec-Fetch-Site": "cross-site"},
    {**HERE, "Sec-Fetch-Site": "same-site"},
]
OURS = [
    HERE,
    {"Host": f"localhost:{PORT}"},
    {"Host": f"LOCALHOST:{PORT}"},
    {"Host": f"[::1]:{PORT}"},
    {"Host": "127.0.0.1"},
    {**HERE, "Origin": f"http://127.0.0.1:{PORT}"},
    {**HERE, "Origin": f"http://localhost:{PORT}", "Sec-Fetch-Site": "same-origin"},
    {**HERE, "Sec-Fetch-Site": "none"},
]


def refusal(method: str, headers: dict[str, str]) -> str | None:
    try:
        check_caller(method, headers, port=PORT)
    except RequestError as error:
        return error.code
    return None


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_strangers_are_refused(method: str, headers: dict[str, str]) -> None:
    assert refusal(method, headers) == "forbidden"


@pytest.mark.parametrize("headers", OURS, ids=str)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_this_machine_is_let_in(method: str, headers: dict[str, str]) -> None:
    assert refusal(method, headers) is None


def test_a_page_served_from_port_80_is_ours_only_when_we_are() -> None:
    headers = {"Host": "localhost", "Origin": "http://localhost"}
    check_caller("GET", headers, port=80)
    assert refusal("GET", headers) == "forbidden"


@pytest.mark.parametrize("length", [{"Content-Length": "3"}, {"Transfer-Encoding": "chunked"}])
@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("application/json; charset=utf-8", None),
        ("audio/wav", None),
        ("video/mp4", None),
        ("application/octet-stream", None),
        ("text/plain", "unsupported_media_type"),
        ("multipart/form-data; boundary=x", "unsupported_media_type"),
        ("application/x-www-form-urlencoded", "unsupported_media_type"),
        ("", "unsupported_media_type"),
    ],
)
def test_a_body_must_be_of_a_kind_that_no_form_can_send(kind: str, code: str | None, length: dict[str, str]) -> None:
    assert refusal("POST", {**HERE, **length, "Content-Type": kind}) == code


@pytest.mark.parametrize(
    ("host", "here"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("10.0.0.1", False), ("x", False)],
)
def test_loopback_is_told_from_the_rest(host: str, here: bool) -> None:
    assert is_loopback(host) is here


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}], ids=str)
async def test_no_route_answers_a_stranger(face: Face, operation: Operation, headers: dict[str, str]) -> None:
    path = operation.path.replace("{id}", "1")
    status, body = await face.ask(operation.method, path, headers=headers)
    assert (status, body["code"], face.control.told) == (403, "forbidden", [])


@pytest.mark.parametrize("path", ["/", "/nowhere"])
async def test_nor_does_any_other_address(face: Face, path: str) -> None:
    status, _ = await face.ask("GET", path, headers={"Host": "evil.example"})
    assert status == 403
