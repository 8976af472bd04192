"""What is mounted where, as Linux says: network file systems tell of no changes that another machine makes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

MOUNTINFO = "/proc/self/mountinfo"

_REMOTE = frozenset(
    b"9p afs beegfs ceph cifs coda davfs glusterfs gpfs lustre ncpfs nfs nfs4 ocfs2 orangefs smb3 smbfs "
    b"vboxsf virtiofs vmhgfs".split()
)
_OCTAL = re.compile(rb"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """A file system in its place.

    Attributes:
        number: of the mount, never the same for two that are there at once.
        read_only: whether nothing can be written by this way; remounted, it is the same mount.
    """

    number: int
    place: bytes
    kind: bytes
    read_only: bool = field(default=False, compare=False)

    @property
    def is_silent(self) -> bool:
        """Whether it may change without an event. FUSE is, but for the local disks (``fuseblk``) that use it."""
        return self.kind in _REMOTE or self.kind == b"fuse" or self.kind.startswith(b"fuse.")


def mounts_of(root: bytes, mountinfo: bytes) -> tuple[Mount, ...]:
    """The mount that holds ``root`` (a real path), and those below it, in the order of being mounted.

    Args:
        mountinfo: as in proc(5); empty where the system has none.
    """
    holding: Mount | None = None
    below: list[Mount] = []
    for mount in _parse(mountinfo):
        if _lies_in(root, mount.place):
            # Of two in one place, the later hides the earlier.
            if holding is None or len(mount.place) >= len(holding.place):
                holding = mount
        elif _lies_in(mount.place, root):
            below.append(mount)
    return (*([holding] if holding else []), *below)


def read_mountinfo(pid: int | None = None) -> bytes:
    """As one process sees it, this one if none is named. Empty where the system has none, or does not tell."""
    try:
        with open(MOUNTINFO if pid is None else f"/proc/{pid}/mountinfo", "rb") as file:
            return file.read()
    except OSError:
        return b""


def _parse(mountinfo: bytes) -> Iterator[Mount]:
    for line in mountinfo.splitlines():
        before, _, after = line.partition(b" - ")
        fields = before.split(b" ")
        if len(fields) > 5 and after:
            place = _OCTAL.sub(lambda code: bytes([int(code[1], 8)]), fields[4])
            read_only = b"ro" in fields[5].split(b",")
            yield Mount(int(fields[0]), place, after.split(b" ")[0], read_only)


def _lies_in(path: bytes, top: bytes) -> bool:
    return path == top or path.startswith(top.rstrip(b"/") + b"/")
