"""Another machine calls: a daemon that listens for others, in a network of two namespaces that nobody else is in."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

import pytest
from daemon_process import QUICK, Daemon, daemon_on

from patience import PATIENCE
from timbred_api.client import Client
from timbred_api.tokens import read_token
from timbred_daemon.unix_socket import NAME

HERE: Final = "192.0.2.1"  # of the net that is set apart for documents
THERE: Final = "192.0.2.2"
OPEN: Final = QUICK + "require_token = true\n"

_ASK = """
import socket, sys
end = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=60)
end.sendall(sys.stdin.buffer.read())
while part := end.recv(65536):
    sys.stdout.buffer.write(part)
"""


class Machine:
    """A network namespace; programs that run in it have its network and no other."""

    def __init__(self) -> None:
        command = ["unshare", "--net", "sh", "-c", "echo there; read _"]
        self._holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert self._holder.stdout is not None
        self.allowed = self._holder.stdout.readline() == b"there\n"

    @property
    def pid(self) -> int:
        return self._holder.pid

    def inside(self, *command: str) -> list[str]:
        return ["nsenter", "--target", str(self.pid), "--net", *command]

    def run(self, *command: str) -> None:
        subprocess.run(self.inside(*command), check=True, capture_output=True, timeout=PATIENCE)

    def close(self) -> None:
        self._holder.communicate(timeout=PATIENCE)


@contextmanager
def two_machines() -> Generator[tuple[Machine, Machine]]:
    """This one and another, with a cable between them."""
    here, there = Machine(), Machine()
    try:
        if not (here.allowed and there.allowed):
            pytest.skip("network namespaces may not be made here")
        try:
            here.run("ip", "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", str(there.pid))
        except subprocess.CalledProcessError:
            pytest.skip("this kernel has no virtual cables")
        for machine, address in ((here, HERE), (there, THERE)):
            machine.run("ip", "address", "add", f"{address}/24", "dev", "cable")
            machine.run("ip", "link", "set", "cable", "up")
        yield here, there
    finally:
        for machine in (here, there):
            machine.close()


@pytest.fixture(scope="module")
def machines() -> Generator[tuple[Machine, Machine]]:
    if not all(map(shutil.which, ("ip", "unshare", "nsenter"))):
        pytest.skip("ip, unshare and nsenter are needed")
    with two_machines() as both:
        yield both


@pytest.fixture(scope="module")
def daemon(machines: tuple[Machine, Machine], tmp_path_factory: pytest.TempPathFactory) -> Generator[Daemon]:
    here, _ = machines

    class Listening(Daemon):
        def command(self, *arguments: str) -> list[str]:
            return here.inside(*super().command(*arguments))

        def spawn(self, *folders: Path, listen: str = f"{HERE}:0") -> subprocess.Popen[bytes]:
            return super().spawn(*folders, listen=listen)

    home = tmp_path_factory.mktemp("home")
    (home / "kept").mkdir()
    with daemon_on(home, home / "kept", settings=OPEN, kind=Listening) as running:
        yield running


def answer(machine: Machine, daemon: Daemon, path: str, *headers: str, host: str | None = None) -> bytes:
    """What a program on that machine is answered."""
    place = daemon.client.address.removeprefix("http://")
    lines = [f"GET {path} HTTP/1.1", f"Host: {host or place}", "Connection: close", *headers, "", ""]
    command = machine.inside(sys.executable, "-I", "-c", _ASK, *place.split(":"))
    request = "\r\n".join(lines).encode()
    return subprocess.run(command, input=request, check=True, capture_output=True, timeout=PATIENCE).stdout


def status(machine: Machine, daemon: Daemon, path: str = "/v1/status", *headers: str, host: str | None = None) -> int:
    return int(answer(machine, daemon, path, *headers, host=host).split(b" ", 2)[1])


def bearer(daemon: Daemon) -> str:
    return f"Authorization: Bearer {read_token(str(daemon.data))}"


@pytest.mark.parametrize("path", ["/", "/v1/status", "/healthz", "/docs", "/mcp", "/nothing"])
def test_another_machine_is_not_answered_without_the_token(
    machines: tuple[Machine, Machine], daemon: Daemon, path: str
) -> None:
    for headers in ([], ["Authorization: Bearer wrong"]):
        assert status(machines[1], daemon, path, *headers) == 401


def test_another_machine_is_answered_with_the_token(machines: tuple[Machine, Machine], daemon: Daemon) -> None:
    assert status(machines[1], daemon, "/v1/status", bearer(daemon)) == 200


def test_this_user_needs_it_too_over_tcp_and_not_over_the_socket(
    machines: tuple[Machine, Machine], daemon: Daemon
) -> None:
    machines[0].run("ip", "link", "set", "lo", "up")  # to itself, a machine speaks through its loopback
    assert status(machines[0], daemon) == 401
    assert status(machines[0], daemon, "/v1/status", bearer(daemon)) == 200
    with Client("http://127.0.0.1:9", socket=str(daemon.data / NAME)) as client:
        assert client.get("/healthz")["status"] == "ok"


@pytest.mark.parametrize("host", ["studio.example", f"{HERE}:1", f"{HERE}.studio.example"])
def test_no_name_that_the_settings_lack_leads_here(
    machines: tuple[Machine, Machine], daemon: Daemon, host: str
) -> None:
    assert status(machines[1], daemon, "/v1/status", bearer(daemon), host=host) == 403


def test_a_page_of_another_site_is_refused_with_the_token_too(
    machines: tuple[Machine, Machine], daemon: Daemon
) -> None:
    assert status(machines[1], daemon, "/v1/status", bearer(daemon), "Origin: http://studio.example") == 403


def test_with_the_token_another_machine_is_not_the_owner(machines: tuple[Machine, Machine], daemon: Daemon) -> None:
    outside = daemon.data.parent / "outside.wav"
    outside.write_bytes(b"RIFF")
    said = answer(machines[1], daemon, f"/v1/similar?path={quote(str(outside))}", bearer(daemon))
    assert said.startswith(b"HTTP/1.1 403 ")
    assert b"is left to the user that timbred runs as" in said


def test_without_the_setting_it_does_not_start_and_says_what_to_set(tmp_path: Path) -> None:
    process = Daemon(tmp_path).spawn(listen=f"{HERE}:0")
    assert process.wait(PATIENCE) not in (0, -signal.SIGTERM)
    said = (tmp_path / "log").read_text()
    assert "set require_token = true first" in said
    assert not os.path.exists(tmp_path / "data" / "endpoint.json")
