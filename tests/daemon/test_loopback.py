"""The name localhost is ours at both of its addresses, or at none."""

from __future__ import annotations

import socket
from collections.abc import Generator
from contextlib import closing, contextmanager

import pytest

from patience import PATIENCE
from timbred_daemon.loopback import Twin, twin_of

ADDRESSES = {"127.0.0.1": socket.AF_INET, "::1": socket.AF_INET6}


@contextmanager
def listening_at(host: str) -> Generator[int]:
    """The port of somebody who listens there."""
    with socket.create_server((host, 0), family=ADDRESSES[host]) as server:
        yield server.getsockname()[1]


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this system has no IPv6")
@pytest.mark.parametrize(("host", "other"), [("127.0.0.1", "::1"), ("::1", "127.0.0.1")])
def test_the_other_address_is_listened_at_too(host: str, other: str) -> None:
    with listening_at(host) as port:
        twin = twin_of(host, port)
        assert twin.socket is not None
        with closing(twin.socket), socket.create_connection((other, port), timeout=PATIENCE):
            assert twin.alone


@pytest.mark.parametrize(("host", "other"), [("127.0.0.1", "::1"), ("::1", "127.0.0.1")])
def test_where_somebody_else_is_the_name_is_not_ours(host: str, other: str) -> None:
    with listening_at(other) as port:
        assert twin_of(host, port) == Twin(None, alone=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "127.0.0.5", "192.168.1.5"])
def test_an_address_that_the_name_does_not_lead_to_has_no_twin(host: str) -> None:
    assert twin_of(host, 8462) == Twin(None, alone=True)
