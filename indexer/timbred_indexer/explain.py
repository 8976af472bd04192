"""Two sounds' aspects and scores → two or three sentences that say why they match and where they differ. Pure.

The wording is stable: it is part of the interface.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import islice
from typing import Final, NamedTuple

from timbred_indexer.aspects import PITCH_NAMES, WEIGHTS, value

Aspects = Mapping[str, bytes]

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

_GRADES: Final = ((0.9, "nearly the same"), (0.7, "very similar"), (0.4, "similar"))
"""Cosine from which a grade is given; below the last one an aspect is no reason."""

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


NOT_HEARD: Final = "CLAP has not heard this one yet."

_CLOSE: Final = 0.98
"""Share of a library's pairs that have to be less alike for two sounds to be called close."""


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


def reasons(query: Aspects, hit: Aspects, scores: Mapping[str, float]) -> tuple[str, ...]:
    """Why ``hit`` was found for ``query``, strongest reason first.

    Args:
        query: raw aspects of the segment asked about (``aspects`` BLOBs).
        hit: raw aspects of the segment found.
        scores: aspect → cosine of the two.

    Returns:
        Two or three sentences: what made the match, a fact that both share if there is one, what differs most.
    """
    sentences = [_match(scores), _shared(query, hit), _difference(query, hit)]
    return tuple(sentence for sentence in sentences if sentence)


def _match(scores: Mapping[str, float]) -> str:
    """The two aspects that gave the most of the similarity."""
    gains = {name: round(WEIGHTS[name] * score, 3) for name, score in scores.items()}
    ranked = sorted(gains, key=lambda name: -gains[name])  # equal ones stay in the registry's order
    strong = list(islice((name for name in ranked if name in _SUBJECTS and _grade(scores[name])), 2))
    if not strong and _grade(scores.get("kind", 0.0)):
        return "The two are alike as a whole, though in no single aspect."
    if not strong:
        return "The two have little in common; nothing closer was found."
    first = f"The {_SUBJECTS[strong[0]]} is {_grade(scores[strong[0]])}"
    if len(strong) == 1:
        return f"{first}."
    second, grade = _SUBJECTS[strong[1]], _grade(scores[strong[1]])
    if grade == _grade(scores[strong[0]]):
        return f"{first}, and so is the {second}."
    return f"{first}, and the {second} is {grade}."


def _grade(score: float) -> str:
    for least, words in _GRADES:
        if score >= least:
            return words
    return ""


def _shared(query: Aspects, hit: Aspects) -> str:
    """A tempo, a pitch class, or the attack and decay, that both have."""
    bpm, other = value(query, "rhythm", "bpm"), value(hit, "rhythm", "bpm")
    steady = min(value(query, "rhythm", "confidence"), value(hit, "rhythm", "confidence")) >= _STEADY
    if steady and min(bpm, other) > 0 and abs(math.log2(bpm / other)) < 0.045:  # 3 %, a step of the tempo grid
        return f"Both run at about {bpm:.0f} BPM."
    pitch = round(value(query, "chroma", "strongest"))
    tonal = min(value(query, "chroma", "prominence"), value(hit, "chroma", "prominence")) >= _TONAL
    if tonal and pitch == round(value(hit, "chroma", "strongest")):
        return f"Both are strongest on {PITCH_NAMES[pitch]}."
    if all(abs(value(hit, "rms", field) - value(query, "rms", field)) < step for field, step in _SAME):
        return "Attack and decay are the same."
    return ""


_SAME: Final = (("attack", 0.5), ("decay", 0.35))
"""Octaves of time within which two attacks or decays are one."""


class _Contrast(NamedTuple):
    """One way of differing: how far the hit is from the query, in steps that a listener notices."""

    aspect: str
    field: str
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


def _difference(query: Aspects, hit: Aspects) -> str:
    """What a listener would notice first: an interval, and the greatest of the other differences."""
    apart = [
        ((value(hit, c.aspect, c.field) - value(query, c.aspect, c.field)) / c.step, c.more, c.less) for c in _CONTRASTS
    ]
    steps, more, less = max(apart, key=lambda item: abs(item[0]))
    found = [_interval(query, hit)]
    if abs(steps) >= 1:
        found.append(f"{'clearly' if abs(steps) >= 2 else 'a little'} {more if steps > 0 else less}")
    named = [words for words in found if words]
    if not named:
        return "Nothing in its brightness, noise, attack or decay differs much."
    return f"This one is {' and '.join(named)}."


def _interval(query: Aspects, hit: Aspects) -> str:
    """How much higher or lower the hit is, if both have a clear pitch."""
    if min(value(query, "fundamental", "clarity"), value(hit, "fundamental", "clarity")) < _PITCHED:
        return ""
    semitones = round(12 * (value(hit, "fundamental", "octave") - value(query, "fundamental", "octave")))
    if semitones == 0:
        return ""
    direction = "higher" if semitones > 0 else "lower"
    if abs(semitones) > len(_INTERVALS):
        return f"more than an octave {direction}"
    return f"{_INTERVALS[abs(semitones) - 1]} {direction}"
