"""Two sounds' aspects and scores → two or three sentences that say why they match and where they differ. Pure.

The wording is stable: it is part of the interface. All the hits of an answer are explained at once.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from timbred_indexer.aspects import PITCH_NAMES, WEIGHTS, value

Traits = NDArray[np.float64]
"""What of segments is compared in words, (n, TRAITS) or (TRAITS,); see :func:`traits`."""

Sentences = tuple[str, ...]

_SUBJECTS: Final = {
    "mfcc": "timbre",
    "chroma": "pitch content",
    "spectral_contrast": "balance of tone and noise",
    "rhythm": "rhythm",
    "zcr": "noisiness",
    "rms": "envelope",
    "onset_shape": "onset",
    "course_shape": "course over time",
    "level_shape": "loudness curve",
    "spectral_shape": "spectrum",
    "fundamental": "pitch",
    "harmonics": "balance of the harmonics",
    "modulation": "movement",
}
"""``kind`` is not among them: it weighs the others."""

_SIMILAR: Final = 0.4
_GRADES: Final = ((_SIMILAR, "similar"), (0.7, "very similar"), (0.9, "nearly the same"))
"""Cosine from which a grade is given; below the first one an aspect is no reason."""
_BOUNDS: Final = tuple(least for least, _ in _GRADES)

_STEADY: Final = 0.3
"""Confidence from which a tempo is named."""

_TONAL: Final = 0.35
"""Prominence from which a pitch class is named."""

_PITCHED: Final = 0.8
"""Clarity from which a sound has a pitch that is compared."""

_INTERVALS: Final = (
    "a semitone",
    "a tone",
    "a minor third",
    "a major third",
    "a fourth",
    "a tritone",
    "a fifth",
    "a minor sixth",
    "a major sixth",
    "a minor seventh",
    "a major seventh",
    "an octave",
)
"""By semitones, from 1."""

_ON_PITCH: Final = tuple(f"Both are strongest on {name}." for name in PITCH_NAMES)

NOT_HEARD: Final = "CLAP has not heard this one yet."

_CLOSE: Final = 0.98
"""Share of a library's pairs that have to be less alike for two sounds to be called close."""

_NAMES: Final = tuple(WEIGHTS)
_KIND: Final = _NAMES.index("kind")
_THOUSANDTHS: Final = 1000 * np.array(list(WEIGHTS.values()))


class _Contrast(NamedTuple):
    """One way of differing, in steps that a listener notices."""

    aspect: str
    value: str
    step: float
    more: str
    less: str


_CONTRASTS: Final = (
    _Contrast("spectral_contrast", "mean_brightness", 0.35, "brighter", "darker"),
    _Contrast("rms", "decay", 0.7, "longer in its decay", "shorter in its decay"),
    _Contrast("rms", "attack", 1.0, "slower in its attack", "faster in its attack"),
    _Contrast("spectral_contrast", "mean_flatness", 3.0, "noisier", "more tonal"),
    _Contrast("zcr", "mean_rate", 0.6, "rougher", "smoother"),
)
_DECAY, _ATTACK, _TEMPO, _PITCH, _SEMITONE = 1, 2, 5, 6, 7  # places in a row of traits, after those of the contrasts

TRAITS: Final = 8
"""Columns of :data:`Traits`."""

_SAME: Final = np.array([0.5, 0.5, 0.5, 0.5, 0.5, 0.045, 0.5, 0.5])
"""Below it two traits are one. Of a tempo 3 %, a step of its grid."""

UNKNOWN: Final[Traits] = np.array([0.0] * len(_CONTRASTS) + [math.nan] * (TRAITS - len(_CONTRASTS)))


def traits(aspects: Mapping[str, bytes]) -> Traits:
    """What reasons need of a segment's raw values (``aspects`` BLOBs).

    Returns:
        (TRAITS,): the contrasts in their steps, the tempo in octaves, pitch class and pitch in semitones. NaN where the
        sound has no steady tempo, no pitch class that stands out, no clear pitch.
    """
    bpm, pitch_class = value(aspects, "rhythm", "bpm"), value(aspects, "chroma", "strongest")
    steady = bpm > 0 and value(aspects, "rhythm", "confidence") >= _STEADY
    tonal = value(aspects, "chroma", "prominence") >= _TONAL
    pitched = value(aspects, "fundamental", "clarity") >= _PITCHED
    return np.array(
        [
            *(value(aspects, contrast.aspect, contrast.value) / contrast.step for contrast in _CONTRASTS),
            math.log2(bpm) if steady else math.nan,
            round(pitch_class) if tonal else math.nan,
            12 * value(aspects, "fundamental", "octave") if pitched else math.nan,
        ]
    )


def agreement(librosa: float, clap: float) -> str:
    """Which space finds two sounds close.

    Args:
        librosa: the share of the library's pairs that are less alike by their descriptors; ``clap``: by CLAP.
    """
    if librosa >= _CLOSE and clap >= _CLOSE:
        return "CLAP and the descriptors agree that the two are close."
    if clap >= _CLOSE:
        return "CLAP hears the same kind of sound, though the descriptors differ more."
    if librosa >= _CLOSE:
        return "The descriptors are close, though CLAP hears another kind of sound."
    return "Neither CLAP nor the descriptors find the two very close; nothing closer was found."


def words(place: int) -> Sentences:
    """Why words found a sound: there is nothing to measure but CLAP's order.

    Args:
        place: in the answer, from 1.
    """
    return ("CLAP finds it nearest to the words.",) if place == 1 else ("CLAP finds it near the words.",)


def reasons(query: Traits, hits: Traits, scores: NDArray[np.floating]) -> list[Sentences]:
    """Why each of the ``hits`` was found for ``query``, strongest reason first.

    Args:
        query: of the segment asked about, (TRAITS,), or (n, TRAITS): one for each hit.
        hits: (n, TRAITS), of the segments found.
        scores: (n, n_aspects), the cosine of each aspect, in the registry's order.

    Returns:
        Two or three sentences each: what made the match, a fact that both share if there is one, what differs most.
    """
    apart = hits - query
    size = np.abs(apart)
    columns = (
        scores.tolist(),
        _strongest(scores).tolist(),
        (size < _SAME).tolist(),
        hits.tolist(),
        apart.tolist(),
        size[:, : len(_CONTRASTS)].argmax(axis=1).tolist(),
    )
    return [
        _sentences(_matching(row, best), _shared(same, hit, steps), _difference(steps, contrast))
        for row, best, same, hit, steps, contrast in zip(*columns, strict=True)
    ]


def _sentences(match: str, shared: str, difference: str) -> Sentences:
    return (match, shared, difference) if shared else (match, difference)


def _strongest(scores: NDArray[np.floating]) -> NDArray[np.intp]:
    """The two aspects, by number, that gave the most of each similarity, (n, 2).

    ``kind`` stands where there are not so many, and never where there are.
    """
    losses = np.where(scores >= _SIMILAR, -np.floor(_THOUSANDTHS * scores + 0.5), 2.0)
    losses[:, _KIND] = 1.0
    return losses.argsort(axis=1, kind="stable")[:, :2]  # of equal ones the registry's first


def _matching(scores: list[float], strongest: list[int]) -> str:
    first, second = strongest
    return _match(first, second, bisect_right(_BOUNDS, scores[first]), bisect_right(_BOUNDS, scores[second]))


@lru_cache(maxsize=4096)
def _match(first: int, second: int, grade: int, other: int) -> str:
    """The sentence about the two strongest aspects, by number, and how many of the grades' bounds they reach."""
    if not grade:
        return "The two have little in common; nothing closer was found."
    if first == _KIND:
        return "The two are alike as a whole, though in no single aspect."
    sentence = f"The {_SUBJECTS[_NAMES[first]]} is {_GRADES[grade - 1][1]}"
    if second == _KIND:
        return f"{sentence}."
    if grade == other:
        return f"{sentence}, and so is the {_SUBJECTS[_NAMES[second]]}."
    return f"{sentence}, and the {_SUBJECTS[_NAMES[second]]} is {_GRADES[other - 1][1]}."


def _shared(same: list[bool], hit: list[float], apart: list[float]) -> str:
    """A tempo (the one that was asked about), a pitch class, or the attack and decay, that both have."""
    if same[_TEMPO]:
        return f"Both run at about {2 ** (hit[_TEMPO] - apart[_TEMPO]):.0f} BPM."
    if same[_PITCH]:
        return _ON_PITCH[int(hit[_PITCH])]
    return "Attack and decay are the same." if same[_ATTACK] and same[_DECAY] else ""


def _difference(apart: list[float], contrast: int) -> str:
    """What a listener would notice first: an interval, and the greatest of the other differences."""
    semitones, steps = apart[_SEMITONE], apart[contrast]
    interval = 0 if math.isnan(semitones) else round(semitones)
    return _difference_of(interval, contrast, int(max(-2.0, min(2.0, steps))))


@lru_cache(maxsize=4096)
def _difference_of(semitones: int, contrast: int, steps: int) -> str:
    """The sentence about an interval and a contrast, by number, that many whole steps apart."""
    found = [_interval(semitones)] if semitones else []
    if steps:
        kind = _CONTRASTS[contrast]
        found.append(f"{'clearly' if abs(steps) >= 2 else 'a little'} {kind.more if steps > 0 else kind.less}")
    if not found:
        return "Nothing in its brightness, noise, attack or decay differs much."
    return f"This one is {' and '.join(found)}."


def _interval(semitones: int) -> str:
    direction = "higher" if semitones > 0 else "lower"
    if abs(semitones) > len(_INTERVALS):
        return f"more than an octave {direction}"
    return f"{_INTERVALS[abs(semitones) - 1]} {direction}"
