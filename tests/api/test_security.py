"""Who may call: on every route alike."""

from __future__ import annotations

import pytest

from timbred_api.security import Names, check_caller, is_loopback
from timbred_indexer.errors import RequestError

PORT = 8462
HERE = {"Host": f"127.0.0.1:{PORT}"}
NAMES = Names(PORT)

FOREIGN = [
    {"Host": "evil.example"},
    {"Host": f"evil.example:{PORT}"},
    {"Host": "127.0.0.1:1"},
    {"Host": f"127.0.0.1.evil.example:{PORT}"},
    {"Host": f"0.0.0.0:{PORT}"},
    {"Host": "["},
    {"Host": "127.0.0.1:port"},
    {"Host": ""},
    {},
    {"Host": f"localhost.:{PORT}"},
    {"Host": f"evil.example@127.0.0.1:{PORT}"},
    {"Host": f"127.0.0.1:{PORT}/evil.example"},
    {"Host": f"2130706433:{PORT}"},
    {"Host": f"0x7f.1:{PORT}"},
    {"Host": "127.0.0.1:0"},
    {"Host": f"::1:{PORT}"},
    {"Host": f"localhost:{PORT} "},
    {**HERE, "Origin": "http://evil.example"},
    {**HERE, "Origin": "null"},
    {**HERE, "Origin": ""},
    {**HERE, "Origin": f"https://127.0.0.1:{PORT}"},
    {**HERE, "Origin": "http://127.0.0.1"},
    {**HERE, "Origin": "http://127.0.0.1:3000"},
    {**HERE, "Origin": f"http://127.0.0.1:{PORT}/path"},
    {**HERE, "Origin": "http://["},
    {**HERE, "Origin": f"http://127.0.0.2:{PORT}"},
    {**HERE, "Origin": f"http://localhost:{PORT}"},
    {**HERE, "Origin": f"http://127.0.0.1:{PORT}."},
    {**HERE, "Origin": f"HTTP://evil.example:{PORT}"},
    {**HERE, "Origin": f"file://127.0.0.1:{PORT}"},
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
    {"Host": f"LOCALHOST:{PORT}", "Origin": f"http://localhost:{PORT}", "Sec-Fetch-Site": "same-origin"},
    {"Host": f"[::1]:{PORT}", "Origin": f"http://[::1]:{PORT}"},
    {**HERE, "Sec-Fetch-Site": "none"},
]


def refusal(method: str, headers: dict[str, str], names: Names = NAMES) -> str | None:
    try:
        check_caller(method, headers, names)
    except RequestError as error:
        return error.code
    return None


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
def test_strangers_are_refused(method: str, headers: dict[str, str]) -> None:
    assert refusal(method, headers) == "forbidden"


@pytest.mark.parametrize("headers", OURS, ids=str)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_this_machine_is_let_in(method: str, headers: dict[str, str]) -> None:
    assert refusal(method, headers) is None


def test_a_page_served_from_port_80_is_ours_only_when_we_are() -> None:
    headers = {"Host": "localhost", "Origin": "http://localhost"}
    check_caller("GET", headers, Names(80))
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


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_form_that_sends_nothing_is_known_by_saying_so(method: str) -> None:
    form = {**HERE, "Content-Type": "application/x-www-form-urlencoded", "Content-Length": "0"}
    assert refusal(method, form) == "unsupported_media_type"
    assert refusal("GET", form) is None


@pytest.mark.parametrize(
    ("names", "host", "refused"),
    [
        (Names(PORT), f"192.168.1.5:{PORT}", "forbidden"),
        (Names(PORT, addresses=True), f"192.168.1.5:{PORT}", None),
        (Names(PORT, addresses=True), f"[fd00::5]:{PORT}", None),
        (Names(PORT, addresses=True), "192.168.1.5:1", "forbidden"),
        (Names(PORT, addresses=True), f"studio.local:{PORT}", "forbidden"),
        (Names(PORT, hosts=frozenset({"studio.local"})), "Studio.local", None),
        (Names(PORT, localhost=False), f"localhost:{PORT}", "forbidden"),
        (Names(PORT, localhost=False), f"127.0.0.1:{PORT}", None),
        (Names(None), "localhost:1", None),
        (Names(None), "evil.example", "forbidden"),
    ],
)
def test_a_daemon_has_the_names_that_fit_where_it_listens(names: Names, host: str, refused: str | None) -> None:
    assert refusal("GET", {"Host": host}, names) == refused
    assert refusal("GET", {"Host": host, "Origin": f"http://{host}"}, names) == refused


def test_only_what_the_settings_name_can_be_behind_https() -> None:
    names = Names(PORT, hosts=frozenset({"studio.local"}))
    assert refusal("GET", {"Host": "studio.local", "Origin": "https://studio.local"}, names) is None
    assert refusal("GET", {**HERE, "Origin": f"https://127.0.0.1:{PORT}"}, names) == "forbidden"


@pytest.mark.parametrize(
    ("host", "here"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("10.0.0.1", False), ("x", False)],
)
def test_loopback_is_told_from_the_rest(host: str, here: bool) -> None:
    assert is_loopback(host) is here
