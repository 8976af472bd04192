"""Candidates by falling score: from one space, or from both at once. Deepened until no unseen segment can beat them.

The score of two sounds is that of their best pair of query window and segment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from timbred_indexer.calibration import Calibration
from timbred_indexer.index import Ids, Mask, Vectors, get_bits
from timbred_indexer.live import View
from timbred_indexer.model import SegmentId, SoundId
from timbred_indexer.stored import Vector

SPARE = 8  # candidates beyond k that are looked at, at least
DEEPER = 4  # each time the index is asked for so many times more
DEEPEST = 256  # times the first depth: two spaces that contradict each other are not followed for ever

Stored = Callable[[Sequence[SegmentId]], dict[SegmentId, Vector]]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sound by its best pair: the library's ``segment`` and the query's ``window`` (its row number)."""

    sound: SoundId
    segment: SegmentId
    window: int
    score: float


@dataclass(frozen=True, slots=True)
class Blend:
    """How two scores become one. Weights sum to 1; ``calibration`` stands in for a missing CLAP score."""

    clap: float
    librosa: float
    calibration: Calibration

    def fuse(self, librosa: Vectors, clap: Vectors) -> Vectors:
        """Fused scores; where ``clap`` is NaN it is imputed. Both of one shape."""
        together = (self.clap * clap + self.librosa * librosa).astype(np.float32)
        missing = np.isnan(clap)
        if missing.any():
            together[missing] = self.calibration.impute(librosa[missing], self.clap, self.librosa)
        return together


@dataclass(frozen=True, slots=True)
class Side:
    """One space in a search.

    Attributes:
        asked: (n_windows, dim) float32; a row of NaN where the window has no vector in this space.
        stored: vectors of segments, as the database has them.
    """

    view: View
    asked: Vectors
    stored: Stored


def rank(view: View, asked: Vectors, allowed: Mask | None, own: SoundId | None, k: int) -> Iterator[Candidate]:
    """Sounds by falling score in one space, as many as the caller takes.

    Args:
        asked: (n_windows, dim) float32.
        own: this sound is passed over.
        k: how many the caller is likely to take; sets the first depth.
    """
    depth = _first_depth(k, view)
    given = {own}
    while True:
        scores, ids = view.search(asked, depth, allowed)
        complete = depth >= len(view) or bool((ids[:, -1] < 0).all())
        # What no list shows can score at most what the best of the lists ends with.
        bound = -np.inf if complete else float(scores[:, -1].max())
        windows, places = np.nonzero(ids >= 0)
        pairs = _by_score(view, ids[windows, places], windows, scores[windows, places])
        yield from _beyond(pairs, bound, given)
        if complete:
            return
        depth = min(depth * DEEPER, len(view))


def rank_fused(
    librosa: Side, clap: Side, blend: Blend, allowed: Mask | None, own: SoundId | None, k: int
) -> Iterator[Candidate]:
    """Sounds by falling fused score: candidates of both spaces, each scored in both.

    Args:
        librosa: the space every segment is in; ``clap``: the one that may lack some.
        own, k: see :func:`rank`.
    """
    first = depth = _first_depth(k, librosa.view)
    given = {own}
    listening = ~np.isnan(clap.asked[:, 0])
    while True:
        lists = librosa.view.search(librosa.asked, depth, allowed)
        clap_lists = clap.view.search(clap.asked[listening], depth, allowed)
        complete = depth >= len(librosa.view) or bool((lists[1][:, -1] < 0).all())
        segments = _known(librosa.view, lists[1], clap_lists[1])
        scores, segments = _scored(librosa, clap, blend, segments)
        best = scores.argmax(axis=0) if len(scores) and scores.size else np.empty(0, np.int64)
        bound = -np.inf if complete else _bound(lists[0], clap_lists[0], listening, blend)
        if depth >= first * DEEPEST:
            complete, bound = True, -np.inf
        yield from _beyond(_by_score(librosa.view, segments, best, scores[best, range(len(best))]), bound, given)
        if complete:
            return
        depth = min(depth * DEEPER, len(librosa.view))


def _first_depth(k: int, view: View) -> int:
    return min(3 * k + SPARE, max(1, len(view)))


def _known(view: View, *ids: Ids) -> Ids:
    """The segments of all lists that are visible in ``view``: two spaces may be seen at two moments."""
    together = np.unique(np.concatenate([part.ravel() for part in ids]))
    return together[get_bits(view.visible, together)]


def _scored(librosa: Side, clap: Side, blend: Blend, segments: Ids) -> tuple[Vectors, Ids]:
    """(n_windows, n) fused scores, and the n segments that still have a vector."""
    ids = [SegmentId(segment) for segment in segments.tolist()]
    own, other = librosa.stored(ids), clap.stored(ids)
    left = [segment for segment in ids if segment in own]
    if not left:
        return np.empty((len(librosa.asked), 0), np.float32), np.empty(0, np.int64)
    nothing = np.full(clap.asked.shape[1], np.nan, np.float32)
    heard = librosa.asked @ np.stack([own[segment] for segment in left]).T
    seen = clap.asked @ np.stack([other.get(segment, nothing) for segment in left]).T
    return blend.fuse(heard, seen), np.array(left, np.int64)


def _bound(librosa: Vectors, clap: Vectors, listening: NDArray[np.bool_], blend: Blend) -> float:
    """What a segment that is in no list can score at most."""
    last = librosa[:, -1]
    other = np.full(len(last), np.nan, np.float32)
    other[listening] = np.where(np.isneginf(clap[:, -1]), np.nan, clap[:, -1])
    # One that CLAP has heard, and one that it has not.
    return float(max(blend.fuse(last, other).max(), blend.fuse(last, np.full_like(last, np.nan)).max()))


def _by_score(view: View, segments: Ids, windows: NDArray[np.int64], scores: Vectors) -> Iterator[Candidate]:
    """Each pair by falling score; ties by sound, then segment."""
    owners = view.sounds(segments)
    for index in np.lexsort((segments, owners, -scores)):
        yield Candidate(
            SoundId(int(owners[index])), SegmentId(int(segments[index])), int(windows[index]), float(scores[index])
        )


def _beyond(pairs: Iterator[Candidate], bound: float, given: set[SoundId | None]) -> Iterator[Candidate]:
    """Each sound once, while its score is above what is unseen; ``given`` remembers."""
    for candidate in pairs:
        if candidate.score <= bound:
            return
        if candidate.sound not in given:
            given.add(candidate.sound)
            yield candidate
