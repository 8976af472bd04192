"""Rows × disk → plan: what a scan found. Pure.

Path identity wins: a file that took the place of another one is that row with other bytes, so a label survives a
program that saves by rename. Only a path that had no living row can be where a vanished file went.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from timbred_indexer.model import FileId, FileStat, FolderId
from timbred_indexer.store.files import FileRow

SUSPECT_SHARE = 0.30  # of a folder's files, vanished within the grace
SUSPECT_COUNT = 20
GRACE_SECONDS = 60.0  # a file may be missing for so long before its sound is tombstoned

Place = tuple[FolderId, bytes]


@dataclass(slots=True)
class Plan:
    """What to write. Paths are relative to their folder.

    Attributes:
        new: paths never seen.
        changed: rows whose bytes may be others now.
        moved: rows that are at another place now, same bytes.
        returned: missing rows that are there again, unchanged.
        gone: rows whose file is no longer there.
        other_device: rows whose file is the same but under another device number.
    """

    new: list[tuple[FolderId, bytes, FileStat]] = field(default_factory=list[tuple[FolderId, bytes, FileStat]])
    changed: list[tuple[FileRow, FileStat]] = field(default_factory=list[tuple[FileRow, FileStat]])
    moved: list[tuple[FileRow, FolderId, bytes, FileStat]] = field(
        default_factory=list[tuple[FileRow, FolderId, bytes, FileStat]]
    )
    returned: list[FileRow] = field(default_factory=list[FileRow])
    gone: list[FileRow] = field(default_factory=list[FileRow])
    other_device: list[tuple[FileId, int]] = field(default_factory=list[tuple[FileId, int]])

    def __bool__(self) -> bool:
        return any((self.new, self.changed, self.moved, self.returned, self.gone, self.other_device))

    @property
    def shaken(self) -> frozenset[FolderId]:
        """Folders that lose files by it, or have lost ones back."""
        return frozenset(row.folder for row in (*self.returned, *self.gone, *(row for row, *_ in self.moved)))

    @property
    def folders(self) -> frozenset[FolderId]:
        """All that it concerns."""
        places = [*(folder for folder, *_ in self.new), *(folder for _, folder, *_ in self.moved)]
        return self.shaken.union(places, (row.folder for row, _ in self.changed))

    @property
    def brings_work(self) -> bool:
        return bool(self.new or self.changed or self.returned)


def make_plan(
    rows: Iterable[FileRow], disk: Mapping[Place, FileStat], unreadable: Iterable[Place], elsewhere: Iterable[FileRow]
) -> Plan:
    """Compares.

    Args:
        rows: what is known within the scanned scope.
        disk: what is there within that scope.
        unreadable: directories (or files) that could not be looked at: nothing below them is called gone.
        elsewhere: rows outside the scope whose file is not where it was: they may have moved in. Those that did not
            are left to a scan of their own place.
    """
    plan = Plan()
    frozen = tuple(unreadable)
    taken: set[Place] = set()
    ghosts: dict[Place, FileRow] = {}
    lost: list[FileRow] = []
    for row in rows:
        place = (row.folder, row.path)
        found = disk.get(place)
        if found is None:
            if not _below(place, frozen):
                lost.append(row)
        elif row.state != "missing" or _same(row, found):
            taken.add(place)
            _compare(plan, row, found)
        else:
            ghosts[place] = row
    by_identity = _by_identity([*lost, *elsewhere])
    moved: set[FileId] = set()
    for (folder, path), stat in disk.items():
        if (folder, path) in taken:
            continue
        origin = by_identity.pop((stat.device, stat.inode, stat.size, stat.mtime_ns), None)
        ghost = ghosts.get((folder, path))
        if origin is not None:
            moved.add(origin.id)
            plan.moved.append((origin, folder, path, stat))
        elif ghost is not None:
            plan.changed.append((ghost, stat))
        else:
            plan.new.append((folder, path, stat))
    plan.gone = [row for row in lost if row.id not in moved and row.state != "missing"]
    return plan


def too_much_gone(gone: int, present: int) -> bool:
    """Whether a folder lost so much at once that a fault is likelier than a decision.

    Args:
        gone: files that vanished within the grace.
        present: files the folder had before.
    """
    return gone > SUSPECT_COUNT and gone > SUSPECT_SHARE * present


def _compare(plan: Plan, row: FileRow, found: FileStat) -> None:
    if not _same(row, found):
        plan.changed.append((row, found))
        return
    if row.state == "missing":
        plan.returned.append(row)
    if row.device != found.device:
        plan.other_device.append((row.id, found.device))


def _same(row: FileRow, found: FileStat) -> bool:
    # Not the device: a drive that comes back may get another number.
    return row.size == found.size and row.mtime_ns == found.mtime_ns and row.inode == found.inode


def _by_identity(rows: Iterable[FileRow]) -> dict[tuple[int, int, int, int], FileRow]:
    """Vanished rows by what a rename keeps; of two with the same identity neither can be told to have moved."""
    found: dict[tuple[int, int, int, int], FileRow] = {}
    twice: set[tuple[int, int, int, int]] = set()
    for row in rows:
        key = (row.device, row.inode, row.size, row.mtime_ns)
        if key in found:
            twice.add(key)
        found[key] = row
    for key in twice:
        del found[key]
    return found


def _below(place: Place, tops: tuple[Place, ...]) -> bool:
    folder, path = place
    return any(
        folder == top_folder and (not top or path == top or path.startswith(top + b"/")) for top_folder, top in tops
    )
