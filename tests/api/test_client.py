"""The client against real HTTP on the loopback."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from patience import PATIENCE
from ports import nothing_listens
from timbred_api import client as client_module
from timbred_api.client import Client, DaemonNotRunning, Method, ProblemError
from timbred_indexer.errors import UnavailableError

Reply = Callable[[BaseHTTPRequestHandler], tuple[int, bytes]]


class Server:
    """Answers every request with what ``reply`` says."""

    def __init__(self, reply: Reply) -> None:
        self.connections: set[object] = set()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                server.connections.add(self.client_address)
                status, content = reply(self)
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PATCH = do_DELETE = handle_any

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = False  # so that closing waits for every connection
        self.address = f"http://127.0.0.1:{self._http.server_address[1]}"

    @contextmanager
    def client(self, timeout: float = PATIENCE) -> Generator[Client]:
        thread = Thread(target=self._http.serve_forever, args=(0.01,))
        thread.start()
        try:
            with Client(self.address, timeout=timeout) as client:
                yield client
        finally:
            self._http.shutdown()
            thread.join()
            self._http.server_close()


def echo(request: BaseHTTPRequestHandler) -> tuple[int, bytes]:
    body = request.rfile.read(int(request.headers.get("Content-Length", 0))).decode()
    seen = {"method": request.command, "path": request.path, "body": body, "type": request.headers["Content-Type"]}
    return 200, json.dumps(seen).encode()


def answering(status: int, content: bytes) -> Server:
    return Server(lambda _: (status, content))


def test_a_question_carries_its_parameters_and_leaves_out_none() -> None:
    with Server(echo).client() as client:
        answer = client.get("/v1/similar", {"uri": "file:///a%FF b", "k": 3, "folder": None})
    assert (answer["method"], answer["path"]) == ("GET", "/v1/similar?uri=file%3A%2F%2F%2Fa%25FF+b&k=3")


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_body_is_sent_as_json(method: str) -> None:
    with Server(echo).client() as client:
        answer = {"POST": client.post, "PATCH": client.patch}[method]("/x", {"label": "ü"})
    assert (answer["method"], answer["type"], json.loads(answer["body"])) == (
        method,
        "application/json",
        {"label": "ü"},
    )


def test_delete_has_no_body() -> None:
    with Server(echo).client() as client:
        answer = client.delete("/v1/folders", {"uri": "file:///a"})
    assert (answer["method"], answer["body"], answer["type"]) == ("DELETE", "", None)


def test_questions_share_one_connection() -> None:
    server = Server(echo)
    with server.client() as client:
        for _ in range(3):
            client.get("/x")
    assert len(server.connections) == 1


def closing_after_each(request: BaseHTTPRequestHandler) -> tuple[int, bytes]:
    request.close_connection = True  # without saying so: as a daemon that times out idle connections does
    return echo(request)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_kept_connection_that_was_closed_is_opened_again(method: str) -> None:
    with Server(closing_after_each).client() as client:
        client.get("/x")
        assert (client.get if method == "GET" else client.post)("/x")["method"] == method


def test_a_problem_document_becomes_an_error_with_its_words() -> None:
    document = {"type": "about:blank", "title": "Not found", "status": 404, "detail": "no such id", "code": "not_found"}
    with answering(404, json.dumps(document).encode()).client() as client, pytest.raises(ProblemError) as caught:
        client.get("/x")
    error = caught.value
    assert (error.status, error.code, error.title, error.message) == (404, "not_found", "Not found", "no such id")


@pytest.mark.parametrize("content", [b"", b"<html>", b"{}"])
def test_a_refusal_without_a_problem_document_still_names_its_status(content: bytes) -> None:
    with answering(503, content).client() as client, pytest.raises(ProblemError) as caught:
        client.get("/x")
    assert (caught.value.code, caught.value.detail) == ("http_503", "Service Unavailable")


@pytest.mark.parametrize("content", [b"<html>", b"[1]", b"\xff"])
def test_an_answer_that_is_not_timbreds_is_an_error(content: bytes) -> None:
    with answering(200, content).client() as client, pytest.raises(UnavailableError) as caught:
        client.get("/x")
    assert caught.value.code == "unexpected_answer"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_daemon_that_is_starting_is_waited_for(method: Method) -> None:
    replies = [(503, b'{"code": "starting"}'), (200, b'{"sounds": 3}')]
    with Server(lambda _: replies.pop(0)).client() as client:
        assert client.request(method, "/v1/status") == {"sounds": 3}


class Hurried:
    """Time, of which each pause takes more than anybody waits for."""

    def __init__(self) -> None:
        self._now = 0.0

    def monotonic(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds + PATIENCE


def test_a_daemon_that_goes_on_starting_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "time", Hurried())
    starting = Server(lambda _: (503, b'{"code": "starting"}'))
    with starting.client() as client, pytest.raises(ProblemError, match="Service Unavailable"):
        client.get("/v1/status")


def test_no_content_is_an_empty_answer() -> None:
    with answering(200, b"").client() as client:
        assert client.post("/x") == {}


def test_an_address_where_nothing_listens_means_not_running() -> None:
    with (
        nothing_listens() as place,
        Client(f"http://{place}") as client,
        pytest.raises(DaemonNotRunning, match="start it with `timbred run`") as caught,
    ):
        client.get("/x")
    assert caught.value.code == "daemon_not_running"


def test_a_daemon_that_says_nothing_is_given_up_after_the_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with Client(address, timeout=0.05) as client, pytest.raises(UnavailableError, match=r"within 0\.05 s"):
            client.get("/x")


def test_an_answer_that_breaks_off_is_an_error() -> None:
    def too_short(request: BaseHTTPRequestHandler) -> tuple[int, bytes]:
        request.close_connection = True
        request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{")
        return 200, b""

    with Server(too_short).client() as client, pytest.raises(UnavailableError, match="broke off"):
        client.get("/x")


@pytest.mark.parametrize(
    "address", ["", "127.0.0.1:8462", "https://127.0.0.1:8462", "http://127.0.0.1", "http://a:1/x"]
)
def test_an_address_that_is_no_base_url_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="http://HOST:PORT"):
        Client(address)


def test_an_ipv6_address_is_understood() -> None:
    Client("http://[::1]:8462/").close()


def heard(listening: socket.socket, place: str | None = None) -> bytes:
    """What a client that has a token, and perhaps a unix socket, says to whoever listens on TCP."""
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    with listening, Client(address, timeout=PATIENCE, socket=place, token="secret") as client:
        told: list[bytes] = []

        def listen() -> None:
            end, _ = listening.accept()
            with end:
                told.append(end.recv(65536))

        thread = Thread(target=listen)
        thread.start()
        with pytest.raises(UnavailableError):
            client.get("/x")
        thread.join()
    return told[0]


def test_the_token_is_told() -> None:
    assert b"\r\nAuthorization: Bearer secret\r\n" in heard(socket.create_server(("127.0.0.1", 0)))


def test_the_token_is_not_told_to_whoever_listens_in_place_of_the_daemon(tmp_path: Path) -> None:
    gone = str(tmp_path / "gone.sock")
    told = heard(socket.create_server(("127.0.0.1", 0)), gone)
    assert told.startswith(b"GET /x ")
    assert b"secret" not in told


def test_importing_the_client_loads_nothing_heavy() -> None:
    heavy = {"http.client", "ssl", "pydantic", "numpy", "aiohttp"}
    code = f"import sys, timbred_api.client; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
