"""Takes away from a worker what it never needs, before it opens the first file of somebody else's making.

Landlock, where the kernel has it: no file can be made, renamed or removed, and none written but in the folders that it
is told of; nothing can be run, no TCP port connected to or opened; with newer kernels no other process be signalled. It
cannot be taken back. Reading is left as it is: sounds lie everywhere, and libraries load parts of themselves late. UDP
and unix sockets are denied by the newest kernels alone.

landlockpy is the one library for this that releases, is typed, knows the network and needs nothing else: ``landlock``
has had development releases only and knows files alone.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress

NEWEST_WITHOUT_NETWORK = 3  # Landlock versions up to this one know files only


def landlock_version() -> int:
    """The version of Landlock that the kernel lets this process use; 0 for none."""
    if sys.platform != "linux":
        return 0
    import landlockpy

    with suppress(landlockpy.LandlockError):  # a service's system call filter may refuse the question itself
        return landlockpy.abi_version()
    return 0


def confine(writable: Sequence[str] = ()) -> bool:
    """Confines the calling thread and all that it starts from now on. Returns whether the kernel could.

    Args:
        writable: folders in which files that are there may be written.
    """
    if not landlock_version():
        return False
    from landlockpy import AccessFS, LandlockError, Ruleset, Scope, fs_for_abi
    from landlockpy.flags import LATEST_ABI

    denied = fs_for_abi(LATEST_ABI) & ~(AccessFS.READ_FILE | AccessFS.READ_DIR)
    scoped = Scope.ABSTRACT_UNIX_SOCKET | Scope.SIGNAL
    try:
        # No network right is named: all that the kernel knows are denied.
        with Ruleset(handled_fs=denied, scoped=scoped) as rules:
            for path in ("/dev/null", *writable):
                with suppress(FileNotFoundError):
                    rules.allow_path(path, AccessFS.WRITE_FILE | AccessFS.TRUNCATE)
            rules.restrict()
    except LandlockError:
        return False  # an outer sandbox may forbid it; it then does more than this would
    return True


def in_force(version: int) -> str:
    """What a version of Landlock keeps workers from, as a phrase."""
    network = "" if version <= NEWEST_WITHOUT_NETWORK else " nor use TCP"
    return f"workers can neither write files nor run programs{network} (Landlock {version})"
