"""Scored sounds → hits: what answers show of them, with reasons."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from timbred_indexer import aspects, explain
from timbred_indexer.cards import Card
from timbred_indexer.explain import Sentences
from timbred_indexer.model import SoundId
from timbred_indexer.query import Window
from timbred_indexer.ranking import Blend
from timbred_indexer.scoring import Doubles, Scored
from timbred_indexer.stretches import Stretches


class Hit(NamedTuple):
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
    reasons: Sentences
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Hits:
    """The sounds of an answer, by falling similarity: column by column as they are made, or one :class:`Hit` at a time.

    Attributes:
        scores: (n, 3) float64: similarity, CLAP's score, librosa's score; NaN for None.
        aspects: (n, n_aspects) float64, or (n, 0).
        bounds: (n, 2) float64: start and end.
    """

    sounds: Sequence[SoundId]
    shown: Sequence[bytes]
    scores: Doubles
    aspects: Doubles
    reasons: Sequence[Sentences]
    bounds: Doubles

    def __len__(self) -> int:
        return len(self.sounds)

    def __getitem__(self, place: int) -> Hit:
        similarity, clap, librosa = (None if math.isnan(score) else score for score in self.scores[place].tolist())
        return Hit(
            self.sounds[place],
            self.shown[place],
            similarity or 0.0,
            librosa,
            clap,
            self.aspects[place].tolist(),
            self.reasons[place],
            *self.bounds[place].tolist(),
        )

    def __iter__(self) -> Iterator[Hit]:
        return map(self.__getitem__, range(len(self)))

    def part(self, part: slice) -> Hits:
        return Hits(
            self.sounds[part],
            self.shown[part],
            self.scores[part],
            self.aspects[part],
            self.reasons[part],
            self.bounds[part],
        )


NOTHING = Hits((), (), np.empty((0, 3)), np.empty((0, len(aspects.WEIGHTS))), (), np.empty((0, 2)))


def explain_all(
    found: Scored,
    cards: Mapping[SoundId, Card],
    stretches: Stretches,
    asked: Sequence[Sequence[Window]],
    blend: Blend | None,
) -> Hits:
    """Hits of what was found, with reasons.

    Args:
        stretches: of the segments found.
        asked: the windows of each question.
    """
    if not len(found):
        return NOTHING
    sounds: list[SoundId] = found.sounds.tolist()
    shown = [cards[sound].shown for sound in sounds]
    pairs: list[tuple[int, int]] = found.ids[:, :2].tolist()
    windows = [asked[question][window] for question, window in pairs]
    if not found.vectors.shape[1]:
        places = np.arange(len(found)) - np.searchsorted(found.questions, found.questions)
        why = [explain.words(place + 1) for place in places.tolist()]
        return Hits(sounds, shown, found.scores, np.empty((len(found), 0)), why, stretches.bounds)
    own = np.frombuffer(b"".join([window.librosa or b"" for window in windows]), "<f4").reshape(len(windows), -1)
    traits = np.concatenate([window.traits for window in windows]).reshape(len(windows), -1)
    # Not reweighted: what the sounds are is the same for whatever weights.
    cosines = aspects.cosines(own, found.vectors).astype(np.float64).round(4)
    why = explain.reasons(traits, stretches.traits, cosines)
    return Hits(sounds, shown, found.scores, cosines, _with_agreement(why, found, blend), stretches.bounds)


def _with_agreement(reasons: list[Sentences], found: Scored, blend: Blend | None) -> list[Sentences]:
    """Where both spaces were asked, which of them spoke for it stands in place of a shared detail."""
    if blend is None:
        return reasons
    _, clap, librosa = found.scores.T
    close, near = blend.calibration.shares_below(librosa=librosa, clap=clap)
    spoke = zip(np.isnan(clap).tolist(), close.tolist(), near.tolist(), strict=True)
    said = [explain.NOT_HEARD if unheard else explain.agreement(own, other) for unheard, own, other in spoke]
    return [(why[0], space, why[-1]) for why, space in zip(reasons, said, strict=True)]
