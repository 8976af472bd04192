"""Frames: a big-endian 32-bit length and that many bytes of msgpack; and the checks of what comes out of one.

A worker has parsed files from anywhere, so nothing executable crosses (no pickle), and each field is read through one
of the checks below: wrong type or range is ``WorkerError``.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Final, cast

import msgpack

from timbred_indexer.errors import WorkerError
from timbred_indexer.model import Seconds

MAX_FRAME: Final = 64 * 1024 * 1024
"""Bytes of one frame's body; an hour of sound, at one segment per 10 s, takes well under a tenth of it."""

MAX_TEXT: Final = 4096
"""Characters of one text."""

_LENGTH = struct.Struct("!I")

_pack = cast("Callable[[object], bytes]", msgpack.packb)  # pyright: ignore[reportUnknownMemberType]
_unpack = cast("Callable[..., object]", msgpack.unpackb)  # pyright: ignore[reportUnknownMemberType]


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
                raise malformed(f"a frame of {length} bytes is announced")
            if len(self._bytes) < _LENGTH.size + length:
                break
            bodies.append(bytes(memoryview(self._bytes)[_LENGTH.size : _LENGTH.size + length]))
            del self._bytes[: _LENGTH.size + length]
        return bodies


def frame(value: object) -> bytes:
    """A value made of lists, maps, texts, bytes, numbers and None as one frame.

    Raises:
        WorkerError: it is over ``MAX_FRAME``.
    """
    body = _pack(value)
    if len(body) > MAX_FRAME:
        raise WorkerError(f"the message is too large to hand over ({len(body)} bytes)")
    return _LENGTH.pack(len(body)) + body


def unframe(body: bytes) -> object:
    """The value in a frame's body, of which nothing is known yet.

    Raises:
        WorkerError: the body is not msgpack.
    """
    # The caps keep a header's claim from reserving memory before its content is there.
    try:
        return _unpack(body, raw=False, max_array_len=65_536, max_map_len=256, max_str_len=MAX_TEXT, max_ext_len=0)
    except (ValueError, TypeError) as error:
        raise malformed(str(error)) from error


def malformed(why: str) -> WorkerError:
    """The error of every check here."""
    return WorkerError(f"the worker's message is malformed: {why}")


def read_items(value: object, length: int | None = None) -> list[object]:
    """A list, of ``length`` items if that is given."""
    if not isinstance(value, list):
        raise malformed("a list is missing")
    items = cast("list[object]", value)
    if length is not None and len(items) != length:
        raise malformed(f"{len(items)} fields where {length} belong")
    return items


def read_blob(value: object) -> bytes:
    """Bytes."""
    if not isinstance(value, bytes):
        raise malformed("bytes are missing")
    return value


def read_floats(value: object) -> bytes:
    """Bytes that are float32, of any number."""
    data = read_blob(value)
    if len(data) % 4:
        raise malformed("a vector is not made of float32")
    return data


def read_text(value: object) -> str:
    """A text of at most ``MAX_TEXT`` characters."""
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise malformed("a text is missing or too long")
    return value


def read_flag(value: object) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise malformed("a flag is not true or false")
    return value


def read_count(value: object) -> int:
    """An integer, 0 or more."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise malformed("a count is missing or negative")
    return value


def read_seconds(value: object) -> Seconds:
    """A finite time, 0 or more."""
    if not isinstance(value, float | int) or isinstance(value, bool) or not math.isfinite(value) or value < 0:
        raise malformed("a time is missing, negative or not finite")
    return Seconds(float(value))


def optional_seconds(value: object) -> Seconds | None:
    """A finite time, 0 or more, or None."""
    return None if value is None else read_seconds(value)
