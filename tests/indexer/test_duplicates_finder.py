"""The search, step by step, on a real database; the workers answer as told."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import dataclass, field
from typing import cast

import numpy as np

from builders import analysis, new_folder, new_sound
from patience import PATIENCE
from timbred_indexer.db import Database, next_seq
from timbred_indexer.duplicates.finder import DuplicateFinder, Progress
from timbred_indexer.duplicates.fingerprint import VERSION
from timbred_indexer.duplicates.messages import CompareJob, Fingerprint, FingerprintJob, Verdict
from timbred_indexer.errors import InputError
from timbred_indexer.model import FolderState, Seconds, SoundId
from timbred_indexer.store import duplicates, folders
from timbred_indexer.store.duplicates import Owed
from timbred_indexer.wire import Job, Result

SAME = Verdict(0.99, 0.99, 0.0, -6.0, 0.0, False, 1.0, 1.0)
OTHER = Verdict(0.2, 0.2, 0.0, 0.0, 0.0, False, 1.0, 1.0)


@dataclass
class FakeWorkers:
    """Files whose names begin alike are the same audio."""

    jobs: list[bytes] = field(default_factory=list[bytes])
    began: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, job: Job[Result], *, interactive: bool = False) -> Result:
        asked = cast(object, job)
        match asked:
            case FingerprintJob(path):
                made: object = self._fingerprint(path)
            case CompareJob(first, second):
                self._open(first, second)
                made = SAME if first[3:5] == second[3:5] else OTHER
            case _:
                raise AssertionError(job)
        return cast(Result, made)

    def _fingerprint(self, path: bytes) -> Fingerprint:
        self._open(path)
        random = np.random.default_rng(list(path[3:4]))
        return Fingerprint(Seconds(0), random.integers(0, 1 << 24, (40, 3)).astype("<u4").tobytes())

    def _open(self, *paths: bytes) -> None:
        self.jobs.append(b" ".join(paths))
        self.began.set()
        if b"/s/broken.wav" in paths:
            raise InputError("It is no sound.", code="not_audio")


async def add(db: Database, *names: bytes) -> list[SoundId]:
    def write(connection: sqlite3.Connection) -> list[SoundId]:
        folder = new_folder(connection) if not folders.active(connection) else folders.active(connection)[0].id
        return [new_sound(connection, folder, name, analysis()) for name in names]

    return await db.write(write)


async def finder_on(db: Database, workers: FakeWorkers) -> DuplicateFinder:
    path = await asyncio.to_thread(database_of, db)
    return DuplicateFinder(db, workers, database=path, slots=2, may_work=lambda: True)


async def completed(db: Database, finder: DuplicateFinder) -> Progress:
    await finder.find()
    progress = await db.read(finder.progress)
    assert progress.complete
    return progress


async def found(db: Database) -> list[tuple[SoundId, SoundId]]:
    alike = await db.read(lambda connection: duplicates.alike(connection, 0.85, 0.8))
    return [(pair.first, pair.second) for pair in alike]


def database_of(db: Database) -> str:
    return db.read_here(lambda connection: connection.execute("PRAGMA database_list").fetchone()[2])


async def test_copies_are_found_and_lookalikes_are_not(db: Database) -> None:
    one, two, _, _ = await add(db, b"aa.wav", b"aa-copy.wav", b"ab.wav", b"x.wav")
    workers = FakeWorkers()
    finder = await finder_on(db, workers)
    assert await completed(db, finder) == Progress(Owed(0, 0, 0), 0)
    assert await found(db) == [(one, two)]
    assert len(workers.jobs) == 4 + 3  # a fingerprint each; the three that look alike are compared, x with none


async def test_the_loop_waits_until_somebody_asks(db: Database) -> None:
    await add(db, b"aa.wav")
    workers = FakeWorkers()
    finder = await finder_on(db, workers)
    task = asyncio.create_task(finder.run())
    await db.read(finder.progress)
    assert workers.jobs == []
    finder.ask()
    async with asyncio.timeout(PATIENCE):
        await workers.began.wait()
    task.cancel()
    await asyncio.wait([task])


async def test_nothing_is_done_twice(db: Database) -> None:
    await add(db, b"aa.wav", b"aa-copy.wav")
    workers = FakeWorkers()
    finder = await finder_on(db, workers)
    assert not (await db.read(finder.progress)).complete
    await completed(db, finder)
    workers.jobs.clear()
    (third,) = await add(db, b"aa-third.wav")
    await completed(db, finder)
    assert [job for job in workers.jobs if b" " not in job] == [b"/s/aa-third.wav"]
    assert len(workers.jobs) == 3
    assert (SoundId(1), third) in await found(db)


async def test_what_cannot_be_read_is_passed_over_and_said(db: Database) -> None:
    await add(db, b"aa.wav", b"aa-copy.wav", b"broken.wav")
    workers = FakeWorkers()
    finder = await finder_on(db, workers)
    progress = await completed(db, finder)
    assert progress == Progress(Owed(0, 0, 0), 1)
    assert len(await found(db)) == 1


async def test_an_offline_folder_keeps_its_verdicts(db: Database) -> None:
    await add(db, b"aa.wav", b"aa-copy.wav")
    workers = FakeWorkers()
    finder = await finder_on(db, workers)
    await completed(db, finder)
    before = await found(db)
    (folder,) = await db.read(folders.active)
    await db.write(lambda c: folders.set_state(c, folder.id, FolderState.OFFLINE, "unplugged", next_seq(c)))
    assert await found(db) == []
    assert (await completed(db, finder)).owed.nothing
    await db.write(lambda c: folders.set_state(c, folder.id, FolderState.ONLINE, None, next_seq(c)))
    workers.jobs.clear()
    await completed(db, finder)
    assert (await found(db), workers.jobs) == (before, [])


async def test_another_version_of_the_comparison_begins_anew(db: Database) -> None:
    await add(db, b"aa.wav", b"aa-copy.wav")
    finder = await finder_on(db, FakeWorkers())
    await completed(db, finder)
    await db.write(lambda c: duplicates.forget_outdated(c, VERSION + 1))
    assert (await db.read(finder.progress)).owed.sounds == 2
    assert await found(db) == []
    await completed(db, finder)
    assert len(await found(db)) == 1
