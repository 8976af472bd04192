"""Paths as the API shows and takes them: bytes inside, ``path`` for display, ``uri`` exact."""

from __future__ import annotations

import os
from urllib.parse import quote_from_bytes, unquote_to_bytes, urlsplit

from timbred_indexer.errors import RequestError


def display(path: bytes) -> str:
    """The path for people: what is not UTF-8 is shown as U+FFFD."""
    return path.decode("utf-8", errors="replace")


def to_uri(path: bytes) -> str:
    """The exact ``file://`` form, percent-encoded; every path has one and gets back from it."""
    return "file://" + quote_from_bytes(path)


def from_uri(uri: str) -> bytes:
    """The path a ``file://`` URI names.

    Raises:
        RequestError: ``bad_uri``: another scheme, another host, a relative path, a NUL byte.
    """
    try:
        parts = urlsplit(uri)
    except ValueError as error:
        raise RequestError(f"{uri!r} is not a URI: {error}.", code="bad_uri") from error
    if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
        raise RequestError("uri must begin with file:/// and name a file on this machine.", code="bad_uri")
    # ? and # are ordinary characters in a file name; those who forgot to encode them meant the name.
    rest = uri.split(":", 1)[1].removeprefix("//").removeprefix("localhost")
    return normal(unquote_to_bytes(rest))


def normal(path: bytes) -> bytes:
    """An absolute path without ``.``, ``..`` and doubled slashes; links are left as they are.

    Raises:
        RequestError: ``bad_path``: relative, or with a NUL byte.
    """
    if b"\0" in path:
        raise RequestError("A path cannot hold a NUL byte.", code="bad_path")
    if not path.startswith(b"/"):
        raise RequestError("The path must be absolute, beginning with /.", code="bad_path")
    clean = os.path.normpath(path)
    return clean[1:] if clean.startswith(b"//") else clean


def resolve(path: str | None, uri: str | None) -> bytes | None:
    """The one path that ``path`` or ``uri`` names; None when neither is given.

    Raises:
        RequestError: both are given, or one of them is malformed.
    """
    if path is not None and uri is not None:
        raise RequestError("Give path or uri, not both.", code="bad_parameter")
    if uri is not None:
        return from_uri(uri)
    if path is None:
        return None
    return from_uri(path) if path.startswith("file://") else normal(os.fsencode(path))
