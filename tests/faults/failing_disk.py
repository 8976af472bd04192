"""A read-only FUSE file system that shows a folder, and fails on demand: the program, and who starts it.

    python failing_disk.py FOLDER PLACE RULES

RULES is a file; while it exists, its lines "CALL ERRNO PART" say that CALL (stat, list, open, read) fails with ERRNO on
every path that contains PART; paths begin with a slash at the mount point. It speaks the kernel's protocol (fuse(4),
linux/fuse.h) itself, so that nothing has to be installed. Nothing is cached: every call comes here.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

LOOKUP, FORGET, GETATTR, OPEN, READ, STATFS, RELEASE = 1, 2, 3, 14, 15, 17, 18
FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR, BATCH_FORGET = 25, 26, 27, 28, 29, 42
INTERRUPT, DESTROY = 36, 38
NO_ANSWER = frozenset({FORGET, BATCH_FORGET, INTERRUPT})

HEADER: Final = struct.Struct("<IIQQIIII")  # length, opcode, unique, node, uid, gid, pid, padding
ANSWER: Final = struct.Struct("<IiQ")  # length, error, unique
ATTRIBUTES: Final = struct.Struct("<6Q10I")
BUFFER = 1 << 18
DIRECT_IO = 1  # no page is kept: a read that worked says nothing about the next
MS_RDONLY = 1


class FileSystem:
    """The calls, on paths of the folder that is shown."""

    def __init__(self, folder: str, rules: str) -> None:
        self._folder = folder
        self._rules = rules
        self._paths = {1: ""}
        self._nodes = {"": 1}
        self._calls: dict[int, Callable[[int, bytes], bytes]] = {
            INIT: self._init,
            LOOKUP: self._lookup,
            GETATTR: self._getattr,
            OPEN: self._open,
            OPENDIR: self._open,
            READ: self._read,
            READDIR: self._readdir,
            STATFS: lambda node, body: struct.pack("<5Q4I24x", 1 << 20, 0, 0, 1 << 20, 0, 4096, 255, 4096, 0),
            **dict.fromkeys((RELEASE, RELEASEDIR, FLUSH, DESTROY), lambda node, body: b""),
        }

    def answer(self, request: bytes) -> bytes | None:
        """The whole answer to a whole request; None where none is expected."""
        _, opcode, unique, node, *_ = HEADER.unpack_from(request)
        if opcode in NO_ANSWER:
            return None
        error, body = 0, b""
        try:
            body = self._calls[opcode](node, request[HEADER.size :])
        except KeyError:
            error = errno.ENOSYS
        except OSError as failure:
            error = failure.errno or errno.EIO
        return ANSWER.pack(ANSWER.size + len(body), -error, unique) + body

    def _check(self, call: str, path: str) -> None:
        with suppress(FileNotFoundError), open(self._rules, encoding="utf-8") as file:
            for name, number, part in map(str.split, file):
                if name == call and part in (path or "/"):
                    raise OSError(int(number), os.strerror(int(number)))

    def _init(self, _: int, body: bytes) -> bytes:
        major, _minor, ahead, _flags = struct.unpack_from("<IIII", body)
        return struct.pack("<IIIIHHIIHH8I", major, 31, ahead, 0, 12, 9, 1 << 16, 1, 32, 0, *[0] * 8)

    def _attributes(self, path: str) -> bytes:
        self._check("stat", path)
        found = os.lstat(self._folder + path)
        times = [found.st_atime_ns, found.st_mtime_ns, found.st_ctime_ns]
        seconds, rest = [time // 10**9 for time in times], [time % 10**9 for time in times]
        size = (found.st_ino, found.st_size, found.st_blocks)
        return ATTRIBUTES.pack(*size, *seconds, *rest, found.st_mode, found.st_nlink, 0, 0, 0, 4096, 0)

    def _lookup(self, node: int, body: bytes) -> bytes:
        path = f"{self._paths[node]}/{os.fsdecode(body.rstrip(bytes(1)))}"
        attributes = self._attributes(path)
        number = self._nodes.setdefault(path, len(self._nodes) + 1)
        self._paths[number] = path
        return struct.pack("<4Q2I", number, 0, 0, 0, 0, 0) + attributes

    def _getattr(self, node: int, _: bytes) -> bytes:
        return struct.pack("<Q2I", 0, 0, 0) + self._attributes(self._paths[node])

    def _open(self, node: int, _: bytes) -> bytes:
        self._check("open", self._paths[node])
        return struct.pack("<Q2I", 0, DIRECT_IO, 0)

    def _read(self, node: int, body: bytes) -> bytes:
        path = self._paths[node]
        self._check("read", path)
        _, offset, size = struct.unpack_from("<QQI", body)
        with open(self._folder + path, "rb") as file:
            return os.pread(file.fileno(), size, offset)

    def _readdir(self, node: int, body: bytes) -> bytes:
        path = self._paths[node]
        self._check("list", path)
        _, offset, size = struct.unpack_from("<QQI", body)
        listed = b""
        for place, name in enumerate(sorted(os.listdir(os.fsencode(self._folder + path)))[offset:], offset + 1):
            entry = struct.pack("<QQII", 1, place, len(name), 0) + name
            entry += bytes(-len(entry) % 8)
            if len(listed) + len(entry) > size:
                break
            listed += entry
        return listed


def mount(place: str) -> int:
    """Mounts at ``place``; gives the descriptor that the kernel's requests come from."""
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"failing", os.fsencode(place), b"fuse", MS_RDONLY, options):
        raise OSError(ctypes.get_errno(), f"cannot mount at {place}")
    return device


def main() -> None:
    """Answers until the file system is unmounted."""
    folder, place, rules = sys.argv[1:]
    device, system = mount(place), FileSystem(str(Path(folder)), rules)
    while True:
        try:
            request = os.read(device, BUFFER)
        except InterruptedError:
            continue
        except OSError as error:
            if error.errno == errno.ENODEV:  # unmounted
                return
            if error.errno == errno.ENOENT:  # whoever asked has gone
                continue
            raise
        answer = system.answer(request)
        if answer is not None:
            with suppress(FileNotFoundError):
                os.write(device, answer)


if __name__ == "__main__":
    main()
