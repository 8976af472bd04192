"""Whether the request that is being answered comes from the user whose files these are.

Whoever may call may ask about sounds in watched folders. To name any other file of this machine takes the user that
timbred runs as, or root. The answer follows a request through tasks and the MCP SDK, which no parameter could.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from timbred_api.engine import Engine
from timbred_indexer.errors import RequestError
from timbred_indexer.store import folders

# Not state of the module: each request has a value of its own, and one that nobody vouched for has False.
_OWNER: Final[ContextVar[bool]] = ContextVar("timbred_owner", default=False)


def set_owner(owner: bool) -> None:
    """Says it for the request that the current task answers."""
    _OWNER.set(owner)


@contextmanager
def as_owner() -> Generator[None]:
    """For callers inside this process."""
    before = _OWNER.set(True)
    try:
        yield
    finally:
        _OWNER.reset(before)


def require_owner(what: str) -> None:
    """Refuses other users' requests.

    Args:
        what: begins the sentence, such as ``Adding a folder``.

    Raises:
        RequestError: ``forbidden``.
    """
    if not _OWNER.get():
        raise RequestError(f"{what} is left to the user that timbred runs as, and to root.", code="forbidden")


async def check_readable(engine: Engine, path: bytes) -> None:
    """Lets others than the owner name files inside watched folders only, wherever links lead.

    Raises:
        RequestError: ``forbidden``; whether there is such a file is not said.
    """
    if _OWNER.get():
        return
    roots = [folder.path for folder in await engine.db.read(folders.active)]
    if not await asyncio.to_thread(_inside, path, roots):
        require_owner("Comparing with a file outside the watched folders")


def _inside(path: bytes, roots: list[bytes]) -> bool:
    try:
        real = os.path.realpath(path)
        return any(os.path.commonpath((real, root)) == root for root in map(os.path.realpath, roots))
    except (OSError, ValueError):
        return False
