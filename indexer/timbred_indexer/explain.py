"""Two sounds' aspects and scores → two or three sentences that say why they match and where they differ. Pure.

The wording is stable: it is part of the interface.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, NamedTuple

from timbred_indexer.aspects import ASPECTS, PITCH_NAMES, value

Aspects = Mapping[str, bytes]

_SUBJECTS: Final = {
    "mfcc": "timbre",
    "chroma": "pitch content",
    "spectral_contrast": "balance of tone and noise",
    "rhythm": "rhythm",
    "zcr": "noisiness",
    "rms": "envelope",
}

_GRADES: Final = ((0.9, "nearly the same"), (0.7, "very similar"), (0.4, "similar"))
"""Cosine from which a grade is given; below the last one an aspect is no reason."""

_STEADY: Final = 0.3
"""Confidence from which a tempo is named."""

_TONAL: Final = 0.35
"""Prominence from which a pitch class is named."""


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
    gains = [(aspect.weight * scores[aspect.name], aspect.name) for aspect in ASPECTS if aspect.name in scores]
    strong = [name for _, name in sorted(gains, reverse=True) if _grade(scores[name]) and name in _SUBJECTS][:2]
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
    return next((words for least, words in _GRADES if score >= least), "")


def _shared(query: Aspects, hit: Aspects) -> str:
    """A tempo or a pitch class that both have."""
    bpm, other = value(query, "rhythm", "bpm"), value(hit, "rhythm", "bpm")
    steady = min(value(query, "rhythm", "confidence"), value(hit, "rhythm", "confidence")) >= _STEADY
    if steady and min(bpm, other) > 0 and abs(math.log2(bpm / other)) < 0.045:  # 3 %, a step of the tempo grid
        return f"Both run at about {bpm:.0f} BPM."
    pitch = round(value(query, "chroma", "strongest"))
    tonal = min(value(query, "chroma", "prominence"), value(hit, "chroma", "prominence")) >= _TONAL
    if tonal and pitch == round(value(hit, "chroma", "strongest")):
        return f"Both are strongest on {PITCH_NAMES[pitch]}."
    return ""


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
    """What a listener would notice first."""
    apart = [
        ((value(hit, c.aspect, c.field) - value(query, c.aspect, c.field)) / c.step, c.more, c.less) for c in _CONTRASTS
    ]
    steps, more, less = max(apart, key=lambda item: abs(item[0]))
    if abs(steps) < 1:
        return "Nothing in its brightness, noise, attack or decay differs much."
    words = more if steps > 0 else less
    return f"This one is {'clearly' if abs(steps) >= 2 else 'a little'} {words}."
