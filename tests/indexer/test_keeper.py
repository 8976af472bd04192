"""The keeper of a live index: it starts from whatever snapshot is there, follows, and compacts in a child."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from builders import VERSION, analysis, new_folder, new_sound, vector
from patience import PATIENCE
from timbred_indexer import aspects, snapshot
from timbred_indexer.atomic import replace_file
from timbred_indexer.compact import build
from timbred_indexer.compaction import HARD, SOFT, Limits
from timbred_indexer.db import Database, connect, next_seq
from timbred_indexer.errors import StorageError
from timbred_indexer.faiss_index import FlatIndex
from timbred_indexer.keeper import IndexKeeper
from timbred_indexer.live import LiveIndex
from timbred_indexer.model import FolderId, Seq
from timbred_indexer.snapshot import Manifest, Origin
from timbred_indexer.store import files, folders, identity, sounds

SOUNDS = 6


class Shelf:
    """A library of a few sounds, and keepers of its index; ``live`` is that of the last one."""

    def __init__(self, db: Database, data: Path) -> None:
        self.db, self.data = db, data
        self.folder = FolderId(0)
        self.live = LiveIndex(aspects.DIM)
        self.soft, self.hard = SOFT, HARD

    async def fill(self, first: int = 0, count: int = SOUNDS) -> None:
        def write(connection: sqlite3.Connection) -> None:
            self.folder = new_folder(connection)
            for seed in range(first, first + count):
                new_sound(connection, self.folder, b"%d" % seed, analysis(seed))

        await self.db.write(write)

    async def lose(self, name: bytes) -> None:
        def write(connection: sqlite3.Connection) -> None:
            (row,) = files.below(connection, self.folder, name)
            (sound,) = files.sounds_at(connection, [row.id])
            files.mark_missing(connection, row.id, 0.0, next_seq(connection))
            sounds.bury_unheard(connection, [sound], 1.0, next_seq(connection))

        await self.db.write(write)

    def keeper(self, version: str = VERSION) -> IndexKeeper:
        """Not open yet."""
        self.live = LiveIndex(aspects.DIM)
        return IndexKeeper(
            self.db,
            self.live,
            folder=str(self.data),
            database=str(self.data / "metadata.db"),
            space="librosa",
            version=version,
            limits=(self.soft, self.hard),
        )

    async def open(self, soft: Limits = SOFT) -> IndexKeeper:
        self.soft = soft
        made = self.keeper()
        await made.open()
        return made

    def answers(self) -> list[list[int]]:
        queries = np.stack([vector(seed) for seed in range(3)])
        return self.live.view.search(queries, 20)[1].tolist()

    @property
    def index(self) -> Path:
        return Path(snapshot.index_path(str(self.data), "librosa"))

    @property
    def manifest(self) -> Path:
        return Path(snapshot.manifest_path(str(self.data), "librosa"))


@pytest.fixture
async def shelf(db: Database, tmp_path: Path) -> Shelf:
    made = Shelf(db, tmp_path / "data")
    await made.fill()
    return made


@pytest.fixture
async def compacted(shelf: Shelf) -> Shelf:
    """With a snapshot, made here rather than in a child."""

    def make() -> None:
        connection = connect(str(shelf.data / "metadata.db"), readonly=True)
        seq, index = build(connection, "librosa", VERSION)
        own = identity.read(connection)
        connection.close()
        assert index is not None
        snapshot.save(str(shelf.data), Origin(own, "librosa", VERSION, seq), index, target=0.99)

    await asyncio.to_thread(make)
    return shelf


def seal_anew(shelf: Shelf, change: Callable[[Manifest], Manifest]) -> None:
    fields = json.loads(shelf.manifest.read_text())
    fields.pop("seal")
    changed = change(Manifest(**fields))
    shelf.manifest.write_text(json.dumps({**asdict(changed), "seal": snapshot.seal(changed)}))


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 0x01
    path.write_bytes(content)


def raise_the_seq(shelf: Shelf) -> None:
    """To one that the database has reached: what came before it would be passed over."""
    fields = json.loads(shelf.manifest.read_text())
    shelf.manifest.write_text(json.dumps(fields | {"seq": fields["seq"] + 3}))


DAMAGES: dict[str, Callable[[Shelf], object]] = {
    "no manifest": lambda shelf: shelf.manifest.unlink(),
    "no index": lambda shelf: shelf.index.unlink(),
    "truncated": lambda shelf: shelf.index.write_bytes(shelf.index.read_bytes()[:-100]),
    "empty": lambda shelf: shelf.index.write_bytes(b""),
    "manifest truncated": lambda shelf: shelf.manifest.write_text(shelf.manifest.read_text()[:40]),
    "manifest a list": lambda shelf: shelf.manifest.write_text("[]"),
    "manifest not text": lambda shelf: shelf.manifest.write_bytes(b"\xff\xfe"),
    "manifest with a later seq": raise_the_seq,
    "bytes after its end": lambda shelf: shelf.index.write_bytes(shelf.index.read_bytes() + b"more"),
    "other dimension": lambda shelf: seal_anew(shelf, lambda m: replace(m, dim=m.dim + 1)),
    "other version": lambda shelf: seal_anew(shelf, lambda m: replace(m, version="other")),
    "other count": lambda shelf: seal_anew(shelf, lambda m: replace(m, count=m.count + 1)),
    "of another database": lambda shelf: seal_anew(shelf, lambda m: replace(m, database=m.database + 1)),
    "newer than the database": lambda shelf: seal_anew(shelf, lambda m: replace(m, seq=10**9)),
    "a wrong byte in the head": lambda shelf: flip(shelf.index, 0),
}


async def test_without_a_snapshot_everything_comes_from_the_database(shelf: Shelf) -> None:
    made = await shelf.open()
    assert (made.stats.vectors, made.stats.buffer, made.stats.snapshot_seq) == (SOUNDS, SOUNDS, None)


async def test_a_good_snapshot_is_used_and_what_came_since_is_replayed(compacted: Shelf) -> None:
    await compacted.fill(first=SOUNDS, count=1)
    await compacted.lose(b"0")
    made = await compacted.open()
    assert (made.stats.kind, made.stats.vectors, made.stats.buffer, made.stats.hidden) == ("flat", SOUNDS + 1, 1, 1)
    answers = compacted.answers()
    compacted.manifest.unlink()
    await compacted.open()
    assert compacted.answers() == answers


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_bad_snapshot_changes_no_answer(compacted: Shelf, damage: str) -> None:
    await compacted.fill(first=SOUNDS, count=2)
    await compacted.open()
    answers = compacted.answers()
    DAMAGES[damage](compacted)
    made = await compacted.open()
    assert (compacted.answers(), made.stats.snapshot_seq) == (answers, None)


@pytest.mark.parametrize("place", [-1, 200])
async def test_a_wrong_byte_is_found_in_the_background_and_repaired(compacted: Shelf, place: int) -> None:
    made = await compacted.open()
    answers = compacted.answers()
    flip(compacted.index, place)
    await made.check_snapshot()
    assert (compacted.answers(), made.stats.buffer, compacted.index.exists()) == (answers, SOUNDS, False)


async def test_a_whole_snapshot_passes_the_check(compacted: Shelf) -> None:
    made = await compacted.open()
    await made.check_snapshot()
    assert (made.stats.buffer, compacted.index.exists()) == (0, True)


async def test_it_follows_what_is_committed_though_the_disk_gives_no_answer_once(shelf: Shelf) -> None:
    made, glitches = await shelf.open(), [StorageError("The disk gives no answer.")]
    loop, caught_up = asyncio.get_running_loop(), asyncio.Event()
    catch_up = made.catch_up

    async def noticing() -> None:
        if glitches:
            raise glitches.pop()
        await catch_up()
        caught_up.set()

    made.catch_up = noticing

    def committed() -> None:
        loop.call_soon_threadsafe(made.notify)

    shelf.db.on_commit = committed
    follower = asyncio.create_task(made.follow())
    await shelf.fill(first=SOUNDS, count=2)
    async with asyncio.timeout(PATIENCE):
        await caught_up.wait()
    follower.cancel()
    await asyncio.wait([follower])
    shelf.db.on_commit = None
    assert made.stats.vectors == SOUNDS + 2


async def test_a_compaction_in_a_child_swaps_the_snapshot_and_keeps_the_answers(shelf: Shelf) -> None:
    made = await shelf.open()
    await shelf.lose(b"5")
    await made.catch_up()
    answers = shelf.answers()
    async with asyncio.timeout(PATIENCE):
        compaction = asyncio.create_task(made.compact())
        while not compaction.done():
            assert shelf.answers() == answers
            await asyncio.wait([compaction], timeout=0.01)
        await compaction
    assert shelf.answers() == answers
    assert (made.stats.kind, made.stats.vectors, made.stats.buffer, made.stats.hidden) == ("flat", SOUNDS - 1, 0, 0)
    assert {path.name for path in shelf.data.iterdir()} >= {"librosa.index", "librosa.manifest.json"}


async def test_a_compaction_of_nothing_leaves_no_snapshot(compacted: Shelf) -> None:
    for number in range(SOUNDS):
        await compacted.lose(b"%d" % number)
    made = await compacted.open()
    async with asyncio.timeout(PATIENCE):
        await made.compact()
    assert (made.stats.vectors, compacted.index.exists(), compacted.manifest.exists()) == (0, False, False)


async def test_a_cancelled_compaction_leaves_no_child_and_no_change(shelf: Shelf) -> None:
    made = await shelf.open()
    compaction = asyncio.create_task(made.compact())
    await asyncio.wait([compaction], timeout=0.05)
    compaction.cancel()
    with pytest.raises(asyncio.CancelledError):
        await compaction
    assert made.stats.buffer == SOUNDS  # that no child is left is the fixture's to say


async def test_a_compaction_that_fails_says_so_and_changes_nothing(shelf: Shelf) -> None:
    made = await shelf.open()
    answers = shelf.answers()
    shelf.index.mkdir()  # nothing can be put in its place
    (shelf.index / "full").touch()
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(StorageError) as caught:
            await made.compact()
    assert (caught.value.code, shelf.answers()) == ("compaction_failed", answers)


async def test_a_full_buffer_is_compacted_when_idle_and_a_fuller_one_at_once(shelf: Shelf) -> None:
    made = await shelf.open()
    assert not made.compaction_due(idle=True)
    made = await shelf.open(soft=replace(SOFT, buffer=SOUNDS - 1))
    assert (made.compaction_due(idle=True), made.compaction_due(idle=False)) == (True, False)
    shelf.hard = replace(HARD, buffer=SOUNDS - 1)
    made = shelf.keeper()
    await made.catch_up()
    assert made.compaction_due(idle=False)


async def test_what_a_compaction_cannot_drop_does_not_ask_for_another(shelf: Shelf) -> None:
    made = await shelf.open(soft=Limits(buffer=0, buffer_share=0, hidden=0, hidden_share=0))
    await shelf.db.write(lambda connection: folders.remove(connection, shelf.folder, next_seq(connection)))
    await made.catch_up()
    async with asyncio.timeout(PATIENCE):
        await made.compact()
    assert (made.stats.hidden, made.compaction_due(idle=True)) == (SOUNDS, False)


async def test_a_library_that_is_too_large_to_be_fresh_gets_a_snapshot_before_it_answers(shelf: Shelf) -> None:
    await shelf.open()
    answers = shelf.answers()
    shelf.hard = replace(HARD, buffer=SOUNDS - 1)
    async with asyncio.timeout(PATIENCE):
        made = await shelf.open()
    assert (shelf.answers(), made.stats.buffer, made.stats.kind) == (answers, 0, "flat")


async def test_a_large_snapshot_that_is_damaged_is_built_anew(compacted: Shelf) -> None:
    compacted.hard = replace(HARD, buffer=SOUNDS - 1)
    made = await compacted.open()
    answers = compacted.answers()
    flip(compacted.index, -1)
    async with asyncio.timeout(PATIENCE):
        await made.check_snapshot()
    assert (compacted.answers(), made.stats.buffer, made.stats.snapshot_seq) == (answers, 0, made.stats.seq)


async def test_a_snapshot_newer_than_the_database_does_not_come_back_when_its_seq_is_reached(compacted: Shelf) -> None:
    seal_anew(compacted, lambda manifest: replace(manifest, seq=10**9))
    await compacted.open()
    assert (compacted.manifest.exists(), compacted.index.exists()) == (False, False)


async def test_the_age_the_memory_and_the_last_search_are_known(compacted: Shelf) -> None:
    made = await compacted.open()
    assert made.idle == float("inf")
    compacted.answers()
    assert made.idle < PATIENCE
    assert made.stats.memory > compacted.index.stat().st_size
    assert made.stats.built == json.loads(compacted.manifest.read_text())["built"]


def test_a_snapshot_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def fail(temporary: str) -> None:
        Path(temporary).write_text("half")
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        replace_file(str(path), fail)
    assert ([entry.name for entry in tmp_path.iterdir()], path.read_text()) == (["file"], "old")


def test_the_first_seq_of_a_manifest_is_what_was_compacted(tmp_path: Path) -> None:
    index = FlatIndex.build(np.array([3], np.int64), vector(1)[np.newaxis])
    saved = snapshot.save(str(tmp_path), Origin(5, "librosa", VERSION, Seq(7)), index, target=0.9)
    loaded, _ = snapshot.load(str(tmp_path), "librosa", VERSION, 5)
    assert (loaded, loaded.seq, loaded.count) == (saved, 7, 1)
