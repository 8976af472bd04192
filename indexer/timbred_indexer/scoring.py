"""Candidates → exact scores of both spaces → each question's sounds in order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from operator import add

import numpy as np
from numpy.typing import NDArray

from timbred_indexer.index import Ids, Mask, Vectors
from timbred_indexer.ranking import SPARE, Blend, Candidates, Scores, Side, find, find_both

Doubles = NDArray[np.float64]

ROUNDING = 1e-5  # how far two computations of one score may lie apart


@dataclass(frozen=True, slots=True)
class Asked:
    """The sides of one search.

    Attributes:
        librosa: None for words; ``clap``: None where CLAP has nothing to say.
        own: (n_questions,) int64, the sound that each leaves out; −1 for none.
        blend: how the two are fused; None where ``lead`` ranks alone, and the other is only shown.
    """

    librosa: Side | None
    clap: Side | None
    lead: Side
    own: Ids
    blend: Blend | None = None

    @property
    def exact(self) -> bool:
        """Whether every index that is asked has true scores."""
        sides = (self.librosa, self.clap) if self.blend is not None else (self.lead,)
        return all(side.view.exact for side in sides if side is not None)

    def only(self, questions: Ids) -> Asked:
        librosa, clap = (None if side is None else side.only(questions) for side in (self.librosa, self.clap))
        lead = librosa if self.lead is self.librosa else clap
        assert lead is not None
        return Asked(librosa, clap, lead, self.own[questions], self.blend)

    def find(self, depth: int, allowed: Mask | None, *, all: bool) -> Candidates:
        """The ``depth`` nearest in each space that ranks. ``all``: that will be all, whatever it scores."""
        if self.blend is not None and self.librosa is not None and self.clap is not None:
            return find_both(self.librosa, self.clap, self.blend, depth, allowed, all=all)
        return find(self.lead, self.clap if self.lead is self.librosa else self.librosa, depth, allowed)


@dataclass(frozen=True, slots=True)
class Scored:
    """Sounds by question, then by falling exact score.

    Attributes:
        ids: (n, 4) int64: the question's and the window's number, the segment and its sound.
        scores: (n, 3) float64: as they rank, CLAP's and librosa's; NaN where a space says nothing.
        vectors: (n, dim) float32, those of the librosa space; (n, 0) for words.
    """

    ids: Ids
    scores: Doubles
    vectors: Vectors

    @property
    def questions(self) -> Ids:
        return self.ids[:, 0]

    @property
    def segments(self) -> Ids:
        return self.ids[:, 2]

    @property
    def sounds(self) -> Ids:
        return self.ids[:, 3]

    def __len__(self) -> int:
        return len(self.ids)

    def __add__(self, other: Scored) -> Scored:
        return Scored(
            np.concatenate([self.ids, other.ids]),
            np.concatenate([self.scores, other.scores]),
            np.concatenate([self.vectors, other.vectors]),
        )

    def only(self, which: NDArray[np.bool_] | Ids) -> Scored:
        return Scored(self.ids[which], self.scores[which], self.vectors[which])

    def renumbered(self, questions: Ids) -> Scored:
        """Question by question with another number."""
        return Scored(np.column_stack([questions[self.questions], self.ids[:, 1:]]), self.scores, self.vectors)

    def first(self, k: int) -> Scored:
        """Of each question the ``k`` best."""
        questions = self.questions
        if not len(self) or questions[0] == questions[-1]:
            return Scored(self.ids[:k], self.scores[:k], self.vectors[:k])
        return self.only(np.arange(len(self)) - np.searchsorted(questions, questions) < k)

    def ends(self, questions: int) -> list[int]:
        """Where each question's part begins, and where the last one's ends; (questions + 1,)."""
        return np.searchsorted(self.questions, np.arange(questions + 1)).tolist()


def score(found: Candidates, asked: Asked) -> Scored:
    """Each question's sounds by their best pair, but its own one.

    Scores are products of the stored vectors, in double precision. Equal ones go by sound.
    """
    librosa, clap = (found.lead, found.other) if asked.lead is asked.librosa else (found.other, found.lead)
    scores = np.empty((len(found.segments), 3))
    scores[:, 1] = _products(asked.clap, clap, found)
    scores[:, 2] = _products(asked.librosa, librosa, found)
    if asked.blend is not None:
        scores[:, 0] = asked.blend.fuse(scores[:, 2], scores[:, 1])
    else:
        scores[:, 0] = scores[:, 2] if asked.lead is asked.librosa else scores[:, 1]
    ids = np.empty((len(scores), 4), np.int64)
    for column, values in enumerate(
        (found.questions, found.windows, found.segments, asked.lead.view.sounds(found.segments))
    ):
        ids[:, column] = values
    best = _best_of_each(ids, scores[:, 0], asked.own)
    return Scored(ids.take(best, axis=0), scores.take(best, axis=0), librosa.take(best, axis=0))


def _products(side: Side | None, vectors: Vectors, found: Candidates) -> Doubles | float:
    """Each pair's inner product in one space; NaN where either has no vector there."""
    if side is None:
        return math.nan
    # A product at a time, not a matrix's: a score must not depend on what else was found.
    if side.asked.shape[1] > 1:
        return np.einsum("ij,ij->i", vectors.astype(np.float64), side.asked[found.questions, found.windows])
    products = np.empty(len(vectors))
    for question, part in enumerate(found.parts):  # question by question: the processor's cache holds that much
        products[part] = np.einsum("ij,j->i", vectors[part].astype(np.float64), side.asked[question, 0])
    return products


def _best_of_each(ids: Ids, scores: Doubles, own: Ids) -> Ids:
    """The row numbers of each question's sounds, each with its best pair, by falling score; none without a score."""
    order = np.lexsort((ids[:, 2], ids[:, 3], -scores, ids[:, 0]))
    questions, sounds = ids[:, 0].take(order), ids[:, 3].take(order)
    # A sound's pairs of one question side by side, the best one first.
    beside = np.lexsort((sounds, questions))
    again = (np.diff(questions[beside]) == 0) & (np.diff(sounds[beside]) == 0)
    best = np.ones(len(order), np.bool_)
    best[beside[1:]] = ~again
    return order[best & (sounds != own.take(questions)) & ~np.isnan(scores.take(order))]


def in_order(parts: Sequence[Scored]) -> Scored:
    """Answers to different questions, by question."""
    together = reduce(add, parts)
    return together.only(together.questions.argsort(kind="stable"))


def enough(scored: Scored, bounds: Scores, k: int, *, exact: bool) -> NDArray[np.bool_]:
    """Of which questions ``k`` sounds are found that nothing unseen can beat; (n_questions,).

    Args:
        bounds: see :class:`Candidates`.
        exact: whether the bounds are true; what an approximate index says needs some to spare.
    """
    least, spare = (k, ROUNDING) if exact else (k + SPARE + 1, 0.0)
    ends, scores = scored.ends(len(bounds)), scored.scores[:, 0]
    return np.array(
        [
            bound == -math.inf or (start + least <= end and scores[start + least - 1] > bound + spare)
            for bound, (start, end) in zip(bounds.tolist(), pairwise(ends), strict=True)
        ]
    )
