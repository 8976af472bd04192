"""Whose program is at the other end: over real connections."""

from __future__ import annotations

import os
import socket
import struct
import sys
from collections.abc import Generator
from contextlib import closing, contextmanager
from threading import Thread

import pytest

from other_user import NOBODY, needs_root, tell_as_nobody
from patience import PATIENCE
from timbred_api.peers import Flow, Peers

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems do not say whose a connection is")

V4 = ("127.0.0.1", socket.AF_INET)
V6 = ("::1", socket.AF_INET6)
# A port that a caller took by name, and where no other program is, can be taken again once it is free.
ALONE = ("127.0.0.2", 0)


@pytest.fixture
def peers() -> Generator[Peers]:
    made = Peers()
    with closing(made):
        made.open()
        if not made.tells_tcp:
            pytest.skip("this kernel does not say whose a connection is")
        yield made


@contextmanager
def connected(
    host: str = "127.0.0.1",
    family: int = socket.AF_INET,
    through: str | None = None,
    source: tuple[str, int] | None = None,
) -> Generator[tuple[socket.socket, socket.socket]]:
    """(the caller's end, the accepted one) over a server at ``host``, called at ``through`` from ``source``."""
    with (
        socket.create_server((host, 0), family=family, dualstack_ipv6=host == "::") as server,
        socket.create_connection((through or host, server.getsockname()[1]), source_address=source) as caller,
        server.accept()[0] as accepted,
    ):
        yield caller, accepted


def reset(end: socket.socket) -> None:
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.close()


@pytest.mark.parametrize(("host", "family"), [V4, V6], ids=["v4", "v6"])
def test_the_user_of_a_connection_is_known(peers: Peers, host: str, family: int) -> None:
    with connected(host, family) as (_, accepted):
        assert peers.uid_of(accepted) == os.geteuid()


def test_a_v4_caller_of_a_v6_server_is_known(peers: Peers) -> None:
    with connected("::", socket.AF_INET6, "127.0.0.1") as (_, accepted):
        assert accepted.getpeername()[0] == "::ffff:127.0.0.1"
        assert peers.uid_of(accepted) == os.geteuid()


def test_a_v6_socket_that_calls_a_v4_server_is_known(peers: Peers) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_INET6) as caller:
        caller.connect(("::ffff:127.0.0.1", server.getsockname()[1]))
        accepted, _ = server.accept()
        with accepted:
            assert peers.uid_of(accepted) == os.geteuid()


def test_one_that_will_say_no_more_but_listens_is_known(peers: Peers) -> None:
    with connected() as (caller, accepted):
        caller.shutdown(socket.SHUT_WR)
        assert peers.uid_of(accepted) == os.geteuid()


@needs_root
@pytest.mark.parametrize("end", [socket.socket.close, reset])
def test_one_that_has_gone_is_nobody_though_root_is_who_asks(peers: Peers, end: object) -> None:
    assert callable(end)
    with connected() as (caller, accepted):
        caller.sendall(b"DELETE / HTTP/1.1\r\n\r\n")
        end(caller)
        assert peers.uid_of(accepted) is None
        assert accepted.recv(6) == b"DELETE"  # it can still be read: that is why it matters


def test_whoever_listens_at_the_port_of_one_that_has_gone_is_not_taken_for_it(peers: Peers) -> None:
    with connected(source=ALONE) as (caller, accepted):
        here, port = caller.getsockname()
        reset(caller)
        with socket.create_server((here, port)):
            flow = Flow(socket.inet_aton(here), port, socket.inet_aton("127.0.0.1"), accepted.getsockname()[1])
            listener = peers.find(flow, socket.AF_INET)
            assert listener is not None
            assert (listener.uid, listener.flow == flow) == (os.geteuid(), False)
            assert peers.uid_of(accepted) is None


def test_whoever_connects_from_the_port_of_one_that_has_gone_is_not_taken_for_it(peers: Peers) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        first = socket.create_connection(server.getsockname(), source_address=ALONE)
        own = first.getsockname()
        gone, _ = server.accept()
        reset(first)
        with gone, socket.create_connection(server.getsockname(), source_address=own) as second:
            accepted, _ = server.accept()
            with accepted:
                assert second.getsockname() == own
                assert (peers.uid_of(gone), peers.uid_of(accepted)) == (None, os.geteuid())


def test_a_socket_that_was_never_connected_has_no_peer(peers: Peers) -> None:
    with socket.socket() as alone:
        assert peers.uid_of(alone) is None


def test_nothing_is_known_before_the_system_was_asked() -> None:
    with connected() as (_, accepted):
        assert Peers().uid_of(accepted) is None


def test_it_goes_on_after_its_own_socket_was_lost(peers: Peers) -> None:
    with connected() as (_, accepted):
        peers.close()
        assert peers.uid_of(accepted) == os.geteuid()


def test_the_peer_of_a_unix_socket_is_known(peers: Peers) -> None:
    one, other = socket.socketpair()
    with one, other:
        assert peers.uid_of(one) == os.geteuid()


@needs_root
@pytest.mark.parametrize(("host", "family"), [V4, V6], ids=["v4", "v6"])
def test_another_user_is_told_apart(peers: Peers, host: str, family: int) -> None:
    with socket.create_server((host, 0), family=family) as server:
        server.settimeout(PATIENCE)
        caller = Thread(target=tell_as_nobody, args=((family, host, server.getsockname()[1]), b"hello"))
        caller.start()
        accepted, _ = server.accept()
        with accepted:
            assert peers.uid_of(accepted) == NOBODY
            assert accepted.recv(5) == b"hello"  # what is closed with something unread is reset
        caller.join()
