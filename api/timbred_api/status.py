"""What the daemon is doing, in numbers that add up."""

from __future__ import annotations

import math
import sqlite3
import time

from timbred_api.engine import Activity, ClapState, Engine
from timbred_api.locations import display, to_uri
from timbred_api.rows import iso
from timbred_api.schemas import NoParameters
from timbred_api.schemas_status import (
    FileCounts,
    FolderList,
    FolderRow,
    IndexState,
    RestState,
    SpaceState,
    Status,
    WorkerState,
)
from timbred_api.version import VERSION
from timbred_indexer.db import current_seq
from timbred_indexer.keeper import IndexStats
from timbred_indexer.model import FileState, FolderId, FolderState
from timbred_indexer.store import failures, files, folders, sounds
from timbred_indexer.store.folders import Folder

ADVICE = {
    FolderState.OFFLINE: "{path} is offline: {reason} Nothing was deleted; it comes back by itself.",
    FolderState.SUSPECT: "{path}: {reason} They are hidden, not deleted. "
    "If they are really gone: timbred folders confirm {path}",
}


async def read_status(engine: Engine, _: NoParameters) -> Status:
    """The whole status, from one state of the database."""
    activity = engine.control.activity

    def load(connection: sqlite3.Connection) -> tuple[list[FolderRow], int, int, int]:
        rows, unread = _folder_rows(connection, activity), failures.unread_changes(connection)
        return rows, unread, sounds.count_sounds(connection), current_seq(connection)

    rows, unread, sound_count, seq = await engine.db.read(load)
    totals = add_up([row.files for row in rows])
    index = engine.index.stats
    workers = engine.workers.stats
    clap = engine.clap.state
    state = activity.state
    # A commit reaches the index a moment later: until then what it brought is not found, and that is not idle.
    if state == "idle" and (index.seq < seq or _is_hearing(clap)):
        state = "indexing"
    if activity.rest is not None and not activity.busy and (totals.pending or _is_hearing(clap)):
        state = "paused" if state in ("idle", "indexing") else state
    return Status(
        version=VERSION,
        state=state,
        uptime=round(activity.uptime, 1),
        address=engine.address,
        data_dir=engine.data_dir,
        seq=seq,
        files=totals,
        sounds=sound_count,
        segments=index.visible,
        spaces=_spaces(engine, index, totals, activity, clap),
        folders=rows,
        workers=WorkerState(
            alive=workers.alive,
            busy=workers.busy,
            jobs=workers.jobs_started,
            crashes=workers.crashes,
            timeouts=workers.timeouts,
        ),
        scan_owed=activity.scan_owed,
        rate=round(activity.rate, 2),
        eta=_eta(totals.pending, activity.rate),
        rest=_rest_state(activity),
        notes=[*activity.notes, *clap.notes, *_folder_notes(rows), *_unread_notes(unread)],
    )


def _rest_state(activity: Activity) -> RestState | None:
    rest = activity.rest
    return None if rest is None else RestState(reason=rest.reason, until=iso(rest.until))


def _is_hearing(clap: ClapState) -> bool:
    """Something is to be heard, or a new model to take over from the one that answers."""
    exchanging = clap.version is not None and clap.filling is not None and clap.filling != clap.version
    return clap.absent is None and (clap.missing > 0 or exchanging)


def _spaces(
    engine: Engine, index: IndexStats, totals: FileCounts, activity: Activity, clap: ClapState
) -> dict[str, SpaceState]:
    searchable = totals.found - totals.failed
    heard = clap.index.visible if clap.index is not None else 0
    return {
        "librosa": SpaceState(
            version=engine.version,
            filling=None,
            vectors=index.visible,
            coverage=round(totals.indexed / searchable, 4) if searchable else 1.0,
            pending=0,
            failed=0,
            rate=round(activity.rate, 2),
            eta=_eta(totals.pending, activity.rate),
            model=None,
            advice=None,
            index=_index_state(index),
        ),
        "clap": SpaceState(
            version=clap.version,
            filling=clap.filling if clap.filling != clap.version else None,
            vectors=heard,
            coverage=_coverage(heard, index.visible),
            pending=clap.missing,
            failed=clap.aside,
            rate=round(clap.rate, 2),
            eta=_eta(clap.missing, clap.rate),
            model=clap.model,
            advice=clap.absent,
            index=None if clap.index is None else _index_state(clap.index),
        ),
    }


def _coverage(heard: int, segments: int) -> float:
    """Never 1 while anything is missing."""
    return math.floor(10_000 * min(1.0, heard / segments)) / 10_000 if segments else 1.0


def _eta(left: int, rate: float) -> float | None:
    return round(left / rate, 1) if left and rate else None


def _index_state(index: IndexStats) -> IndexState:
    return IndexState(
        kind=index.kind,
        segments=index.vectors,
        buffer=index.buffer,
        tombstones=index.hidden,
        seq=index.seq,
        recall=None if index.recall is None else round(index.recall, 4),
        lists=index.lists,
        probes=index.probes,
        memory=index.memory,
        age=None if index.built is None else round(max(0.0, time.time() - index.built), 1),
    )


async def list_folders(engine: Engine, _: NoParameters) -> FolderList:
    """The watched folders with their counts."""
    activity = engine.control.activity
    return FolderList(results=await engine.db.read(lambda connection: _folder_rows(connection, activity)))


def _folder_rows(connection: sqlite3.Connection, activity: Activity) -> list[FolderRow]:
    counts = files.counts(connection)
    return [_folder_row(folder, counts.get(folder.id, {}), activity) for folder in folders.active(connection)]


def _folder_row(folder: Folder, counts: dict[FileState, int], activity: Activity) -> FolderRow:
    return FolderRow(
        id=folder.id,
        path=display(folder.path),
        uri=to_uri(folder.path),
        source=folder.source,
        state=folder.state.value,
        reason=folder.reason,
        watch=activity.watch.get(FolderId(folder.id), folder.watch),
        scanning=folder.id in activity.scanning,
        last_scan=iso(folder.last_scan),
        files=count_files(counts, offline=folder.state is FolderState.OFFLINE),
    )


def count_files(counts: dict[FileState, int], *, offline: bool) -> FileCounts:
    """Counts of one folder; those of an offline folder are neither found nor missing but offline."""
    present = sum(count for state, count in counts.items() if state is not FileState.MISSING)
    if offline:
        return FileCounts(found=0, indexed=0, failed=0, pending=0, missing=0, offline=sum(counts.values()))
    return FileCounts(
        found=present,
        indexed=counts.get(FileState.INDEXED, 0),
        failed=counts.get(FileState.FAILED, 0),
        pending=counts.get(FileState.PENDING, 0),
        missing=counts.get(FileState.MISSING, 0),
        offline=0,
    )


def add_up(parts: list[FileCounts]) -> FileCounts:
    names = FileCounts.model_fields
    return FileCounts(**{name: sum(getattr(part, name) for part in parts) for name in names})


def _unread_notes(count: int) -> list[str]:
    if not count:
        return []
    told = "1 changed file cannot be read now and answers as it was"
    if count > 1:
        told = f"{count:,} changed files cannot be read now and answer as they were"
    return [f"{told}; tried again by itself. Which and why: timbred failures"]


def _folder_notes(rows: list[FolderRow]) -> list[str]:
    return [
        ADVICE[FolderState(row.state)].format(path=row.path, reason=row.reason)
        for row in rows
        if FolderState(row.state) in ADVICE
    ]
