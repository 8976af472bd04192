"""From scan targets to rows: health check, look, plan, one transaction. The shell around ``scan`` and ``plan``."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from timbred_indexer.db import Database, Task, next_seq
from timbred_indexer.exclusion import Exclusion
from timbred_indexer.model import FileId, FileStat, FolderId, FolderState, Seq
from timbred_indexer.plan import Place, Plan, make_plan
from timbred_indexer.scan import Rules, Seen, file_stat, look
from timbred_indexer.store import files, folders, sounds
from timbred_indexer.store.files import FileRow
from timbred_indexer.store.folders import Folder
from timbred_indexer.targets import ScanTarget
from timbred_indexer.trust import Judge, check_health

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ScanOutcome:
    """What a scan did, for whoever waits for it.

    Attributes:
        brings_work: there are files to analyse.
        changed: something was written.
        offline: folders that could not be trusted, with the reason.
    """

    brings_work: bool
    changed: bool
    offline: dict[FolderId, str]


class Scanner:
    """Runs scans one after the other.

    Args:
        rules: what is left out; the data folder may lie inside a watched one.
        clock: gives Unix time.
    """

    def __init__(self, db: Database, rules: Rules | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self._db = db
        self._clock = clock
        self._rules = rules or Rules()

    async def scan(self, targets: Sequence[ScanTarget]) -> ScanOutcome:
        """Looks at the targets and writes what it found. Targets of folders no longer watched are dropped."""
        known = {folder.id: folder for folder in await self._db.read(folders.active)}
        offline: dict[FolderId, str] = {}
        brings_work = changed = False
        healthy: list[ScanTarget] = []
        for folder_id in dict.fromkeys(target.folder for target in targets):
            folder = known.get(folder_id)
            if folder is None:
                continue
            reason = await self._beside(lambda connection, folder=folder: check_health(connection, folder))
            if reason is not None:
                offline[folder_id] = reason
                changed |= await self._set_state(folder, FolderState.OFFLINE, reason)
            else:
                wanted = [target for target in targets if target.folder == folder_id]
                healthy += _scope(folder, wanted, self._rules.excluded)
        if healthy:
            found = await self._beside(lambda connection: prepare(connection, known, healthy, self._rules))
            if await self._beside(lambda connection: went_away(connection, known, found.plan)):
                return await self.scan(targets)
            if found.plan or found.whole:
                now = self._clock()
                changed |= await self._db.write(lambda connection: write_plan(connection, known, found, now))
            brings_work = found.plan.brings_work
        return ScanOutcome(brings_work, changed, offline)

    async def _beside(self, task: Task[T]) -> T:
        """Reads in a thread that no query waits for: a disk may be slow, or hang."""
        return await asyncio.to_thread(self._db.read_here, task)

    async def _set_state(self, folder: Folder, state: FolderState, reason: str) -> bool:
        if folder.state is state and folder.reason == reason:
            return False
        await self._db.write(
            lambda connection: folders.set_state(connection, folder.id, state, reason, next_seq(connection))
        )
        return True


def went_away(connection: sqlite3.Connection, known: dict[FolderId, Folder], plan: Plan) -> bool:
    """Whether a root stopped being healthy while it was looked at: then nothing is known of what seemed gone."""
    return any(check_health(connection, known[folder]) for folder in {row.folder for row in plan.gone})


@dataclass(frozen=True, slots=True)
class Found:
    """A plan, and device and volume of each folder that was looked at whole."""

    plan: Plan
    whole: dict[FolderId, tuple[int, int | None]]


def prepare(
    connection: sqlite3.Connection,
    known: dict[FolderId, Folder],
    targets: Iterable[ScanTarget],
    rules: Rules | None = None,
) -> Found:
    """Looks at the disk and compares it with the rows; changes nothing."""
    disk: dict[Place, FileStat] = {}
    unreadable: list[Place] = []
    rows: dict[int, FileRow] = {}
    whole: dict[FolderId, tuple[int, int | None]] = {}
    for target in targets:
        root = known[target.folder].path
        seen: Seen = look(root, target.path, rules)
        disk.update({(target.folder, path): stat for path, stat in seen.files.items()})
        unreadable += [(target.folder, path) for path in seen.unreadable]
        rows.update({row.id: row for row in files.below(connection, target.folder, target.path)})
        if target.whole and seen.root_device is not None:
            whole[target.folder] = seen.root_device, seen.root_volume
    return Found(make_plan(rows.values(), disk, unreadable, _vanished_elsewhere(connection, known, rows, disk)), whole)


def write_plan(connection: sqlite3.Connection, known: dict[FolderId, Folder], found: Found, now: float) -> bool:
    """Applies a plan in one transaction. Returns whether a row changed.

    A folder that was removed or relocated since the look began makes the plan worthless: its next scan is owed already.
    """
    plan = found.plan
    places = {folder.id: folder.path for folder in folders.active(connection)}
    if any(places.get(folder) != known[folder].path for folder in plan.folders | set(found.whole)):
        return False
    judge = Judge(connection, (known[folder] for folder in plan.shaken | set(found.whole)), now)
    seq = next_seq(connection)
    for row in plan.gone:
        files.mark_missing(connection, row.id, now, seq)
    for row, folder, path, stat in plan.moved:
        files.move(connection, row.id, folder, path, stat, seq)
    files.mark_changed(connection, ((row.id, stat) for row, stat in plan.changed), seq)
    for row in plan.returned:
        files.mark_returned(connection, row.id, seq)
    _revive(connection, [*plan.returned, *(row for row, *_ in plan.moved)], seq)
    for folder, path, stat in plan.new:
        files.insert(connection, folder, [(path, stat)], seq)
    for file, device in plan.other_device:
        files.set_device(connection, [file], device)
    retried = 0
    for folder, (device, volume) in found.whole.items():
        folders.set_scanned(connection, folder, device, volume, now)
        retried += files.retry_unreadable(connection, folder, seq)
    return judge.judge(seq) or bool(plan) or retried > 0


def _revive(connection: sqlite3.Connection, rows: Iterable[FileRow], seq: Seq) -> None:
    """What stayed away for longer than the grace was tombstoned, and is found again from now on."""
    back: list[FileId] = [row.id for row in rows if row.state == "missing"]
    for sound in files.sounds_at(connection, back):
        sounds.revive(connection, sound, seq)


def _scope(folder: Folder, targets: list[ScanTarget], excluded: Exclusion) -> list[ScanTarget]:
    """A folder that comes back from offline is looked at whole, whatever the hint was."""
    if folder.state is FolderState.OFFLINE:
        return [ScanTarget(folder.id, b"", whole=True)]
    return [target for target in targets if not excluded(target.path)]


def _vanished_elsewhere(
    connection: sqlite3.Connection, known: dict[FolderId, Folder], rows: dict[int, FileRow], disk: dict[Place, FileStat]
) -> list[FileRow]:
    """Rows outside the scope with the inode of a new path, whose own path no longer holds that file."""
    places = {(row.folder, row.path) for row in rows.values() if row.state != "missing"}
    inodes = [stat.inode for place, stat in disk.items() if place not in places]
    return [
        row
        for row in files.by_inodes(connection, inodes)
        if row.id not in rows and row.folder in known and not _still_there(known[row.folder], row)
    ]


def _still_there(folder: Folder, row: FileRow) -> bool:
    try:
        found = file_stat(os.stat(os.path.join(folder.path, row.path)))
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # nobody can tell
    return (found.inode, found.size, found.mtime_ns) == (row.inode, row.size, row.mtime_ns)
