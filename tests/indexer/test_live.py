"""The live index as a follower of changes: whatever the order, the view shows the database's state."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import VERSION, analysis, files_at, fresh_connection, new_folder, new_sound, vector, visible_ids
from timbred_indexer import aspects
from timbred_indexer.compact import build
from timbred_indexer.db import next_seq
from timbred_indexer.live import LiveIndex, View, intersect
from timbred_indexer.model import FolderId, SoundId
from timbred_indexer.store import files, folders, sounds, vectors


def follow(live: LiveIndex, connection: sqlite3.Connection) -> View:
    since, catalogue = live.vectors_since, live.catalogue_since
    return live.apply(vectors.changes(connection, "librosa", VERSION, since, catalogue))


def fresh(connection: sqlite3.Connection) -> View:
    return follow(LiveIndex(aspects.DIM), connection)


def adopt(live: LiveIndex, connection: sqlite3.Connection) -> None:
    seq, index = build(connection, "librosa", VERSION)
    live.adopt(index, seq)


def found(view: View, seed: int, k: int = 20) -> list[tuple[int, float]]:
    """(segment, score) of the nearest to a vector."""
    scores, ids = view.search(vector(seed)[np.newaxis], k)
    pairs = zip(ids[0].tolist(), scores[0].tolist(), strict=True)
    return [(number, round(score, 5)) for number, score in pairs if number >= 0]


def lose(connection: sqlite3.Connection, sound: SoundId) -> None:
    for file in files_at(connection, sound):
        files.mark_missing(connection, file, 0.0, next_seq(connection))


def bury(connection: sqlite3.Connection, sound: SoundId) -> None:
    sounds.bury_unheard(connection, [sound], 1.0, next_seq(connection))


def test_what_is_new_is_found(connection: sqlite3.Connection, folder: FolderId) -> None:
    live = LiveIndex(aspects.DIM)
    assert found(follow(live, connection), 1) == []
    new_sound(connection, folder, b"a", analysis(1))
    assert found(follow(live, connection), 1) == [(1, 1.0)]


def test_what_is_hidden_is_not_found_until_it_is_shown_again(connection: sqlite3.Connection, folder: FolderId) -> None:
    live = LiveIndex(aspects.DIM)
    new_sound(connection, folder, b"a", analysis(1))
    follow(live, connection)
    folders.remove(connection, folder, next_seq(connection))
    assert (found(follow(live, connection), 1), live.hidden) == ([], 1)
    new_folder(connection)
    assert (found(follow(live, connection), 1), live.hidden) == ([(1, 1.0)], 0)


def test_what_is_dead_is_not_found_in_the_buffer_nor_in_the_snapshot(
    connection: sqlite3.Connection, folder: FolderId
) -> None:
    live = LiveIndex(aspects.DIM)
    old, new = (new_sound(connection, folder, path, analysis(seed)) for path, seed in ((b"a", 1), (b"b", 2)))
    follow(live, connection)
    adopt(live, connection)
    fresh_one = new_sound(connection, folder, b"c", analysis(3))
    follow(live, connection)
    for sound in (old, fresh_one):
        lose(connection, sound)
        bury(connection, sound)
    view = follow(live, connection)
    assert (len(view), live.hidden) == (3, 2)
    assert {view.sound_of[number] for number, _ in found(view, 1)} == {new}


def test_replaying_twice_changes_nothing(connection: sqlite3.Connection, folder: FolderId) -> None:
    live = LiveIndex(aspects.DIM)
    new_sound(connection, folder, b"a", analysis(1, 2))
    everything = vectors.changes(connection, "librosa", VERSION, live.vectors_since, live.catalogue_since)
    first, second = live.apply(everything), live.apply(everything)
    assert (len(first), found(first, 1)) == (len(second), found(second, 1))


def test_a_segment_that_becomes_known_after_later_ones_has_its_sound(
    connection: sqlite3.Connection, folder: FolderId
) -> None:
    """As in the clap space, where the newest are heard first."""
    live = LiveIndex(aspects.DIM)
    first, second = (new_sound(connection, folder, path, analysis(1)) for path in (b"a", b"b"))
    everything = vectors.changes(connection, "librosa", VERSION, live.vectors_since, live.catalogue_since)
    view = live.view
    for number in (1, 0):
        part = replace(
            everything,
            segments=everything.segments[number : number + 1],
            added=everything.added[number : number + 1],
            shown=everything.shown[number : number + 1],
        )
        view = live.apply(part)
    assert view.sound_of[visible_ids(view)].tolist() == [first, second]


def test_a_view_that_was_handed_out_does_not_change(connection: sqlite3.Connection, folder: FolderId) -> None:
    live = LiveIndex(aspects.DIM)
    sound = new_sound(connection, folder, b"a", analysis(1))
    view = follow(live, connection)
    before = found(view, 1)
    lose(connection, sound)
    new_sound(connection, folder, b"b", analysis(2))
    follow(live, connection)
    adopt(live, connection)
    assert found(view, 1) == before


def test_a_snapshot_and_the_rest_answer_as_everything_afresh(connection: sqlite3.Connection, folder: FolderId) -> None:
    live = LiveIndex(aspects.DIM)
    for seed in range(5):
        new_sound(connection, folder, b"%d" % seed, analysis(seed))
    adopt(live, connection)
    for seed in range(5, 8):
        new_sound(connection, folder, b"%d" % seed, analysis(seed))
    view = follow(live, connection)
    assert (len(view.buffer), found(view, 3)) == (3, found(fresh(connection), 3))


def test_dropping_a_snapshot_loses_nothing(connection: sqlite3.Connection, folder: FolderId) -> None:
    live = LiveIndex(aspects.DIM)
    new_sound(connection, folder, b"a", analysis(1))
    adopt(live, connection)
    follow(live, connection)
    live.adopt(None, live.vectors_since)
    view = follow(live, connection)
    assert (view.snapshot, found(view, 1)) == (None, [(1, 1.0)])


steps = st.lists(
    st.tuples(
        st.sampled_from(["add", "copy", "lose", "return", "bury", "anew", "compact", "follow", "remove", "watch"]),
        st.integers(0, 3),
    ),
    max_size=25,
)


@settings(max_examples=40, deadline=None)
@given(steps)
def test_after_any_history_the_view_is_that_of_a_fresh_start(history: list[tuple[str, int]]) -> None:
    connection = fresh_connection()
    live, folder = LiveIndex(aspects.DIM), new_folder(connection)
    known: dict[int, SoundId] = {}
    for count, (step, number) in enumerate(history):
        perform(connection, live, folder, known, step, number, count)
    view, expected = follow(live, connection), fresh(connection)
    assert visible_ids(view).tolist() == visible_ids(expected).tolist()
    assert view.sound_of[visible_ids(view)].tolist() == expected.sound_of[visible_ids(expected)].tolist()
    for seed in range(4):
        assert found(view, seed) == found(expected, seed)
    assert 0 <= live.hidden <= len(view)
    connection.close()


def perform(
    connection: sqlite3.Connection,
    live: LiveIndex,
    folder: FolderId,
    known: dict[int, SoundId],
    step: str,
    number: int,
    count: int,
) -> None:
    match step:
        case "add" | "copy" | "anew":
            if step != "copy" or number in known:
                place = b"%d-%d" % (number, count)
                known[number] = new_sound(connection, folder, place, analysis(number, number + 9), content=number)
        case "compact":
            adopt(live, connection)
        case "follow":
            follow(live, connection)
        case "remove":
            folders.remove(connection, folder, next_seq(connection))
        case "watch":
            new_folder(connection)
        case _ if number not in known:
            return
        case "lose":
            lose(connection, known[number])
        case "bury":
            bury(connection, known[number])
        case _:
            seq = next_seq(connection)
            for file in files_at(connection, known[number]):
                files.mark_returned(connection, file, seq)
            sounds.revive(connection, known[number], seq)


def test_masks_meet_in_what_both_allow() -> None:
    assert intersect(np.array([7, 255], np.uint8), np.array([5], np.uint8)).tolist() == [5]
