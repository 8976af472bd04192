"""Another user of this machine, broken clients and crowds of them, against the real daemon."""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Generator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from daemon_process import QUICK, Daemon, daemon_on

from other_user import needs_root, request_of, tell_as_nobody
from patience import PATIENCE
from timbred_api.client import Client, ProblemError
from timbred_api.tokens import read_token
from timbred_daemon.unix_socket import NAME


@pytest.fixture(scope="module")
def home() -> Generator[Path]:
    """Where other users can go: pytest's own folders are closed to them."""
    folder = Path(tempfile.mkdtemp(prefix="timbred-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def daemon(home: Path) -> Generator[Daemon]:
    (home / "kept").mkdir()
    with daemon_on(home, home / "kept", settings=QUICK) as running:
        running.settle()
        yield running


def place_of(daemon: Daemon) -> tuple[int, str, int]:
    parts = urlsplit(daemon.client.address)
    return socket.AF_INET, "127.0.0.1", parts.port or 0


def told(daemon: Daemon, *pieces: bytes, limit: float = PATIENCE, hang_up: bool = False) -> bytes:
    """What comes back for bytes that may be no request at all, until the daemon closes; ``hang_up``: before it does."""
    _, host, port = place_of(daemon)
    with socket.create_connection((host, port), timeout=limit) as end:
        answer = b""
        with contextlib.suppress(ConnectionError):  # refused before all of it was sent
            for piece in pieces:
                end.sendall(piece)
            if hang_up:
                end.shutdown(socket.SHUT_WR)
            while part := end.recv(65536):
                answer += part
        return answer


def deleting(daemon: Daemon) -> bytes:
    kept = daemon.client.get("/v1/folders")["results"][0]["path"]
    return request_of("DELETE", f"/v1/folders?path={quote(kept)}")


@needs_root
@pytest.mark.parametrize("ending", ["close", "reset"])
def test_who_orders_and_hangs_up_before_being_seen_is_refused(daemon: Daemon, ending: str) -> None:
    order = deleting(daemon)
    os.kill(daemon.pid, signal.SIGSTOP)
    try:
        assert tell_as_nobody(place_of(daemon), order, ending) == (0, b"")
    finally:
        os.kill(daemon.pid, signal.SIGCONT)
    assert len(daemon.client.get("/v1/folders")["results"]) == 1


@needs_root
def test_the_unix_socket_is_closed_to_others_twice(daemon: Daemon) -> None:
    place = socket.AF_UNIX, str(daemon.data / NAME), 0
    assert tell_as_nobody(place, deleting(daemon)) == (13, b"")
    daemon.data.chmod(0o755)  # somebody was careless
    (daemon.data / NAME).chmod(0o666)
    code, answer = tell_as_nobody(place, deleting(daemon))
    assert (code, answer.startswith(b"HTTP/1.1 401 ")) == (0, True)
    daemon.data.chmod(0o700)


def test_the_owner_is_answered_over_the_unix_socket_under_any_local_name(daemon: Daemon) -> None:
    with socket.socket(socket.AF_UNIX) as end:
        end.connect(str(daemon.data / NAME))
        end.sendall(request_of("GET", "/healthz"))
        assert end.recv(65536).startswith(b"HTTP/1.1 200 ")
    endpoint = json.loads((daemon.data / "endpoint.json").read_text())
    assert endpoint["socket"] == str(daemon.data / NAME)


def test_commands_go_over_the_unix_socket(daemon: Daemon) -> None:
    with Client("http://127.0.0.1:9", socket=str(daemon.data / NAME)) as client:
        assert client.get("/healthz")["status"] == "ok"
    assert daemon.cli("status").returncode == 0


def test_nothing_secret_is_logged(daemon: Daemon) -> None:
    token = read_token(str(daemon.data))
    assert token is not None
    with pytest.raises(ProblemError), Client(daemon.client.address, token=token) as client:
        client.get("/v1/similar", {"path": "/nowhere"})
    assert token not in daemon.log.read_text()


@pytest.mark.parametrize(
    "path", ["%2e%2e/%2e%2e/etc/passwd", "..%2f..%2fetc%2fpasswd", "1%00", "%00", "1/../../etc/passwd"]
)
@pytest.mark.parametrize("below", ["", "/audio", "/waveform"])
def test_no_path_leads_out_of_the_interface(daemon: Daemon, path: str, below: str) -> None:
    answer = told(daemon, request_of("GET", f"/v1/sounds/{path}{below}"))
    assert re.match(rb"HTTP/1.1 4\d\d ", answer)
    assert b"root:" not in answer


@pytest.mark.parametrize("name", ["path", "uri"])
@pytest.mark.parametrize("value", ["%00", "/a%00b", "etc/passwd", "file://elsewhere/x.wav", "%ff", "/etc"])
def test_no_parameter_leads_to_what_is_no_sound(daemon: Daemon, name: str, value: str) -> None:
    for route in ("/v1/similar", "/v1/sounds"):
        assert re.match(rb"HTTP/1.1 4\d\d ", told(daemon, request_of("GET", f"{route}?{name}={value}")))


@pytest.mark.parametrize(
    "head",
    [
        b"X: y\r\n" * 10_000,
        b"X: " + b"y" * 1_000_000 + b"\r\n",
        b"Host: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n",
        b"Host: localhost\r\nContent-Length: -1\r\n",
        b"Host: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n",
        b"\x00\xff: z\r\n",
    ],
    ids=["many", "long", "two lengths", "no length", "length and chunks", "no header"],
)
def test_a_bomb_of_headers_is_refused(daemon: Daemon, head: bytes) -> None:
    answer = told(daemon, b"POST /v1/rescan HTTP/1.1\r\n", head, b"\r\n")
    assert answer == b"" or re.match(rb"HTTP/1.[01] 4\d\d ", answer)
    assert daemon.client.get("/healthz")["status"] == "ok"


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(daemon: Daemon) -> None:
    _, host, port = place_of(daemon)
    for path, kind in (("/v1/similar", "audio/wav"), ("/v1/rescan", "application/json")):
        with socket.create_connection((host, port), timeout=PATIENCE) as end:
            end.sendall(request_of("POST", path, f"Content-Length: {2**40}", f"Content-Type: {kind}"))
            end.sendall(b" " * 2_000_000)
            assert end.recv(12) == b"HTTP/1.1 413", path


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ("Content-Encoding: gzip\r\nContent-Length: 5", b"hello", b"400"),
        ("Transfer-Encoding: chunked", b"zz\r\n", b"400"),
        ("Content-Encoding: deflate\r\nContent-Length: 48611", zlib.compress(b" " * 50_000_000), b"413"),
        ("Expect: 200-ok\r\nContent-Length: 2", b"{}", b"417"),
        ("Content-Length: 10", b"{", b""),
    ],
    ids=["no gzip", "no chunk", "much in little", "great expectations", "half"],
)
def test_a_body_that_is_broken_is_refused_and_no_failure_of_ours(
    daemon: Daemon, headers: str, body: bytes, status: bytes
) -> None:
    request = request_of("POST", "/v1/rescan", "Content-Type: application/json", headers)
    answer = told(daemon, request + body, hang_up=not status)
    assert answer.partition(b" ")[2].startswith(status), answer
    assert b" 500 " not in answer


@pytest.fixture
def many_descriptors() -> Generator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, before[1]), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.slow
@pytest.mark.usefixtures("many_descriptors")
def test_a_thousand_who_say_nothing_keep_nobody_out(daemon: Daemon) -> None:
    _, host, port = place_of(daemon)
    with contextlib.ExitStack() as stack:
        for number in range(1000):
            end = stack.enter_context(socket.create_connection((host, port), timeout=PATIENCE))
            if number % 2:
                end.sendall(b"GET /healthz HTTP/1.1\r\nHo")  # and half of them say half a word
        assert daemon.client.get("/healthz")["status"] == "ok"


CROWD = """
import encodings.idna, os, resource, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (3000, 3000))
os.setuid(65534)
ends = [socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=60) for _ in range(2000)]
def is_open(end, *flags):
    try:
        return end.recv(1, *flags) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False
assert not is_open(ends[0])
print(sum(is_open(end, socket.MSG_DONTWAIT) for end in ends) <= 1000)
"""


@needs_root
@pytest.mark.slow
def test_a_crowd_of_strangers_is_hung_up_on(daemon: Daemon) -> None:
    _, host, port = place_of(daemon)
    command = [sys.executable, "-c", CROWD, host, str(port)]
    with socket.create_connection((host, port), timeout=PATIENCE) as own:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert ended.stdout == "True\n", ended.stderr
        own.sendall(request_of("GET", "/healthz"))
        assert own.recv(12) == b"HTTP/1.1 200"


@pytest.mark.slow
def test_who_does_not_come_to_the_point_is_hung_up_on(daemon: Daemon) -> None:
    assert told(daemon, b"GET /healthz HTTP/1.1\r\nHo", limit=90) == b""
