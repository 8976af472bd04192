"""Whether a folder can be trusted: is its root the one that was known, and did too much vanish from it?"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from timbred_indexer.model import FolderId, FolderState, Seq
from timbred_indexer.plan import GRACE_SECONDS, too_much_gone
from timbred_indexer.scan import file_stat, volume_of
from timbred_indexer.store import files, folders
from timbred_indexer.store.files import FileRow
from timbred_indexer.store.folders import Folder

SAMPLE = 200  # files that are looked at to know a volume again
VOLUME_SHARE = 0.5  # of them must be where they were


@dataclass(frozen=True, slots=True)
class Root:
    """What a folder's root shows.

    Attributes:
        reason: why it cannot be trusted, None when it can.
        certain: whatever its files say; else it can be trusted all the same when they are where they were.
    """

    reason: str | None
    certain: bool = True


def look_at_root(folder: Folder) -> Root:
    """Stats and lists the root only."""
    try:
        info = os.stat(folder.path)
        with os.scandir(folder.path) as entries:
            empty = next(iter(entries), None) is None
    except FileNotFoundError:
        return Root("The folder is not there; is its drive plugged in?")
    except NotADirectoryError:
        return Root("The path is not a folder.")
    except OSError as error:
        return Root(f"The folder cannot be read: {error.strerror}.")
    # On its own volume an empty folder is empty by right: the scan judges whether that is too much at once.
    if _is_known(folder, file_stat(info).device):
        return Root(None)
    if empty:
        return Root("The folder is empty, but it had files; is its drive mounted?", certain=False)
    told = "Another volume is mounted at the folder's place; `timbred folders confirm` accepts it as the folder."
    return Root(told, certain=False)


def _is_known(folder: Folder, device: int) -> bool:
    """Whether the volume is the one that was there, as far as its own word goes.

    Two drives that are plugged in one after the other may have the same device number, and one drive two.
    """
    if folder.device is None:
        return True
    volume = volume_of(folder.path)
    return device == folder.device if None in (folder.volume, volume) else volume == folder.volume


def sample(rows: list[FileRow]) -> list[FileRow]:
    """Some of those that were last seen present, from all over the folder."""
    present = [row for row in rows if row.state != "missing"]
    return present[:: max(1, len(present) // SAMPLE)]


def has_its_files(folder: Folder, rows: Sequence[FileRow]) -> bool:
    """A file system may say another thing after a reboot: it is the same one when its files are where they were.

    Args:
        rows: a :func:`sample` of them.
    """
    return not rows or sum(_as_known(folder, row) for row in rows) >= VOLUME_SHARE * len(rows)


def _as_known(folder: Folder, row: FileRow) -> bool:
    try:
        stat = file_stat(os.stat(os.path.join(folder.path, row.path)))
    except OSError:
        return False
    return stat.size == row.size and stat.mtime_ns == row.mtime_ns


class Judge:
    """Moves folders between online, offline and suspect, by what a plan changed. Used within one transaction.

    What vanished lately counts as a whole: an unmount, or a slow deletion, may be seen in several scans, each of which
    loses little.

    Args:
        concerned: the folders to judge, as they are before the plan is written.
        now: Unix time.
    """

    def __init__(self, connection: sqlite3.Connection, concerned: Iterable[Folder], now: float) -> None:
        self._connection = connection
        self._concerned = tuple(concerned)
        self._since = {
            folder.id: 0.0 if folder.state is FolderState.SUSPECT else now - GRACE_SECONDS for folder in self._concerned
        }
        self._had = {
            folder.id: files.present_count(connection, folder.id) + self._lost(folder.id)[0]
            for folder in self._concerned
        }

    def judge(self, seq: Seq) -> bool:
        """Looks at the folders again now that the plan is written. Returns whether one moved, or its reason did."""
        return sum(self._judge(folder, seq) for folder in self._concerned) > 0

    def _judge(self, folder: Folder, seq: Seq) -> bool:
        lost, first = self._lost(folder.id)
        had = self._had[folder.id]
        if too_much_gone(lost, had):
            reason = f"{lost} of {had} files vanished at once."
            if folder.state is not FolderState.SUSPECT:
                # Its losses count from the first of them on, which may be older than this scan.
                folders.set_state(self._connection, folder.id, FolderState.SUSPECT, reason, seq, since=first)
                return True
            folders.set_reason(self._connection, folder.id, reason)
            return reason != folder.reason
        if folder.state is FolderState.ONLINE:
            return False
        folders.set_state(self._connection, folder.id, FolderState.ONLINE, None, seq)
        return True

    def _lost(self, folder: FolderId) -> tuple[int, Seq]:
        return files.lost(self._connection, folder, self._since[folder])
