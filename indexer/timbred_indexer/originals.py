"""Opens a user's file to be handed out: the one that was indexed, inside its watched folder, or none."""

from __future__ import annotations

import os
from typing import Final

from timbred_indexer.errors import NotFoundError, TransientInputError
from timbred_indexer.scan import file_stat
from timbred_indexer.store.media import Place

_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


def open_original(place: Place) -> int:
    """A descriptor of the file, which is still as it was when it was hashed. It is the caller's to close.

    Links are resolved first; then every directory from the folder down is opened by itself, following none. So what
    is opened lies inside the folder, whoever moves links about meanwhile.

    Raises:
        NotFoundError: ``vanished``: it is not there, or not inside the folder.
        TransientInputError: ``file_changed``; ``unreadable``: the system does not hand it out.
    """
    try:
        descriptor = _open_below(*_resolved(place))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError("The file is not there any more.", code="vanished") from error
    except OSError as error:
        raise TransientInputError(f"The file cannot be read: {error.strerror}.", code="unreadable") from error
    now, then = file_stat(os.fstat(descriptor)), place.stat
    if (now.size, now.mtime_ns, now.inode) != (then.size, then.mtime_ns, then.inode):
        os.close(descriptor)
        raise TransientInputError(
            "The file has changed since it was indexed; ask again in a moment.", code="file_changed"
        )
    return descriptor


def _resolved(place: Place) -> tuple[bytes, list[bytes]]:
    """The folder's real path, and the names that lead from there to the file."""
    folder = os.path.realpath(place.folder)
    path = os.path.realpath(os.path.join(folder, place.path))
    inside = folder.rstrip(b"/") + b"/"
    if not path.startswith(inside):
        raise FileNotFoundError
    return folder, path[len(inside) :].split(b"/")


def _open_below(folder: bytes, names: list[bytes]) -> int:
    """Opens ``names`` one in the other."""
    here = os.open(folder, _FLAGS | os.O_DIRECTORY)
    for depth, name in enumerate(names, 1):
        try:
            inner = os.open(name, _FLAGS | (os.O_DIRECTORY if depth < len(names) else 0), dir_fd=here)
        finally:
            os.close(here)
        here = inner
    return here
