"""Searches against a full scan of the stored vectors in numpy."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from builders import (
    VERSION,
    analysis,
    analysis_of,
    files_at,
    fresh_connection,
    new_folder,
    new_sound,
    places,
    segment_of,
    vector,
)
from timbred_indexer import aspects
from timbred_indexer.cards import Cards
from timbred_indexer.compact import build
from timbred_indexer.db import next_seq
from timbred_indexer.index import Ids, Mask, VectorIndex, Vectors, best
from timbred_indexer.live import LiveIndex
from timbred_indexer.model import FolderId, Seconds, SoundId
from timbred_indexer.query import MAX_WINDOWS, Options, Query, heard
from timbred_indexer.search import Answer, Searcher, SearchSpace
from timbred_indexer.store import files, vectors
from timbred_indexer.store.matching import Filter
from timbred_indexer.stored import StoredVectors


class Library:
    """Sounds in a database in memory, and a searcher over them."""

    def __init__(self) -> None:
        self.connection = fresh_connection()
        weakref.finalize(self, self.connection.close)  # one library an example: nobody else ends them
        self.folder: FolderId = new_folder(self.connection)
        self.live = LiveIndex(aspects.DIM)
        self.searcher = Searcher(
            SearchSpace(self.live, StoredVectors("librosa", VERSION, aspects.DIM)), Cards(VERSION, places)
        )

    def add(self, name: str, *seeds: int, duration: float = 1.0) -> SoundId:
        made = analysis(*seeds, duration=duration)
        return new_sound(self.connection, self.folder, name.encode(), made)

    def add_vectors(self, name: str, *made: NDArray[np.float32]) -> SoundId:
        return new_sound(self.connection, self.folder, name.encode(), analysis_of(made))

    def catch_up(self) -> None:
        since, catalogue = self.live.vectors_since, self.live.catalogue_since
        self.live.apply(vectors.changes(self.connection, "librosa", VERSION, since, catalogue))

    def compact(self) -> None:
        seq, index = build(self.connection, "librosa", VERSION)
        self.live.adopt(index, seq)

    def search(self, *seeds: int, own: SoundId | None = None, **options: object) -> Answer:
        self.catch_up()
        query = Query(heard([segment_of(vector(seed), float(place)) for place, seed in enumerate(seeds)]), own)
        return self.searcher.search(self.connection, query, Options(**options))  # pyright: ignore[reportArgumentType]

    def full_scan(self, seeds: tuple[int, ...], weights: Mapping[str, float] | None = None) -> list[tuple[int, float]]:
        """(sound, best score) of all, best first; equal ones by sound."""
        queries = np.stack([vector(seed) for seed in seeds])
        asked = aspects.reweight(queries, weights) if weights else queries
        best: dict[int, float] = {}
        rows = self.connection.execute(
            "SELECT sound_id, data FROM vector JOIN segment ON segment.id = segment_id WHERE dead_seq IS NULL"
        )
        for sound, data in rows:
            scores = asked.astype(np.float64) @ np.frombuffer(data, "<f4")
            best[sound] = max(best.get(sound, -2.0), float(scores.max()))
        return sorted(best.items(), key=lambda item: (-item[1], item[0]))


@pytest.fixture
def library() -> Iterator[Library]:
    made = Library()
    yield made
    made.connection.close()


def ids(answer: Answer) -> list[int]:
    return [hit.sound for hit in answer.hits]


weight_maps = st.dictionaries(st.sampled_from(sorted(aspects.WEIGHTS)), st.floats(0.1, 5.0), max_size=3)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 60), min_size=1, max_size=4), max_size=25),
    st.lists(st.integers(0, 60), min_size=1, max_size=3),
    st.integers(1, 12),
    st.integers(0, 25),
    weight_maps,
)
def test_the_answer_is_that_of_a_full_scan(
    contents: list[list[int]], query: list[int], k: int, compact_at: int, weights: dict[str, float]
) -> None:
    library = Library()
    for number, seeds in enumerate(contents):
        library.add(str(number), *seeds)
        if number == compact_at:
            library.compact()
    expected = library.full_scan(tuple(query), weights)
    answer = library.search(*query, k=k, weights=weights)
    # Scores that differ in the last bits of float32 may change places; what they are is exact.
    similarities = [hit.similarity for hit in answer.hits]
    np.testing.assert_allclose(similarities, [score for _, score in expected[:k]], atol=1e-6)
    np.testing.assert_allclose(similarities, [dict(expected)[sound] for sound in ids(answer)], atol=1e-6)
    assert len(set(ids(answer))) == len(answer.hits)
    library.connection.close()


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=3), max_size=25),
    st.lists(st.lists(st.integers(0, 30), max_size=3), min_size=1, max_size=5),
    st.integers(1, 12),
)
def test_questions_asked_together_have_the_answers_of_each_alone(
    contents: list[list[int]], asked: list[list[int]], k: int
) -> None:
    """Short and long ones, silence among them, and with a sound of their own that is left out."""
    library = Library()
    for number, seeds in enumerate(contents):
        library.add(str(number), *seeds)
    library.catch_up()
    queries = [
        Query(heard([segment_of(vector(seed), float(place)) for place, seed in enumerate(seeds)]), SoundId(number))
        for number, seeds in enumerate(asked)
    ]
    options = Options(k=k)
    together = library.searcher.search_all(library.connection, queries, options)
    alone = [library.searcher.search(library.connection, query, options) for query in queries]
    assert [list(answer.hits) for answer in together] == [list(answer.hits) for answer in alone]
    nearest = [[(hit.sound, hit.similarity) for hit in answer.hits] for answer in alone]
    assert library.searcher.nearest(library.connection, queries, options) == nearest
    library.connection.close()


@pytest.mark.parametrize("compact", [False, True])
def test_of_many_equal_sounds_the_oldest_are_found_wherever_they_lie(library: Library, compact: bool) -> None:
    """More than fit into the spare candidates, half of them in the snapshot."""
    equals = [library.add(f"{number}", 1) for number in range(60)]
    if compact:
        library.compact()
    equals += [library.add(f"later {number}", 1) for number in range(60)]
    assert ids(library.search(1, k=5)) == equals[:5]


class Shaky:
    """An index whose scores are off in the last bits, the more the higher the id."""

    kind = "shaky"
    exact = True

    def __init__(self, exact: VectorIndex) -> None:
        self._exact = exact

    @property
    def ids(self) -> Ids:
        return self._exact.ids

    def __len__(self) -> int:
        return len(self._exact)

    def search(self, queries: Vectors, k: int, allowed: Mask, *, effort: float = 1.0) -> tuple[Vectors, Ids]:
        scores, ids = self._exact.search(queries, len(self), allowed)
        return best((scores + ids * 1e-7).astype(np.float32), ids, k)


def test_the_last_bits_of_an_index_do_not_decide(library: Library) -> None:
    equals = [library.add(f"{number}", 1) for number in range(60)]
    seq, index = build(library.connection, "librosa", VERSION)
    assert index is not None
    library.live.adopt(Shaky(index), seq)
    assert ids(library.search(1, k=5)) == equals[:5]


class Coarse(Shaky):
    """An index whose compression has lost everything."""

    exact = False

    def search(self, queries: Vectors, k: int, allowed: Mask, *, effort: float = 1.0) -> tuple[Vectors, Ids]:
        raise AssertionError("there is nothing to be found here")


def test_what_few_a_filter_leaves_is_compared_exactly(library: Library) -> None:
    for number in range(30):
        library.add(f"{number}", number, duration=float(number))
    seq, index = build(library.connection, "librosa", VERSION)
    assert index is not None
    library.live.adopt(Coarse(index), seq)
    answer = library.search(3, k=4, filter=Filter(max_duration=Seconds(20.0)))
    allowed = [(sound, score) for sound, score in library.full_scan((3,)) if sound <= 21]
    assert [(hit.sound, hit.similarity) for hit in answer.hits] == [
        (sound, pytest.approx(score, abs=1e-6)) for sound, score in allowed[:4]
    ]


def mix(one: int, other: int, share: float) -> NDArray[np.float32]:
    """Mostly the first vector, with a share of the second."""
    made = vector(one) + np.float32(share) * vector(other)
    return (made / np.linalg.norm(made)).astype(np.float32)


def test_a_sound_that_the_first_candidates_hide_is_found_all_the_same(library: Library) -> None:
    """All that the first window's list has room for is one long sound; the second window's list misleads."""
    long = library.add_vectors("long", *[vector(1)] * 100)
    middling = library.add_vectors("middling", mix(2, 9, 1.0))
    near = library.add_vectors("near", mix(1, 5, 0.2))
    answer = library.search(1, 2, k=3)
    assert ids(answer) == [long, near, middling]
    assert answer.hits[1].similarity > 0.9


def test_a_sound_of_many_segments_takes_one_place_by_its_best(library: Library) -> None:
    near = library.add_vectors("long", *[vector(1)] * 100)
    other = library.add("other", 2)
    answer = library.search(1, k=2)
    assert ids(answer) == [near, other]
    assert answer.hits[0].similarity == pytest.approx(1.0)


def test_the_segment_that_matched_is_named(library: Library) -> None:
    library.add("long", 5, 1, 6)
    hit = library.search(1).hits[0]
    assert (hit.start, hit.end) == (1.0, 2.0)


def test_a_query_of_several_windows_is_scored_by_the_best_pair(library: Library) -> None:
    sound = library.add("a", 8, 3)
    answer = library.search(1, 2, 3)
    assert (ids(answer), answer.hits[0].similarity) == ([sound], pytest.approx(1.0))


def test_a_long_query_is_thinned_evenly_and_says_so(library: Library) -> None:
    first, between, last = library.add("first", 0), library.add("between", 1), library.add("last", 99)
    answer = library.search(*range(100), k=3)
    assert set(ids(answer)[:2]) == {first, last}
    assert ids(answer)[2] == between
    assert answer.hits[2].similarity < 0.99
    assert str(MAX_WINDOWS) in answer.notes[0]
    assert library.search(*range(MAX_WINDOWS)).notes == ()


def test_the_query_itself_is_left_out(library: Library) -> None:
    own, other = library.add("own", 1, 2, 3), library.add("other", 1)
    assert ids(library.search(1, 2, 3, own=own, k=1)) == [other]


def test_silence_is_similar_to_nothing_and_says_so(library: Library) -> None:
    library.add("a", 1)
    library.add("silent")
    library.catch_up()
    answer = library.searcher.search(library.connection, Query(heard([segment_of(None)])), Options())
    assert (list(answer.hits), "silent" in answer.notes[0]) == ([], True)
    assert len(library.search(1).hits) == 1


def test_an_empty_library_has_no_answer(library: Library) -> None:
    answer = library.search(1)
    assert (list(answer.hits), answer.notes, answer.seq) == ([], (), library.live.view.seq)


def test_what_is_less_similar_than_asked_is_left_out(library: Library) -> None:
    near = library.add("near", 1)
    library.add("far", 2)
    assert ids(library.search(1, min_similarity=0.99)) == [near]
    assert library.search(2, min_similarity=0.99).hits[0].similarity >= 0.99


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (Filter(folder=b"/s/a"), {"a/1", "a/2"}),
        (Filter(folder=b"/s/a", min_duration=Seconds(2.0)), {"a/2"}),
        (Filter(max_duration=Seconds(1.0)), {"a/1", "b"}),
        (Filter(folder=b"/elsewhere"), set[str]()),
        (Filter(words=("a/",)), {"a/1", "a/2"}),
        (Filter(format="flac"), set[str]()),
        (Filter(since=4e9), set[str]()),
    ],
)
def test_a_filter_leaves_k_of_what_it_lets_through(library: Library, wanted: Filter, names: set[str]) -> None:
    for number in range(50):
        library.add(f"n{number}", 1, duration=9.0)
    made = {"a/1": library.add("a/1", 5), "a/2": library.add("a/2", 6, duration=2.0), "b": library.add("b", 7)}
    assert set(ids(library.search(1, filter=wanted, k=len(names) + 1))) == {made[name] for name in names}


def test_a_filter_sees_what_came_later(library: Library) -> None:
    wanted = Filter(folder=b"/s/a")
    first = library.add("a/1", 1)
    assert ids(library.search(1, filter=wanted)) == [first]
    second = library.add("a/2", 1)
    assert ids(library.search(1, filter=wanted)) == [first, second]


def test_a_sound_whose_file_went_away_since_the_last_look_is_left_out(library: Library) -> None:
    gone, kept = library.add("gone", 1), library.add("kept", 2)
    library.catch_up()
    (file,) = files_at(library.connection, gone)
    files.mark_missing(library.connection, file, 0.0, next_seq(library.connection))
    answer = library.searcher.search(library.connection, Query(heard([segment_of(vector(1))])), Options(k=1))
    assert ids(answer) == [kept]


def test_a_hit_shows_all_its_files_its_aspects_and_reasons(library: Library) -> None:
    sound = library.add("a", 1)
    new_sound(library.connection, library.folder, b"copy", analysis(1), content=(library.folder, b"a"))
    (hit,) = library.search(1).hits
    assert (hit.sound, hit.shown) == (sound, b"/s/a\n/s/copy")
    assert hit.aspects == pytest.approx(np.ones(len(aspects.WEIGHTS)), abs=1e-5)
    assert hit.reasons


def test_the_similarity_is_the_weighted_sum_of_the_aspects(library: Library) -> None:
    library.add("a", 2)
    weights = {name: float(place) for place, name in enumerate(aspects.WEIGHTS)}
    (hit,) = library.search(1, weights=weights).hits
    expected = sum(weight * score for weight, score in zip(weights.values(), hit.aspects, strict=True)) / sum(
        weights.values()
    )
    assert hit.similarity == pytest.approx(expected, abs=1e-4)


def test_the_best_thousand_of_more_can_be_asked_for(library: Library) -> None:
    for number in range(1100):
        library.add(str(number), number)
    expected = [sound for sound, _ in library.full_scan((3,))[:1000]]
    assert ids(library.search(3, k=1000)) == expected
