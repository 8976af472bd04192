"""Candidates for one question or several: from one space, or from both at once, so many of each as are asked for.

The score of two sounds is that of their best pair of query window and segment. Every question of a search has the same
number of windows: numpy costs as much for one question as for eight.
"""

from __future__ import annotations

import math
import sqlite3
import time
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from timbred_indexer.calibration import Calibration
from timbred_indexer.index import Ids, Mask, Vectors, best, count_bits, get_bits, merge
from timbred_indexer.kept import NotAtOnceError
from timbred_indexer.live import View, intersect
from timbred_indexer.stored import StoredVectors

Scores = NDArray[np.floating]

SPARE = 8  # candidates beyond k that are looked at, at least
DEEPER = 4  # each time the index is asked for so many times more
MOST_STRAIN = 12.0  # beyond it an approximate index is of no use
FEW = 2_000  # vectors that are compared one by one, where a filter leaves no more
BLOCK = 8_192  # vectors compared at once, then
USUAL_DEPTH = 200  # up to which an index's pace is measured
DEEPEST = 256  # times the first depth: two spaces that contradict each other are not followed for ever


@dataclass(frozen=True, slots=True)
class Candidates:
    """Pairs of a segment and a question's window that it is nearest to, by question; (n,) but for the last three.

    Attributes:
        questions, windows, segments: row numbers and ids, int64.
        bounds: (n_questions,) what a segment that is not here scores at most; −inf where there is no other.
        lead, other: (n, dim) float32, the segments' vectors in the space that leads, and in the other one: NaN where
            there is none, (n, 0) where it is not asked.
    """

    questions: Ids
    windows: Ids
    segments: Ids
    bounds: Scores
    lead: Vectors
    other: Vectors

    @property
    def parts(self) -> list[slice]:
        """Where each question's pairs are."""
        if len(self.bounds) == 1:
            return [slice(None)]
        ends = np.searchsorted(self.questions, np.arange(len(self.bounds) + 1)).tolist()
        return [slice(*one) for one in pairwise(ends)]


@dataclass(frozen=True, slots=True)
class Blend:
    """How two scores become one. Weights sum to 1; ``calibration`` stands in for a missing CLAP score."""

    clap: float
    librosa: float
    calibration: Calibration

    def fuse(self, librosa: Scores, clap: Scores) -> Scores:
        """Fused scores, in the precision given; where ``clap`` is NaN it is imputed. Both of one shape."""
        together = self.clap * clap + self.librosa * librosa
        missing = np.isnan(clap)
        if missing.any():
            together[missing] = self.imputed(librosa[missing])
        return together

    def imputed(self, librosa: Scores) -> Scores:
        """The fused scores where there is no CLAP score."""
        return self.calibration.impute(librosa, self.clap, self.librosa)


class Pace:
    """How long an index takes for one window, lately, when nothing else has the processor."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def note(self, seconds: float) -> None:
        """One search more. What took longer mostly had to wait for others, so it counts for little."""
        self.seconds = min(seconds, self.seconds + (seconds - self.seconds) / 64)


@dataclass(frozen=True, slots=True)
class Side:
    """One space in a search.

    Attributes:
        asked: (n_questions, n_windows, dim) float32; NaN where the window has no vector in this space.
        connection: None where only memory may be asked.
        lead: what is scored here is visible in ``view``; otherwise it may lack some of it.
        effort: how much deeper than usual an approximate index looks.
        strain: see :func:`aspects.strain`; 1 where the vectors are compared as they are.
    """

    view: View
    asked: Vectors
    stored: StoredVectors
    connection: sqlite3.Connection | None
    pace: Pace
    lead: bool
    effort: float = 1.0
    strain: float = 1.0

    def only(self, questions: Ids) -> Side:
        return replace(self, asked=self.asked[questions])

    def first_depth(self, k: int) -> int:
        """How many candidates to begin with; the less an index's own scores can be trusted, the more."""
        wanted = 3 * k + SPARE
        return min(wanted if self.view.exact else math.ceil(self.strain * wanted), max(1, len(self.view)))

    def nearest(self, depth: int, allowed: Mask | None) -> tuple[Vectors, Ids]:
        """See :meth:`View.search`; (n_questions, n_windows, depth) both, −inf and −1 where a window has no vector."""
        questions, windows, dim = self.asked.shape
        rows = self.asked.reshape(-1, dim)
        silent = np.isnan(rows[:, 0])
        if silent.any():
            scores, ids = np.full((len(rows), depth), -np.inf, np.float32), np.full((len(rows), depth), -1)
            if not silent.all():
                scores[~silent], ids[~silent] = self._search(rows[~silent], depth, allowed)
        else:
            scores, ids = self._search(rows, depth, allowed)
        return scores.reshape(questions, windows, depth), ids.reshape(questions, windows, depth)

    def _search(self, rows: Vectors, depth: int, allowed: Mask | None) -> tuple[Vectors, Ids]:
        if not self.view.exact and (self.strain > MOST_STRAIN or self._few(allowed)):
            return self._scan(rows, depth, allowed)
        start = time.perf_counter()
        found = self.view.search(rows, depth, allowed, effort=self.effort)
        if depth <= USUAL_DEPTH:
            self.pace.note((time.perf_counter() - start) / len(rows))
        return found

    def _few(self, allowed: Mask | None) -> bool:
        """A filter leaves so few that comparing each of them costs less than looking for them in the index."""
        return allowed is not None and count_bits(intersect(self.view.visible, allowed)) <= FEW

    def vectors(self, segments: Ids) -> Vectors:
        """(n, dim) float32; NaN for a segment that is not visible in this space."""
        if self.lead:
            return self.stored.get(self.connection, segments)
        visible = get_bits(self.view.visible, segments)
        if visible.all():
            return self.stored.get(self.connection, segments)
        rows = np.full((len(segments), self.asked.shape[-1]), np.nan, np.float32)
        rows[visible] = self.stored.get(self.connection, segments[visible])
        return rows

    def _scan(self, rows: Vectors, depth: int, allowed: Mask | None) -> tuple[Vectors, Ids]:
        """Compares every stored vector: the answer is exact, however the index keeps them."""
        if self.connection is None:
            raise NotAtOnceError
        seen = self.view.visible if allowed is None else intersect(self.view.visible, allowed)
        ids = np.flatnonzero(np.unpackbits(seen, bitorder="little"))
        parts = [best(np.empty((len(rows), 0), np.float32), np.empty((len(rows), 0), np.int64), depth)]
        for start in range(0, len(ids), BLOCK):
            block = ids[start : start + BLOCK]
            scores = rows @ self.stored.get(self.connection, block).T
            scores[np.isnan(scores)] = -np.inf
            parts = [merge([*parts, best(scores, np.broadcast_to(block, scores.shape), depth)], depth)]
        return parts[0]


def find(lead: Side, other: Side | None, depth: int, allowed: Mask | None) -> Candidates:
    """The ``depth`` nearest of each window in one space. ``other``: the space whose scores are only shown."""
    scores, ids = lead.nearest(depth, allowed)
    # What no list shows can score at most what the best of the lists ends with; a short list ends with −inf.
    bounds = _nothing_else(scores) if depth >= len(lead.view) else scores[:, :, -1].max(axis=1)
    above = np.flatnonzero(scores > bounds[:, None, None])
    segments = ids.ravel().take(above)
    questions, windows = np.divmod(above // depth, scores.shape[1])
    shown = other.vectors(segments) if other is not None else np.empty((len(segments), 0), np.float32)
    return Candidates(questions, windows, segments, bounds, lead.vectors(segments), shown)


def find_both(librosa: Side, clap: Side, blend: Blend, depth: int, allowed: Mask | None, *, all: bool) -> Candidates:
    """The ``depth`` nearest of each window in either space.

    Args:
        librosa: the space every segment is in; ``clap``: the one that may lack some.
        all: nothing else is wanted, whatever it scores.
    """
    (own, own_ids), (other, other_ids) = librosa.nearest(depth, allowed), clap.nearest(depth, allowed)
    together = np.concatenate([own_ids, other_ids], axis=2).reshape(len(own), -1)
    questions, segments = _different(librosa.view, together)
    heard, seen = librosa.vectors(segments), clap.vectors(segments)
    bounds = _nothing_else(own) if all else _bounds(own[:, :, -1], other[:, :, -1], blend)
    windows = np.zeros(len(segments), np.int64)
    if librosa.asked.shape[1] > 1:  # then it is one question
        windows = blend.fuse(heard @ librosa.asked[0].T, seen @ clap.asked[0].T).argmax(axis=1)
    return Candidates(questions, windows, segments, bounds, heard, seen)


def _nothing_else(scores: Vectors) -> Scores:
    return np.full(len(scores), -np.inf)


def _different(view: View, ids: Ids) -> tuple[Ids, Ids]:
    """The segments of each row of ``ids`` that are visible in ``view``, once each, with the number of the row.

    Two spaces may be seen at two moments.
    """
    ids = np.sort(ids, axis=1)
    first = np.ones(ids.shape, np.bool_)
    np.not_equal(ids[:, 1:], ids[:, :-1], out=first[:, 1:])
    rows, columns = np.nonzero(first)
    segments = ids[rows, columns]
    visible = np.flatnonzero(get_bits(view.visible, segments))
    return rows.take(visible), segments.take(visible)


def _bounds(librosa: Scores, clap: Scores, blend: Blend) -> Scores:
    """What a segment that is in no list can score at most: one that CLAP has not heard, and one that it has.

    Args:
        librosa, clap: (n_questions, n_windows), where the lists end: −inf is the end of all there is.
    """
    unheard = blend.imputed(librosa)
    bounds = np.maximum(unheard, np.where(np.isneginf(clap), -np.inf, blend.clap * clap + blend.librosa * librosa))
    return np.where(np.isneginf(librosa).all(axis=1), -np.inf, bounds.max(axis=1))
