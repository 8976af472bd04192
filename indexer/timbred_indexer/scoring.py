"""Candidates → exact scores of both spaces → hits with reasons."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from timbred_indexer import aspects, explain
from timbred_indexer.cards import Card
from timbred_indexer.index import Ids, Vectors
from timbred_indexer.model import SoundId
from timbred_indexer.query import Window
from timbred_indexer.ranking import Blend, Candidates, Side
from timbred_indexer.stretches import Stretch

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Asked:
    """The sides of one search.

    Attributes:
        librosa: None for words; ``clap``: None where CLAP has nothing to say.
        blend: how the two are fused; None where ``lead`` ranks alone, and the other is only shown.
    """

    librosa: Side | None
    clap: Side | None
    lead: Side
    blend: Blend | None = None

    @property
    def exact(self) -> bool:
        """Whether candidates come by their true scores: from an index that has them, or scored in both spaces."""
        return self.blend is not None or self.lead.view.exact


@dataclass(frozen=True, slots=True)
class Scored:
    """Sounds by falling exact score; (n,) each.

    Attributes:
        windows: the query's, row numbers.
        scores: float64; ``librosa``, ``clap``: NaN where that space says nothing.
        vectors: (n, dim) float32, those of the librosa space; (n, 0) for words.
    """

    sounds: Ids
    segments: Ids
    windows: Ids
    scores: Doubles
    librosa: Doubles
    clap: Doubles
    vectors: Vectors

    def __len__(self) -> int:
        return len(self.sounds)

    def only(self, which: Sequence[bool] | NDArray[np.bool_] | Ids | slice) -> Scored:
        return Scored(
            self.sounds[which],
            self.segments[which],
            self.windows[which],
            self.scores[which],
            self.librosa[which],
            self.clap[which],
            self.vectors[which],
        )


class Hit(NamedTuple):  # made in a third of the time of a frozen dataclass
    """One sound of the answer.

    Attributes:
        shown: what the API says of it (``Card.shown``).
        similarity: in [−1, 1], unclipped; ranks the answer.
        librosa: that space's score; None for a question of words alone.
        clap: likewise; None where CLAP has not heard the sound or the query, or was not asked.
        aspects: the cosine of each, in the registry's order, to four decimals; empty without a librosa score.
        start, end: of the segment that matched best, in seconds into the untrimmed file.
    """

    sound: SoundId
    shown: bytes
    similarity: float
    librosa: float | None
    clap: float | None
    aspects: Sequence[float]
    reasons: tuple[str, ...]
    start: float
    end: float


def rescored(found: Candidates, asked: Asked) -> Scored:
    """By their exact scores: products of the stored vectors, in double precision. Equal ones go by sound."""
    vectors, librosa = _products(asked.librosa, found)
    _, clap = _products(asked.clap, found)
    if asked.blend is not None:
        scores = asked.blend.fuse(librosa, clap).astype(np.float64)
    else:
        scores = librosa if asked.lead is asked.librosa else clap
    order = np.lexsort((found.sounds, -scores))
    known = order[: len(order) - np.count_nonzero(np.isnan(scores))]  # those without a score come last
    return Scored(found.sounds, found.segments, found.windows, scores, librosa, clap, vectors).only(known)


def _products(side: Side | None, found: Candidates) -> tuple[Vectors, Doubles]:
    """The vectors found, and each pair's inner product, in one space; NaN where either has no vector there."""
    if side is None:
        return np.empty((len(found), 0), np.float32), np.full(len(found), np.nan)
    vectors = side.vectors(found.segments)
    # A product at a time, not a matrix's: a score must not depend on what else was found.
    if len(side.asked) == 1:
        return vectors, np.einsum("ij,j->i", vectors.astype(np.float64), side.asked[0])
    return vectors, np.einsum("ij,ij->i", vectors.astype(np.float64), side.asked[found.windows])


def explain_all(
    found: Scored,
    cards: Mapping[SoundId, Card],
    stretches: Sequence[Stretch],
    windows: Sequence[Window],
    asked: Asked,
) -> tuple[Hit, ...]:
    """Hits of what was found, with reasons. ``stretches``: of the segments found."""
    if asked.librosa is None:
        cosines: list[list[float]] = [[]] * len(found)
        reasons = [explain.words(place) for place in range(1, len(found) + 1)]
    else:
        own = _own(windows)
        exact = aspects.cosines(own[0] if len(own) == 1 else own[found.windows], found.vectors).astype(np.float64)
        cosines = np.round(exact, 4).tolist()
        numbers: list[int] = found.windows.tolist()
        asked_about = [windows[number].facts for number in numbers]
        facts = [stretch.facts for stretch in stretches]
        reasons = [explain.reasons(*one) for one in zip(asked_about, facts, cosines, strict=True)]
    sounds: list[SoundId] = found.sounds.tolist()
    scores, librosa, clap = found.scores.tolist(), found.librosa.tolist(), found.clap.tolist()
    return tuple(
        Hit(sound, cards[sound].shown, score, _known(own), _known(other), row, why, stretch.start, stretch.end)
        for sound, score, own, other, row, why, stretch in zip(
            sounds, scores, librosa, clap, cosines, _with_agreement(reasons, found, asked.blend), stretches, strict=True
        )
    )


def _own(windows: Sequence[Window]) -> Vectors:
    """The windows' librosa vectors, not reweighted."""
    return np.frombuffer(b"".join([window.librosa or b"" for window in windows]), "<f4").reshape(len(windows), -1)


def _known(score: float) -> float | None:
    return None if math.isnan(score) else score


def _with_agreement(reasons: list[tuple[str, ...]], found: Scored, blend: Blend | None) -> list[tuple[str, ...]]:
    """Where both spaces were asked, which of them spoke for it stands in place of a shared detail."""
    if blend is None:
        return reasons
    librosa, clap = blend.calibration.shares_below(librosa=found.librosa, clap=found.clap)
    spoke = zip(np.isnan(found.clap).tolist(), librosa.tolist(), clap.tolist(), strict=True)
    said = [explain.NOT_HEARD if unheard else explain.agreement(own, other) for unheard, own, other in spoke]
    return [(why[0], space, why[-1]) for why, space in zip(reasons, said, strict=True)]
