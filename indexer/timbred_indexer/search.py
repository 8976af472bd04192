"""A query → candidates from the live indexes → exact re-score → sounds → explained hits.

On one view of each index. With a connection it reads what it needs, in a reader thread; without one it takes everything
from memory, at once, or says that it cannot. Scores are computed anew from the stored vectors, so an answer does not
depend on where an index keeps them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

import numpy as np

from timbred_indexer import aspects
from timbred_indexer.calibration import Calibration
from timbred_indexer.cards import Card, Cards
from timbred_indexer.errors import RequestError
from timbred_indexer.hits import NOTHING, Hits, explain_all
from timbred_indexer.index import Mask, Vectors, get_bits, mask
from timbred_indexer.kept import NotAtOnceError
from timbred_indexer.live import LiveIndex
from timbred_indexer.model import Seq, SoundId
from timbred_indexer.query import Options, Query, Window, alike, choose_windows
from timbred_indexer.ranking import DEEPER, DEEPEST, Blend, Pace, Side
from timbred_indexer.scoring import Asked, Scored, enough, in_order, score
from timbred_indexer.store.matching import Filter, matching
from timbred_indexer.stored import StoredVectors
from timbred_indexer.stretches import KeptStretches

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

    hits: Hits
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
        self._stretches = KeptStretches()
        self._masks: dict[Filter, tuple[Seq, Mask]] = {}
        self._librosa_pace, self._clap_pace = Pace(), Pace()

    def use_clap(self, space: SearchSpace | None) -> None:
        """From now on CLAP's half comes from ``space``."""
        self._clap = space

    def cards(self, connection: sqlite3.Connection | None, sounds: Sequence[SoundId]) -> dict[SoundId, Card]:
        """What is known of those sounds that there are."""
        return self._cards.get(connection, self._librosa.live.view.seq, sounds)

    def windows(self, connection: sqlite3.Connection | None, cards: Sequence[Card]) -> list[tuple[Window, ...]]:
        """Stored sounds as queries."""
        ids = np.array([segment for card in cards for segment in card.segments], np.int64)
        traits = self._stretches.get(connection, ids).traits
        librosa: list[bytes | None] = [row.tobytes() for row in self._librosa.stored.get(connection, ids)]
        clap: list[bytes | None] = [None] * len(ids)
        if self._clap is not None:
            there = np.flatnonzero(get_bits(self._clap.live.view.visible, ids))
            for place, row in zip(there, self._clap.stored.get(connection, ids[there]), strict=True):
                clap[place] = row.tobytes()
        made = map(Window, traits, librosa, clap)
        return [tuple(islice(made, len(card.segments))) for card in cards]

    def search(self, connection: sqlite3.Connection | None, query: Query, options: Options) -> Answer:
        """The ``k`` most similar sounds; fewer where fewer are left after the filters.

        Raises:
            RequestError: ``clap_unavailable``: CLAP alone was asked, and it has nothing to say.
        """
        return self.search_all(connection, [query], options)[0]

    def search_all(
        self, connection: sqlite3.Connection | None, queries: Sequence[Query], options: Options
    ) -> list[Answer]:
        """:meth:`search` for each; short sounds are searched together, for little more than one of them costs."""
        answers: dict[int, Answer] = {}
        for group in alike(queries):
            found = self._together(connection, [queries[number] for number in group], options)
            answers |= zip(group, found, strict=True)
        return [answers[number] for number in range(len(queries))]

    def nearest(
        self, connection: sqlite3.Connection, queries: Sequence[Query], options: Options
    ) -> list[list[tuple[SoundId, float]]]:
        """The sounds and similarities of :meth:`search_all`, without the rest."""
        lists: dict[int, list[tuple[SoundId, float]]] = {}
        for group in alike(queries):
            windows = [choose_windows(queries[number].windows)[0] for number in group]
            if not windows[0]:
                lists[group[0]] = []
                continue
            _, found, _ = self._find(connection, windows, [queries[number] for number in group], options)
            sounds: list[SoundId] = found.sounds.tolist()
            pairs = list(zip(sounds, found.scores[:, 0].tolist(), strict=True))
            parts = pairwise(found.ends(len(group)))
            lists |= {number: pairs[start:end] for number, (start, end) in zip(group, parts, strict=True)}
        return [lists[number] for number in range(len(queries))]

    def _together(
        self, connection: sqlite3.Connection | None, queries: Sequence[Query], options: Options
    ) -> list[Answer]:
        chosen = [choose_windows(query.windows) for query in queries]
        windows = [some for some, _ in chosen]
        if not windows[0]:
            return [Answer(NOTHING, tuple(notes), self._librosa.live.view.seq) for _, notes in chosen]
        asked, found, cards = self._find(connection, windows, queries, options)
        stretches = self._stretches.get(connection, found.segments)
        hits, seq = explain_all(found, cards, stretches, windows, asked.blend), asked.lead.view.seq
        parts = [hits.part(slice(*ends)) for ends in pairwise(found.ends(len(queries)))]
        return [Answer(part, tuple(notes), seq) for part, (_, notes) in zip(parts, chosen, strict=True)]

    def _find(
        self,
        connection: sqlite3.Connection | None,
        windows: Sequence[Sequence[Window]],
        queries: Sequence[Query],
        options: Options,
    ) -> tuple[Asked, Scored, dict[SoundId, Card]]:
        if connection is None and not self._soon(len(windows[0]), options):
            raise NotAtOnceError
        asked = self._ask(connection, windows, queries, options)
        allowed = self._allowed(connection, options.filter) if options.filter else None
        found, cards = self._best(connection, asked, allowed, options.k)
        good = found.scores[:, 0] >= options.min_similarity
        return asked, found if good.all() else found.only(good), cards

    def _soon(self, windows: int, options: Options) -> bool:
        pace = self._librosa_pace.seconds + (self._clap_pace.seconds if self._clap is not None else 0.0)
        return options.k <= MOST_AT_ONCE and windows * pace <= AT_ONCE_SECONDS

    def _ask(
        self,
        connection: sqlite3.Connection | None,
        asked: Sequence[Sequence[Window]],
        queries: Sequence[Query],
        options: Options,
    ) -> Asked:
        """What of the two spaces is asked, given what the queries have and what the weights want."""
        windows = [window for some in asked for window in some]
        own = np.array([-1 if query.sound is None else query.sound for query in queries], np.int64)
        effort = queries[0].effort
        librosa_weight, clap_weight = options.spaces.get("librosa", 0.0), options.spaces.get("clap", 0.0)
        librosa = clap = None
        if all(window.librosa is not None for window in windows):
            matrix = _matrix([window.librosa for window in windows], len(queries), aspects.DIM)
            strain = 1.0
            if options.weights:
                matrix, strain = aspects.reweight(matrix, options.weights), aspects.strain(options.weights)
                effort *= HARDER
            kept = self._librosa
            librosa = Side(kept.live.view, matrix, kept.stored, connection, self._librosa_pace, True, effort, strain)
        space = self._clap
        if space is not None and clap_weight > 0 and any(window.clap is not None for window in windows):
            matrix = _matrix([window.clap for window in windows], len(queries), space.stored.dim)
            clap = Side(space.live.view, matrix, space.stored, connection, self._clap_pace, librosa is None, effort)
        if clap is not None and (librosa is None or librosa_weight <= 0):
            return Asked(librosa, clap, clap, own)
        if librosa is None or librosa_weight <= 0:
            raise RequestError("CLAP has nothing to compare here yet.", code="clap_unavailable")
        if clap is None or space is None or space.calibration is None:
            return Asked(librosa, None, librosa, own)
        whole = librosa_weight + clap_weight
        return Asked(librosa, clap, librosa, own, Blend(clap_weight / whole, librosa_weight / whole, space.calibration))

    def _best(
        self, connection: sqlite3.Connection | None, asked: Asked, allowed: Mask | None, k: int
    ) -> tuple[Scored, dict[SoundId, Card]]:
        """The first ``k`` of each question: deepened, where need be, until nothing unseen can beat them."""
        depth = asked.lead.first_depth(k)
        most = min(len(asked.lead.view), depth * DEEPEST) if asked.blend is not None else len(asked.lead.view)
        remaining, exact = np.arange(len(asked.own)), asked.exact
        parts: list[Scored] = []
        cards: dict[SoundId, Card] = {}
        while True:
            found = asked.find(depth, allowed, all=depth >= most)
            scored, first, known = self._present(connection, score(found, asked), k, asked.lead.view.seq)
            cards |= known
            done = enough(scored, found.bounds, k, exact=exact)
            if done.all() and not parts:
                return first, cards
            parts.append(first.only(done[first.questions]).renumbered(remaining))
            if done.all():
                return in_order(parts), cards
            asked, remaining = asked.only(np.flatnonzero(~done)), remaining[~done]
            depth = min(depth * DEEPER, len(asked.lead.view))

    def _present(
        self, connection: sqlite3.Connection | None, scored: Scored, k: int, seq: Seq
    ) -> tuple[Scored, Scored, dict[SoundId, Card]]:
        """All, and the first ``k``, without those whose last file has gone away since the view was made."""
        first = scored.first(k)
        sounds: list[SoundId] = first.sounds.tolist()
        cards = self._cards.get(connection, seq, sounds)
        if cards.keys() >= set(sounds) and all(card.shown for card in cards.values()):
            return scored, first, cards
        cards = self._cards.get(connection, seq, scored.sounds.tolist())
        shown = [sound in cards and bool(cards[sound].shown) for sound in scored.sounds.tolist()]
        scored = scored.only(np.array(shown, np.bool_))
        return scored, scored.first(k), cards

    def _allowed(self, connection: sqlite3.Connection | None, wanted: Filter) -> Mask:
        """The filter as a mask, kept for as long as nothing changes."""
        view = self._librosa.live.view
        known = self._masks.get(wanted)
        if known is not None and known[0] == view.seq:
            return known[1]
        if connection is None:
            raise NotAtOnceError
        found = np.array(matching(connection, wanted), np.int64)
        bits = mask(len(view.sound_of), found[found < len(view.sound_of)])
        if len(self._masks) >= MOST_MASKS:
            self._masks.clear()
        self._masks[wanted] = (view.seq, bits)
        return bits


def _matrix(blobs: Sequence[bytes | None], questions: int, dim: int) -> Vectors:
    """(questions, n_windows, dim) float32; a row of NaN where there is no vector."""
    unknown = np.full(dim, np.nan, "<f4").tobytes() if None in blobs else b""
    joined = b"".join([unknown if blob is None else blob for blob in blobs])
    return np.frombuffer(joined, "<f4").reshape(questions, -1, dim)
