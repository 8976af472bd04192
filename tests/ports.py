"""Ports of this machine that no other program can take between being chosen and being used."""

from __future__ import annotations

import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager

from aiohttp.test_utils import TestServer
from aiohttp.web import Application


def bound() -> socket.socket:
    """A socket with a port of its own, for whoever will listen on it."""
    end = socket.socket()
    end.bind(("127.0.0.1", 0))
    return end


@contextmanager
def nothing_listens() -> Generator[str]:
    """HOST:PORT at which nothing listens for as long as the body runs: the port is taken, and refuses."""
    with bound() as end:
        yield f"127.0.0.1:{end.getsockname()[1]}"


def serving(make: Callable[[int], Application]) -> TestServer:
    """A server of an application that has to know its port; not started yet."""
    end = bound()

    def taken(host: str, port: int, family: socket.AddressFamily) -> socket.socket:
        return end

    return TestServer(make(end.getsockname()[1]), socket_factory=taken)
