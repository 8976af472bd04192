"""A query → candidates from the live index → exact re-score → sounds → explained hits.

Runs in a reader thread, on one view of the index and one state of the database. Candidates are deepened until no
unseen segment can beat what was found; the score of two sounds is that of their best pair of segments; scores are
computed anew from the stored vectors, so an answer does not depend on where the index keeps them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile

import numpy as np
from numpy.typing import NDArray

from timbred_indexer import aspects, explain
from timbred_indexer.cards import Card, Cards
from timbred_indexer.index import Mask, Vectors, mask
from timbred_indexer.live import LiveIndex, View
from timbred_indexer.model import AnalysedSegment, SegmentId, Seq, SoundId
from timbred_indexer.query import Filter, Options, Query, choose_windows
from timbred_indexer.store import vectors
from timbred_indexer.store.sounds import Sound, StoredSegment

SPARE = 8  # candidates beyond k that are scored exactly, at least
ROUNDING = 1e-5  # how far two computations of one score may lie apart; whoever is so near to the k-th is scored exactly
MOST_TIED = 4096  # … up to so many
DEEPER = 4  # each time the index is asked for so many times more


@dataclass(frozen=True, slots=True)
class Hit:
    """One sound of the answer.

    Attributes:
        similarity: in [−1, 1], unclipped; ranks the answer.
        aspect_scores: aspect → cosine of that block.
        files: (absolute path, set label) of each visible file, oldest first.
    """

    sound: Sound
    segment: StoredSegment
    similarity: float
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
class Candidate:
    """A sound by its best pair: the library's ``segment`` and the query's ``window`` (its row number)."""

    sound: SoundId
    segment: SegmentId
    window: int
    score: float


@dataclass(frozen=True, slots=True)
class Found:
    """A candidate with all that is known of it."""

    window: int
    score: float
    card: Card


class Searcher:
    """Answers queries from the live index of the ``librosa`` space."""

    def __init__(self, live: LiveIndex, version: str) -> None:
        self._live = live
        self._cards = Cards(version)
        self._masks: dict[Filter, tuple[Seq, Mask]] = {}

    def search(self, connection: sqlite3.Connection, query: Query, options: Options) -> Answer:
        """The ``k`` most similar sounds; fewer where fewer are left after the filters."""
        view = self._live.view
        windows, notes = choose_windows(query.segments)
        if not windows:
            return Answer((), tuple(notes), view.seq)
        matrix = np.stack([np.frombuffer(window.vector or b"", "<f4") for window in windows])
        asked = aspects.reweight(matrix, options.weights) if options.weights else matrix
        allowed = self._allowed(connection, view, options.filter) if options.filter else None
        ranked = rank(view, asked, allowed, query.sound, options.k)
        chosen = _enough(self._with_cards(connection, view.seq, ranked, options.k), options.k)
        scored = _rescore(chosen, asked)[: options.k]
        kept = [found for found in scored if found.score >= options.min_similarity]
        return Answer(_explain(kept, windows, matrix), tuple(notes), view.seq)

    def _with_cards(
        self, connection: sqlite3.Connection, seq: Seq, ranked: Iterator[Candidate], k: int
    ) -> Iterator[Found]:
        """Drops sounds whose last file went away since the view was made."""
        while part := list(islice(ranked, k + SPARE)):
            cards = self._cards.get(connection, seq, [candidate.segment for candidate in part])
            for candidate in part:
                if card := cards.get(candidate.segment):
                    yield Found(candidate.window, candidate.score, card)

    def _allowed(self, connection: sqlite3.Connection, view: View, wanted: Filter) -> Mask:
        """The filter as a mask, kept for as long as nothing changes."""
        known = self._masks.get(wanted)
        if known is not None and known[0] == view.seq:
            return known[1]
        found = vectors.matching(connection, wanted.folder, wanted.min_duration, wanted.max_duration)
        bits = mask(len(view.sound_of), [segment for segment in found if segment < len(view.sound_of)])
        if len(self._masks) >= 64:
            self._masks.clear()
        self._masks[wanted] = (view.seq, bits)
        return bits


def _rescore(found: list[Found], asked: Vectors) -> list[Found]:
    """What was found by its exact scores: products of the stored vectors, in double precision."""
    if not found:
        return []
    stored = np.stack([one.card.vector for one in found]).astype(np.float64)
    scores: list[float] = (stored * asked[[one.window for one in found]]).sum(axis=1).tolist()
    exact = [Found(one.window, score, one.card) for one, score in zip(found, scores, strict=True)]
    return sorted(exact, key=lambda one: (-one.score, one.card.sound.id))


def _explain(kept: Sequence[Found], windows: Sequence[AnalysedSegment], matrix: Vectors) -> tuple[Hit, ...]:
    """Adds why. ``matrix``: the windows' vectors, not reweighted."""
    if not kept:
        return ()
    stored = np.stack([one.card.vector for one in kept])
    cosines = aspects.aspect_scores(matrix[[one.window for one in kept]], stored)
    columns = {name: values.tolist() for name, values in cosines.items()}
    hits: list[Hit] = []
    for place, one in enumerate(kept):
        scores: dict[str, float] = {name: values[place] for name, values in columns.items()}
        reasons = explain.reasons(windows[one.window].aspects, one.card.aspects, scores)
        hits.append(Hit(one.card.sound, one.card.segment, one.score, scores, reasons, one.card.files))
    return tuple(hits)


def rank(view: View, asked: Vectors, allowed: Mask | None, own: SoundId | None, k: int) -> Iterator[Candidate]:
    """Sounds by falling score of their best pair, as many as the caller takes.

    Args:
        asked: (n_windows, dim) float32.
        own: this sound is passed over.
        k: how many the caller is likely to take; sets the first depth.
    """
    depth = min(3 * k + SPARE, max(1, len(view)))
    given = {own}
    while True:
        scores, ids = view.search(asked, depth, allowed)
        complete = depth >= len(view) or bool((ids[:, -1] < 0).all())
        # What no list shows can score at most what the best of the lists ends with.
        bound = -np.inf if complete else float(scores[:, -1].max())
        for candidate in _best_pairs(view, scores, ids):
            if candidate.score <= bound:
                break
            if candidate.sound not in given:
                given.add(candidate.sound)
                yield candidate
        if complete:
            return
        depth = min(depth * DEEPER, len(view))


def _best_pairs(view: View, scores: Vectors, ids: NDArray[np.int64]) -> Iterator[Candidate]:
    """Each pair of window and segment by falling score; ties by sound, then segment."""
    windows, places = np.nonzero(ids >= 0)
    segments = ids[windows, places]
    values = scores[windows, places]
    owners = view.sounds(segments)
    for index in np.lexsort((segments, owners, -values)):
        yield Candidate(
            SoundId(int(owners[index])), SegmentId(int(segments[index])), int(windows[index]), float(values[index])
        )


def _enough(ranked: Iterator[Found], k: int) -> list[Found]:
    """As many as can be among the first ``k`` once rounding is out of the scores."""
    chosen = list(islice(ranked, k + SPARE))
    if len(chosen) < k + SPARE or chosen[-1].score < chosen[k - 1].score - ROUNDING:
        return chosen
    near = takewhile(lambda one: one.score >= chosen[k - 1].score - ROUNDING, ranked)
    return chosen + list(islice(near, MOST_TIED))
