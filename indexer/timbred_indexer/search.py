"""A query → candidates from the live indexes → exact re-score → sounds → explained hits.

On one view of each index. With a connection it reads what it needs, in a reader thread; without one it takes everything
from memory, at once, or says that it cannot. Scores are computed anew from the stored vectors, so an answer does not
depend on where an index keeps them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from timbred_indexer import aspects
from timbred_indexer.calibration import Calibration
from timbred_indexer.cards import Card, Cards
from timbred_indexer.errors import RequestError
from timbred_indexer.explain import UNKNOWN
from timbred_indexer.index import Mask, get_bits, mask
from timbred_indexer.kept import NotAtOnceError
from timbred_indexer.live import LiveIndex
from timbred_indexer.model import Seq, SoundId
from timbred_indexer.nearest import nearest_each
from timbred_indexer.query import Filter, Options, Query, Window, choose_windows
from timbred_indexer.ranking import SPARE, Blend, Candidates, Pace, Pool, Side, rank, rank_fused
from timbred_indexer.scoring import Asked, Hit, Scored, explain_all, rescored
from timbred_indexer.store import vectors
from timbred_indexer.stored import StoredVectors, Vector
from timbred_indexer.stretches import Stretches

MOST_AT_ONCE = 50  # sounds in an answer that is made on the event loop
AT_ONCE_SECONDS = 1e-3  # computing in the indexes, likewise
HARDER = 2.0  # the effort for weights of one's own

MOST_MASKS = 64


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """One space as searches see it. ``calibration``: for ``clap``, once enough sounds have been heard."""

    live: LiveIndex
    stored: StoredVectors
    calibration: Calibration | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """``notes``: sentences about the answer as a whole; ``seq``: the state of the library it is true for."""

    hits: tuple[Hit, ...]
    notes: tuple[str, ...]
    seq: Seq


class Searcher:
    """Answers queries from the live indexes. Every method may be called by any thread.

    Where a ``connection`` is None, only memory is asked, and :class:`NotAtOnceError` says that this is not enough.
    """

    def __init__(self, librosa: SearchSpace, cards: Cards) -> None:
        self._librosa = librosa
        self._clap: SearchSpace | None = None
        self._cards = cards
        self._stretches = Stretches()
        self._masks: dict[Filter, tuple[Seq, Mask]] = {}
        self._librosa_pace, self._clap_pace = Pace(), Pace()

    def use_clap(self, space: SearchSpace | None) -> None:
        """From now on CLAP's half comes from ``space``."""
        self._clap = space

    def card(self, connection: sqlite3.Connection | None, sound: SoundId) -> Card | None:
        """What is known of a sound; None when there is none with this id."""
        return self._cards.get(connection, self._librosa.live.view.seq, [sound]).get(sound)

    def cards(self, connection: sqlite3.Connection | None, sounds: Sequence[SoundId]) -> dict[SoundId, Card]:
        """The same of many; those that there are."""
        return self._cards.get(connection, self._librosa.live.view.seq, sounds)

    def windows(self, connection: sqlite3.Connection | None, card: Card) -> tuple[Window, ...]:
        """A stored sound as a query."""
        if not card.segments:
            return ()
        ids = np.array(card.segments, np.int64)
        stretches = self._stretches.get(connection, ids)
        librosa: list[bytes | None] = [row.tobytes() for row in self._librosa.stored.get(connection, ids)]
        clap: list[bytes | None] = [None] * len(ids)
        if self._clap is not None:
            there = np.flatnonzero(get_bits(self._clap.live.view.visible, ids))
            for place, row in zip(there, self._clap.stored.get(connection, ids[there]), strict=True):
                clap[place] = row.tobytes()
        made = zip(stretches, librosa, clap, strict=True)
        return tuple(Window(stretch.facts, own, other) for stretch, own, other in made)

    def search(self, connection: sqlite3.Connection | None, query: Query, options: Options) -> Answer:
        """The ``k`` most similar sounds; fewer where fewer are left after the filters.

        Raises:
            RequestError: ``clap_unavailable``: CLAP alone was asked, and it has nothing to say.
        """
        windows, notes = choose_windows(query.windows)
        if not windows:
            return Answer((), tuple(notes), self._librosa.live.view.seq)
        asked, found, cards = self._find(connection, windows, query, options)
        stretches = self._stretches.get(connection, found.segments)
        return Answer(explain_all(found, cards, stretches, windows, asked), tuple(notes), asked.lead.view.seq)

    def nearest(self, connection: sqlite3.Connection, query: Query, options: Options) -> list[tuple[SoundId, float]]:
        """The sounds and similarities of :meth:`search`, without the rest."""
        windows, _ = choose_windows(query.windows)
        if not windows:
            return []
        _, found, _ = self._find(connection, windows, query, options)
        sounds: list[SoundId] = found.sounds.tolist()
        return list(zip(sounds, found.scores.tolist(), strict=True))

    def nearest_each(
        self, connection: sqlite3.Connection, asked: Mapping[SoundId, Card], options: Options
    ) -> dict[SoundId, list[tuple[SoundId, float]]]:
        """:meth:`nearest` for many stored sounds in the librosa space at once, without a filter.

        Those are left out that take more than that: sounds of several segments, and all of them where CLAP is asked.
        """
        one = {sound: card.segments[0] for sound, card in asked.items() if len(card.segments) == 1}
        by_clap = self._clap is not None and options.spaces.get("clap", 0.0) > 0
        if not one or by_clap or options.spaces.get("librosa", 0.0) <= 0:
            return {}
        stored = self._librosa.stored.get(connection, np.array(list(one.values()), np.int64))
        side = self._ask(connection, [Window(UNKNOWN, row.tobytes()) for row in stored], options, effort=1.0).lead
        own = np.array(list(one), np.int64)
        found = {int(own[near.row]): near for near in nearest_each(side, own, options.k)}
        every = {sound for near in found.values() for sound in near.sounds.tolist()}
        cards = self._cards.get(connection, side.view.seq, list(every))
        return {
            SoundId(sound): list(zip(near.sounds.tolist(), near.scores.tolist(), strict=True))
            for sound, near in found.items()
            if all(cards[other].shown for other in near.sounds.tolist())
        }

    def _find(
        self, connection: sqlite3.Connection | None, windows: Sequence[Window], query: Query, options: Options
    ) -> tuple[Asked, Scored, dict[SoundId, Card]]:
        if connection is None and not self._soon(len(windows), options):
            raise NotAtOnceError
        asked = self._ask(connection, windows, options, query.effort)
        allowed = self._allowed(connection, options.filter) if options.filter else None
        scored, cards = self._best(connection, _rank(asked, allowed, query.sound, options.k), asked, options.k)
        return asked, scored.only(slice(np.count_nonzero(scored.scores >= options.min_similarity))), cards

    def _soon(self, windows: int, options: Options) -> bool:
        pace = self._librosa_pace.seconds + (self._clap_pace.seconds if self._clap is not None else 0.0)
        return options.k <= MOST_AT_ONCE and windows * pace <= AT_ONCE_SECONDS

    def _ask(
        self, connection: sqlite3.Connection | None, windows: Sequence[Window], options: Options, effort: float
    ) -> Asked:
        """What of the two spaces is asked, given what the query has and what the weights want."""
        librosa_weight, clap_weight = options.spaces.get("librosa", 0.0), options.spaces.get("clap", 0.0)
        librosa = clap = None
        if all(window.librosa is not None for window in windows):
            matrix = _matrix([window.librosa for window in windows], aspects.DIM)
            strain = 1.0
            if options.weights:
                matrix, strain = aspects.reweight(matrix, options.weights), aspects.strain(options.weights)
                effort *= HARDER
            own = self._librosa
            librosa = Side(own.live.view, matrix, own.stored, connection, self._librosa_pace, True, effort, strain)
        space = self._clap
        if space is not None and clap_weight > 0 and any(window.clap is not None for window in windows):
            matrix = _matrix([window.clap for window in windows], space.stored.dim)
            clap = Side(space.live.view, matrix, space.stored, connection, self._clap_pace, librosa is None, effort)
        if clap is not None and (librosa is None or librosa_weight <= 0):
            return Asked(librosa, clap, lead=clap)
        if librosa is None or librosa_weight <= 0:
            raise RequestError("CLAP has nothing to compare here yet.", code="clap_unavailable")
        if clap is None or space is None or space.calibration is None:
            return Asked(librosa, None, lead=librosa)
        whole = librosa_weight + clap_weight
        return Asked(librosa, clap, librosa, Blend(clap_weight / whole, librosa_weight / whole, space.calibration))

    def _best(
        self, connection: sqlite3.Connection | None, ranked: Iterator[Candidates], asked: Asked, k: int
    ) -> tuple[Scored, dict[SoundId, Card]]:
        """The first ``k`` by exact score of those sounds whose last file has not gone away since the view was made."""
        pool, wanted, seq = Pool(ranked, k, whole=not asked.exact), k + SPARE, asked.lead.view.seq
        while True:
            scored = rescored(pool.first(wanted), asked)
            cards = self._cards.get(connection, seq, scored.sounds[:k].tolist())
            if not all(card.shown for card in cards.values()):
                cards = self._cards.get(connection, seq, scored.sounds.tolist())
                scored = scored.only([bool(cards[sound].shown) for sound in scored.sounds.tolist()])
            if len(scored) >= k or pool.empty:
                return scored.only(slice(k)), cards
            wanted *= 2

    def _allowed(self, connection: sqlite3.Connection | None, wanted: Filter) -> Mask:
        """The filter as a mask, kept for as long as nothing changes."""
        view = self._librosa.live.view
        known = self._masks.get(wanted)
        if known is not None and known[0] == view.seq:
            return known[1]
        if connection is None:
            raise NotAtOnceError
        matching = vectors.matching(connection, wanted.folder, wanted.min_duration, wanted.max_duration)
        found = np.array(matching, np.int64)
        bits = mask(len(view.sound_of), found[found < len(view.sound_of)])
        if len(self._masks) >= MOST_MASKS:
            self._masks.clear()
        self._masks[wanted] = (view.seq, bits)
        return bits


def _matrix(blobs: Sequence[bytes | None], dim: int) -> Vector:
    """(n, dim) float32; a row of NaN where there is no vector."""
    unknown = np.full(dim, np.nan, "<f4").tobytes() if None in blobs else b""
    return np.frombuffer(b"".join([unknown if blob is None else blob for blob in blobs]), "<f4").reshape(-1, dim)


def _rank(asked: Asked, allowed: Mask | None, own: SoundId | None, k: int) -> Iterator[Candidates]:
    if asked.blend is not None and asked.librosa is not None and asked.clap is not None:
        return rank_fused(asked.librosa, asked.clap, asked.blend, allowed, own, k)
    return rank(asked.lead, allowed, own, k)
