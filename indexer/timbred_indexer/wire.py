"""What the daemon and its workers say to each other, as bytes. Pure: values in, values out.

A frame is a big-endian 32-bit length and that many bytes of msgpack. A worker has parsed files from anywhere, so
nothing executable crosses (no pickle), and what it answers is checked field by field before it is believed.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import msgpack

from timbred_indexer.errors import InputError, TimbredError, TransientInputError, UnavailableError, WorkerError
from timbred_indexer.model import AnalysedSegment, Analysis, Seconds

MAX_FRAME = 64 * 1024 * 1024
"""Bytes of one frame's body; an hour of sound, at one segment per 10 s, takes well under a tenth of it."""

_LENGTH = struct.Struct("!I")
_MAX_TEXT = 4096
_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")

# A StorageError stops the daemon and a RequestError blames a user: neither is a worker's to raise, so they travel as
# WorkerError. A more special class stands before its base.
_BRANCHES: tuple[tuple[str, type[TimbredError]], ...] = (
    ("transient", TransientInputError),
    ("input", InputError),
    ("unavailable", UnavailableError),
    ("worker", WorkerError),
)

_pack = cast("Callable[[object], bytes]", msgpack.packb)  # pyright: ignore[reportUnknownMemberType]
_unpack = cast("Callable[..., object]", msgpack.unpackb)  # pyright: ignore[reportUnknownMemberType]


@dataclass(frozen=True, slots=True)
class AnalyseJob:
    """One file to analyse.

    Attributes:
        path: absolute, as the file system has it.
        start: where to begin, in seconds into the file; None is its beginning.
        end: where to stop, in seconds into the file; None is its end.
        deadline: seconds the worker may spend, counted from when it gets the job (waiting for a worker is free).
    """

    path: bytes
    start: Seconds | None
    end: Seconds | None
    deadline: Seconds


@dataclass(frozen=True, slots=True)
class Ready:
    """The worker has loaded what it needs and takes jobs."""


@dataclass(frozen=True, slots=True)
class Done:
    """A job's result. ``rss``: the worker's resident bytes after it."""

    analysis: Analysis
    rss: int


@dataclass(frozen=True, slots=True)
class Failed:
    """A job's (or the start's) error; the worker itself is well. ``rss``: its resident bytes."""

    error: TimbredError
    rss: int


Reply = Ready | Done | Failed


class FrameBuffer:
    """Cuts a stream of bytes into frame bodies."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Take what arrived and return the bodies that are now complete.

        Raises:
            WorkerError: the stream announces a frame over ``MAX_FRAME`` (it is not a stream of frames).
        """
        self._bytes += data
        bodies: list[bytes] = []
        while len(self._bytes) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._bytes)
            if length > MAX_FRAME:
                raise _malformed(f"a frame of {length} bytes is announced")
            if len(self._bytes) < _LENGTH.size + length:
                break
            bodies.append(bytes(self._bytes[_LENGTH.size : _LENGTH.size + length]))
            del self._bytes[: _LENGTH.size + length]
        return bodies


def encode_job(job: AnalyseJob) -> bytes:
    """A job as one frame."""
    return _frame(["analyse", job.path, job.start, job.end, job.deadline])


def decode_job(body: bytes) -> AnalyseJob:
    """Read a job.

    Raises:
        WorkerError: the body is not a job.
    """
    kind, path, start, end, deadline = _items(_load(body), 5)
    if kind != "analyse":
        raise _malformed("unknown kind of job")
    return AnalyseJob(_blob(path), _optional_seconds(start), _optional_seconds(end), _seconds(deadline))


def encode_reply(reply: Reply) -> bytes:
    """A reply as one frame.

    Raises:
        WorkerError: it is over ``MAX_FRAME``.
    """
    match reply:
        case Ready():
            return _frame(["ready"])
        case Done(analysis, rss):
            return _frame(["done", _from_analysis(analysis), rss])
        case Failed(error, rss):
            return _frame(["failed", _from_error(error), rss])


def decode_reply(body: bytes) -> Reply:
    """Read a reply.

    Raises:
        WorkerError: the body is not a reply, down to each field's type and range.
    """
    match _items(_load(body)):
        case ["ready"]:
            return Ready()
        case ["done", analysis, rss]:
            return Done(_to_analysis(analysis), _count(rss))
        case ["failed", error, rss]:
            return Failed(_to_error(error), _count(rss))
        case _:
            raise _malformed("unknown kind of reply")


def _from_analysis(analysis: Analysis) -> list[object]:
    return [
        float(analysis.duration),
        int(analysis.sample_rate),
        int(analysis.channels),
        analysis.format,
        [[float(s.start), float(s.end), dict(s.aspects), s.vector] for s in analysis.segments],
        analysis.cut_short,
        analysis.version,
    ]


def _to_analysis(value: object) -> Analysis:
    duration, sample_rate, channels, format_, segments, cut_short, version = _items(value, 7)
    if not isinstance(cut_short, bool):
        raise _malformed("a flag is not true or false")
    return Analysis(
        duration=_seconds(duration),
        sample_rate=_count(sample_rate),
        channels=_count(channels),
        format=_text(format_),
        segments=tuple(_to_segment(segment) for segment in _items(segments)),
        cut_short=cut_short,
        version=_text(version),
    )


def _to_segment(value: object) -> AnalysedSegment:
    start, end, aspects, vector = _items(value, 4)
    if not isinstance(aspects, dict):
        raise _malformed("aspects are not a map")
    return AnalysedSegment(
        start=_seconds(start),
        end=_seconds(end),
        aspects={_text(name): _floats(data) for name, data in cast("dict[object, object]", aspects).items()},
        vector=None if vector is None else _floats(vector),
    )


def _from_error(error: TimbredError) -> list[object]:
    for branch, kind in _BRANCHES:
        if isinstance(error, kind):
            return [branch, error.code, _sendable(error.message)]
    return ["worker", WorkerError.code, _sendable(f"{type(error).__name__}: {error.message}")]


def _to_error(value: object) -> TimbredError:
    branch, code, message = _items(value, 3)
    code = _text(code)
    if _CODE.fullmatch(code) is None:
        raise _malformed("an error's code is not one")
    for name, kind in _BRANCHES:
        if branch == name:
            return kind(_text(message), code=code)
    raise _malformed("unknown branch of error")


def _sendable(text: str) -> str:
    """Messages may quote a path with surrogates, which UTF-8 cannot hold."""
    return text[: _MAX_TEXT // 8].encode("utf-8", "backslashreplace").decode()


def _frame(value: object) -> bytes:
    body = _pack(value)
    if len(body) > MAX_FRAME:
        raise WorkerError(f"the analysis is too large to hand over ({len(body)} bytes)")
    return _LENGTH.pack(len(body)) + body


def _load(body: bytes) -> object:
    # The caps keep a header's claim from reserving memory before its content is there.
    try:
        return _unpack(body, raw=False, max_array_len=65_536, max_map_len=256, max_str_len=_MAX_TEXT, max_ext_len=0)
    except (ValueError, TypeError) as error:
        raise _malformed(str(error)) from error


def _malformed(why: str) -> WorkerError:
    return WorkerError(f"the worker's message is malformed: {why}")


def _items(value: object, length: int | None = None) -> list[object]:
    if not isinstance(value, list):
        raise _malformed("a list is missing")
    items = cast("list[object]", value)
    if length is not None and len(items) != length:
        raise _malformed(f"{len(items)} fields where {length} belong")
    return items


def _blob(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise _malformed("bytes are missing")
    return value


def _floats(value: object) -> bytes:
    data = _blob(value)
    if len(data) % 4:
        raise _malformed("a vector is not made of float32")
    return data


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        raise _malformed("a text is missing or too long")
    return value


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _malformed("a count is missing or negative")
    return value


def _seconds(value: object) -> Seconds:
    if not isinstance(value, float | int) or isinstance(value, bool) or not math.isfinite(value) or value < 0:
        raise _malformed("a time is missing, negative or not finite")
    return Seconds(float(value))


def _optional_seconds(value: object) -> Seconds | None:
    return None if value is None else _seconds(value)
