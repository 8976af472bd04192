"""Whatever happens to a library and its index, a search finds what an exact search over the database finds.

A rule-based machine: files come, change, move, go and die; snapshots are built, cancelled, damaged, half written, lost;
the process starts anew. It runs on exact and on approximate snapshots.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from builders import VERSION, analysis, files_at, fresh_connection, new_folder, new_sound, vector
from timbred_indexer import aspects, snapshot
from timbred_indexer.atomic import replace_file
from timbred_indexer.compact import build
from timbred_indexer.db import next_seq
from timbred_indexer.errors import StorageError
from timbred_indexer.index import Ids, Mask, Vectors, mask
from timbred_indexer.live import LiveIndex, View
from timbred_indexer.model import FolderId, Seq, SoundId
from timbred_indexer.probing import depth_of
from timbred_indexer.snapshot import Origin
from timbred_indexer.store import files, folders, identity, sounds, vectors
from timbred_indexer.store.sounds import VISIBLE_FILE

EXACT, APPROXIMATE = 1_000_000, 1  # vectors from which a snapshot is approximate
SLACK = 0.1  # of the three nearest, those that are nearer than the third by so much must be candidates
NAMES = st.integers(0, 11)
VISIBLE = (
    "SELECT segment.id, data FROM segment JOIN vector ON segment_id = segment.id WHERE dead_seq IS NULL AND EXISTS "
    "(SELECT 1 FROM file JOIN folder ON folder.id = folder_id WHERE file.sound_id = segment.sound_id "
    f"AND {VISIBLE_FILE}) ORDER BY segment.id"
)


class History(RuleBasedStateMachine):
    flat_below = EXACT

    @initialize()
    def begin(self) -> None:
        self.connection: sqlite3.Connection = fresh_connection()
        self.folder: FolderId = new_folder(self.connection)
        self.data = tempfile.mkdtemp()
        self.places: dict[int, bytes] = {}
        self.known: dict[int, SoundId] = {}
        self.steps = 0
        self.live = LiveIndex(aspects.DIM)

    def teardown(self) -> None:
        if hasattr(self, "connection"):
            self.connection.close()
            shutil.rmtree(self.data)

    def _fresh_place(self, name: int) -> bytes:
        self.steps += 1
        return b"%d/%d" % (name, self.steps)

    @rule(name=NAMES, segments=st.integers(1, 3))
    def add(self, name: int, segments: int) -> None:
        seeds = [name * 10 + place for place in range(segments)]
        place = self._fresh_place(name)
        self.known[name] = new_sound(self.connection, self.folder, place, analysis(*seeds), content=name)

    @rule(name=NAMES)
    def change(self, name: int) -> None:
        """The bytes are others now: a sound of its own."""
        content = ("changed", self.steps)
        place = self._fresh_place(name)
        self.known[name] = new_sound(self.connection, self.folder, place, analysis(1_000 + self.steps), content=content)

    @rule(name=NAMES)
    def move(self, name: int) -> None:
        if name in self.known:
            for file in files_at(self.connection, self.known[name]):
                place = self._fresh_place(name)
                self.connection.execute("UPDATE file SET path = ? WHERE id = ?", (place, file))

    @rule(name=NAMES)
    def delete(self, name: int) -> None:
        if name in self.known:
            seq = next_seq(self.connection)
            for file in files_at(self.connection, self.known[name]):
                files.mark_missing(self.connection, file, 0.0, seq)

    @rule(name=NAMES)
    def bury(self, name: int) -> None:
        if name in self.known:
            sounds.bury_unheard(self.connection, [self.known[name]], 1.0, next_seq(self.connection))

    @rule(name=NAMES)
    def come_back(self, name: int) -> None:
        if name in self.known:
            seq = next_seq(self.connection)
            for file in files_at(self.connection, self.known[name]):
                files.mark_returned(self.connection, file, seq)
            sounds.revive(self.connection, self.known[name], seq)

    @rule(name=NAMES)
    def label(self, name: int) -> None:
        if name in self.known:
            files.set_label(self.connection, self.known[name], "a name", next_seq(self.connection))

    @rule(watched=st.booleans())
    def watch(self, watched: bool) -> None:
        if watched:
            new_folder(self.connection)
        else:
            folders.remove(self.connection, self.folder, next_seq(self.connection))

    def _build(self) -> tuple[Origin, snapshot.StoredIndex | None]:
        seq, index = build(self.connection, "librosa", VERSION, flat_below=self.flat_below)
        return Origin(identity.read(self.connection), "librosa", VERSION, seq), index

    @rule()
    def compact(self) -> None:
        origin, index = self._build()
        if index is None:
            snapshot.remove(self.data, "librosa")
        else:
            snapshot.save(self.data, origin, index, target=0.99)
        self._adopt()

    @rule(when=st.sampled_from(["building", "writing", "before the manifest"]))
    def die_in_a_compaction(self, when: str) -> None:
        """The child is killed, or cancelled."""
        origin, index = self._build()
        if index is None or when == "building":
            return
        dying = cast(snapshot.StoredIndex, Dying(index, half=when == "writing"))
        with suppress(OSError):
            snapshot.save(self.data, origin, dying, target=0.99)
        if when == "before the manifest":
            Path(snapshot.manifest_path(self.data, "librosa")).unlink(missing_ok=True)
            replace_file(snapshot.index_path(self.data, "librosa"), index.save)

    @rule(place=st.floats(0, 0.999), whole=st.booleans())
    def damage(self, place: float, whole: bool) -> None:
        """A byte of the file is wrong; found when the whole file is read."""
        with suppress(StorageError):
            manifest, _ = self._load()
            path = Path(snapshot.index_path(self.data, "librosa"))
            content = bytearray(path.read_bytes())
            content[int(place * len(content))] ^= 0x10
            path.unlink()  # what is mapped stays as it was
            path.write_bytes(content if whole else content[: len(content) // 2])
            with pytest.raises(StorageError):
                snapshot.verify(self.data, "librosa", manifest)
            snapshot.remove(self.data, "librosa")
            self._adopt()

    @rule()
    def restart(self) -> None:
        self.live = LiveIndex(aspects.DIM)
        self._adopt()

    @rule()
    def another_database(self) -> None:
        """As a restored backup is one."""
        identity.renew(self.connection)
        with pytest.raises(StorageError):
            self._load()

    def _load(self) -> tuple[snapshot.Manifest, snapshot.StoredIndex]:
        return snapshot.load(self.data, "librosa", VERSION, identity.read(self.connection))

    def _adopt(self) -> None:
        try:
            manifest, index = self._load()
            self.live.adopt(index, Seq(manifest.seq))
        except StorageError:
            self.live.adopt(None, Seq(0))

    def _truth(self) -> tuple[Ids, Vectors]:
        rows = self.connection.execute(VISIBLE).fetchall()
        ids = np.array([row[0] for row in rows], np.int64)
        return ids, np.frombuffer(b"".join(row[1] for row in rows), "<f4").reshape(len(rows), aspects.DIM)

    @precondition(lambda self: hasattr(self, "connection"))
    @invariant()
    def a_search_finds_what_an_exact_one_finds(self) -> None:
        since = self.live.vectors_since, self.live.catalogue_since
        view = self.live.apply(vectors.changes(self.connection, "librosa", VERSION, *since))
        ids, matrix = self._truth()
        half = mask(int(ids.max(initial=0)) + 1, ids[::2])
        for allowed, left in ((None, slice(None)), (half, slice(None, None, 2))):
            self._compare(view, allowed, ids[left], matrix[left])

    def _compare(self, view: View, allowed: Mask | None, ids: Ids, members: Vectors) -> None:
        for seed in (0, 21):
            query = vector(seed)[np.newaxis]
            scores, found = view.search(query, depth_of(3), allowed)
            given = found[0][found[0] >= 0].tolist()
            assert len(given) == len(set(given)) == min(depth_of(3), len(ids))
            assert set(given) <= set(ids.tolist())
            true = members @ query[0]
            if view.exact:
                np.testing.assert_allclose(scores[0, : len(given)], np.sort(true)[::-1][: len(given)], atol=1e-5)
            else:
                best = np.sort(true)[::-1][:3]
                assert set(ids[true >= best.min(initial=2) + SLACK].tolist()) <= set(given)


class ApproximateHistory(History):
    flat_below = APPROXIMATE


class Dying:
    """An index whose saving never ends."""

    def __init__(self, index: snapshot.StoredIndex, *, half: bool) -> None:
        self._index = index
        self._half = half

    def save(self, path: str) -> None:
        self._index.save(path)
        if self._half:
            Path(path).write_bytes(Path(path).read_bytes()[:100])
        raise OSError("killed")


@pytest.mark.parametrize("machine", [History, ApproximateHistory])
def test_whatever_happens_a_search_finds_what_is_there(machine: type[History]) -> None:
    run_state_machine_as_test(machine, settings=settings(max_examples=12, stateful_step_count=25, deadline=None))


@pytest.mark.slow
@pytest.mark.parametrize("machine", [History, ApproximateHistory])
def test_whatever_happens_for_long_a_search_finds_what_is_there(machine: type[History]) -> None:
    run_state_machine_as_test(machine, settings=settings(max_examples=300, stateful_step_count=60, deadline=None))
