"""Whether the files on disk still are what was analysed: their bytes are read and hashed again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from timbred_indexer.errors import TransientInputError
from timbred_indexer.interruptible import Stopping
from timbred_indexer.reading import fingerprint, stat_of
from timbred_indexer.store.verifying import KnownFile


@dataclass(frozen=True, slots=True)
class Changed:
    """A file that is not what was analysed. ``rotten``: its bytes are others, its size and times are the same."""

    file: KnownFile
    problem: str
    rotten: bool = False


def batch(files: Iterable[KnownFile], *, most_bytes: int) -> list[KnownFile]:
    """The first files that are about so large together; at least one."""
    chosen: list[KnownFile] = []
    left = most_bytes
    for file in files:
        if chosen and file.stat.size > left:
            break
        chosen.append(file)
        left -= file.stat.size
    return chosen


def compare_files(files: Iterable[KnownFile], stopping: Stopping) -> list[Changed]:
    """Reads every file that has not visibly changed; those that have are the next scan's business, and are named.

    Raises:
        UnavailableError: ``stopping`` said so.
    """
    changed = (_compare(file, stopping) for file in files)
    return [one for one in changed if one is not None]


def _compare(file: KnownFile, stopping: Stopping) -> Changed | None:
    try:
        if not _same(file):
            return Changed(file, "has changed since it was analysed; a rescan will notice.")
        _, digest = fingerprint(file.path, stopping)
        if digest == file.digest or not _same(file):
            return None
    except TransientInputError as error:
        return Changed(file, f"could not be compared: {error.message}")
    return Changed(
        file, "has other bytes than were analysed, though its size and times say that it is unchanged.", True
    )


def _same(file: KnownFile) -> bool:
    # The device's number may change with every plugging in.
    now = stat_of(file.path)
    then = file.stat
    return now is not None and (now.size, now.mtime_ns, now.inode) == (then.size, then.mtime_ns, then.inode)
