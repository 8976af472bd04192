"""Two sounds' aspects and scores → two or three sentences that say why they match and where they differ. Pure.

The wording is stable: it is part of the interface.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from timbred_indexer.aspects import PITCH_NAMES, WEIGHTS, value

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

_SAME_ATTACK: Final = 0.5
_SAME_DECAY: Final = 0.35
"""Octaves of time within which two attacks or decays are one."""

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

NOT_HEARD: Final = "CLAP has not heard this one yet."

_CLOSE: Final = 0.98
"""Share of a library's pairs that have to be less alike for two sounds to be called close."""

_NAMES: Final = tuple(WEIGHTS)
_KIND: Final = _NAMES.index("kind")
_THOUSANDTHS: Final = tuple(1000 * weight for weight in WEIGHTS.values())


class Facts(NamedTuple):
    """What of a segment's raw values is compared in words."""

    bpm: float
    confidence: float
    pitch_class: float
    prominence: float
    brightness: float
    decay: float
    attack: float
    flatness: float
    roughness: float
    octave: float
    clarity: float


UNKNOWN: Final = Facts._make([0.0] * len(Facts._fields))


class _Contrast(NamedTuple):
    """One way of differing, in steps that a listener notices."""

    step: float
    more: str
    less: str


_CONTRASTS: Final = (
    _Contrast(0.35, "brighter", "darker"),
    _Contrast(0.7, "longer in its decay", "shorter in its decay"),
    _Contrast(1.0, "slower in its attack", "faster in its attack"),
    _Contrast(3.0, "noisier", "more tonal"),
    _Contrast(0.6, "rougher", "smoother"),
)
"""Of brightness, decay, attack, flatness and roughness."""


def facts(aspects: Mapping[str, bytes]) -> Facts:
    """What reasons need of a segment's raw values (``aspects`` BLOBs)."""
    return Facts(
        bpm=value(aspects, "rhythm", "bpm"),
        confidence=value(aspects, "rhythm", "confidence"),
        pitch_class=value(aspects, "chroma", "strongest"),
        prominence=value(aspects, "chroma", "prominence"),
        brightness=value(aspects, "spectral_contrast", "mean_brightness"),
        decay=value(aspects, "rms", "decay"),
        attack=value(aspects, "rms", "attack"),
        flatness=value(aspects, "spectral_contrast", "mean_flatness"),
        roughness=value(aspects, "zcr", "mean_rate"),
        octave=value(aspects, "fundamental", "octave"),
        clarity=value(aspects, "fundamental", "clarity"),
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


def words(place: int) -> tuple[str, ...]:
    """Why words found a sound: there is nothing to measure but CLAP's order.

    Args:
        place: in the answer, from 1.
    """
    return ("CLAP finds it nearest to the words.",) if place == 1 else ("CLAP finds it near the words.",)


def reasons(query: Facts, hit: Facts, scores: Sequence[float]) -> tuple[str, ...]:
    """Why ``hit`` was found for ``query``, strongest reason first.

    Args:
        query: of the segment asked about.
        hit: of the segment found.
        scores: the cosine of each aspect, in the registry's order.

    Returns:
        Two or three sentences: what made the match, a fact that both share if there is one, what differs most.
    """
    match, shared, difference = _match(*_strongest(scores)), _shared(query, hit), _difference(query, hit)
    return (match, shared, difference) if shared else (match, difference)


def _strongest(scores: Sequence[float]) -> tuple[int, int, int, int]:
    """The two aspects, by number, that gave the most of the similarity, and their grades; 0 is none."""
    first = second = _KIND
    most = next_most = -1
    for place, score in enumerate(scores):
        if score >= _SIMILAR and (gain := int(_THOUSANDTHS[place] * score + 0.5)) > next_most and place != _KIND:
            if gain > most:  # of equal ones the registry's first
                first, most, second, next_most = place, gain, first, most
            else:
                second, next_most = place, gain
    return first, second, _grade(scores[first]), 0 if second == _KIND else _grade(scores[second])


def _grade(score: float) -> int:
    """How many of the grades' bounds it reaches."""
    return bisect_right(_BOUNDS, score)


@lru_cache(maxsize=4096)
def _match(first: int, second: int, grade: int, other: int) -> str:
    if not grade:
        return "The two have little in common; nothing closer was found."
    if first == _KIND:
        return "The two are alike as a whole, though in no single aspect."
    sentence = f"The {_SUBJECTS[_NAMES[first]]} is {_GRADES[grade - 1][1]}"
    if not other:
        return f"{sentence}."
    if grade == other:
        return f"{sentence}, and so is the {_SUBJECTS[_NAMES[second]]}."
    return f"{sentence}, and the {_SUBJECTS[_NAMES[second]]} is {_GRADES[other - 1][1]}."


def _shared(query: Facts, hit: Facts) -> str:
    """A tempo, a pitch class, or the attack and decay, that both have."""
    steady = query.confidence >= _STEADY and hit.confidence >= _STEADY and query.bpm > 0 and hit.bpm > 0
    if steady and abs(math.log2(query.bpm / hit.bpm)) < 0.045:  # 3 %, a step of the tempo grid
        return f"Both run at about {query.bpm:.0f} BPM."
    pitch = round(query.pitch_class)
    tonal = query.prominence >= _TONAL and hit.prominence >= _TONAL
    if tonal and pitch == round(hit.pitch_class):
        return f"Both are strongest on {PITCH_NAMES[pitch]}."
    if abs(hit.attack - query.attack) < _SAME_ATTACK and abs(hit.decay - query.decay) < _SAME_DECAY:
        return "Attack and decay are the same."
    return ""


def _difference(query: Facts, hit: Facts) -> str:
    """What a listener would notice first: an interval, and the greatest of the other differences."""
    apart = (
        (hit.brightness - query.brightness) / _CONTRASTS[0].step,
        (hit.decay - query.decay) / _CONTRASTS[1].step,
        (hit.attack - query.attack) / _CONTRASTS[2].step,
        (hit.flatness - query.flatness) / _CONTRASTS[3].step,
        (hit.roughness - query.roughness) / _CONTRASTS[4].step,
    )
    low, high = min(apart), max(apart)
    steps = high if high >= -low else low
    pitched = query.clarity >= _PITCHED and hit.clarity >= _PITCHED
    semitones = round(12 * (hit.octave - query.octave)) if pitched else 0
    return _difference_of(semitones, apart.index(steps), int(max(-2.0, min(2.0, steps))))


@lru_cache(maxsize=4096)
def _difference_of(semitones: int, contrast: int, steps: int) -> str:
    """The sentence about an interval and a contrast, by number, that many whole steps apart."""
    found = [_interval(semitones)] if semitones else []
    if steps:
        _, more, less = _CONTRASTS[contrast]
        found.append(f"{'clearly' if abs(steps) >= 2 else 'a little'} {more if steps > 0 else less}")
    if not found:
        return "Nothing in its brightness, noise, attack or decay differs much."
    return f"This one is {' and '.join(found)}."


def _interval(semitones: int) -> str:
    direction = "higher" if semitones > 0 else "lower"
    if abs(semitones) > len(_INTERVALS):
        return f"more than an octave {direction}"
    return f"{_INTERVALS[abs(semitones) - 1]} {direction}"
