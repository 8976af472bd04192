"""What a search is asked: the query's windows, what may be found, how it is weighed. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from timbred_indexer.model import AnalysedSegment, Seconds, SoundId

MAX_WINDOWS = 36  # of a long query: more cost time and hardly change the answer


@dataclass(frozen=True, slots=True)
class Filter:
    """What may be found. ``folder`` is an absolute path: that directory and everything below it."""

    folder: bytes | None = None
    min_duration: Seconds | None = None
    max_duration: Seconds | None = None

    def __bool__(self) -> bool:
        return self != Filter()


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for.

    Attributes:
        segments: the query's windows, each with a vector; none for silence.
        sound: left out of the answer: the query itself, and so its copies.
    """

    segments: tuple[AnalysedSegment, ...]
    sound: SoundId | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """How it is asked. ``weights``: aspect name → weight, for this query only; empty means the defaults."""

    k: int = 10
    min_similarity: float = -1.0
    filter: Filter = field(default_factory=Filter)
    weights: Mapping[str, float] = field(default_factory=dict[str, float])


def choose_windows(segments: tuple[AnalysedSegment, ...]) -> tuple[list[AnalysedSegment], list[str]]:
    """At most :data:`MAX_WINDOWS` evenly spaced windows, and the sentences the answer has to say about it."""
    windows = [segment for segment in segments if segment.vector is not None]
    if not windows:
        return [], ["The query is silent, and nothing is similar to silence."]
    if len(windows) <= MAX_WINDOWS:
        return windows, []
    step = (len(windows) - 1) / (MAX_WINDOWS - 1)
    chosen = [windows[round(index * step)] for index in range(MAX_WINDOWS)]
    return chosen, [f"The query is long: {MAX_WINDOWS} of its {len(windows)} windows were compared, evenly spaced."]
