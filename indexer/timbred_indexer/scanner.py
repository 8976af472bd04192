"""From scan targets to rows: health check, look, plan, one transaction. The shell around ``scan`` and ``plan``.

What a file system is asked is asked in threads of its own (``asking``), and while no transaction is open: one that does
not answer holds up no folder but its own.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from timbred_indexer.asking import Pulse, Respondents, ask
from timbred_indexer.db import Database, Task, next_seq
from timbred_indexer.exclusion import Exclusion
from timbred_indexer.model import FileId, FileStat, FolderId, FolderState, Seconds, Seq
from timbred_indexer.plan import Place, Plan, make_plan
from timbred_indexer.scan import Rules, Seen, file_stat, look
from timbred_indexer.store import files, folders, sounds
from timbred_indexer.store.files import FileRow
from timbred_indexer.store.folders import Folder
from timbred_indexer.targets import ScanTarget
from timbred_indexer.trust import Judge, has_its_files, look_at_root, sample

T = TypeVar("T")
Known = Mapping[FolderId, Folder]

PATIENCE = Seconds(3.0)  # for what is asked while other folders' plans wait
NO_ANSWER = "Its file system does not answer."


@dataclass(frozen=True, slots=True)
class ScanOutcome:
    """What a scan did, for whoever waits for it.

    Attributes:
        brings_work: there are files to analyse.
        changed: something was written.
        offline: folders that could not be trusted, with the reason.
        again: a root went away after it was looked at: nothing was planned, and all is to be looked at again.
    """

    brings_work: bool
    changed: bool
    offline: dict[FolderId, str]
    again: bool = False


@dataclass(frozen=True, slots=True)
class Looked:
    """What one folder showed.

    Attributes:
        folder: as it was known when the look began.
        reason: why its root cannot be trusted; nothing else was looked at then.
        seen: each target with what is there.
    """

    folder: Folder
    reason: str | None
    seen: tuple[tuple[ScanTarget, Seen], ...] = ()


class Scanner:
    """Looks at folders, and writes down what was seen. Folders may be looked at side by side; what was seen is settled
    one after the other.

    Args:
        rules: what is left out; the data folder may lie inside a watched one.
        clock: gives Unix time.
        patience: seconds to wait for what a plan asks of file systems.
    """

    def __init__(
        self,
        db: Database,
        rules: Rules | None = None,
        *,
        clock: Callable[[], float] = time.time,
        patience: Seconds = PATIENCE,
    ) -> None:
        self._db = db
        self._clock = clock
        self._rules = rules or Rules()
        self._patience = patience
        self._respondents = Respondents(patience)

    async def scan(self, targets: Sequence[ScanTarget]) -> ScanOutcome:
        """Looks at the targets and writes what it found. Targets of folders no longer watched are dropped."""
        wanted = by_folder(targets)
        looked = await asyncio.gather(*(self.look(folder, some) for folder, some in wanted.items()))
        outcome = await self.settle([one for one in looked if one is not None])
        return await self.scan(targets) if outcome.again else outcome

    async def look(
        self, identity: FolderId, targets: Sequence[ScanTarget], pulse: Pulse | None = None
    ) -> Looked | None:
        """Looks at targets in one folder, for as long as its file system takes; None when it is watched no more.

        Args:
            pulse: beats while it gets on.

        Raises:
            StorageError: the database cannot be read.
        """
        folder = (await self._known()).get(identity)
        if folder is None:
            return None
        if (reason := await self._distrust(folder)) is not None:
            return Looked(folder, reason)
        wanted = _scope(folder, targets, self._rules.excluded)
        seen = await ask(lambda: tuple((one, look(folder.path, one.path, self._rules, pulse)) for one in wanted))
        return Looked(folder, None, seen)

    async def settle(self, looked: Sequence[Looked]) -> ScanOutcome:
        """Plans what was seen, all of it together, and writes it. One call at a time.

        What was seen of folders that were removed or relocated since is dropped.

        Raises:
            StorageError: the database cannot be read or written.
        """
        known = await self._known()
        looked = [one for one in looked if one.folder.id in known and known[one.folder.id].path == one.folder.path]
        offline = {one.folder.id: one.reason for one in looked if one.reason is not None}
        changed = False
        for folder, reason in offline.items():
            changed |= await self._set_offline(known[folder], reason)
        found = await self._plan(known, looked)
        if await self._went_away(known, found.plan):
            return ScanOutcome(False, changed, offline, again=True)
        if found.plan or found.whole:
            now = self._clock()
            changed |= await self._db.write(lambda connection: write_plan(connection, known, found, now))
        return ScanOutcome(found.plan.brings_work, changed, offline)

    async def call_silent(self, identity: FolderId) -> None:
        """A folder's file system does not answer: it is offline until a look at it has come to its end.

        Raises:
            StorageError: the database cannot be read or written.
        """
        if (folder := (await self._known()).get(identity)) is not None:
            await self._set_offline(folder, NO_ANSWER)

    async def _known(self) -> Known:
        return {folder.id: folder for folder in await self._db.read(folders.active)}

    async def _distrust(self, folder: Folder, patience: Seconds | None = None) -> str | None:
        """Why the folder's root cannot be trusted now, None when it can. TimeoutError: nothing can be said in time."""
        root = await ask(lambda: look_at_root(folder), patience)
        if root.certain:
            return root.reason
        rows = await self._beside(lambda connection: sample(files.below(connection, folder.id, b"")))
        return None if await ask(lambda: has_its_files(folder, rows), patience) else root.reason

    async def _plan(self, known: Known, looked: Sequence[Looked]) -> Found:
        """Compares what was seen with the rows; changes nothing."""
        seen = [part for one in looked for part in one.seen]
        disk = {(target.folder, path): stat for target, shown in seen for path, stat in shown.files.items()}
        unreadable = [(target.folder, path) for target, shown in seen for path in shown.unreadable]

        def read(connection: sqlite3.Connection) -> tuple[dict[FileId, FileRow], list[FileRow]]:
            within = (row for target, _ in seen for row in files.below(connection, target.folder, target.path))
            rows = {row.id: row for row in within}
            return rows, _namesakes(connection, rows, disk)

        rows, namesakes = await self._beside(read)
        elsewhere = await self._vanished(known, namesakes)
        plan = await asyncio.to_thread(make_plan, rows.values(), disk, unreadable, elsewhere)
        whole = {
            target.folder: (shown.root_device, shown.root_volume)
            for target, shown in seen
            if target.whole and shown.root_device is not None
        }
        return Found(plan, whole)

    async def _vanished(self, known: Known, rows: Sequence[FileRow]) -> list[FileRow]:
        """Those of the rows whose file is not where it was. What nobody can tell in time is still there."""
        vanished: list[FileRow] = []
        for folder in {row.folder for row in rows} & known.keys():
            root, own = known[folder].path, [row for row in rows if row.folder == folder]
            nothing: list[FileRow] = []
            vanished += await self._respondents.ask(
                folder, lambda root=root, own=own: [row for row in own if not _still_there(root, row)], nothing
            )
        return vanished

    async def _went_away(self, known: Known, plan: Plan) -> bool:
        """Whether a root stopped being healthy while it was looked at: then nothing is known of what seemed gone."""
        for folder in {row.folder for row in plan.gone}:
            try:
                if await self._distrust(known[folder], self._patience) is not None:
                    return True
            except TimeoutError:
                return True
        return False

    async def _beside(self, task: Task[T]) -> T:
        """Reads in a thread that no query waits for: the rows of a whole folder are many."""
        return await asyncio.to_thread(self._db.read_here, task)

    async def _set_offline(self, folder: Folder, reason: str) -> bool:
        if folder.state is FolderState.OFFLINE and folder.reason == reason:
            return False
        await self._db.write(
            lambda connection: folders.set_state(
                connection, folder.id, FolderState.OFFLINE, reason, next_seq(connection)
            )
        )
        return True


@dataclass(frozen=True, slots=True)
class Found:
    """A plan, and device and volume of each folder that was looked at whole."""

    plan: Plan
    whole: dict[FolderId, tuple[int, int | None]]


def by_folder(targets: Iterable[ScanTarget]) -> dict[FolderId, list[ScanTarget]]:
    """The targets of each folder, in the order given."""
    parts: dict[FolderId, list[ScanTarget]] = {}
    for target in targets:
        parts.setdefault(target.folder, []).append(target)
    return parts


def write_plan(connection: sqlite3.Connection, known: Known, found: Found, now: float) -> bool:
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


def _scope(folder: Folder, targets: Sequence[ScanTarget], excluded: Exclusion) -> list[ScanTarget]:
    """A folder that comes back from offline is looked at whole, whatever the hint was."""
    if folder.state is FolderState.OFFLINE:
        return [ScanTarget(folder.id, b"", whole=True)]
    return [target for target in targets if not excluded(target.path)]


def _namesakes(
    connection: sqlite3.Connection, rows: Mapping[FileId, FileRow], disk: Mapping[Place, FileStat]
) -> list[FileRow]:
    """Rows outside the scope with the inode of a new path: their file may be what is there now."""
    places = {(row.folder, row.path) for row in rows.values() if row.state != "missing"}
    inodes = [stat.inode for place, stat in disk.items() if place not in places]
    return [row for row in files.by_inodes(connection, inodes) if row.id not in rows]


def _still_there(root: bytes, row: FileRow) -> bool:
    try:
        found = file_stat(os.stat(os.path.join(root, row.path)))
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # nobody can tell
    return (found.inode, found.size, found.mtime_ns) == (row.inode, row.size, row.mtime_ns)
