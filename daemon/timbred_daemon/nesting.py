"""No file may belong to two watched folders, whichever links lead there. Pure: what the links lead to is given."""

from __future__ import annotations

import os
from collections.abc import Mapping

from timbred_indexer.errors import RequestError


def check_apart(real: Mapping[bytes, bytes]) -> None:
    """No file may belong to two folders.

    Args:
        real: each folder's path, and where that really is.

    Raises:
        RequestError: ``nested_folder``.
    """
    for inner, outer in find_inner(real).items():
        said = f"{os.fsdecode(inner)!r} lies inside {os.fsdecode(outer)!r}; watch one of them."
        raise RequestError(said, code="nested_folder")


def find_inner(real: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Those paths that lie in (or, by a link, are) another one of them, each with that one.

    Args:
        real: each path, and where it really is.
    """
    ends = {path: place.rstrip(b"/") + b"/" for path, place in real.items()}
    inner: dict[bytes, bytes] = {}
    outer: bytes | None = None
    # An outer folder sorts before all that lies inside it; of two names of one folder the first given stays.
    for path in sorted(ends, key=lambda path: ends[path]):
        if outer is not None and ends[path].startswith(ends[outer]):
            inner[path] = outer
        else:
            outer = path
    return inner
