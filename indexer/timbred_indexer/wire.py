"""What the daemon and its analysis workers say to each other. Pure: values in, values out; ``frames`` has the bytes.

A job knows how its result is read, and what a worker answers is checked field by field before it is believed. The jobs
of other kinds of workers stand elsewhere (``clap.messages``); the replies are the same for all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Final, Generic, Literal, Protocol, TypeVar, cast

import numpy as np

from timbred_indexer.errors import (
    InputError,
    RequestError,
    TimbredError,
    TransientInputError,
    UnavailableError,
    WorkerError,
)
from timbred_indexer.frames import (
    MAX_TEXT,
    frame,
    malformed,
    optional_seconds,
    read_blob,
    read_count,
    read_flag,
    read_floats,
    read_items,
    read_seconds,
    read_text,
    unframe,
)
from timbred_indexer.model import AnalysedSegment, Analysis, Seconds

Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)

Fill = Literal["repeatpad", "repeat", "pad"]
"""How a sound under 10 s becomes 10 s for CLAP: whole repeats and then silence, repeats to the end, or silence."""

FILLS: Final[tuple[Fill, ...]] = ("repeatpad", "repeat", "pad")

FEATURE_SHAPE: Final = (1001, 64)
"""Frames and mel bands of 10 s, as CLAP takes them."""

FEATURES: Final = 1
"""Raised by hand when their arithmetic changes: the vectors that are made of them change with it."""

FEATURE_BYTES: Final = FEATURE_SHAPE[0] * FEATURE_SHAPE[1] * 4

MAX_STRETCHES: Final = 32
"""Of one job: together 8 MB of features."""

_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")

# A StorageError stops the daemon: it is not a worker's to raise, and travels as WorkerError. A more special class
# stands before its base.
_BRANCHES: tuple[tuple[str, type[TimbredError]], ...] = (
    ("transient", TransientInputError),
    ("input", InputError),
    ("request", RequestError),
    ("unavailable", UnavailableError),
    ("worker", WorkerError),
)


class Job(Protocol[Result_co]):
    """What a worker can be asked to do."""

    @property
    def deadline(self) -> Seconds:
        """Seconds the worker may spend, counted from when it gets the job (waiting for a worker is free)."""
        ...

    def encode(self) -> bytes:
        """The job as one frame."""
        ...

    def read(self, value: object) -> Result_co:
        """The result, from what a worker says it is.

        Raises:
            WorkerError: it is no result of this job, down to each field's type and range.
        """
        ...


def deadline_for(size: int) -> Seconds:
    """How long one file may take: a floor for the smallest, then by length (a byte of flac is a lot of sound)."""
    return Seconds(60.0 + size / 200_000)


@dataclass(frozen=True, slots=True)
class AnalyseJob:
    """One file to analyse.

    Attributes:
        path: absolute, as the file system has it.
        start: where to begin, in seconds into the file; None is its beginning.
        end: where to stop, in seconds into the file; None is its end.
        deadline: seconds the worker may spend.
    """

    KIND: ClassVar[str] = "analyse"

    path: bytes
    start: Seconds | None
    end: Seconds | None
    deadline: Seconds

    def encode(self) -> bytes:
        return frame([self.KIND, self.path, self.start, self.end, self.deadline])

    def read(self, value: object) -> Analysis:
        return _to_analysis(value)


@dataclass(frozen=True, slots=True)
class FeaturesJob:
    """Stretches of one file whose CLAP features are wanted.

    Attributes:
        path: absolute, as the file system has it.
        stretches: (start, end) in seconds into the untrimmed file, at most 10 s each, at most ``MAX_STRETCHES``.
        fill: how a stretch under 10 s becomes one of 10 s.
        deadline: seconds the worker may spend.
    """

    KIND: ClassVar[str] = "features"

    path: bytes
    stretches: tuple[tuple[Seconds, Seconds], ...]
    fill: Fill
    deadline: Seconds

    def encode(self) -> bytes:
        return frame([self.KIND, self.path, [list(stretch) for stretch in self.stretches], self.fill, self.deadline])

    def read(self, value: object) -> tuple[bytes, ...]:
        """(1001, 64) little-endian float32 a stretch, finite, in the stretches' order."""
        return tuple(map(read_features, read_items(value, len(self.stretches))))


@dataclass(frozen=True, slots=True)
class Ready:
    """The worker has loaded what it needs and takes jobs."""


@dataclass(frozen=True, slots=True)
class Done(Generic[Result]):
    """A job's result. ``rss``: the worker's resident bytes after it."""

    result: Result
    rss: int


@dataclass(frozen=True, slots=True)
class Failed:
    """A job's (or the start's) error; the worker itself is well. ``rss``: its resident bytes."""

    error: TimbredError
    rss: int


def decode_job(body: bytes) -> AnalyseJob | FeaturesJob:
    """Read a job of an analysis worker.

    Raises:
        WorkerError: the body is not one.
    """
    match read_items(unframe(body)):
        case [AnalyseJob.KIND, path, start, end, deadline]:
            return AnalyseJob(read_blob(path), optional_seconds(start), optional_seconds(end), read_seconds(deadline))
        case [FeaturesJob.KIND, path, stretches, fill, deadline]:
            return FeaturesJob(read_blob(path), _to_stretches(stretches), read_fill(fill), read_seconds(deadline))
        case _:
            raise malformed("unknown kind of job")


def encode_reply(reply: Ready | Done[object] | Failed) -> bytes:
    """A reply as one frame; a result must already be in the shape in which it travels.

    Raises:
        WorkerError: it is over ``MAX_FRAME``.
    """
    match reply:
        case Ready():
            return frame(["ready"])
        case Done(result, rss):
            return frame(["done", result, rss])
        case Failed(error, rss):
            return frame(["failed", _from_error(error), rss])


def decode_reply(body: bytes, job: Job[Result]) -> Done[Result] | Failed:
    """Read the reply to a job.

    Raises:
        WorkerError: the body is not one, down to each field's type and range.
    """
    match read_items(unframe(body)):
        case ["done", result, rss]:
            return Done(job.read(result), read_count(rss))
        case ["failed", error, rss]:
            return Failed(_to_error(error), read_count(rss))
        case _:
            raise malformed("unknown kind of reply")


def decode_greeting(body: bytes) -> Ready | Failed:
    """Read a worker's first words.

    Raises:
        WorkerError: the body is neither a greeting nor the reason why there is none.
    """
    match read_items(unframe(body)):
        case ["ready"]:
            return Ready()
        case ["failed", error, rss]:
            return Failed(_to_error(error), read_count(rss))
        case _:
            raise malformed("the first words are not a greeting")


def from_analysis(analysis: Analysis) -> list[object]:
    """An analysis in the shape in which it travels."""
    return [
        float(analysis.duration),
        int(analysis.sample_rate),
        int(analysis.channels),
        analysis.format,
        [[float(s.start), float(s.end), dict(s.aspects), s.vector] for s in analysis.segments],
        analysis.cut_short,
        analysis.version,
    ]


def read_fill(value: object) -> Fill:
    """A rule for short sounds; WorkerError if it is none."""
    for fill in FILLS:
        if value == fill:
            return fill
    raise malformed("unknown rule for short sounds")


def read_features(value: object) -> bytes:
    """The CLAP features of one stretch; WorkerError if they are not ``FEATURE_BYTES`` of finite float32."""
    data = read_blob(value)
    if len(data) != FEATURE_BYTES or not np.isfinite(np.frombuffer(data, "<f4")).all():
        raise malformed("features are missing, of the wrong size or not finite")
    return data


def _to_stretches(value: object) -> tuple[tuple[Seconds, Seconds], ...]:
    pairs = [read_items(pair, 2) for pair in read_items(value)]
    stretches = tuple((read_seconds(start), read_seconds(end)) for start, end in pairs)
    if not 0 < len(stretches) <= MAX_STRETCHES or any(start >= end for start, end in stretches):
        raise malformed("stretches are missing, too many or empty")
    return stretches


def _to_analysis(value: object) -> Analysis:
    duration, sample_rate, channels, format_, segments, cut_short, version = read_items(value, 7)
    return Analysis(
        duration=read_seconds(duration),
        sample_rate=read_count(sample_rate),
        channels=read_count(channels),
        format=read_text(format_),
        segments=tuple(_to_segment(segment) for segment in read_items(segments)),
        cut_short=read_flag(cut_short),
        version=read_text(version),
    )


def _to_segment(value: object) -> AnalysedSegment:
    start, end, aspects, vector = read_items(value, 4)
    if not isinstance(aspects, dict):
        raise malformed("aspects are not a map")
    return AnalysedSegment(
        start=read_seconds(start),
        end=read_seconds(end),
        aspects={read_text(name): read_floats(data) for name, data in cast("dict[object, object]", aspects).items()},
        vector=None if vector is None else read_floats(vector),
    )


def _from_error(error: TimbredError) -> list[object]:
    for branch, kind in _BRANCHES:
        if isinstance(error, kind):
            return [branch, error.code, _sendable(error.message)]
    return ["worker", WorkerError.code, _sendable(f"{type(error).__name__}: {error.message}")]


def _to_error(value: object) -> TimbredError:
    branch, code, message = read_items(value, 3)
    code = read_text(code)
    if _CODE.fullmatch(code) is None:
        raise malformed("an error's code is not one")
    for name, kind in _BRANCHES:
        if branch == name:
            return kind(read_text(message), code=code)
    raise malformed("unknown branch of error")


def _sendable(text: str) -> str:
    """Messages may quote a path with surrogates, which UTF-8 cannot hold."""
    return text[: MAX_TEXT // 8].encode("utf-8", "backslashreplace").decode()
