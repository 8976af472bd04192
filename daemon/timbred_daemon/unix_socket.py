"""The unix socket beside the TCP one: in a folder that others cannot enter, so nobody else can take its place."""

from __future__ import annotations

import hashlib
import logging
import os
import socket
import stat
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Final

logger = logging.getLogger(__name__)

NAME: Final = "timbred.sock"
_LONGEST: Final = 103  # bytes of a path that every system takes; Linux has room for four more


@dataclass(frozen=True, slots=True)
class Local:
    """A listening unix socket and its path."""

    socket: socket.socket
    path: str


@contextmanager
def local_socket(data_dir: str, environ: Mapping[str, str] = os.environ) -> Generator[Local | None]:
    """Listens in the data folder, whose lock must be held; the socket goes at the end. None where that cannot be.

    A left-over of a daemon that was killed is replaced in one step: there is no moment at which clients find nothing.
    """
    path = _place(data_dir, environ)
    try:
        listening = None if path is None else _listening_at(path)
    except OSError as error:
        logger.warning("There is no unix socket at %s: %s.", path, error.strerror)
        listening = None
    if path is None or listening is None:
        yield None
        return
    with closing(listening):
        made = os.lstat(path)
        try:
            yield Local(listening, path)
        finally:
            with suppress(OSError):
                if os.path.samestat(made, os.lstat(path)):
                    os.unlink(path)


def _place(data_dir: str, environ: Mapping[str, str]) -> str | None:
    """In the data folder; where its path is too long for a socket, in the user's runtime folder."""
    path = os.path.join(data_dir, NAME)
    if len(os.fsencode(path)) <= _LONGEST:
        return path
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    name = f"timbred-{hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]}.sock"
    path = os.path.join(runtime, name)
    if os.path.isabs(path) and len(os.fsencode(path)) <= _LONGEST and _is_private(runtime):
        return path
    logger.info("There is no unix socket: the path of the data folder is too long for one.")
    return None


def _is_private(folder: str) -> bool:
    try:
        status = os.stat(folder)
    except OSError:
        return False
    return status.st_uid == os.geteuid() and not stat.S_IMODE(status.st_mode) & 0o077


def _listening_at(path: str) -> socket.socket:
    new = os.path.join(os.path.dirname(path), f".{os.path.basename(path).removesuffix('.sock')}")  # never longer
    with suppress(FileNotFoundError):
        os.unlink(new)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with suppress(OSError):
            os.fchmod(listening.fileno(), 0o600)  # Linux makes the file with the socket's own mode: never open
        listening.bind(new)
        os.chmod(new, 0o600)
        listening.listen(128)
        os.rename(new, path)
    except BaseException:
        listening.close()
        with suppress(OSError):
            os.unlink(new)
        raise
    return listening
