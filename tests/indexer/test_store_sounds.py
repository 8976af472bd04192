"""Sounds, segments and vectors: nothing that was analysed is lost, nothing dead is found."""

from __future__ import annotations

import sqlite3

import pytest

from builders import (
    VERSION,
    analysis,
    analysis_of,
    digest,
    files_at,
    link,
    live_segments,
    new_file,
    new_folder,
    new_sound,
    stat_with,
    state_of,
    vector,
    visible,
)
from timbred_indexer.db import current_seq, next_seq
from timbred_indexer.model import FileId, FolderId, FolderState, SegmentId, Seq, SoundId
from timbred_indexer.store import files, folders, sounds, vectors
from timbred_indexer.store.sounds import BuriedUpTo
from timbred_indexer.store.vectors import Changes

BEGINNING = Seq(-1)


def only_file(connection: sqlite3.Connection, sound: SoundId) -> FileId:
    (file,) = files_at(connection, sound)
    return file


def lose(connection: sqlite3.Connection, sound: SoundId, now: float = 0.0) -> None:
    files.mark_missing(connection, only_file(connection, sound), now, next_seq(connection))


def bury(connection: sqlite3.Connection, sound: SoundId, missing_before: float = 100.0) -> int:
    return sounds.bury_unheard(connection, [sound], missing_before, next_seq(connection))


def living(connection: sqlite3.Connection, sound: SoundId) -> list[bytes]:
    return [row[3] for row in vectors.query_vectors(connection, "librosa", VERSION, sound)]


def changes(connection: sqlite3.Connection, since: Seq = BEGINNING) -> Changes:
    return vectors.changes(connection, "librosa", VERSION, since, since)


def test_an_analysis_comes_back_as_it_was_stored(connection: sqlite3.Connection, folder: FolderId) -> None:
    made = analysis(1, 2, duration=2.5)
    sound = new_sound(connection, folder, b"a", made)
    assert living(connection, sound) == [segment.vector for segment in made.segments]
    stored = live_segments(connection, sound)
    assert [(segment.start, segment.end) for segment in stored] == [(0.0, 1.0), (1.0, 2.0)]
    assert sounds.aspects(connection, [stored[0].id]) == {stored[0].id: made.segments[0].aspects}
    assert sounds.by_ids(connection, [sound])[sound].duration == 2.5


def test_an_analysis_anew_replaces_the_segments_under_new_ids(connection: sqlite3.Connection, folder: FolderId) -> None:
    sound = new_sound(connection, folder, b"a", analysis(1))
    old = {segment.id for segment in live_segments(connection, sound)}
    sounds.save_analysis(connection, digest((folder, b"a")), analysis(2), "librosa", next_seq(connection))
    assert living(connection, sound) == [vector(2).tobytes()]
    assert not old & {segment.id for segment in live_segments(connection, sound)}


@pytest.mark.parametrize(
    ("path", "known"),
    [(b"/s/a", True), (b"/s/a/", False), (b"/s", False), (b"/t/a", False), (b"/s/\xff", True), (b"/sx/a", False)],
)
def test_a_sound_is_found_by_exact_path(
    connection: sqlite3.Connection, folder: FolderId, path: bytes, known: bool
) -> None:
    for name in (b"a", b"\xff"):
        new_sound(connection, folder, name, analysis(1))
    assert (sounds.of_file(connection, path) is not None) == known


def test_a_sound_whose_files_stayed_away_is_tombstoned(connection: sqlite3.Connection, folder: FolderId) -> None:
    sound = new_sound(connection, folder, b"a", analysis(1, 2))
    lose(connection, sound, now=50.0)
    assert bury(connection, sound, missing_before=49.0) == 0
    assert bury(connection, sound, missing_before=50.0) == 2
    assert living(connection, sound) == []


@pytest.mark.parametrize("state", [FolderState.OFFLINE, FolderState.SUSPECT])
def test_nothing_is_tombstoned_while_its_folder_is_in_doubt(
    connection: sqlite3.Connection, folder: FolderId, state: FolderState
) -> None:
    sound = new_sound(connection, folder, b"a", analysis(1))
    lose(connection, sound)
    folders.set_state(connection, folder, state, "why", next_seq(connection))
    assert bury(connection, sound) == 0


def test_nothing_is_tombstoned_when_its_folder_is_removed(connection: sqlite3.Connection, folder: FolderId) -> None:
    sound = new_sound(connection, folder, b"a", analysis(1))
    folders.remove(connection, folder, next_seq(connection))
    assert (bury(connection, sound), visible(connection, [sound])) == (0, set())
    new_folder(connection)
    assert visible(connection, [sound]) == {sound}


def test_a_copy_keeps_a_sound_alive(connection: sqlite3.Connection, folder: FolderId) -> None:
    sound = new_sound(connection, folder, b"a", analysis(1))
    lose(connection, sound)
    new_sound(connection, folder, b"b", analysis(1), content=(folder, b"a"))
    assert bury(connection, sound) == 0


def test_candidates_for_burial_are_what_changed_and_what_ran_out_of_grace(
    connection: sqlite3.Connection, folder: FolderId
) -> None:
    early, late, present = (new_sound(connection, folder, path, analysis(1)) for path in (b"a", b"b", b"c"))
    lose(connection, early, now=10.0)
    lose(connection, late, now=20.0)
    seq = current_seq(connection)
    assert sounds.may_be_unheard(connection, BuriedUpTo(0.0, seq), 15.0) == [early]
    assert sounds.may_be_unheard(connection, BuriedUpTo(15.0, seq), 25.0) == [late]
    folders.touch_sounds(connection, folder, next_seq(connection))
    assert set(sounds.may_be_unheard(connection, BuriedUpTo(25.0, seq), 25.0)) == {early, late, present}


def test_a_revived_sound_has_its_old_vectors_under_new_ids(connection: sqlite3.Connection, folder: FolderId) -> None:
    sound = new_sound(connection, folder, b"a", analysis(1, 2))
    old = {segment.id for segment in live_segments(connection, sound)}
    before = living(connection, sound)
    lose(connection, sound)
    bury(connection, sound)
    sounds.revive(connection, sound, next_seq(connection))
    new = live_segments(connection, sound)
    assert living(connection, sound) == before
    assert not old & {segment.id for segment in new}
    assert all(sounds.aspects(connection, [segment.id])[segment.id] for segment in new)


def test_reviving_the_living_changes_nothing(connection: sqlite3.Connection, folder: FolderId) -> None:
    sound = new_sound(connection, folder, b"a", analysis(1))
    before = live_segments(connection, sound)
    sounds.revive(connection, sound, next_seq(connection))
    assert live_segments(connection, sound) == before


def test_what_a_newer_analysis_called_silent_stays_so(connection: sqlite3.Connection, folder: FolderId) -> None:
    sound = new_sound(connection, folder, b"a", analysis(1, version="old"))
    sounds.save_analysis(connection, digest((folder, b"a")), analysis(), "librosa", next_seq(connection))
    sounds.revive(connection, sound, next_seq(connection))
    assert live_segments(connection, sound) == []


def test_a_sound_can_answer_unless_it_is_outdated_or_tombstoned(
    connection: sqlite3.Connection, folder: FolderId
) -> None:
    sound, silent = new_sound(connection, folder, b"a", analysis(1)), new_sound(connection, folder, b"b", analysis())
    assert sounds.can_answer(connection, sound, VERSION)
    assert sounds.can_answer(connection, silent, VERSION)
    assert not sounds.can_answer(connection, sound, "newer")
    lose(connection, sound)
    bury(connection, sound)
    assert not sounds.can_answer(connection, sound, VERSION)


def test_another_version_makes_everything_wait_again_once(connection: sqlite3.Connection, folder: FolderId) -> None:
    sounds.ensure_space(connection, "librosa", VERSION)
    sound = new_sound(connection, folder, b"a", analysis(1))
    bad = new_file(connection, folder, b"bad", stat_with())
    files.fail(connection, bad, stat_with(), "empty", "no sound", next_seq(connection))
    assert sounds.requeue_outdated(connection, "librosa", VERSION, next_seq(connection)) == 0
    assert sounds.requeue_outdated(connection, "librosa", "newer", next_seq(connection)) == 2
    assert visible(connection, [sound]) == {sound}
    files.fail(connection, bad, stat_with(), "empty", "no sound", next_seq(connection))
    sounds.requeue_outdated(connection, "librosa", "newer", next_seq(connection))
    assert state_of(connection, bad) == "failed"


def test_a_file_that_was_away_while_the_version_changed_is_analysed_when_it_returns(
    connection: sqlite3.Connection, folder: FolderId
) -> None:
    file = only_file(connection, sound := new_sound(connection, folder, b"a", analysis(1)))
    lose(connection, sound)
    sounds.requeue_outdated(connection, "librosa", "newer", next_seq(connection))
    files.mark_returned(connection, file, next_seq(connection))
    assert state_of(connection, file) == "pending"


def test_pages_of_sounds_show_each_visible_one_once(connection: sqlite3.Connection, folder: FolderId) -> None:
    ids = [new_sound(connection, folder, b"%d" % number, analysis(number)) for number in range(3)]
    new_sound(connection, folder, b"copy", analysis(0), content=(folder, b"0"))
    lose(connection, ids[1])
    assert sounds.page(connection, SoundId(0), 1) == ids[:1]
    assert sounds.page(connection, ids[0], 10) == ids[2:]
    assert sounds.count_sounds(connection) == 2


def test_changes_say_what_is_new_dead_and_shown(connection: sqlite3.Connection, folder: FolderId) -> None:
    first = new_sound(connection, folder, b"a", analysis(1))
    seq = current_seq(connection)
    second = new_sound(connection, folder, b"b", analysis(2))
    lose(connection, first)
    found = changes(connection, seq)
    (old,), (new,) = live_segments(connection, first), live_segments(connection, second)
    assert [segment for segment, _ in found.added] == [new.id]
    assert sorted(found.shown) == [(old.id, False), (new.id, True)]
    bury(connection, first)
    assert changes(connection, found.seq).dead == [old.id]
    assert changes(connection, current_seq(connection)) == Changes(current_seq(connection), [], [], [], [])


def test_a_silent_stretch_and_another_versions_vectors_are_not_shown(
    connection: sqlite3.Connection, folder: FolderId
) -> None:
    sound = new_sound(connection, folder, b"a", analysis_of([vector(1), None]))
    new_sound(connection, folder, b"b", analysis(2, version="old"))
    loud, _ = live_segments(connection, sound)
    assert changes(connection).shown == [(loud.id, True)]
    assert changes(connection).segments == [(loud.id, sound)]


def test_from_the_start_means_the_same_as_since_the_first_change(
    connection: sqlite3.Connection, folder: FolderId
) -> None:
    kept, lost, buried = (new_sound(connection, folder, path, analysis(1, 2)) for path in (b"a", b"b", b"c"))
    lose(connection, lost)
    lose(connection, buried)
    bury(connection, buried)
    sounds.ensure_space(connection, "clap", "model")
    whole, since = (vectors.changes(connection, "librosa", VERSION, at, at) for at in (BEGINNING, Seq(0)))
    assert whole == since
    assert [shown for _, shown in whole.shown] == [True, True, False, False]
    assert {sound for _, sound in whole.segments} == {kept, lost}


def test_what_is_new_is_found_at_the_same_cost_in_a_library_of_any_size(
    connection: sqlite3.Connection, folder: FolderId
) -> None:
    costs: list[int] = []
    for size in (10, 300):
        for number in range(size):
            new_sound(connection, folder, b"%d/%d" % (size, number), analysis(1))
        since = current_seq(connection)
        new_sound(connection, folder, b"%d/new" % size, analysis(1, 2))
        steps: list[None] = []
        connection.set_progress_handler(lambda steps=steps: steps.append(None), 1)
        assert len(changes(connection, since).segments) == 2
        connection.set_progress_handler(None, 0)
        costs.append(len(steps))
    assert costs[1] < 1.2 * costs[0]


def test_a_snapshot_holds_what_was_alive_at_its_seq(connection: sqlite3.Connection, folder: FolderId) -> None:
    first = new_sound(connection, folder, b"a", analysis(1))
    lose(connection, first)
    seq = current_seq(connection)
    bury(connection, first)
    second = new_sound(connection, folder, b"b", analysis(2))
    expected: dict[Seq, list[SegmentId]] = {
        seq: [SegmentId(1)],
        current_seq(connection): [segment.id for segment in live_segments(connection, second)],
    }
    for upto, ids in expected.items():
        assert [segment for segment, _ in vectors.stream(connection, "librosa", VERSION, upto)] == ids


def test_a_file_that_is_linked_elsewhere_leaves_its_old_sound(connection: sqlite3.Connection, folder: FolderId) -> None:
    first, second = (new_sound(connection, folder, path, analysis(1)) for path in (b"a", b"b"))
    file = only_file(connection, first)
    files.mark_changed(connection, [(file, stat_with())], next_seq(connection))
    link(connection, file, second)
    assert visible(connection, [first, second]) == {second}
