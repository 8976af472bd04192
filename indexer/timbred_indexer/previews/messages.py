"""What the daemon and its workers say to each other about waveforms and WAV files. Pure: values in, values out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from timbred_indexer.frames import (
    frame,
    malformed,
    optional_seconds,
    read_blob,
    read_count,
    read_floats,
    read_items,
    read_seconds,
    unframe,
)
from timbred_indexer.model import Seconds

HEADER_BYTES: Final = 44
"""Of a WAV file, before its samples of two bytes."""


@dataclass(frozen=True, slots=True)
class Waveform:
    """A sound's outline, from its beginning to its end in equal parts.

    Attributes:
        low: (points,) little-endian float32: the lowest sample of each part, of all channels, -1 to 1.
        high: likewise, the highest.
        rms: likewise, the root of the mean square, 0 to 1.
    """

    low: bytes
    high: bytes
    rms: bytes


@dataclass(frozen=True, slots=True)
class WaveformJob:
    """One file whose outline is wanted.

    Attributes:
        path: absolute, as the file system has it.
        frames: how long it is, at its own rate; what comes after them is left out.
        points: how many parts, at most ``frames``.
        deadline: seconds the worker may spend.
    """

    KIND: ClassVar[str] = "waveform"

    path: bytes
    frames: int
    points: int
    deadline: Seconds

    def encode(self) -> bytes:
        return frame([self.KIND, self.path, self.frames, self.points, self.deadline])

    def read(self, value: object) -> Waveform:
        low, high, rms = map(read_floats, read_items(value, 3))
        columns = [np.frombuffer(column, "<f4") for column in (low, high, rms)]
        if any(len(column) != self.points or not (np.abs(column) <= 1).all() for column in columns):
            raise malformed("a waveform is of the wrong length or out of range")
        return Waveform(low, high, rms)


@dataclass(frozen=True, slots=True)
class Pcm:
    """What was written: ``frames`` of so many channels at ``rate`` Hz."""

    rate: int
    channels: int
    frames: int


@dataclass(frozen=True, slots=True)
class PcmJob:
    """One file, or a stretch of it, to be written as 16-bit WAV.

    Attributes:
        path: absolute, as the file system has it.
        start: seconds into the file; ``end``: likewise, None for its end.
        target: an empty file, which is there already.
        most: bytes that may be written.
        deadline: seconds the worker may spend.
    """

    KIND: ClassVar[str] = "pcm"

    path: bytes
    start: Seconds
    end: Seconds | None
    target: bytes
    most: int
    deadline: Seconds

    def encode(self) -> bytes:
        return frame([self.KIND, self.path, self.start, self.end, self.target, self.most, self.deadline])

    def read(self, value: object) -> Pcm:
        return Pcm(*map(read_count, read_items(value, 3)))


def decode_job(body: bytes) -> WaveformJob | PcmJob | None:
    """Read a job; None for one of another kind.

    Raises:
        WorkerError: the body is no job at all.
    """
    match read_items(unframe(body)):
        case [WaveformJob.KIND, path, frames, points, deadline]:
            return WaveformJob(read_blob(path), read_count(frames), read_count(points), read_seconds(deadline))
        case [PcmJob.KIND, path, start, end, target, most, deadline]:
            stretch = read_seconds(start), optional_seconds(end)
            return PcmJob(read_blob(path), *stretch, read_blob(target), read_count(most), read_seconds(deadline))
        case _:
            return None
