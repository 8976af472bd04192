"""Whose program is at the other end of a connection: the kernel is asked, never the caller.

A unix socket's peer is in its credentials. For TCP, Linux answers one exact question about one connection
(``NETLINK_SOCK_DIAG``, sock_diag(7)) in some microseconds; no table of connections is read. Anything that is not
plainly known is None: a connection whose socket is closed already is listed under uid 0, which is not root.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys
from dataclasses import dataclass
from typing import Any, Final

_SOCK_DIAG: Final = 4
_BY_FAMILY: Final = 20
_ERROR: Final = 2
_NLM_F_REQUEST: Final = 1
_NO_COOKIE: Final = b"\xff" * 8
_MAPPED: Final = b"\0" * 10 + b"\xff\xff"
_OPEN_STATES: Final = frozenset({1, 4, 5, 8})  # established, or half of it closed; a listener is none of them
_LISTENING: Final = 10
_STALE_ANSWERS: Final = 8  # left by a question that was broken off

# struct nlmsghdr, inet_diag_req_v2, inet_diag_sockid, inet_diag_msg of <linux/inet_diag.h>
_HEADER = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBBxI")
_ENDS = struct.Struct("!HH16s16s")
_INTERFACE = struct.Struct("=I")
_ROW = struct.Struct("=BBxx")
_OWNER = struct.Struct("=II")
_CREDENTIALS = struct.Struct("=iII")
_OWNER_OFFSET: Final = _HEADER.size + _ROW.size + 48 + 12
_ANSWER_SIZE: Final = _OWNER_OFFSET + _OWNER.size


@dataclass(frozen=True, slots=True)
class Flow:
    """One direction of a TCP connection. Addresses are packed, 4 or 16 bytes; ``interface`` is 0 but for link-local."""

    source: bytes
    source_port: int
    target: bytes
    target_port: int
    interface: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """What the kernel lists of one socket. ``inode`` 0: no process has it any more, and ``uid`` means nothing."""

    flow: Flow
    state: int
    uid: int
    inode: int


class Peers:
    """Finds out whose program a connection comes from. Not for use by several threads at once.

    Attributes:
        tells_tcp: whether the owner of a TCP connection can be known here; a sandbox, or another system, may not say.
    """

    def __init__(self) -> None:
        self._netlink: socket.socket | None = None
        self._sequence = 0
        self._nobody: int | None = None
        self.tells_tcp = False

    def open(self) -> None:
        """Finds out what can be known here. Before that, no TCP connection's owner is."""
        self._nobody = _unmapped_uid()
        self.tells_tcp = sys.platform == "linux" and self._sees_a_listener()

    def close(self) -> None:
        if self._netlink is not None:
            self._netlink.close()
            self._netlink = None

    def uid_of(self, connection: Any) -> int | None:
        """The user whose program opened this connection; None where that is not certain. Never blocks.

        Args:
            connection: the accepted socket, or what asyncio shows of it.
        """
        if connection.family == socket.AF_UNIX:
            return self._known(_unix_uid(connection))
        if not self.tells_tcp or connection.family not in (socket.AF_INET, socket.AF_INET6):
            return None
        try:
            flow = _from_peer(connection)
            row = self.find(flow, connection.family)
            # While this end is open, no other socket can have come to the same pair of addresses and ports.
            connection.getpeername()
        except (OSError, ValueError):
            return None
        if row is None or row.flow != flow or row.state not in _OPEN_STATES or not row.inode:
            return None
        return self._known(row.uid)

    def find(self, flow: Flow, family: int) -> Row | None:
        """The socket at the source of ``flow``, or the one that listens there; None: there is none, or no answer.

        Raises:
            OSError: the kernel does not take such questions.
        """
        if len(flow.source) == 4:
            family = socket.AF_INET
        self._sequence = (self._sequence + 1) & 0xFFFFFFFF
        try:
            netlink = self._opened()
            netlink.send(_question(flow, family, self._sequence))
            return _row_of(self._answer(netlink))
        except OSError:
            self.close()  # whatever it was, the next question starts with an empty queue
            raise

    def _answer(self, netlink: socket.socket) -> bytes:
        """The kernel has answered before ``send`` returned; what belongs to an earlier question is passed over."""
        for _ in range(_STALE_ANSWERS):
            answer, (sender, _) = netlink.recvfrom(4096)
            if sender == 0 and len(answer) >= _HEADER.size and _HEADER.unpack_from(answer)[3] == self._sequence:
                return answer
        raise OSError(errno.EPROTO, "answers to other questions only")

    def _opened(self) -> socket.socket:
        if self._netlink is None:
            netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _SOCK_DIAG)
            try:
                netlink.setblocking(False)
                netlink.connect((0, 0))
            except OSError:
                netlink.close()
                raise
            self._netlink = netlink
        return self._netlink

    def _known(self, uid: int | None) -> int | None:
        return None if uid == self._nobody else uid

    def _sees_a_listener(self) -> bool:
        """Asks about a socket of our own: "no such socket" and "no such service" are the same answer."""
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as own:
                own.bind(("127.0.0.1", 0))
                own.listen(1)
                here = socket.inet_aton("127.0.0.1")
                row = self.find(Flow(here, own.getsockname()[1], here, 1), socket.AF_INET)
                found = row is not None and (row.state, row.inode) == (_LISTENING, os.fstat(own.fileno()).st_ino)
        except OSError:
            return False
        return found


def _unix_uid(connection: Any) -> int | None:
    """The user who connected, as it was then."""
    try:
        if sys.platform == "darwin":
            # struct xucred of LOCAL_PEERCRED: version, uid, number of groups, groups
            version, uid = _OWNER.unpack_from(connection.getsockopt(0, 1, 76))
            return uid if version == 0 else None
        if sys.platform == "linux":
            return _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1]
    except (OSError, struct.error):
        return None
    return None


def _unmapped_uid() -> int | None:
    """In a user namespace, every user from outside it looks like this one; None where each has a number of its own."""
    try:
        with open("/proc/self/uid_map", encoding="ascii") as file:
            whole = file.read().split() == ["0", "0", "4294967295"]
        with open("/proc/sys/kernel/overflowuid", encoding="ascii") as file:
            return None if whole else int(file.read())
    except (OSError, ValueError):
        return None if sys.platform != "linux" else 65534


def _from_peer(connection: Any) -> Flow:
    """The way from the peer to us; a v4 address in v6 clothes is shown as what it is."""
    source, target = connection.getpeername(), connection.getsockname()
    packed = [_plain(socket.inet_pton(connection.family, end[0].partition("%")[0])) for end in (source, target)]
    return Flow(packed[0], source[1], packed[1], target[1], source[3] if len(source) > 2 else 0)


def _plain(address: bytes) -> bytes:
    return address[12:] if address.startswith(_MAPPED) and len(address) == 16 else address


def _question(flow: Flow, family: int, sequence: int) -> bytes:
    body = (
        _REQUEST.pack(family, socket.IPPROTO_TCP, 0, 0xFFFFFFFF)
        + _ENDS.pack(flow.source_port, flow.target_port, flow.source, flow.target)
        + _INTERFACE.pack(flow.interface)
        + _NO_COOKIE
    )
    return _HEADER.pack(_HEADER.size + len(body), _BY_FAMILY, _NLM_F_REQUEST, sequence, 0) + body


def _row_of(answer: bytes) -> Row | None:
    kind = _HEADER.unpack_from(answer)[1]
    if kind == _ERROR and len(answer) >= _HEADER.size + 4:
        number = -struct.unpack_from("=i", answer, _HEADER.size)[0]
        if number != errno.ENOENT:
            raise OSError(number, os.strerror(number))
        return None
    if kind != _BY_FAMILY or len(answer) < _ANSWER_SIZE:
        raise OSError(errno.EPROTO, "an answer of another shape")
    family, state = _ROW.unpack_from(answer, _HEADER.size)
    source_port, target_port, *ends = _ENDS.unpack_from(answer, _HEADER.size + _ROW.size)
    source, target = (end[:4] if family == socket.AF_INET else _plain(end) for end in ends)
    (interface,) = _INTERFACE.unpack_from(answer, _HEADER.size + _ROW.size + _ENDS.size)
    uid, inode = _OWNER.unpack_from(answer, _OWNER_OFFSET)
    return Row(Flow(source, source_port, target, target_port, interface), state, uid, inode)
