"""The second space filling up behind the first: order, interruptions, what it dies of, what it cannot hear."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import sqlite3
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from builders import CLAP_DIM, CLAP_VERSION, VERSION, analysis, file_id, link, live_segments, new_folder
from patience import PATIENCE
from timbred_indexer import aspects
from timbred_indexer.db import Database, next_seq
from timbred_indexer.embedder import MAX_ATTEMPTS, Embedder
from timbred_indexer.errors import InputError, StorageError, TransientInputError, WorkerError
from timbred_indexer.live import LiveIndex
from timbred_indexer.model import FolderId, Seconds, SegmentId, SoundId
from timbred_indexer.scan import look
from timbred_indexer.store import clap, files, sounds, vectors
from timbred_indexer.store.clap import Stretch


@dataclass
class FakeEars:
    """Hears what a file is called.

    Attributes:
        deadly: names that end the model's process; ``refused``: names → what the workers say of them.
        enough: so many heard, and the model is held back.
        absent: why the model does not start.
        paused: set to hold the model back.
        heard: names in the order in which the model got them; ``tried``: in which the workers did.
    """

    batch: int = 4
    deadly: set[str] = field(default_factory=set[str])
    refused: dict[str, Exception] = field(default_factory=dict[str, Exception])
    absent: Exception | None = None
    enough: int | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    heard: list[str] = field(default_factory=list[str])
    tried: list[str] = field(default_factory=list[str])

    async def features(self, path: bytes, stretches: Sequence[Stretch], deadline: Seconds) -> Sequence[bytes]:
        name = os.fsdecode(os.path.basename(path))
        self.tried.append(name)
        if name in self.refused:
            raise self.refused[name]
        return [f"{name}@{stretch.start:g}".encode() for stretch in stretches]

    async def vectors(self, features: Sequence[bytes]) -> NDArray[np.float32]:
        await self.gate.wait()
        names = [feature.decode() for feature in features]
        if self.absent is not None:
            raise self.absent
        if any(name.split("@")[0] in self.deadly for name in names):
            raise WorkerError("the worker died (killed by SIGSEGV)")
        self.heard += names
        if self.enough is not None and len(self.heard) >= self.enough:
            self.gate.clear()
        made = np.zeros((len(names), CLAP_DIM), np.float32)
        made[:, 0] = 1.0
        return made


class Hall:
    """Indexed files on the disk, and an embedder that listens to them."""

    def __init__(self, db: Database, top: Path) -> None:
        self.db = db
        self.top = top
        self.librosa = LiveIndex(aspects.DIM)
        self.ears = FakeEars()
        self.ears.gate.set()
        self.stale: list[bytes] = []
        self.may_work = True
        self.now = 1000.0
        self.embedder = self.another()

    def another(self) -> Embedder:
        """As after a restart."""
        return Embedder(
            self.db,
            self.librosa,
            self.ears,
            version=CLAP_VERSION,
            may_work=lambda: self.may_work,
            stale=lambda _, path: self.stale.append(path),
            clock=lambda: self.now,
        )

    async def add(self, name: str, *seeds: int) -> SoundId:
        """An indexed file with one segment a seed."""

        def write(connection: sqlite3.Connection) -> SoundId:
            self.top.joinpath(name).write_bytes(name.encode())
            seen = look(os.fsencode(self.top), name.encode())
            files.insert(connection, FolderId(1), seen.files.items(), next_seq(connection))
            sound = sounds.save_analysis(
                connection, name.encode(), analysis(*(seeds or (1,))), "librosa", next_seq(connection)
            )
            link(connection, file_id(connection, FolderId(1), name.encode()), sound)
            return sound

        sound = await self.db.write(write)
        await self.catch_up()
        return sound

    async def catch_up(self) -> None:
        since = self.librosa.vectors_since, self.librosa.catalogue_since
        self.librosa.apply(await self.db.read(lambda c: vectors.changes(c, "librosa", VERSION, *since)))
        self.embedder.wake()

    async def segments(self, sound: SoundId) -> list[SegmentId]:
        return [one.id for one in await self.db.read(lambda c: live_segments(c, sound))]

    async def having(self) -> int:
        return len(await self.db.read(lambda c: clap.having(c, CLAP_VERSION)))

    @contextlib.asynccontextmanager
    async def listening(self, embedder: Embedder | None = None) -> AsyncGenerator[None]:
        task = asyncio.create_task((embedder or self.embedder).run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])
            await self.db.write(lambda _: None)  # what the writer was told before is done

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not true():  # noqa: ASYNC110  the embedder tells nobody
                await asyncio.sleep(0.005)

    async def until_stored(self, true: Callable[[sqlite3.Connection], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not await self.db.read(true):  # noqa: ASYNC110  likewise
                await asyncio.sleep(0.005)

    async def all_heard(self) -> None:
        await self.until(lambda: self.embedder.complete)


def attempts(connection: sqlite3.Connection) -> list[int]:
    """Of each sound that could not be heard."""
    return [why.attempts for why in clap.unheard(connection, CLAP_VERSION).values()]


@pytest.fixture
async def hall(db: Database, tmp_path: Path) -> Hall:
    top = tmp_path / "sounds"
    await asyncio.to_thread(top.mkdir)
    await db.write(lambda connection: new_folder(connection, os.fsencode(top)))
    return Hall(db, top)


async def test_every_segment_is_heard_once_the_newest_first(hall: Hall) -> None:
    hall.ears.batch = 1
    await hall.add("old", 1, 2)
    await hall.add("new", 3)
    async with hall.listening():
        await hall.all_heard()
        await hall.add("newest", 4)
        await hall.all_heard()
    assert hall.ears.heard == ["new@0", "old@1", "old@0", "newest@0"]
    assert await hall.having() == 4
    assert hall.embedder.stats().missing == 0


async def test_what_somebody_asked_about_goes_first(hall: Hall) -> None:
    hall.ears.batch = 1
    asked = await hall.add("asked", 1, 2)
    for number in range(5):
        await hall.add(f"later {number}")
    hall.embedder.prefer(await hall.segments(asked))
    async with hall.listening():
        await hall.all_heard()
    assert hall.ears.heard[:2] == ["asked@0", "asked@1"]


async def test_nothing_is_heard_while_the_librosa_space_is_behind(hall: Hall) -> None:
    hall.may_work = False
    await hall.add("a")
    async with hall.listening():
        await hall.until(lambda: hall.embedder.stats().missing == 1)
        assert not hall.ears.heard
        hall.may_work = True
        hall.embedder.wake()
        await hall.all_heard()
    assert hall.ears.heard == ["a@0"]


async def test_an_interruption_costs_the_batches_in_flight_and_nothing_twice(hall: Hall) -> None:
    hall.ears.batch, hall.ears.enough = 2, 4
    for number in range(12):
        await hall.add(str(number), number)
    async with hall.listening():
        await hall.until_stored(lambda connection: len(clap.having(connection, CLAP_VERSION)) > 0)
        await hall.until(lambda: len(hall.ears.heard) == 4)
    known = await hall.having()
    assert 0 < known < 12
    hall.ears.enough = None
    hall.ears.gate.set()
    hall.ears.heard.clear()
    hall.embedder = hall.another()
    async with hall.listening():
        await hall.all_heard()
    assert await hall.having() == 12
    assert len(hall.ears.heard) == 12 - known


async def test_a_sound_that_the_model_dies_of_costs_that_sound_alone(hall: Hall) -> None:
    hall.ears.deadly = {"bad"}
    for name in ("a", "bad", "b"):
        await hall.add(name)
    async with hall.listening():
        for attempt in range(1, MAX_ATTEMPTS + 1):
            await hall.until_stored(lambda connection, number=attempt: attempts(connection) == [number])
            hall.now += 10_000.0
            hall.embedder.wake()
        await hall.all_heard()
    assert sorted(hall.ears.heard) == ["a@0", "b@0"]
    (why,) = (await hall.db.read(lambda c: clap.unheard(c, CLAP_VERSION))).values()
    assert (why.code, why.retry_at) == ("worker_crashed", None)
    assert "could not hear 1" in hall.embedder.stats().notes[0]


async def test_what_could_not_be_heard_is_remembered_and_gets_another_chance_when_told(hall: Hall) -> None:
    hall.ears.refused = {"bad": InputError("This is not audio.")}
    await hall.add("bad")
    async with hall.listening():
        await hall.all_heard()
    again = hall.embedder = hall.another()
    hall.ears.refused = {}
    async with hall.listening():
        await hall.all_heard()
        assert (again.stats().aside, again.stats().missing, hall.ears.heard) == (1, 0, [])
        assert await again.forget_failures() == 1
        await hall.until(lambda: hall.ears.heard == ["bad@0"])
        await hall.all_heard()


async def test_a_file_that_cannot_be_read_is_tried_again_later(hall: Hall) -> None:
    hall.ears.refused = {"a": TransientInputError("The drive hiccuped.")}
    await hall.add("a")
    async with hall.listening():
        await hall.until(lambda: "a" in hall.ears.tried)
        assert (hall.embedder.stats().missing, hall.embedder.complete) == (1, False)
        hall.ears.refused = {}
        hall.now += 10_000.0
        hall.embedder.wake()
        await hall.until(lambda: hall.ears.heard == ["a@0"])


async def test_a_file_that_changed_since_is_not_heard_and_looked_at_again(hall: Hall) -> None:
    await hall.add("a")
    await asyncio.to_thread(hall.top.joinpath("a").write_bytes, b"another sound by now")
    async with hall.listening():
        await hall.until(lambda: bool(hall.stale))
    assert hall.stale == [os.fsencode(hall.top / "a")]
    assert await hall.having() == 0


@pytest.mark.parametrize("absent", [StorageError("the model is damaged"), WorkerError("the worker died (exit code 1)")])
async def test_a_model_that_does_not_work_is_nobodys_fault_but_its_own(hall: Hall, absent: Exception) -> None:
    hall.ears.absent = absent
    for name in ("a", "b"):
        await hall.add(name)
    async with hall.listening():
        await hall.until(lambda: bool(hall.embedder.stats().notes))
    assert "CLAP is paused" in hall.embedder.stats().notes[0]
    assert await hall.db.read(lambda c: clap.unheard(c, CLAP_VERSION)) == {}


@pytest.mark.parametrize(("reading", "which"), [("having", 1), ("among_having", 1), ("among_having", 2)])
async def test_a_database_that_gives_no_answer_for_a_moment_ends_nothing(
    hall: Hall, monkeypatch: pytest.MonkeyPatch, reading: str, which: int
) -> None:
    read, calls, notes = getattr(clap, reading), itertools.count(1), list[tuple[str, ...]]()

    def read_but_once(*arguments: object) -> object:
        call = next(calls)
        if call == which:
            raise StorageError("The disk gives no answer.")
        if call == which + 1:
            notes.append(hall.embedder.stats().notes)
        return read(*arguments)

    for number in range(hall.ears.batch + 1):  # the second batch is looked up while the first is heard
        await hall.add(f"{number}", number)
    monkeypatch.setattr(clap, reading, read_but_once)
    async with hall.listening():
        await hall.all_heard()
        await hall.until(lambda: not hall.embedder.stats().notes)
    assert notes == [("CLAP is paused: The disk gives no answer.",)]


async def test_a_sound_that_comes_back_with_its_vectors_is_not_heard_again(hall: Hall) -> None:
    sound = await hall.add("a", 1, 2)
    async with hall.listening():
        await hall.all_heard()

        def bury_and_revive(connection: sqlite3.Connection) -> None:
            seq = next_seq(connection)
            connection.execute("UPDATE segment SET dead_seq = ?", (seq,))
            sounds.revive(connection, sound, next_seq(connection))

        await hall.db.write(bury_and_revive)
        await hall.catch_up()
        await hall.all_heard()
    assert len(hall.ears.heard) == 2
    assert await hall.having() == 2


async def test_another_extractors_segments_of_the_same_stretches_keep_their_vectors(hall: Hall) -> None:
    await hall.add("a", 1, 2)
    async with hall.listening():
        await hall.all_heard()
    anew = analysis(5, 6, version="test-2")
    await hall.db.write(lambda c: sounds.save_analysis(c, b"a", anew, "librosa", next_seq(c)))
    assert await hall.having() == 2


async def test_a_file_that_is_out_of_reach_waits_without_a_word(hall: Hall) -> None:
    await hall.add("a")
    await hall.db.write(lambda c: c.execute("UPDATE file SET state = 'pending'"))
    async with hall.listening():
        await hall.all_heard()
        assert hall.embedder.stats().aside == 0
        await hall.db.write(lambda c: c.execute("UPDATE file SET state = 'indexed'"))
        await hall.db.write(next_seq)
        await hall.catch_up()
        await hall.until(lambda: hall.ears.heard == ["a@0"])
