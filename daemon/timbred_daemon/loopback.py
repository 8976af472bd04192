"""The two addresses of ``localhost``: whoever has one and not the other shares the name with a stranger."""

from __future__ import annotations

import errno
import logging
import socket
from dataclasses import dataclass

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Twin:
    """What came of the other address.

    Attributes:
        socket: listens there; None where there is nothing to listen on.
        alone: ``localhost`` leads to us and nobody else.
    """

    socket: socket.socket | None
    alone: bool


def twin_of(host: str, port: int) -> Twin:
    """Listens at the same port of the other address that ``localhost`` has.

    A browser tries both. Whoever listens at the one could give it a page, hang up, and have the page call the other as
    its own: the page's origin is the name, not the address.
    """
    other = {"127.0.0.1": "::1", "::1": "127.0.0.1"}.get(host)
    if other is None:
        return Twin(None, alone=True)  # all addresses, or one that the name does not lead to
    family = socket.AF_INET6 if ":" in other else socket.AF_INET
    try:
        made = socket.socket(family, socket.SOCK_STREAM)
    except OSError:
        return Twin(None, alone=True)  # a system with one kind of address
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((other, port))
        made.listen(128)  # only this tells who was first
    except OSError as error:
        made.close()
        taken = error.errno == errno.EADDRINUSE
        if taken:
            logger.warning("Another program has port %d of %s: timbred does not answer to localhost.", port, other)
        return Twin(None, alone=not taken)
    return Twin(made, alone=True)
