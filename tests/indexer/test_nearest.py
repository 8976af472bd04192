"""The nearest of many sounds at once are those of one at a time, where one round of candidates settles it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from builders import VERSION, analysis, fresh_connection, new_folder, new_sound, places
from timbred_indexer import aspects
from timbred_indexer.cards import Cards
from timbred_indexer.compact import build
from timbred_indexer.live import LiveIndex
from timbred_indexer.model import SoundId
from timbred_indexer.query import Options, Query
from timbred_indexer.search import Searcher, SearchSpace
from timbred_indexer.store import vectors
from timbred_indexer.stored import StoredVectors

Near = list[tuple[SoundId, float]]
SOUNDS = 60


class Library:
    """Sixty sounds: every tenth a copy of the one before it in all but its bytes, every seventh of two segments."""

    def __init__(self) -> None:
        self.connection = fresh_connection()
        self.folder = new_folder(self.connection)
        self.live = LiveIndex(aspects.DIM)
        self.searcher = Searcher(
            SearchSpace(self.live, StoredVectors("librosa", VERSION, aspects.DIM)), Cards(VERSION, places)
        )
        for number in range(SOUNDS):
            seeds = (number - (number % 10 == 9), *([500 + number] if number % 7 == 0 else []))
            new_sound(self.connection, self.folder, b"%d.wav" % number, analysis(*seeds), content=str(number))

    def compact(self, flat_below: int) -> None:
        seq, index = build(self.connection, "librosa", VERSION, flat_below=flat_below)
        self.live.adopt(index, seq)

    def catch_up(self) -> None:
        since, catalogue = self.live.vectors_since, self.live.catalogue_since
        self.live.apply(vectors.changes(self.connection, "librosa", VERSION, since, catalogue))

    def together(self, k: int, weights: Mapping[str, float]) -> dict[SoundId, Near]:
        cards = self.searcher.cards(self.connection, [SoundId(number + 1) for number in range(SOUNDS)])
        return self.searcher.nearest_each(self.connection, cards, Options(k=k, weights=weights))

    def alone(self, sound: SoundId, k: int, weights: Mapping[str, float]) -> Near:
        card = self.searcher.cards(self.connection, [sound])[sound]
        query = Query(self.searcher.windows(self.connection, card), sound)
        return self.searcher.nearest(self.connection, query, Options(k=k, weights=weights))


@pytest.fixture
def library() -> Iterator[Library]:
    made = Library()
    yield made
    made.connection.close()


@pytest.mark.parametrize(
    ("flat_below", "weights"),
    [(None, {}), (None, {"mfcc": 3.0}), (1000, {}), (1000, {"mfcc": 3.0}), (1, {})],
    ids=["in memory", "in memory, weighted", "flat", "flat, weighted", "clustered"],
)
def test_together_and_alone_the_answers_are_the_same(
    library: Library, flat_below: int | None, weights: dict[str, float]
) -> None:
    if flat_below is not None:
        library.compact(flat_below)
    library.catch_up()
    found = library.together(3, weights)
    assert len(found) > SOUNDS / 2
    assert found == {sound: library.alone(sound, 3, weights) for sound in found}


def test_what_one_round_does_not_settle_is_left_out(library: Library) -> None:
    library.catch_up()
    assert not {1, 8, 15} & set(library.together(3, {}))  # of two segments
    assert library.together(30, {}) == {}  # that is as good as all of them


def test_of_many_equal_sounds_none_is_answered_from_what_happened_to_be_found(library: Library) -> None:
    equals = [
        new_sound(library.connection, library.folder, b"e%d" % number, analysis(99), content=f"e{number}")
        for number in range(40)
    ]
    library.catch_up()
    cards = library.searcher.cards(library.connection, equals)
    assert library.searcher.nearest_each(library.connection, cards, Options(k=3)) == {}


def test_a_sound_whose_file_has_gone_meanwhile_is_in_no_answer(library: Library) -> None:
    library.catch_up()
    before = library.together(3, {})
    gone = before[SoundId(2)][0][0]
    library.connection.execute("UPDATE file SET state = 'missing' WHERE sound_id = ?", (gone,))
    library.connection.execute("UPDATE sound SET seq = seq + 1000 WHERE id = ?", (gone,))
    library.connection.execute("UPDATE meta SET value = value + 1000 WHERE key = 'seq'")
    library.catch_up()
    assert all(gone not in dict(near) for near in library.together(3, {}).values())
