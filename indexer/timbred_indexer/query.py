"""What a search is asked: the query's windows, what may be found, how it is weighed. Values only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from timbred_indexer.explain import UNKNOWN, Traits, traits
from timbred_indexer.model import AnalysedSegment, SoundId, SpaceName
from timbred_indexer.store.matching import Filter

MAX_WINDOWS = 36  # of a long query: more cost time and hardly change the answer

SPACE_WEIGHTS: Final[Mapping[SpaceName, float]] = {"clap": 0.60, "librosa": 0.40}


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of the sound that is asked about, or words.

    Attributes:
        traits: for reasons; :data:`explain.UNKNOWN` for words.
        librosa: its vector there, float32 BLOB of unit length; None for words.
        clap: likewise; None while CLAP has not heard it.
    """

    traits: Traits
    librosa: bytes | None
    clap: bytes | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for.

    Attributes:
        windows: none for silence.
        sound: left out of the answer: the query itself, and so its copies.
        effort: how much deeper than usual an approximate index has to look; more for what is not a sound as it is.
    """

    windows: tuple[Window, ...]
    sound: SoundId | None = None
    effort: float = 1.0


@dataclass(frozen=True, slots=True)
class Options:
    """How it is asked.

    Attributes:
        weights: aspect name → weight, for this query only; empty means the defaults.
        spaces: space → weight; only their proportion counts.
    """

    k: int = 10
    min_similarity: float = -1.0
    filter: Filter = field(default_factory=Filter)
    weights: Mapping[str, float] = field(default_factory=dict[str, float])
    spaces: Mapping[SpaceName, float] = field(default_factory=lambda: SPACE_WEIGHTS)


def heard(segments: Sequence[AnalysedSegment], clap: Sequence[bytes | None] = ()) -> tuple[Window, ...]:
    """A sound's segments that are not silent, as windows; ``clap``: a vector for each segment, or nothing at all."""
    given = clap or [None] * len(segments)
    return tuple(
        Window(traits(segment.aspects), segment.vector, vector)
        for segment, vector in zip(segments, given, strict=True)
        if segment.vector is not None
    )


@dataclass(frozen=True, slots=True)
class Steering:
    """Words, and what an answer is to lead away from. Vectors are BLOBs of unit length.

    Attributes:
        text: the words' vector in the ``clap`` space.
        text_weight: its share against the sound that is asked about, 0 to 1.
        away: (space → vector) of each thing that is not wanted.
        away_weight: how strongly each is subtracted.
    """

    text: bytes | None = None
    text_weight: float = 0.5
    away: tuple[Mapping[SpaceName, bytes], ...] = ()
    away_weight: float = 0.5


def steer(windows: Sequence[Window], steering: Steering) -> tuple[Window, ...]:
    """The windows moved towards the words and away from what is not wanted; words alone make a window of their own."""
    if not windows and steering.text is not None:
        windows = [Window(UNKNOWN, None, None)]
    return tuple(
        Window(
            window.traits,
            _moved(window.librosa, None, steering, "librosa"),
            _moved(window.clap, steering.text, steering, "clap"),
        )
        for window in windows
    )


def _moved(own: bytes | None, text: bytes | None, steering: Steering, space: SpaceName) -> bytes | None:
    """The weighted sum of vectors of one space, of unit length; None where there is nothing to start from."""
    share = steering.text_weight if own is not None else 1.0
    parts = [(1.0 - share, own), (share, text)] if text is not None else [(1.0, own)]
    start = [weight * np.frombuffer(blob, "<f4").astype(np.float64) for weight, blob in parts if blob is not None]
    if not start:
        return None
    away = [np.frombuffer(other[space], "<f4") for other in steering.away if space in other]
    if not away and text is None:
        return own
    moved = np.sum(start, axis=0) - steering.away_weight * np.sum(away, axis=0) if away else np.sum(start, axis=0)
    length = float(np.linalg.norm(moved))
    return (moved / length).astype("<f4").tobytes() if length > 1e-9 else own or text


def alike(queries: Sequence[Query]) -> list[list[int]]:
    """The numbers of those that can be searched together: of one window each, with vectors in the same spaces."""
    groups: dict[object, list[int]] = {}
    for number, query in enumerate(queries):
        windows = query.windows
        key = (windows[0].librosa is None, windows[0].clap is None, query.effort) if len(windows) == 1 else number
        groups.setdefault(key, []).append(number)
    return list(groups.values())


def choose_windows(windows: tuple[Window, ...]) -> tuple[list[Window], list[str]]:
    """At most :data:`MAX_WINDOWS` evenly spaced windows, and the sentences the answer has to say about it."""
    if not windows:
        return [], ["The query is silent, and nothing is similar to silence."]
    if len(windows) <= MAX_WINDOWS:
        return list(windows), []
    step = (len(windows) - 1) / (MAX_WINDOWS - 1)
    chosen = [windows[round(index * step)] for index in range(MAX_WINDOWS)]
    return chosen, [f"The query is long: {MAX_WINDOWS} of its {len(windows)} windows were compared, evenly spaced."]
