"""Replaces a file so that a crash at any byte leaves the old one or the new one, never a part."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress

TEMPORARY = ".tmp"


def replace_file(path: str, write: Callable[[str], None], *, mode: int = 0o600) -> None:
    """Lets ``write`` fill a temporary file beside ``path``, makes it durable, then puts it in place.

    Raises:
        OSError: the disk could not take it; ``path`` is as it was.
    """
    # Its own name for each process: one that outlived a killed daemon must not write into this one's.
    temporary = f"{path}.{os.getpid()}{TEMPORARY}"
    try:
        write(temporary)
        with open(temporary, "rb") as file:
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise
    sync_folder(os.path.dirname(path))


def remove_leftovers(folder: str) -> None:
    """Takes away the temporary files of processes that were killed while they wrote."""
    for name in os.listdir(folder):
        if name.endswith(TEMPORARY):
            with suppress(FileNotFoundError):
                os.unlink(os.path.join(folder, name))


def sync_folder(path: str) -> None:
    """Makes a rename in the folder survive power loss."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
