"""The token: the way in for callers that the system cannot name. A file in the data folder that only its owner reads.

The daemon makes it and clients of the same user read it, so that nobody has to handle it as long as all goes well.
"""

from __future__ import annotations

import os
import stat
from typing import Final

from timbred_indexer.errors import StorageError

NAME: Final = "token"
_LEAST: Final = 32  # characters; what is shorter was not made by us
_MOST: Final = 4096


def keep_token(data_dir: str) -> str:
    """The token of a data folder that the caller holds the lock of; made where there is none that is still a secret.

    Raises:
        StorageError: it cannot be written.
    """
    token = read_token(data_dir)
    if token is not None:
        return token
    import secrets

    token = secrets.token_urlsafe(32)
    path = os.path.join(data_dir, NAME)
    try:
        _write(path, token)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}.") from error
    return token


def read_token(data_dir: str) -> str | None:
    """The token; None where there is none, or where others could have read or written it."""
    try:
        descriptor = os.open(os.path.join(data_dir, NAME), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        ours = status.st_uid in (os.geteuid(), 0) or os.geteuid() == 0
        if not stat.S_ISREG(status.st_mode) or not ours or stat.S_IMODE(status.st_mode) & 0o077:
            return None
        token = file.read(_MOST).strip()
    if len(token) < _LEAST or not all(0x21 <= byte < 0x7F for byte in token):
        return None
    return token.decode("ascii")


def _write(path: str, token: str) -> None:
    new = f"{path}.new"
    if os.path.lexists(new):
        os.unlink(new)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w", encoding="ascii") as file:
        file.write(token + "\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)
