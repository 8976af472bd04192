"""A second user of this machine: a real process that has given up root."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from patience import PATIENCE

NOBODY = 65534

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

_SCRIPT = """
import os, socket, struct, sys
family, place, port, ending = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
os.setgroups([]); os.setgid(65534); os.setuid(65534)
end = socket.socket(family)
end.settimeout(60)
try:
    end.connect(place if family == socket.AF_UNIX else (place, port))
except PermissionError:
    sys.exit(13)
end.sendall(sys.stdin.buffer.read())
if ending == "reset":
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
if ending == "wait":
    while part := end.recv(65536):
        sys.stdout.buffer.write(part)
end.close()
"""


def tell_as_nobody(place: tuple[int, str, int], request: bytes, ending: str = "wait") -> tuple[int, bytes]:
    """Sends bytes as another user.

    Args:
        place: address family, host or path, port.
        request: what is sent.
        ending: ``wait`` for the answer to its end, ``close`` at once, or ``reset``.

    Returns:
        (exit code, 13 where connecting was not permitted; the answer).
    """
    family, host, port = place
    command = [sys.executable, "-I", "-c", _SCRIPT, str(int(family)), host, str(port), ending]
    ended = subprocess.run(command, input=request, capture_output=True, timeout=PATIENCE, check=False)
    assert ended.returncode in (0, 13), ended.stderr
    return ended.returncode, ended.stdout


def request_of(method: str, path: str, *headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode()
