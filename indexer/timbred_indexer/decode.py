"""Bytes on disk → mono float32 at ``ANALYSIS_RATE``, streamed: bounded in time and memory whatever the header claims.

libsndfile reads first; FFmpeg takes over where it cannot open the file or fails before any sound came out. The content
decides, never the extension. The user's file is opened read-only.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import stat
from collections.abc import Callable, Generator, Iterator
from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

from timbred_indexer.errors import InputError, TransientInputError
from timbred_indexer.model import Seconds
from timbred_indexer.parameters import ANALYSIS_RATE
from timbred_indexer.readers import MAX_CHANNELS, Block, TooManyChannels, Unreadable, read_ffmpeg, read_soundfile

MAX_SECONDS: Final = 4 * 3600.0
"""Sound decoded from one file: a whole night's recording would hold a worker for minutes and add little."""

_BEGINNING: Final = Seconds(0)

MIN_RATE: Final = 1_000
MAX_RATE: Final = 768_000
"""Hz: outside of this a header is wrong; 768 kHz is the highest rate converters are sold with."""

_LOUDEST: Final = 1e9
"""Samples are clipped here: far above integers stored as floats, far below where float32 squares overflow."""

_OUT_OF_PHASE: Final = 0.01
"""A mix that keeps less than this share of the channels' energy has cancelled itself out."""


class Sound:
    """One file being decoded; iterate once over ``blocks``, then read what was found.

    Attributes:
        sample_rate: the file's own, in Hz, as the first decoded block has it.
        channels: likewise.
        format: a short name such as ``wav``, ``flac``, ``mp3``, ``aac``.
        seconds: sound decoded so far.
        cut_short: decoding stopped at ``MAX_SECONDS``.
    """

    def __init__(self, first: Block, rest: Iterator[Block]) -> None:
        self.sample_rate = first.rate
        self.channels = first.samples.shape[1]
        self.format = first.format
        self.seconds = 0.0
        self.cut_short = False
        self._source = itertools.chain([first], rest)

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """Yields (n,) float32 at ``ANALYSIS_RATE``, finite, together at least one sample.

        Raises:
            InputError: ``not_finite`` once the end is reached and no sample was a finite number.
        """
        if self.sample_rate == ANALYSIS_RATE:
            yield from self._mono()
            return
        resampler = soxr.ResampleStream(self.sample_rate, ANALYSIS_RATE, 1, dtype="float32")
        produced, loudest = 0, np.zeros(1, np.float32)
        for block in self._mono():
            out = resampler.resample_chunk(block)
            produced += len(out)
            loudest = block[:1] if produced == 0 else loudest
            yield out
        tail = resampler.resample_chunk(np.zeros(0, np.float32), last=True)
        # A frame or two at a high rate round to no sample at all; there was sound, so there is one.
        yield tail if produced + len(tail) else loudest

    def _mono(self) -> Iterator[NDArray[np.float32]]:
        """One channel at the file's own rate, finite, at most ``MAX_SECONDS``."""
        frames, any_finite = 0, False
        limit = int(MAX_SECONDS * self.sample_rate)
        downmix: Callable[[NDArray[np.float32]], NDArray[np.float32]] | None = None
        for block in self._source:
            if block.rate != self.sample_rate:
                break  # the stream turned into another one: what was heard so far counts
            samples = block.samples[: limit - frames]
            self.cut_short = frames + len(block.samples) > limit
            any_finite = any_finite or bool(np.isfinite(samples).any())
            samples = tidy(samples)
            if downmix is None and samples.any():
                downmix = _downmix_for(samples)
            frames += len(samples)
            self.seconds = frames / self.sample_rate
            yield (downmix or _mean)(samples)
            if self.cut_short:
                break
        if not any_finite:
            raise InputError("Every sample is NaN or infinite, so there is nothing to hear.", code="not_finite")


def tidy(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same samples, with silence for what is not a number, and clipped where squares would overflow."""
    finite = np.isfinite(samples)
    if not finite.all():
        samples = np.where(finite, samples, np.float32(0))
    return np.clip(samples, -_LOUDEST, _LOUDEST)


def cancels(mean: NDArray[np.float32], one: NDArray[np.float32]) -> bool:
    """Whether the mean of the channels has lost nearly all that one of them holds (a reversed phase)."""
    peak = max(np.abs(one).max(initial=0), np.abs(mean).max(initial=0)) or np.float32(1)
    return float(np.square(mean / peak).sum()) < _OUT_OF_PHASE * float(np.square(one / peak).sum())


def resample(samples: NDArray[np.float32], rate: int, to: int) -> NDArray[np.float32]:
    """(n,) float32 at ``rate`` Hz → at ``to`` Hz, beginning at the same moment."""
    return samples if rate == to else soxr.resample(samples, rate, to)


def _mean(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    return samples[:, 0].copy() if samples.shape[1] == 1 else samples.mean(axis=1, dtype=np.float32)


def _first(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    return samples[:, 0].copy()


def _downmix_for(samples: NDArray[np.float32]) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """The mean of the channels, unless they cancel out (a reversed phase): then the first one stands for all."""
    return _first if cancels(_mean(samples), samples[:, 0]) else _mean


@contextlib.contextmanager
def open_sound(path: bytes) -> Generator[Sound]:
    """Opens a file and decodes its first block; raises what ``open_blocks`` does, and ``not_finite`` while iterating.

    Args:
        path: as the file system has it.
    """
    with open_blocks(path) as blocks:
        yield Sound(next(blocks), blocks)


@contextlib.contextmanager
def open_blocks(path: bytes, *, after: Seconds = _BEGINNING) -> Generator[Iterator[Block]]:
    """Opens a file; gives its sound as it lies there, at least one block.

    Args:
        path: as the file system has it.
        after: seconds at the beginning that need not be decoded; the first block may begin there, or at 0.

    Raises:
        InputError: ``not_a_file``, ``empty_file``, ``not_audio``, ``no_sound``, ``too_many_channels``,
            ``bad_sample_rate``.
        TransientInputError: ``vanished`` or ``unreadable``, when the system does not hand out the bytes.
    """
    try:
        with _open(path) as file, contextlib.closing(_quietly(_heard(file, after))) as source:
            first = next(source)
            if not MIN_RATE <= first.rate <= MAX_RATE:
                sentence = f"Its sample rate of {first.rate} Hz is outside {MIN_RATE} to {MAX_RATE} Hz."
                raise InputError(sentence, code="bad_sample_rate")
            yield itertools.chain([first], source)
    except TooManyChannels as error:
        sentence = f"It has {error.args[0]} channels; at most {MAX_CHANNELS} are analysed."
        raise InputError(sentence, code="too_many_channels") from error
    except OSError as error:
        code = "vanished" if isinstance(error, FileNotFoundError | NotADirectoryError) else "unreadable"
        raise TransientInputError(f"The file could not be read: {error.strerror or error}.", code=code) from error


def _open(path: bytes) -> io.FileIO:
    """The file, read-only and unbuffered. O_NONBLOCK: a pipe found under this name must not hang the worker."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode) and status.st_size > 0:
        return io.FileIO(descriptor, "rb")
    os.close(descriptor)
    if status.st_size == 0 and stat.S_ISREG(status.st_mode):
        raise InputError("The file is empty.", code="empty_file")
    raise InputError("This is not a regular file.", code="not_a_file")


def _heard(file: io.FileIO, after: Seconds) -> Generator[Block]:
    """At least one block, from the first reader that gets sound out of the file."""
    opened = False
    for read in (lambda: read_soundfile(file.fileno(), after), lambda: read_ffmpeg(file)):
        heard = False
        file.seek(0)
        try:
            with contextlib.closing(read()) as blocks:
                for block in blocks:
                    heard = True
                    yield block
            opened = True
        except Unreadable:
            pass  # where it broke is where it ends; before any sound, the next reader tries
        _check_disk(file)
        if heard:
            return
    if opened:
        raise InputError("It looks like audio, but there is no sound in it.", code="no_sound")
    raise InputError("This is not audio in any format that timbred can decode.", code="not_audio")


def _check_disk(file: io.FileIO) -> None:
    """Raises OSError if the disk is why reading ended: half a file on a drive that failed is not the sound."""
    os.pread(file.fileno(), 1, max(0, os.fstat(file.fileno()).st_size - 1))


def _quietly(blocks: Generator[Block]) -> Generator[Block]:
    """The same blocks, with what the C libraries write to stderr (libmpg123 does, unasked) thrown away."""
    with contextlib.closing(blocks):
        while True:
            with _quiet_stderr():
                block = next(blocks, None)
            if block is None:
                return
            yield block


@contextlib.contextmanager
def _quiet_stderr() -> Generator[None]:
    """Points file descriptor 2 at nothing. Process-wide, so it is held for single library calls only."""
    try:
        kept = os.dup(2)
    except OSError:  # a daemon may have closed it
        yield
        return
    try:
        with open(os.devnull, "wb") as nothing:
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
