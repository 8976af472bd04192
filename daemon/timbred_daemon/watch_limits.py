"""Linux gives each user a limited number of watched directories, and says nothing when a part of a tree gets none."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import sys

from timbred_indexer.errors import TimbredError

_IN_DELETE_SELF = 0x400
_LIMITS = ("/proc/sys/fs/inotify/max_user_watches", "/proc/sys/user/max_inotify_watches")


class WatchUnavailable(TimbredError):
    """The system does not let this folder be watched; it has to be looked at regularly instead."""

    code = "watch_unavailable"


def unavailable(error: OSError, directories: int) -> WatchUnavailable:
    """The error for a folder that cannot be watched, with the line that helps.

    Args:
        directories: how many would be watched with it.
    """
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


def room() -> tuple[int, int] | None:
    """How many more directories may be watched if a tenth of the limit is left to others, and how many this user
    watches already; None where the system does not say."""
    limits = [limit for path in _LIMITS if (limit := _number_in(path)) is not None]
    if not limits:
        return None
    used = _watches_of_user()
    return max(0, min(limits) * 9 // 10 - used), used


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


def _watches_of_user() -> int:
    """Of every process of this user: the limit is theirs together."""
    me = os.getuid()
    total = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if os.stat(f"/proc/{pid}").st_uid == me:
                total += sum(_watches_of(fd, pid) for fd in os.listdir(f"/proc/{pid}/fd") if _is_inotify(pid, fd))
    return total


def _is_inotify(pid: str, fd: str) -> bool:
    with contextlib.suppress(OSError):
        return os.readlink(f"/proc/{pid}/fd/{fd}") == "anon_inode:inotify"
    return False


def _watches_of(fd: str, pid: str = "self") -> int:
    # Descriptors come and go while they are listed.
    with contextlib.suppress(OSError), open(f"/proc/{pid}/fdinfo/{fd}", "rb") as file:
        return sum(line.startswith(b"inotify ") for line in file)
    return 0


def _number_in(path: str) -> int | None:
    try:
        with open(path, encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return None
