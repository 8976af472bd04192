"""Linux gives each user a limited number of watched directories, and says nothing when a part of a tree gets none."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import sys

from timbred_indexer.errors import TimbredError

_IN_DELETE_SELF = 0x400


class WatchUnavailable(TimbredError):
    """The system does not let this folder be watched; it has to be looked at regularly instead."""

    code = "watch_unavailable"


def unavailable(error: OSError, directories: int) -> WatchUnavailable:
    """The error for a folder of ``directories`` directories that cannot be watched, with the line that helps."""
    if error.errno == errno.ENOSPC:
        most = max(524_288, 1 << (2 * directories).bit_length())
        return WatchUnavailable(
            "this system's limit on watched directories is reached; the folder is looked at regularly instead. "
            f"To lift it: sudo sysctl fs.inotify.max_user_watches={most}"
        )
    if error.errno == errno.EMFILE:
        return WatchUnavailable(
            "this system's limit on watchers is reached; the folder is looked at regularly instead. "
            "To lift it: sudo sysctl fs.inotify.max_user_instances=1024"
        )
    return WatchUnavailable(f"the folder cannot be watched: {error.strerror}")


def count_watches(fd: int | None = None) -> int | None:
    """Directories watched by this process, or by one inotify descriptor of it; None where the system does not say."""
    if sys.platform != "linux":
        return None
    fds = [str(fd)] if fd is not None else os.listdir("/proc/self/fdinfo")
    return sum(_watches_of(name) for name in fds)


def count_directories(root: bytes) -> int:
    """Directories at and below ``root`` that can be watched: readable, and not reached through a link."""
    return sum(1 for _ in os.walk(root))


def out_of_watches(root: bytes) -> bool:
    """Whether the system refuses one more watch because the user's limit is reached."""
    libc = ctypes.CDLL(None, use_errno=True)
    fd: int = libc.inotify_init1(os.O_CLOEXEC)
    if fd < 0:
        return ctypes.get_errno() == errno.EMFILE
    try:
        watch: int = libc.inotify_add_watch(fd, root, _IN_DELETE_SELF)
        return watch < 0 and ctypes.get_errno() == errno.ENOSPC
    finally:
        os.close(fd)


def _watches_of(fd: str) -> int:
    # Descriptors come and go while they are listed.
    with contextlib.suppress(OSError), open(f"/proc/self/fdinfo/{fd}", "rb") as file:
        return sum(line.startswith(b"inotify ") for line in file)
    return 0
