"""Who may call: programs of this user, from this machine, not sent by a web page of somebody else.

Two questions are put to every request. Could a foreign page have sent it? A page on another site can make a browser
send requests here; its Origin gives it away; where a browser sends none, the Host header does (DNS rebinding), and a
state-changing request needs a content type that no plain form can send. And whose program is it? That is asked once a
connection, at its first request; who is not known to belong here needs the token. THREAT_MODEL.md has all of it.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import ipaddress
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from weakref import WeakKeyDictionary

from timbred_api.owner import set_owner
from timbred_api.peers import Peers
from timbred_indexer.errors import RequestError

READING = frozenset({"GET", "HEAD", "OPTIONS"})

CHALLENGES: Final = ('Bearer realm="timbred"', 'Basic realm="timbred", charset="UTF-8"')
"""``WWW-Authenticate`` of a 401. A browser asks for the token as a password, and keeps it for this port alone."""

ROOT: Final = 0
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::([0-9]{1,5}))?", re.ASCII)
_PORT = re.compile(r":[0-9]+$", re.ASCII)
_FOREIGN_PAGE = "Pages of other sites may not call timbred."


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call, as the settings have it.

    Attributes:
        port: of the TCP socket.
        token: lets in whoever has it; None: nobody.
        token_needed: over TCP, nobody comes in without it; the same user is asked for it too.
        users: uids that may call besides the daemon's own and root's.
        everywhere: timbred listens for other machines too.
        hosts: names, in lower case, that it is called by besides those of the loopback.
        localhost: whether that name leads to us alone: another program may listen at the other address that it has.
    """

    port: int
    token: str | None = None
    token_needed: bool = False
    users: frozenset[int] = frozenset()
    everywhere: bool = False
    hosts: frozenset[str] = frozenset()
    localhost: bool = True


@dataclass(frozen=True, slots=True)
class Names:
    """What Host and Origin may name.

    Attributes:
        port: None over a unix socket, which has none.
        addresses: any address that is a number is this machine's own. A rebound name is not a number.
        hosts: names of the settings, with any port: something may stand in between.
        localhost: a page that was loaded under this name came from us.
    """

    port: int | None
    addresses: bool = False
    hosts: frozenset[str] = frozenset()
    localhost: bool = True


@dataclass(frozen=True, slots=True)
class _Connection:
    """What is known of the other end. ``uid`` None: nothing, which is not the same as nobody."""

    unix: bool
    loopback: bool
    uid: int | None


class Door:
    """Lets requests in, or does not. Closed to begin with: only ``open`` finds out who can be known."""

    def __init__(self, access: Access, peers: Peers | None = None) -> None:
        """``peers``: who knows whose a connection is, instead of this system."""
        self._access = access
        self._peers = peers or Peers()
        self._own = frozenset({os.geteuid(), ROOT})
        self._names = Names(access.port, access.everywhere, access.hosts, access.localhost)
        self._socket_names = Names(None, access.everywhere, access.hosts)
        self._connections: WeakKeyDictionary[asyncio.BaseTransport, _Connection] = WeakKeyDictionary()

    @property
    def tells_users_apart(self) -> bool:
        """Whether users are told apart on TCP; if not, callers need the token there."""
        return self._peers.tells_tcp

    def open(self) -> None:
        """Asks the system what it tells of callers; may block for an instant."""
        self._peers.open()

    def close(self) -> None:
        self._peers.close()

    def check(self, transport: asyncio.BaseTransport | None, method: str, headers: Mapping[str, str]) -> None:
        """Refuses a request that does not belong here, and says of one that does whether it is the owner's.

        Raises:
            RequestError: ``forbidden`` (Host or Origin), ``unsupported_media_type`` or ``unauthorized``.
        """
        set_owner(False)
        connection = self._connection(transport)
        check_caller(method, headers, self._socket_names if connection.unix else self._names)
        self._check_user(connection, headers)

    def knows(self, transport: asyncio.BaseTransport) -> bool:
        """Whether a connection is of somebody who may call without more ado."""
        return self._is_known(self._connection(transport))

    def _is_known(self, connection: _Connection) -> bool:
        return connection.uid in self._own or connection.uid in self._access.users

    def _check_user(self, connection: _Connection, headers: Mapping[str, str]) -> None:
        if self._is_known(connection) and (connection.unix or not self._access.token_needed):
            return set_owner(connection.uid in self._own)
        if not self._has_token(headers):
            raise RequestError(self._refusal(connection), code="unauthorized")
        # Where users cannot be told apart, only the owner of this machine's token file can have it here.
        assumed = connection.uid is None and connection.loopback and not self._peers.tells_tcp
        return set_owner(assumed or connection.uid in self._own)

    def _connection(self, transport: asyncio.BaseTransport | None) -> _Connection:
        """Asked with a connection's first request, and kept as long as it: an address may be another's next."""
        if transport is None:
            return _Connection(unix=False, loopback=False, uid=None)  # gone already
        known = self._connections.get(transport)
        if known is None:
            known = self._connections[transport] = self._seen(transport)
        return known

    def _seen(self, transport: asyncio.BaseTransport) -> _Connection:
        end = transport.get_extra_info("socket")
        if end is None:
            return _Connection(unix=False, loopback=False, uid=None)
        unix = end.family == socket.AF_UNIX
        peer = "" if unix else transport.get_extra_info("peername", ("",))[0]
        loopback = is_loopback(peer.removeprefix("::ffff:"))
        return _Connection(unix, loopback, self._peers.uid_of(end))

    def _has_token(self, headers: Mapping[str, str]) -> bool:
        given = _credentials(headers.get("Authorization", ""))
        token = self._access.token
        return bool(token) and given is not None and hmac.compare_digest(given, token.encode())

    def _refusal(self, connection: _Connection) -> str:
        if connection.uid is None or connection.uid in self._own:
            who = "This request needs timbred's token"
        else:
            who = f"timbred serves another user than yours (uid {connection.uid}): it needs the token"
        return f"{who}, from the file `token` in its data folder, as `Authorization: Bearer TOKEN` or as a password."


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_caller(method: str, headers: Mapping[str, str], names: Names) -> None:
    """Refuses what a foreign page could have sent.

    Raises:
        RequestError: ``forbidden`` (Host or Origin) or ``unsupported_media_type``.
    """
    host = headers.get("Host", "")
    if not _is_here(host, names):
        raise RequestError("The Host header does not name this machine and port.", code="forbidden")
    origin = headers.get("Origin")
    if origin is not None and not _is_our_origin(origin, host, names):
        raise RequestError(_FOREIGN_PAGE, code="forbidden")
    if headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):  # other ports of this machine are other sites
        raise RequestError(_FOREIGN_PAGE, code="forbidden")
    # A form says what it sends even where it sends nothing: that tells it in browsers that name no origin.
    if method not in READING and (_has_body(headers) or "Content-Type" in headers):
        check_content_type(headers.get("Content-Type", ""))


def check_content_type(value: str) -> None:
    """A body must be JSON or audio.

    Raises:
        RequestError: ``unsupported_media_type``.
    """
    kind = value.split(";", 1)[0].strip().lower()
    if kind not in ("application/json", "application/octet-stream") and not kind.startswith(("audio/", "video/")):
        raise RequestError(
            "Send JSON as application/json, sound as audio/* or application/octet-stream.",
            code="unsupported_media_type",
        )


@lru_cache(maxsize=64)  # clients ask with the same few names, thousands of times a second
def _is_here(host: str, names: Names) -> bool:
    """Whether ``host`` (name and port) is ours."""
    parts = _HOST.fullmatch(host)
    if parts is None:
        return False
    name, port = parts[1].strip("[]").lower(), parts[2]
    if name in names.hosts:
        return True
    if name == "localhost" and not names.localhost:
        return False
    ours = is_loopback(name) or (names.addresses and _is_address(name))
    return ours and (names.port is None or not port or int(port) == names.port)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_our_origin(origin: str, host: str, names: Names) -> bool:
    """Whether a page came from where its request goes: at another address of the loopback, anybody may listen.

    What stands in between may have changed the name that was asked for; so names of the settings will do as well.
    """
    scheme, separator, page = origin.lower().partition("://")
    if not separator or scheme not in ("http", "https"):
        return False
    if page.partition(":")[0] in names.hosts:
        return _HOST.fullmatch(page) is not None
    # timbred itself speaks plain HTTP only
    return scheme == "http" and _with_port(page, 80) == _with_port(host.lower(), names.port or 80)


def _with_port(host: str, port: int) -> str:
    return host if _PORT.search(host) else f"{host}:{port}"


def _has_body(headers: Mapping[str, str]) -> bool:
    return headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in headers


def _credentials(authorization: str) -> bytes | None:
    """The token that a caller says it has: of ``Bearer``, or the password of ``Basic``."""
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return given.strip().encode("utf-8", "surrogateescape")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(given.strip(), validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return None
    return None
