"""Candidates by falling score: from one space, or from both at once. Deepened until no unseen segment can beat them.

The score of two sounds is that of their best pair of query window and segment.
"""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from timbred_indexer.calibration import Calibration
from timbred_indexer.index import Ids, Mask, Vectors, best, count_bits, get_bits, merge
from timbred_indexer.kept import NotAtOnceError
from timbred_indexer.live import View, intersect
from timbred_indexer.model import SoundId
from timbred_indexer.stored import StoredVectors

Scores = NDArray[np.floating]

SPARE = 8  # candidates beyond k that are looked at, at least
DEEPER = 4  # each time the index is asked for so many times more
MOST_STRAIN = 12.0  # beyond it an approximate index is of no use
FEW = 2_000  # vectors that are compared one by one, where a filter leaves no more
BLOCK = 8_192  # vectors compared at once, then
USUAL_DEPTH = 200  # up to which an index's pace is measured
DEEPEST = 256  # times the first depth: two spaces that contradict each other are not followed for ever


ROUNDING = 1e-5  # how far two computations of one score may lie apart; whoever is so near to the k-th is scored exactly
MOST_TIED = 4096  # … up to so many


@dataclass(frozen=True, slots=True)
class Candidates:
    """Sounds, each by its best pair: the library's segment and the query's window (its row number).

    Attributes:
        sounds, segments, windows: (n,) int64.
        scores: (n,), falling; as the index has them.
    """

    sounds: Ids
    segments: Ids
    windows: Ids
    scores: Scores

    def __len__(self) -> int:
        return len(self.sounds)

    def __getitem__(self, part: slice) -> Candidates:
        return Candidates(self.sounds[part], self.segments[part], self.windows[part], self.scores[part])

    def __add__(self, other: Candidates) -> Candidates:
        return Candidates(
            np.concatenate([self.sounds, other.sounds]),
            np.concatenate([self.segments, other.segments]),
            np.concatenate([self.windows, other.windows]),
            np.concatenate([self.scores, other.scores]),
        )


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
            together[missing] = self.calibration.impute(librosa[missing], self.clap, self.librosa)
        return together

    def imputed(self, librosa: float) -> float:
        """The fused score where there is no CLAP score."""
        return float(self.calibration.impute(np.full(1, librosa, np.float32), self.clap, self.librosa)[0])


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
        asked: (n_windows, dim) float32; a row of NaN where the window has no vector in this space.
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

    def first_depth(self, k: int) -> int:
        """How many candidates to begin with; the less an index's own scores can be trusted, the more."""
        wanted = 3 * k + SPARE
        return min(wanted if self.view.exact else math.ceil(self.strain * wanted), max(1, len(self.view)))

    def search(self, windows: NDArray[np.intp], depth: int, allowed: Mask | None) -> tuple[Vectors, Ids]:
        """See :meth:`View.search`; for the windows with these row numbers."""
        if not self.view.exact and (self.strain > MOST_STRAIN or self._few(allowed)):
            return self._scan(windows, depth, allowed)
        start = time.perf_counter()
        found = self.view.search(self.asked[windows], depth, allowed, effort=self.effort)
        if depth <= USUAL_DEPTH:
            self.pace.note((time.perf_counter() - start) / len(windows))
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
        rows = np.full((len(segments), self.asked.shape[1]), np.nan, np.float32)
        rows[visible] = self.stored.get(self.connection, segments[visible])
        return rows

    def _scan(self, windows: NDArray[np.intp], depth: int, allowed: Mask | None) -> tuple[Vectors, Ids]:
        """Compares every stored vector: the answer is exact, however the index keeps them."""
        if self.connection is None:
            raise NotAtOnceError
        seen = self.view.visible if allowed is None else intersect(self.view.visible, allowed)
        ids = np.flatnonzero(np.unpackbits(seen, bitorder="little"))
        parts = [best(np.empty((len(windows), 0), np.float32), np.empty((len(windows), 0), np.int64), depth)]
        for start in range(0, len(ids), BLOCK):
            block = ids[start : start + BLOCK]
            scores = self.asked[windows] @ self.stored.get(self.connection, block).T
            scores[np.isnan(scores)] = -np.inf
            parts = [merge([*parts, best(scores, np.broadcast_to(block, scores.shape), depth)], depth)]
        return parts[0]


def rank(side: Side, allowed: Mask | None, own: SoundId | None, k: int) -> Iterator[Candidates]:
    """Sounds by falling score in one space, a part at a time, as many as the caller takes.

    Args:
        own: this sound is passed over.
        k: how many the caller is likely to take; sets the first depth.
    """
    view, depth = side.view, side.first_depth(k)
    given = {own}
    heard = np.flatnonzero(~np.isnan(side.asked[:, 0]))
    while True:
        scores, ids = side.search(heard, depth, allowed)
        complete = depth >= len(view) or max(ids[:, -1].tolist()) < 0
        # What no list shows can score at most what the best of the lists ends with.
        bound = -math.inf if complete else max(scores[:, -1].tolist())
        above = scores > bound
        yield _by_sound(view, ids[above], heard[np.nonzero(above)[0]], scores[above], given)
        if complete:
            return
        depth = min(depth * DEEPER, len(view))


def rank_fused(
    librosa: Side, clap: Side, blend: Blend, allowed: Mask | None, own: SoundId | None, k: int
) -> Iterator[Candidates]:
    """Sounds by falling fused score: candidates of both spaces, each scored in both.

    Args:
        librosa: the space every segment is in; ``clap``: the one that may lack some.
        own, k: see :func:`rank`.
    """
    view = librosa.view
    first = depth = librosa.first_depth(k)
    given = {own}
    every, listening = np.arange(len(librosa.asked)), ~np.isnan(clap.asked[:, 0])
    while True:
        lists = librosa.search(every, depth, allowed)
        clap_lists = clap.search(np.flatnonzero(listening), depth, allowed)
        deepest = depth >= len(view) or depth >= first * DEEPEST
        complete = deepest or max(lists[1][:, -1].tolist()) < 0
        segments = _known(view, lists[1], clap_lists[1])
        scores = blend.fuse(librosa.asked @ librosa.vectors(segments).T, clap.asked @ clap.vectors(segments).T)
        bound = -np.inf if complete else _bound(lists[0], clap_lists[0], listening, blend)
        best = scores.argmax(axis=0)
        scores = scores[best, np.arange(len(best))]
        above = scores > bound  # nor is NaN
        yield _by_sound(view, segments[above], best[above], scores[above], given)
        if complete:
            return
        depth = min(depth * DEEPER, len(view))


def _known(view: View, *ids: Ids) -> Ids:
    """The segments of all lists that are visible in ``view``: two spaces may be seen at two moments."""
    together = np.unique(np.concatenate([part.ravel() for part in ids]))
    return together[get_bits(view.visible, together)]


def _bound(librosa: Vectors, clap: Vectors, listening: NDArray[np.bool_], blend: Blend) -> float:
    """What a segment that is in no list can score at most."""
    bound = -math.inf
    other = iter(clap[:, -1].tolist())
    for last, listens in zip(librosa[:, -1].tolist(), listening.tolist(), strict=True):
        # One that CLAP has not heard, and one that it has.
        bound = max(bound, blend.imputed(last))
        if listens and (least := next(other)) > -math.inf:
            bound = max(bound, blend.clap * least + blend.librosa * last)
    return bound


def _by_sound(view: View, segments: Ids, windows: Ids, scores: Scores, given: set[SoundId | None]) -> Candidates:
    """Each sound's best pair, by falling score; ties by sound, then segment. ``given`` remembers, and is left out."""
    owners = view.sounds(segments)
    order = np.lexsort((segments, owners, -scores))
    fresh: list[int] = []
    for place, sound in zip(order.tolist(), owners[order].tolist(), strict=True):
        if sound not in given:
            given.add(sound)
            fresh.append(place)
    kept = np.array(fresh, np.int64)
    return Candidates(owners[kept], segments[kept], windows[kept], scores[kept])


class Pool:
    """Ranked sounds, fetched as far as they are wanted.

    Args:
        k: how many there will be in the answer.
        whole: never less than all of what was fetched: its order is not to be trusted.
    """

    def __init__(self, ranked: Iterator[Candidates], k: int, *, whole: bool) -> None:
        self._ranked = ranked
        self._k = k
        self._whole = whole
        self._fetched = next(ranked)
        self.empty = False  # nothing is left to be fetched

    def first(self, count: int) -> Candidates:
        """As many as there are, up to ``count``, and who could be among the first ``k`` but for rounding."""
        while len(self._fetched) <= max(count, self._near()) and not self.empty:
            part = next(self._ranked, None)
            if part is None:
                self.empty = True
            else:
                self._fetched += part
        return self._fetched if self._whole else self._fetched[: max(count, self._near())]

    def _near(self) -> int:
        """How many are not clearly worse than the k-th, within reason."""
        if len(self._fetched) < self._k:
            return 0
        scores = self._fetched.scores
        near = int(np.count_nonzero(scores >= float(scores[self._k - 1]) - ROUNDING))
        return min(near, self._k + MOST_TIED)
