"""Looking after the data: a backup now, whether all is well, and when to leave the machine alone."""

from __future__ import annotations

from typing import Final

from timbred_api.cursors import Listing
from timbred_api.engine import Engine
from timbred_api.locations import display, to_uri
from timbred_api.operation import Operation
from timbred_api.rows import iso
from timbred_api.schemas import NoParameters
from timbred_api.schemas_upkeep import (
    BackupRow,
    FileProblem,
    PauseParameters,
    PauseResult,
    VerifyFilesParameters,
    VerifyFilesResult,
    VerifyParameters,
    VerifyResult,
)
from timbred_indexer import backup
from timbred_indexer.db import next_seq
from timbred_indexer.errors import StorageError
from timbred_indexer.interruptible import in_thread
from timbred_indexer.model import FileId
from timbred_indexer.store import files, verifying
from timbred_indexer.verify_files import Changed, batch, compare_files

AT_ONCE: Final = 256 * 2**20
"""Bytes of files that are read for one answer, about."""

MOST_FILES: Final = 2_000

LONG: Final = 600.0
"""Seconds that what reads everything may take."""

_FILES = Listing("verify_files")


async def back_up(engine: Engine, parameters: NoParameters) -> BackupRow:
    """Makes a backup of the database in the data folder now, as it is made by itself once a day."""
    made = await engine.upkeep.back_up()
    return BackupRow(path=made.path, size=made.size, made=iso(made.made) or "")


async def pause(engine: Engine, parameters: PauseParameters) -> PauseResult:
    """Begins no more work: no analysis, no CLAP, no search for duplicates. Watching and answering go on."""
    await engine.control.pause(parameters.seconds)
    return _resting(engine)


async def resume(engine: Engine, parameters: NoParameters) -> PauseResult:
    """Ends a pause. Quiet hours and a battery can still be in the way; `resting` says so."""
    await engine.control.resume()
    return _resting(engine)


def _resting(engine: Engine) -> PauseResult:
    rest = engine.control.activity.rest
    if rest is None:
        return PauseResult(resting=False, reason=None, until=None)
    return PauseResult(resting=True, reason=rest.reason, until=iso(rest.until))


async def verify(engine: Engine, parameters: VerifyParameters) -> VerifyResult:
    """Compares the indexes with the database, and the database with itself; says what is wrong, repairs it if asked.

    An index is rebuilt from the database. A damaged database is set aside, and the newest good backup put in its place.
    """
    problems: list[str] = []
    repaired = False
    damage = await _damage(engine, deep=parameters.deep)
    if damage is not None:
        problems.append(damage.message)
        if parameters.repair:
            engine.db.report_damage(damage)
        return VerifyResult(problems=problems, vectors=0, sampled=0, repaired=parameters.repair)
    vectors = sampled = 0
    for index in engine.upkeep.indexes:
        found = await index.verify()
        problems += found.problems
        vectors, sampled = vectors + found.vectors, sampled + found.sampled
        if found.problems and parameters.repair:
            await index.rebuild()
            repaired = True
    return VerifyResult(problems=problems, vectors=vectors, sampled=sampled, repaired=repaired)


async def _damage(engine: Engine, *, deep: bool) -> StorageError | None:
    try:
        await in_thread(lambda stopping: backup.check(engine.upkeep.database, stopping, deep=deep))
    except StorageError as error:
        if error.code != "database_corrupt":
            raise
        return error
    return None


async def verify_files(engine: Engine, parameters: VerifyFilesParameters) -> VerifyFilesResult:
    """Reads the next indexed files again and compares them with what was analysed; ask on with `next` as `cursor`."""
    after = FileId(_FILES.after(parameters.cursor))
    known = await engine.db.read(lambda connection: verifying.known_files(connection, after, MOST_FILES))
    chosen = batch(known, most_bytes=AT_ONCE)
    changed = await in_thread(lambda stopping: compare_files(chosen, stopping))
    if parameters.repair and (rotten := [one for one in changed if one.rotten]):
        await _analyse_anew(engine, rotten)
    through = len(chosen) == len(known) and len(known) < MOST_FILES
    return VerifyFilesResult(
        results=[
            FileProblem(path=display(one.file.path), uri=to_uri(one.file.path), problem=one.problem, rotten=one.rotten)
            for one in changed
        ],
        checked=len(chosen),
        next=None if through else _FILES.cursor(chosen[-1].id),
    )


async def _analyse_anew(engine: Engine, rotten: list[Changed]) -> None:
    again = [(one.file.id, one.file.stat) for one in rotten]
    await engine.db.write(lambda connection: files.mark_changed(connection, again, next_seq(connection)))
    engine.control.work_arrived()


OPERATIONS: tuple[Operation, ...] = (
    Operation("verify", "POST", "/v1/verify", VerifyParameters, VerifyResult, verify, limit=LONG),
    Operation(
        "verify_files",
        "POST",
        "/v1/verify/files",
        VerifyFilesParameters,
        VerifyFilesResult,
        verify_files,
        limit=LONG,
        problems=("bad_parameter", "bad_cursor"),
    ),
    Operation("back_up", "POST", "/v1/backup", NoParameters, BackupRow, back_up, limit=LONG, problems=("disk_full",)),
    Operation("pause", "POST", "/v1/pause", PauseParameters, PauseResult, pause),
    Operation("resume", "POST", "/v1/resume", NoParameters, PauseResult, resume),
)
