"""No file may belong to two watched folders, whichever links lead there."""

from __future__ import annotations

import os
from collections.abc import Sequence

from timbred_indexer.errors import RequestError


def check_apart(path: bytes, known: list[bytes]) -> None:
    """No file may belong to two folders, whichever links lead there. Touches the disk.

    Raises:
        RequestError: ``nested_folder``.
    """
    for inner, outer in find_inner((*known, path)).items():
        said = f"{os.fsdecode(inner)!r} lies inside {os.fsdecode(outer)!r}; watch one of them."
        raise RequestError(said, code="nested_folder")


def find_inner(paths: Sequence[bytes]) -> dict[bytes, bytes]:
    """Those paths that lie in (or, by a link, are) another one of them, each with that one. Touches the disk."""
    real = {path: os.path.realpath(path).rstrip(b"/") + b"/" for path in paths}
    inner: dict[bytes, bytes] = {}
    outer: bytes | None = None
    # An outer folder sorts before all that lies inside it; of two names of one folder the first given stays.
    for path in sorted(real, key=lambda path: real[path]):
        if outer is not None and real[path].startswith(real[outer]):
            inner[path] = outer
        else:
            outer = path
    return inner
