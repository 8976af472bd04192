"""From pending rows to indexed ones: real files, a real database, and a stand-in for the workers."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest
from desk import Desk, codes, new_desk, states

from builders import VERSION, analysis, live_segments
from timbred_indexer import pipeline
from timbred_indexer.db import Database, next_seq
from timbred_indexer.errors import InputError, StorageError, WorkerError
from timbred_indexer.model import Analysis
from timbred_indexer.store import files, sounds
from timbred_indexer.wire import deadline_for


@pytest.fixture
async def desk(db: Database, tmp_path: Path) -> Desk:
    return await new_desk(db, tmp_path)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "TROUBLE_SECONDS", 0.0)


async def test_a_pending_file_is_analysed_and_indexed(desk: Desk) -> None:
    await desk.put("a.wav")
    await desk.drain()
    assert await desk.states() == {"a.wav": "indexed"}
    sound = await desk.db.read(lambda c: sounds.of_file(c, os.fsencode(desk.root / "a.wav")))
    assert sound is not None
    assert len(await desk.db.read(lambda c: live_segments(c, sound))) == 1


async def test_a_known_sound_costs_no_job_and_inherits_the_label(desk: Desk) -> None:
    await desk.put("a.wav")
    await desk.drain()
    (sound,) = await desk.db.read(lambda c: [row[0] for row in c.execute("SELECT id FROM sound")])
    await desk.db.write(lambda c: files.set_label(c, sound, "boom", next_seq(c)))
    await desk.put("copy.wav")
    await desk.drain()
    labels = await desk.db.read(lambda c: [row[0] for row in c.execute("SELECT label FROM file")])
    assert (desk.analyser.jobs, labels) == ([b"a.wav"], ["boom", "boom"])


async def test_copies_that_come_at_once_are_analysed_once(desk: Desk) -> None:
    for number in range(8):
        await desk.put(f"{number}.wav")
    await desk.drain()
    assert len(desk.analyser.jobs) == 1
    assert set((await desk.states()).values()) == {"indexed"}


async def test_a_copy_of_a_sound_that_failed_is_tried_by_itself(desk: Desk) -> None:
    desk.analyser.says = lambda _: InputError("There is no sound in it.", code="empty")
    await desk.put("a.wav")
    await desk.put("b.wav")
    await desk.drain()
    assert sorted(desk.analyser.jobs) == [b"a.wav", b"b.wav"]
    assert await desk.codes() == {"a.wav": "empty", "b.wav": "empty"}


async def test_a_tombstoned_sound_that_is_copied_in_again_can_be_found(desk: Desk) -> None:
    path = await desk.put("a.wav")
    await desk.drain()

    def forget(connection: sqlite3.Connection) -> None:
        (file,) = files.below(connection, desk.folder, b"")
        (sound,) = files.sounds_at(connection, [file.id])
        files.mark_missing(connection, file.id, 0.0, next_seq(connection))
        sounds.bury_unheard(connection, [sound], 1.0, next_seq(connection))

    await desk.db.write(forget)
    path.rename(desk.root / "b.wav")
    await desk.scan()
    await desk.drain()
    alive = await desk.db.read(lambda c: c.execute("SELECT count(*) FROM segment WHERE dead_seq IS NULL").fetchone()[0])
    assert (alive, len(desk.analyser.jobs)) == (1, 1)


@pytest.mark.parametrize(
    ("error", "code", "tries"),
    [
        (InputError("There is no sound in it.", code="empty"), "empty", 1),
        (WorkerError("It died."), "worker_crashed", 2),
        (WorkerError("It hung.", code="timed_out"), "timed_out", 2),
        (MemoryError(), "too_large", 1),
        (KeyError("a mistake of ours"), "internal", 1),
    ],
)
async def test_a_file_that_cannot_be_analysed_is_set_aside_with_its_reason(
    desk: Desk, error: Exception, code: str, tries: int
) -> None:
    desk.analyser.says = lambda name: error if name == b"bad.wav" else analysis(1)
    await desk.put("bad.wav", b"bad")
    await desk.put("good.wav", b"good")
    await desk.drain()
    assert await desk.states() == {"bad.wav": "failed", "good.wav": "indexed"}
    assert (await desk.codes())["bad.wav"] == code
    assert desk.analyser.jobs.count(b"bad.wav") == tries


async def test_a_worker_that_died_once_is_forgiven(desk: Desk) -> None:
    answers: list[Analysis | Exception] = [WorkerError("It died."), analysis(1)]
    desk.analyser.says = lambda _: answers.pop(0)
    await desk.put("a.wav")
    await desk.drain()
    assert await desk.states() == {"a.wav": "indexed"}


async def test_a_late_writer_does_not_count_as_a_crash(desk: Desk) -> None:
    answers: list[Analysis | Exception] = [WorkerError("It died."), analysis(1)]
    desk.analyser.says = lambda _: answers.pop(0)
    with (await desk.put("a.wav")).open("r+b"):
        async with desk.running():
            await desk.until(lambda connection: codes(connection)["a.wav"] == "still_writing")
    await desk.drain()
    assert await desk.states() == {"a.wav": "indexed"}


async def test_a_file_that_vanished_is_failed_after_some_tries(desk: Desk) -> None:
    (await desk.put("a.wav")).unlink()
    await desk.drain()
    assert (await desk.codes(), desk.analyser.jobs) == ({"a.wav": "vanished"}, [])


async def test_a_file_that_is_other_than_scanned_is_reported_stale_and_not_analysed(desk: Desk) -> None:
    path = await desk.put("a.wav")
    path.write_bytes(b"longer than what was scanned")
    async with desk.running():
        await desk.until(lambda connection: codes(connection)["a.wav"] == "still_writing")
    assert (set(desk.stale), desk.analyser.jobs) == ({b"a.wav"}, [])
    await desk.scan()
    await desk.drain()
    assert await desk.states() == {"a.wav": "indexed"}


async def test_what_changed_during_its_analysis_is_not_stored(desk: Desk) -> None:
    desk.analyser.gate.clear()
    path = await desk.put("a.wav")
    async with desk.running():
        await desk.analyser.asked.wait()
        path.write_bytes(b"other and longer bytes")
        desk.analyser.gate.set()
        await desk.until(lambda connection: codes(connection)["a.wav"] == "still_writing")
    assert await desk.db.read(lambda c: c.execute("SELECT count(*) FROM sound").fetchone()[0]) == 0
    assert b"a.wav" in desk.stale


async def test_another_versions_sound_is_analysed_anew(desk: Desk) -> None:
    desk.analyser.says = lambda _: analysis(1, version="old")
    await desk.put("a.wav")
    await desk.drain()
    desk.analyser.says = lambda _: analysis(2)
    await desk.put("b.wav")
    await desk.drain()
    versions = await desk.db.read(lambda c: [row[0] for row in c.execute("SELECT version FROM sound")])
    assert (versions, len(desk.analyser.jobs)) == ([VERSION], 2)


async def test_our_own_trouble_pauses_and_blames_no_file(desk: Desk) -> None:
    answers: list[Analysis | Exception] = [
        StorageError("The disk is full.", code="disk_full"),
        analysis(1),
        analysis(2),
    ]
    notes: list[tuple[str, ...]] = []

    def say(_: bytes) -> Analysis | Exception:
        notes.append(desk.pipeline.notes)
        return answers.pop(0)

    desk.analyser.says = say
    await desk.put("a.wav")
    async with desk.running():
        await desk.until(lambda connection: states(connection)["a.wav"] == "indexed")
        await desk.put("b.wav", b"another sound")
        await desk.until(lambda connection: states(connection)["b.wav"] == "indexed")
    assert notes == [(), ("Indexing is paused: The disk is full.",), ()]


async def test_a_failure_that_cannot_be_written_down_pauses_too(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    fail, refusals = files.fail, [StorageError("The disk is full.", code="disk_full")]

    def fail_once_more(*arguments: object) -> None:
        if refusals:
            raise refusals.pop()
        fail(*arguments)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(files, "fail", fail_once_more)
    desk.analyser.says = lambda _: InputError("There is no sound in it.", code="empty")
    await desk.put("a.wav")
    await desk.drain()
    assert (await desk.codes(), len(desk.analyser.jobs)) == ({"a.wav": "empty"}, 2)


async def test_a_database_that_gives_no_answer_for_a_moment_ends_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim, refusals = files.claim_pending, [StorageError("The disk gives no answer.")]

    def claim_once_more(*arguments: object) -> object:
        if refusals:
            raise refusals.pop()
        return claim(*arguments)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(files, "claim_pending", claim_once_more)
    await desk.put("a.wav")
    await desk.drain()
    assert await desk.states() == {"a.wav": "indexed"}


async def test_stopping_leaves_what_is_in_flight_pending(desk: Desk) -> None:
    desk.analyser.gate.clear()
    await desk.put("a.wav")
    async with desk.running():
        await desk.analyser.asked.wait()
        assert desk.pipeline.busy == 1
    assert (await desk.states(), desk.pipeline.busy) == ({"a.wav": "pending"}, 0)


def test_a_longer_file_may_take_longer() -> None:
    assert 60 <= deadline_for(0) < deadline_for(10**9)
