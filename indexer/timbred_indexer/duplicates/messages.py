"""What the daemon and the workers that compare sounds say to each other. Pure: values in, values out."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass
from typing import ClassVar, Final

from timbred_indexer.duplicates.fingerprint import RANGES
from timbred_indexer.frames import frame, malformed, read_blob, read_flag, read_items, read_seconds, unframe
from timbred_indexer.model import Seconds

_WORD_BYTES: Final = 4 * len(RANGES)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Of one sound.

    Attributes:
        start: seconds of silence before its first frame's sound.
        words: (n_frames, 3) little-endian uint32; empty for silence.
    """

    start: Seconds
    words: bytes


@dataclass(frozen=True, slots=True)
class Verdict:
    """What comparing two sounds as waves gave; the fields are those of ``alignment.Comparison``, times in seconds."""

    coherence: float
    closeness: float
    offset: float
    gain: float
    gain_range: float
    inverted: bool
    covered_first: float
    covered_second: float


@dataclass(frozen=True, slots=True)
class FingerprintJob:
    """One file whose fingerprint is wanted. ``deadline``: seconds the worker may spend."""

    KIND: ClassVar[str] = "fingerprint"

    path: bytes
    deadline: Seconds

    def encode(self) -> bytes:
        return frame([self.KIND, self.path, self.deadline])

    def read(self, value: object) -> Fingerprint:
        start, words = read_items(value, 2)
        data = read_blob(words)
        if len(data) % _WORD_BYTES:
            raise malformed("a fingerprint is not made of whole frames")
        return Fingerprint(read_seconds(start), data)


@dataclass(frozen=True, slots=True)
class CompareJob:
    """Two files to be compared as waves.

    Attributes:
        starts: where in each file to begin, in seconds: of long sounds a stretch that both have is compared.
    """

    KIND: ClassVar[str] = "compare"

    first: bytes
    second: bytes
    starts: tuple[Seconds, Seconds]
    deadline: Seconds

    def encode(self) -> bytes:
        return frame([self.KIND, self.first, self.second, list(self.starts), self.deadline])

    def read(self, value: object) -> Verdict:
        *numbers, inverted = read_items(value, 8)
        coherence, closeness, offset, gain, spread, first, second = map(_number, numbers)
        return Verdict(coherence, closeness, offset, gain, spread, read_flag(inverted), first, second)


def decode_job(body: bytes) -> FingerprintJob | CompareJob:
    """Read a job of a worker that compares.

    Raises:
        WorkerError: the body is not one.
    """
    match read_items(unframe(body)):
        case [FingerprintJob.KIND, path, deadline]:
            return FingerprintJob(read_blob(path), read_seconds(deadline))
        case [CompareJob.KIND, first, second, starts, deadline]:
            begin, other = map(read_seconds, read_items(starts, 2))
            return CompareJob(read_blob(first), read_blob(second), (begin, other), read_seconds(deadline))
        case _:
            raise malformed("unknown kind of job")


def from_fingerprint(found: Fingerprint) -> list[object]:
    """A fingerprint in the shape in which it travels."""
    return [float(found.start), found.words]


def from_verdict(found: Verdict) -> list[object]:
    """A verdict in the shape in which it travels."""
    coherence, closeness, offset, gain, spread, inverted, first, second = astuple(found)
    return [coherence, closeness, offset, gain, spread, first, second, inverted]


def _number(value: object) -> float:
    if not isinstance(value, float) or not math.isfinite(value):
        raise malformed("a number is missing or not finite")
    return value
