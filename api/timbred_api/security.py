"""Who may call: requests to this machine, from this machine, not sent by a web page of somebody else.

A page on another site can make a browser send requests here. Its Origin gives it away; where a browser sends none, the
Host header does (DNS rebinding), and a state-changing request needs a content type that no plain form can send.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import urlsplit

from timbred_indexer.errors import RequestError

READING = frozenset({"GET", "HEAD", "OPTIONS"})


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_caller(method: str, headers: Mapping[str, str], *, port: int) -> None:
    """Refuses what a foreign page could have sent.

    Raises:
        RequestError: ``forbidden`` (Host or Origin) or ``unsupported_media_type``.
    """
    if not _is_here(headers.get("Host", ""), port):
        raise RequestError("The Host header does not name this machine and port.", code="forbidden")
    origin = headers.get("Origin")
    if origin is not None and not _is_our_origin(origin, port):
        raise RequestError("Pages of other sites may not call timbred.", code="forbidden")
    if headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):  # other ports of this machine are other sites
        raise RequestError("Pages of other sites may not call timbred.", code="forbidden")
    if method not in READING and _has_body(headers):
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
def _is_here(host: str, port: int, default: int | None = None) -> bool:
    """Whether ``host`` (name and port) is ours; ``default`` is the port that is meant where none is named."""
    try:
        parts = urlsplit(f"//{host}")
        return parts.hostname is not None and is_loopback(parts.hostname) and (parts.port or default or port) == port
    except ValueError:
        return False


def _is_our_origin(origin: str, port: int) -> bool:
    return origin.startswith("http://") and "/" not in origin[7:] and _is_here(origin[7:], port, default=80)


def _has_body(headers: Mapping[str, str]) -> bool:
    return headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in headers
