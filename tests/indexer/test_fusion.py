"""Answers from both spaces against a full scan of the stored vectors, with CLAP's half complete, partial or missing."""

from __future__ import annotations

import sqlite3
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from builders import (
    CLAP_DIM,
    CLAP_VERSION,
    VERSION,
    analysis_of,
    clap_vector,
    fresh_connection,
    let_clap_hear,
    new_folder,
    new_sound,
    places,
    segment_of,
    vector,
)
from timbred_indexer import aspects
from timbred_indexer.calibration import Calibration
from timbred_indexer.cards import Cards
from timbred_indexer.errors import RequestError
from timbred_indexer.explain import UNKNOWN
from timbred_indexer.live import LiveIndex
from timbred_indexer.model import Seconds, SoundId
from timbred_indexer.query import Options, Query, Steering, Window, heard, steer
from timbred_indexer.search import Answer, Searcher, SearchSpace
from timbred_indexer.store import vectors
from timbred_indexer.store.matching import Filter
from timbred_indexer.stored import StoredVectors

Vector = NDArray[np.float32]


class Library:
    """Sounds of two spaces in a database in memory."""

    def __init__(self) -> None:
        self.connection: sqlite3.Connection = fresh_connection()
        weakref.finalize(self, self.connection.close)
        self.folder = new_folder(self.connection)
        self.librosa, self.clap = LiveIndex(aspects.DIM), LiveIndex(CLAP_DIM)
        self.searcher = Searcher(
            SearchSpace(self.librosa, StoredVectors("librosa", VERSION, aspects.DIM)), Cards(VERSION, places)
        )
        self.vectors: dict[SoundId, tuple[Vector, Vector | None]] = {}
        self.calibration: Calibration | None = None

    def add(self, name: str, librosa: Vector, clap: Vector | None, *, duration: float = 1.0) -> SoundId:
        made = analysis_of([librosa], duration=duration)
        sound = new_sound(self.connection, self.folder, name.encode(), made)
        if clap is not None:
            let_clap_hear(self.connection, sound, clap)
        self.vectors[sound] = (librosa, clap)
        return sound

    def open(self) -> None:
        """Brings both indexes up to date, and compares their scores."""
        for live, space, version in ((self.librosa, "librosa", VERSION), (self.clap, "clap", CLAP_VERSION)):
            since = live.vectors_since, live.catalogue_since
            live.apply(vectors.changes(self.connection, space, version, *since))  # pyright: ignore[reportArgumentType]
        both = [(sound, own, other) for sound, (own, other) in self.vectors.items() if other is not None]
        if len(both) > 1:
            numbers = np.array([sound for sound, _, _ in both], np.int64)
            columns = [np.stack([one[place] for one in both]) for place in (1, 2)]
            self.calibration = Calibration.sample(columns[0], columns[1], numbers)
        self.searcher.use_clap(SearchSpace(self.clap, StoredVectors("clap", CLAP_VERSION, CLAP_DIM), self.calibration))

    def ask(self, librosa: Vector, clap: Vector | None, **options: object) -> Answer:
        blob = None if clap is None else clap.astype("<f4").tobytes()
        query = Query(heard([segment_of(librosa)], [blob]))
        return self.searcher.search(self.connection, query, Options(**options))  # pyright: ignore[reportArgumentType]

    def full_scan(self, librosa: Vector, clap: Vector, share: float) -> dict[int, float]:
        """Fused score of every sound."""
        assert self.calibration is not None
        scores: dict[int, float] = {}
        for sound, (own, other) in self.vectors.items():
            score = float(librosa @ own)
            if other is None:
                made = self.calibration.impute(np.array([score], np.float32), share, 1 - share)
                scores[sound] = float(made[0])
            else:
                scores[sound] = (1 - share) * score + share * float(clap @ other)
        return scores


def near(seed: int, centre: int, share: float) -> Vector:
    made = vector(centre) + np.float32(share) * vector(seed)
    return (made / np.linalg.norm(made)).astype(np.float32)


def ids(answer: Answer) -> list[int]:
    return [hit.sound for hit in answer.hits]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.booleans()), min_size=3, max_size=60),
    st.floats(0.05, 0.95),
    st.integers(1, 12),
)
def test_the_fused_answer_is_that_of_a_full_scan(contents: list[tuple[int, int, bool]], share: float, k: int) -> None:
    library = Library()
    for number, (own, other, listened) in enumerate(contents):
        made = clap_vector(number, near=other) if listened or number < 2 else None
        library.add(str(number), near(100 + number, own, 0.7), made)
    library.open()
    asked = near(999, 1, 0.5), clap_vector(999, near=2)
    answer = library.ask(*asked, k=k, spaces={"clap": share, "librosa": 1 - share})
    expected = library.full_scan(*asked, share)
    best = sorted(expected.values(), reverse=True)[:k]
    np.testing.assert_allclose([hit.similarity for hit in answer.hits], best, atol=1e-5)
    np.testing.assert_allclose(best, [expected[sound] for sound in ids(answer)], atol=1e-5)
    for hit in answer.hits:
        assert (hit.clap is None) == (library.vectors[hit.sound][1] is None)
    library.connection.close()


def test_a_sound_that_only_one_space_would_propose_is_found() -> None:
    """A hundred sounds are nearer in either space alone; one is second in both."""
    library = Library()
    for number in range(100):
        library.add(f"librosa {number}", near(1000 + number, 1, 0.1), clap_vector(5000 + number))
        library.add(f"clap {number}", vector(3000 + number), clap_vector(7000 + number, near=1, share=0.1))
    both = library.add("both", near(9, 1, 0.6), clap_vector(9, near=1, share=0.6))
    library.open()
    answer = library.ask(vector(1), clap_vector(1), k=1)
    assert ids(answer) == [both]


def test_neither_half_is_favoured_while_clap_has_heard_one_half() -> None:
    library, random = Library(), np.random.default_rng(3)
    known: list[bool] = []
    for number in range(400):
        kind = int(random.integers(0, 12))
        listened = bool(random.integers(0, 2))
        clap = clap_vector(20_000 + number, near=kind, share=0.8) if listened else None
        known.append(listened)
        library.add(str(number), near(20_000 + number, kind, 1.0), clap)
    library.open()
    shares: list[float] = []
    for query in range(150):
        kind = query % 12
        answer = library.ask(near(50_000 + query, kind, 1.0), clap_vector(50_000 + query, near=kind, share=0.8))
        shares.append(float(np.mean([hit.clap is not None for hit in answer.hits])))
    assert float(np.mean(shares)) == pytest.approx(np.mean(known), abs=0.08)


def test_what_clap_hears_later_is_found_then() -> None:
    library = Library()
    first = library.add("a", vector(1), clap_vector(1))
    later = library.add("b", vector(2), None)
    library.open()
    let_clap_hear(library.connection, later, clap_vector(2))
    library.open()
    answer = library.searcher.search(library.connection, words(clap_vector(2)), Options())
    assert ids(answer) == [later, first]


def test_without_a_vector_of_the_query_the_librosa_space_answers_alone() -> None:
    library = Library()
    first = library.add("a", vector(1), clap_vector(1))
    library.add("b", vector(2), clap_vector(2))
    library.open()
    answer = library.ask(near(5, 1, 0.1), None)
    assert (answer.hits[0].sound, answer.hits[0].clap) == (first, None)
    assert answer.hits[0].similarity == answer.hits[0].librosa


def test_clap_alone_ranks_and_the_aspects_are_still_shown() -> None:
    library = Library()
    library.add("librosa's", vector(1), clap_vector(8))
    wanted = library.add("clap's", vector(7), clap_vector(1))
    library.add("not heard", vector(1), None)
    library.open()
    answer = library.ask(vector(1), clap_vector(1), spaces={"clap": 1.0, "librosa": 0.0})
    assert (ids(answer)[0], len(answer.hits)) == (wanted, 2)
    assert len(answer.hits[0].aspects) == len(aspects.WEIGHTS)


def test_clap_alone_cannot_answer_before_it_has_heard_anything() -> None:
    library = Library()
    library.add("a", vector(1), None)
    library.open()
    with pytest.raises(RequestError) as error:
        library.ask(vector(1), None, spaces={"clap": 1.0, "librosa": 0.0})
    assert error.value.code == "clap_unavailable"


def words(text: Vector, *, away: tuple[Vector, ...] = ()) -> Query:
    steering = Steering(text.astype("<f4").tobytes(), 1.0, tuple({"clap": one.astype("<f4").tobytes()} for one in away))
    return Query(steer((), steering))


def test_words_rank_what_clap_has_heard() -> None:
    library = Library()
    made = [library.add(str(seed), vector(seed), clap_vector(seed)) for seed in range(5)]
    library.add("not heard", vector(1), None)
    library.open()
    answer = library.searcher.search(library.connection, words(clap_vector(3)), Options(k=9))
    assert (ids(answer)[0], len(answer.hits)) == (made[3], 5)
    best = answer.hits[0]
    assert (best.librosa, best.clap, len(best.aspects)) == (None, pytest.approx(1.0, abs=1e-5), 0)
    assert best.reasons == ("CLAP finds it nearest to the words.",)


def test_words_go_with_the_same_filters() -> None:
    library = Library()
    library.add("short", vector(1), clap_vector(1))
    long = library.add("long", vector(2), clap_vector(2), duration=9.0)
    library.open()
    wanted = Filter(min_duration=Seconds(5.0))
    answer = library.searcher.search(library.connection, words(clap_vector(1)), Options(filter=wanted))
    assert ids(answer) == [long]


def test_what_is_not_wanted_moves_down() -> None:
    library = Library()
    both = library.add("both", vector(1), clap_vector(1, near=2, share=1.0))
    clean = library.add("clean", vector(2), clap_vector(50, near=1, share=0.8))
    library.open()
    plain = library.searcher.search(library.connection, words(clap_vector(1)), Options())
    steered = library.searcher.search(library.connection, words(clap_vector(1), away=(clap_vector(2),)), Options())
    assert set(ids(plain)) == {both, clean}
    assert ids(steered)[0] == clean
    assert steered.hits[1].similarity < plain.hits[ids(plain).index(both)].similarity


def test_a_sound_and_words_together_lie_between_both() -> None:
    window = Window(UNKNOWN, vector(1).tobytes(), clap_vector(1).tobytes())
    (moved,) = steer((window,), Steering(clap_vector(2).tobytes(), 0.25))
    assert moved.librosa == window.librosa
    towards = np.frombuffer(moved.clap or b"", "<f4")
    assert np.linalg.norm(towards) == pytest.approx(1.0, abs=1e-5)
    assert towards @ clap_vector(1) > towards @ clap_vector(2) > clap_vector(1) @ clap_vector(2)


def test_the_reasons_say_which_space_agreed() -> None:
    library = Library()
    for number in range(60):
        library.add(f"far {number}", vector(100 + number), clap_vector(100 + number))
    agreed = library.add("agreed", near(5, 1, 0.1), clap_vector(5, near=1, share=0.1))
    clap_only = library.add("clap only", vector(6), clap_vector(6, near=1, share=0.05))
    unheard = library.add("unheard", near(7, 1, 0.1), None)
    library.open()
    answer = library.ask(vector(1), clap_vector(1))
    reasons = {hit.sound: hit.reasons[1] for hit in answer.hits}
    assert reasons[agreed] == "CLAP and the descriptors agree that the two are close."
    assert reasons[clap_only] == "CLAP hears the same kind of sound, though the descriptors differ more."
    assert reasons[unheard] == "CLAP has not heard this one yet."
    assert all(2 <= len(hit.reasons) <= 3 for hit in answer.hits)
