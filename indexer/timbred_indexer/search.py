"""A query → candidates from the live indexes → exact re-score → sounds → explained hits.

Runs in a reader thread, on one view of each index and one state of the database. Scores are computed anew from the
stored vectors, so an answer does not depend on where an index keeps them.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile

import numpy as np

from timbred_indexer import aspects, explain
from timbred_indexer.calibration import Calibration
from timbred_indexer.cards import Card, Cards
from timbred_indexer.errors import RequestError
from timbred_indexer.index import Mask, Vectors, mask
from timbred_indexer.live import LiveIndex
from timbred_indexer.model import Seq
from timbred_indexer.query import Filter, Options, Query, Window, choose_windows
from timbred_indexer.ranking import SPARE, Blend, Candidate, Side, rank, rank_fused
from timbred_indexer.store import vectors
from timbred_indexer.store.sounds import Sound, StoredSegment
from timbred_indexer.stored import StoredVectors

ROUNDING = 1e-5  # how far two computations of one score may lie apart; whoever is so near to the k-th is scored exactly
MOST_TIED = 4096  # … up to so many


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """One space as searches see it. ``calibration``: for ``clap``, once enough sounds have been heard."""

    live: LiveIndex
    stored: StoredVectors
    calibration: Calibration | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """One sound of the answer.

    Attributes:
        similarity: in [−1, 1], unclipped; ranks the answer.
        librosa: that space's score; None for a question of words alone.
        clap: likewise; None where CLAP has not heard the sound or the query, or was not asked.
        aspect_scores: aspect → cosine of that block; empty without a librosa score.
        files: (absolute path, set label) of each visible file, oldest first.
    """

    sound: Sound
    segment: StoredSegment
    similarity: float
    librosa: float | None
    clap: float | None
    aspect_scores: Mapping[str, float]
    reasons: tuple[str, ...]
    files: tuple[tuple[bytes, str | None], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """``notes``: sentences about the answer as a whole; ``seq``: the state of the library it is true for."""

    hits: tuple[Hit, ...]
    notes: tuple[str, ...]
    seq: Seq


@dataclass(frozen=True, slots=True)
class _Found:
    """A candidate with all that is known of it; scores in double precision once they are exact."""

    candidate: Candidate
    card: Card
    score: float
    librosa: float | None = None
    clap: float | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """The sides of one search.

    Attributes:
        librosa: None for words; ``clap``: None where CLAP has nothing to say.
        blend: how the two are fused; None where ``lead`` ranks alone, and the other is only shown.
    """

    librosa: Side | None
    clap: Side | None
    lead: Side
    blend: Blend | None = None


class Searcher:
    """Answers queries from the live indexes."""

    def __init__(self, librosa: SearchSpace) -> None:
        self._librosa = librosa
        self._clap: SearchSpace | None = None
        self._cards = Cards()
        self._masks: dict[Filter, tuple[Seq, Mask]] = {}

    def use_clap(self, space: SearchSpace | None) -> None:
        """From now on CLAP's half comes from ``space``."""
        self._clap = space

    def search(self, connection: sqlite3.Connection, query: Query, options: Options) -> Answer:
        """The ``k`` most similar sounds; fewer where fewer are left after the filters.

        Raises:
            RequestError: ``clap_unavailable``: CLAP alone was asked, and it has nothing to say.
        """
        windows, notes = choose_windows(query.windows)
        if not windows:
            return Answer((), tuple(notes), self._librosa.live.view.seq)
        asked = self._ask(connection, windows, options)
        allowed = self._allowed(connection, options.filter) if options.filter else None
        ranked = _rank(asked, allowed, query, options.k)
        chosen = _enough(self._with_cards(connection, asked.lead.view.seq, ranked, options.k), options.k)
        scored = _rescore(chosen, asked)[: options.k]
        kept = [found for found in scored if found.score >= options.min_similarity]
        hits = _explain(kept, windows, asked, self._matrix(windows))
        return Answer(hits, tuple(notes), asked.lead.view.seq)

    def _ask(self, connection: sqlite3.Connection, windows: Sequence[Window], options: Options) -> _Asked:
        """What of the two spaces is asked, given what the query has and what the weights want."""
        librosa_weight, clap_weight = options.spaces.get("librosa", 0.0), options.spaces.get("clap", 0.0)
        librosa = clap = None
        if all(window.librosa is not None for window in windows):
            matrix = self._matrix(windows)
            reweighted = aspects.reweight(matrix, options.weights) if options.weights else matrix
            librosa = Side(self._librosa.live.view, reweighted, lambda ids: self._librosa.stored.get(connection, ids))
        space = self._clap
        if space is not None and clap_weight > 0 and any(window.clap is not None for window in windows):
            clap = _side(connection, space, [window.clap for window in windows])
        if clap is not None and (librosa is None or librosa_weight <= 0):
            return _Asked(librosa, clap, lead=clap)
        if librosa is None or librosa_weight <= 0:
            raise RequestError("CLAP has nothing to compare here yet.", code="clap_unavailable")
        if clap is None or space is None or space.calibration is None:
            return _Asked(librosa, None, lead=librosa)
        whole = librosa_weight + clap_weight
        return _Asked(librosa, clap, librosa, Blend(clap_weight / whole, librosa_weight / whole, space.calibration))

    @staticmethod
    def _matrix(windows: Sequence[Window]) -> Vectors:
        """The librosa vectors, not reweighted; no rows for words."""
        blobs = [window.librosa for window in windows if window.librosa is not None]
        return np.stack([np.frombuffer(blob, "<f4") for blob in blobs]) if blobs else np.empty((0, aspects.DIM), "<f4")

    def _with_cards(
        self, connection: sqlite3.Connection, seq: Seq, ranked: Iterator[Candidate], k: int
    ) -> Iterator[_Found]:
        """Drops sounds whose last file went away since the view was made."""
        while part := list(islice(ranked, k + SPARE)):
            cards = self._cards.get(connection, seq, [candidate.segment for candidate in part])
            for candidate in part:
                if card := cards.get(candidate.segment):
                    yield _Found(candidate, card, candidate.score)

    def _allowed(self, connection: sqlite3.Connection, wanted: Filter) -> Mask:
        """The filter as a mask, kept for as long as nothing changes."""
        view = self._librosa.live.view
        known = self._masks.get(wanted)
        if known is not None and known[0] == view.seq:
            return known[1]
        found = vectors.matching(connection, wanted.folder, wanted.min_duration, wanted.max_duration)
        bits = mask(len(view.sound_of), [segment for segment in found if segment < len(view.sound_of)])
        if len(self._masks) >= 64:
            self._masks.clear()
        self._masks[wanted] = (view.seq, bits)
        return bits


def _side(connection: sqlite3.Connection, space: SearchSpace, blobs: Sequence[bytes | None]) -> Side:
    dim = len(next(blob for blob in blobs if blob is not None)) // 4
    rows = [np.full(dim, np.nan, np.float32) if blob is None else np.frombuffer(blob, "<f4") for blob in blobs]
    return Side(space.live.view, np.stack(rows), lambda ids: space.stored.get(connection, ids))


def _rank(asked: _Asked, allowed: Mask | None, query: Query, k: int) -> Iterator[Candidate]:
    if asked.blend is not None and asked.librosa is not None and asked.clap is not None:
        return rank_fused(asked.librosa, asked.clap, asked.blend, allowed, query.sound, k)
    known = ~np.isnan(asked.lead.asked[:, 0])
    ranked = rank(asked.lead.view, asked.lead.asked[known], allowed, query.sound, k)
    return _numbered(ranked, np.flatnonzero(known).tolist())


def _numbered(ranked: Iterator[Candidate], windows: Sequence[int]) -> Iterator[Candidate]:
    """Candidates whose window is a row among those with a vector, with the window's own number."""
    for one in ranked:
        yield Candidate(one.sound, one.segment, windows[one.window], one.score)


def _rescore(found: list[_Found], asked: _Asked) -> list[_Found]:
    """What was found by its exact scores: products of the stored vectors, in double precision."""
    librosa, clap = _products(asked.librosa, found), _products(asked.clap, found)
    exact: list[_Found] = []
    for place, one in enumerate(found):
        own, other = librosa[place], clap[place]
        exact.append(_Found(one.candidate, one.card, _together(own, other, asked), own, other))
    return sorted(exact, key=lambda one: (-one.score, one.card.sound.id))


def _together(librosa: float | None, clap: float | None, asked: _Asked) -> float:
    """One score of the two; a missing CLAP half is imputed."""
    blend = asked.blend
    if blend is None or librosa is None:
        leading = librosa if asked.lead is asked.librosa else clap
        return -math.inf if leading is None else leading
    if clap is None:
        return float(blend.calibration.impute(np.array([librosa], np.float32), blend.clap, blend.librosa)[0])
    return blend.librosa * librosa + blend.clap * clap


def _products(side: Side | None, found: Sequence[_Found]) -> list[float | None]:
    """Each pair's inner product in one space; None where either has no vector there."""
    if side is None or not found:
        return [None] * len(found)
    stored = side.stored([one.candidate.segment for one in found])
    nothing = np.full(side.asked.shape[1], np.nan)
    rows = np.stack([stored.get(one.candidate.segment, nothing) for one in found]).astype(np.float64)
    products = (rows * side.asked[[one.candidate.window for one in found]]).sum(axis=1).tolist()
    return [None if math.isnan(product) else product for product in products]


def _explain(found: Sequence[_Found], windows: Sequence[Window], asked: _Asked, matrix: Vectors) -> tuple[Hit, ...]:
    """Adds why. ``matrix``: the windows' librosa vectors, not reweighted."""
    if asked.librosa is None:
        return tuple(_hit(one, {}, explain.words(place)) for place, one in enumerate(found, 1))
    stored = asked.librosa.stored([one.candidate.segment for one in found])
    rows = np.array([stored[one.candidate.segment] for one in found], np.float32).reshape(len(found), aspects.DIM)
    cosines = aspects.aspect_scores(matrix[[one.candidate.window for one in found]], rows)
    columns = {name: values.tolist() for name, values in cosines.items()}
    hits: list[Hit] = []
    for place, one in enumerate(found):
        scores: dict[str, float] = {name: values[place] for name, values in columns.items()}
        reasons = explain.reasons(windows[one.candidate.window].aspects, one.card.aspects, scores)
        hits.append(_hit(one, scores, _with_agreement(reasons, one, asked.blend)))
    return tuple(hits)


def _with_agreement(reasons: tuple[str, ...], found: _Found, blend: Blend | None) -> tuple[str, ...]:
    """Where both spaces were asked, which of them spoke for it stands in place of a shared detail."""
    if blend is None or found.librosa is None:
        return reasons
    spoke = explain.NOT_HEARD
    if found.clap is not None:
        spoke = explain.agreement(*blend.calibration.share_below(librosa=found.librosa, clap=found.clap))
    return (reasons[0], spoke, reasons[-1])


def _hit(found: _Found, scores: Mapping[str, float], reasons: tuple[str, ...]) -> Hit:
    card = found.card
    return Hit(card.sound, card.segment, found.score, found.librosa, found.clap, scores, reasons, card.files)


def _enough(ranked: Iterator[_Found], k: int) -> list[_Found]:
    """As many as can be among the first ``k`` once rounding is out of the scores."""
    chosen = list(islice(ranked, k + SPARE))
    if len(chosen) < k + SPARE or chosen[-1].score < chosen[k - 1].score - ROUNDING:
        return chosen
    near = takewhile(lambda one: one.score >= chosen[k - 1].score - ROUNDING, ranked)
    return chosen + list(islice(near, MOST_TIED))
