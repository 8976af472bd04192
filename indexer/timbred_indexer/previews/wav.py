"""A file, or a stretch of it → a WAV file of 16 bits, which every browser plays; in one pass, bounded in bytes."""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from timbred_indexer.decode import open_blocks, tidy
from timbred_indexer.errors import InputError, UnavailableError
from timbred_indexer.model import Seconds
from timbred_indexer.previews.messages import Pcm
from timbred_indexer.readers import Block

HEADER: Final = struct.Struct("<4sI4s4sIHHIIHH4sI")
"""RIFF, length, WAVE, "fmt " with PCM, channels, rate, bytes a second, bytes a frame and bits; "data", length."""


def write_wav(path: bytes, start: Seconds, end: Seconds | None, target: bytes, most: int) -> Pcm:
    """Decodes a file at its own rate; one or two channels as they are, more as their mean.

    Args:
        path: as the file system has it; opened read-only.
        start: seconds into the file; ``end``: likewise, None for its end.
        target: a file that is there, and empty.
        most: bytes that may be written.

    Raises:
        InputError: the file holds no sound that can be decoded; ``too_long``: it would be more than ``most``.
        TransientInputError: it could not be read.
        UnavailableError: ``disk_full``, or another reason for which it cannot be written.
    """
    with _Target(target, most) as out, open_blocks(path, after=start) as blocks:
        first = next(blocks)
        out.write(bytes(HEADER.size))
        frames, channels = 0, first.samples.shape[1] if first.samples.shape[1] <= 2 else 1
        for samples in _stretch(first, blocks, start, end):
            out.write(_to_16_bits(samples, channels))
            frames += len(samples)
        out.rewrite(_header(first.rate, channels, frames))
    return Pcm(first.rate, channels, frames)


def _stretch(first: Block, rest: Iterator[Block], start: float, end: float | None) -> Iterator[NDArray[np.float32]]:
    """The samples from ``start`` to ``end``."""
    begin = round(start * first.rate)
    stop = None if end is None else round(end * first.rate)
    block: Block | None = first
    while block is not None and block.rate == first.rate and block.samples.shape[1] == first.samples.shape[1]:
        yield block.samples[max(0, begin - block.position) : None if stop is None else max(0, stop - block.position)]
        if stop is not None and block.position + len(block.samples) >= stop:
            return
        block = next(rest, None)


def _to_16_bits(samples: NDArray[np.float32], channels: int) -> bytes:
    """(frames, n) with full scale at 1 → interleaved; what 16 bits held before comes out unchanged."""
    clean = tidy(samples)
    if clean.shape[1] != channels:
        clean = clean.mean(axis=1, keepdims=True)
    return np.clip(np.rint(clean * 32_768), -32_768, 32_767).astype("<i2").tobytes()


def _header(rate: int, channels: int, frames: int) -> bytes:
    width = 2 * channels
    size = frames * width
    form = (b"RIFF", HEADER.size - 8 + size, b"WAVE", b"fmt ", 16, 1, channels, rate, rate * width, width, 16)
    return HEADER.pack(*form, b"data", size)


class _Target:
    """The file that is written. Its errors are not the sound's."""

    def __init__(self, path: bytes, most: int) -> None:
        self._path = path
        self._left = most

    def __enter__(self) -> _Target:
        try:
            self._file = os.open(self._path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise _unwritable(error) from error
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def write(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            raise InputError("The sound is too long to be played whole; ask for a part of it.", code="too_long")
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._file, view) :]
        except OSError as error:
            raise _unwritable(error) from error

    def rewrite(self, header: bytes) -> None:
        try:
            os.pwrite(self._file, header, 0)
        except OSError as error:
            raise _unwritable(error) from error


def _unwritable(error: OSError) -> UnavailableError:
    code = "disk_full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "unavailable"
    return UnavailableError(f"The decoded sound cannot be kept: {error.strerror}.", code=code)
