"""What triggers keep is what a look at every row gives, whatever happens to files and folders: counters and names."""

from __future__ import annotations

import sqlite3
from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from builders import analysis, digest, file_id, fresh_connection, new_folder, stat_with
from timbred_indexer.db import connect, next_seq
from timbred_indexer.migrate import migrate, shipped
from timbred_indexer.model import FileId, FileState, FolderId, FolderState, Seq, SoundId
from timbred_indexer.store import files, folders, name_index, names, sounds
from timbred_indexer.store.sounds import VISIBLE_FILE

PLACES = st.sampled_from([b"/one", b"/two", b"/three"])
NAMES = st.sampled_from([b"a.wav", b"b.wav", b"c.wav", b"d.wav"])
NUMBERS = st.integers(0, 15)
CONTENTS = st.sampled_from(["kick", "snare", "hat"])


def counted(connection: sqlite3.Connection) -> dict[FolderId, dict[FileState, int]]:
    rows = connection.execute(
        "SELECT folder_id, file.state FROM file JOIN folder ON folder.id = folder_id WHERE active"
    )
    found: dict[FolderId, dict[FileState, int]] = {}
    for (folder, state), count in Counter(rows).items():
        found.setdefault(FolderId(folder), {})[FileState(state)] = count
    return found


def visible(connection: sqlite3.Connection) -> int:
    rows = connection.execute(f"SELECT sound_id FROM file JOIN folder ON folder.id = folder_id WHERE {VISIBLE_FILE}")
    return len(set(rows))


def called(connection: sqlite3.Connection, word: str) -> list[int]:
    rows = connection.execute(
        f"SELECT sound_id, folder.path, file.path, label FROM file JOIN folder ON folder.id = folder_id "
        f"WHERE {VISIBLE_FILE}"
    )
    found = {
        sound
        for sound, folder, path, label in rows
        if word in f"{folder.decode()}/{path.decode()}" or word in (label or "").lower()
    }
    return sorted(found)


class Library(RuleBasedStateMachine):
    """Three folders of four names and three sounds, so that copies, moves and returns are common."""

    @initialize()
    def begin(self) -> None:
        self.connection = fresh_connection()
        self.sounds = {
            name: sounds.save_analysis(self.connection, digest(name), analysis(seed), "librosa", self.seq())
            for seed, name in enumerate(("kick", "snare", "hat"))
        }

    def seq(self) -> Seq:
        return next_seq(self.connection)

    def file(self, number: int) -> FileId | None:
        """One of those that there are."""
        rows = self.connection.execute("SELECT id FROM file ORDER BY id").fetchall()
        return FileId(rows[number % len(rows)][0]) if rows else None

    @rule(place=PLACES, name=NAMES, content=CONTENTS)
    def index(self, place: bytes, name: bytes, content: str) -> None:
        seq = next_seq(self.connection)
        folder = folders.add(self.connection, place, "added", "poll", seq)
        files.insert(self.connection, folder, [(name, stat_with())], seq)
        file = file_id(self.connection, folder, name)
        files.mark_changed(self.connection, [(file, stat_with())], seq)
        files.link(self.connection, file, stat_with(), self.sounds[content], seq)

    @rule(number=NUMBERS)
    def change(self, number: int) -> None:
        if (file := self.file(number)) is not None:
            files.mark_changed(self.connection, [(file, stat_with(size=101))], next_seq(self.connection))

    @rule(number=NUMBERS)
    def fail(self, number: int) -> None:
        if (file := self.file(number)) is not None:
            files.fail(self.connection, file, stat_with(), "undecodable", "It is no sound.", next_seq(self.connection))

    @rule(number=NUMBERS)
    def lose(self, number: int) -> None:
        if (file := self.file(number)) is not None:
            files.mark_missing(self.connection, file, 1.0, next_seq(self.connection))

    @rule(number=NUMBERS)
    def find_again(self, number: int) -> None:
        if (file := self.file(number)) is not None:
            files.mark_returned(self.connection, file, next_seq(self.connection))

    @rule(number=NUMBERS, there=PLACES)
    def move(self, number: int, there: bytes) -> None:
        folder, file = folders.ever(self.connection, there), self.file(number)
        if folder is None or file is None:
            return
        if all(row.id == file for row in files.below(self.connection, folder.id, b"moved")):
            files.move(self.connection, file, folder.id, b"moved", stat_with(), next_seq(self.connection))

    @rule(number=NUMBERS)
    def forget(self, number: int) -> None:
        if (file := self.file(number)) is not None:
            self.connection.execute("DELETE FROM file WHERE id = ?", (file,))

    @rule(place=PLACES, content=CONTENTS)
    def copy_a_row(self, place: bytes, content: str) -> None:
        """No code of ours inserts a file that has a sound; whoever mends a database by hand may."""
        if (folder := folders.ever(self.connection, place)) is not None:
            self.connection.execute(
                "INSERT OR IGNORE INTO file (folder_id, path, size, mtime_ns, inode, device, sound_id, state, seq) "
                "VALUES (?, ?, 1, 1, 1, 1, ?, 'indexed', ?)",
                (folder.id, b"by hand two", self.sounds[content], next_seq(self.connection)),
            )

    @rule(place=PLACES, state=st.sampled_from(FolderState))
    def unplug(self, place: bytes, state: FolderState) -> None:
        if (folder := folders.ever(self.connection, place)) is not None:
            folders.set_state(self.connection, folder.id, state, None, next_seq(self.connection))

    @rule(place=PLACES)
    def stop_watching(self, place: bytes) -> None:
        if (folder := folders.by_path(self.connection, place)) is not None:
            folders.remove(self.connection, folder.id, next_seq(self.connection))

    @rule(place=PLACES, there=PLACES)
    def relocate(self, place: bytes, there: bytes) -> None:
        if place != there and (folder := folders.by_path(self.connection, place)) is not None:
            folders.relocate(self.connection, folder.id, there, next_seq(self.connection))

    @rule()
    def analyse_anew(self) -> None:
        sounds.requeue_outdated(self.connection, "librosa", "test-2", next_seq(self.connection))

    @rule(content=CONTENTS, label=st.sampled_from([None, "big kick", "A.wav"]))
    def label(self, content: str, label: str | None) -> None:
        files.set_label(self.connection, self.sounds[content], label, next_seq(self.connection))

    @rule(limit=st.integers(1, 5))
    def write_names(self, limit: int) -> None:
        name_index.write_some(self.connection, limit)

    @invariant()
    def names_are_found(self) -> None:
        if hasattr(self, "connection"):
            for word in ("a.wav", "one/b", "moved", "two", "kick", "ck"):
                assert names.named(self.connection, [word], None, SoundId(0), 100) == called(self.connection, word)

    @invariant()
    def the_counters_are_right(self) -> None:
        if not hasattr(self, "connection"):
            return
        assert files.counts(self.connection) == counted(self.connection)
        assert sounds.count_sounds(self.connection) == visible(self.connection)
        for folder, states in counted(self.connection).items():
            present = sum(count for state, count in states.items() if state is not FileState.MISSING)
            assert files.present_count(self.connection, folder) == present

    def teardown(self) -> None:
        self.connection.close()


Library.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestLibrary = Library.TestCase


def test_a_row_that_is_inserted_with_its_sound_counts_at_once() -> None:
    connection = fresh_connection()
    folder = new_folder(connection)
    sound = sounds.save_analysis(connection, digest("kick"), analysis(1), "librosa", next_seq(connection))
    connection.execute(
        "INSERT INTO file (folder_id, path, size, mtime_ns, inode, device, sound_id, state, seq) "
        "VALUES (?, CAST('a' AS BLOB), 1, 1, 1, 1, ?, 'indexed', 1)",
        (folder, sound),
    )
    assert sounds.count_sounds(connection) == visible(connection) == 1
    connection.execute("DELETE FROM file")
    assert sounds.count_sounds(connection) == visible(connection) == 0
    connection.close()


def test_a_database_from_before_the_counters_is_counted_once() -> None:
    connection = connect(":memory:")
    migrate(connection, shipped()[:6])
    for place in (b"/one", b"/two", b"/three"):
        new_folder(connection, place)
    sound = sounds.save_analysis(connection, digest("kick"), analysis(1), "librosa", next_seq(connection))
    other = sounds.save_analysis(connection, digest("snare"), analysis(2), "librosa", next_seq(connection))
    places = [(3, b"a", sound), (1, b"a", sound), (1, b"b", sound), (2, b"c", other)]
    for folder, name, owner in places:
        indexed(connection, FolderId(folder), name, owner)
    migrate(connection, shipped())
    assert files.counts(connection) == counted(connection)
    assert dict(connection.execute("SELECT folders, sounds FROM presence")) == {"1,3": 1, "2": 1}
    connection.execute("UPDATE folder SET state = 'offline' WHERE id = 2")
    assert sounds.count_sounds(connection) == 1
    connection.close()


def indexed(connection: sqlite3.Connection, folder: FolderId, name: bytes, sound: SoundId) -> None:
    seq = next_seq(connection)
    stat = stat_with()
    connection.execute(  # not by ``files``, which writes today's rows
        "INSERT INTO file (folder_id, path, size, mtime_ns, inode, device, state, seq) "
        "VALUES (?, ?, ?, ?, ?, ?, 'pending', ?)",
        (folder, name, stat.size, stat.mtime_ns, stat.inode, stat.device, seq),
    )
    files.link(connection, file_id(connection, folder, name), stat, sound, seq)
