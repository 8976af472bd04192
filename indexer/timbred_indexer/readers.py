"""The two readers of audio bytes: libsndfile, and FFmpeg (through PyAV) for what it cannot open.

Both turn an open file into blocks of samples, a bounded stretch at a time, and promise nothing about what comes next:
no length, no header is believed. Errors of the libraries become ``Unreadable``; ``decode`` decides what that means.
"""

from __future__ import annotations

import errno
import io
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Final, cast

import av
import av.error
import numpy as np
import soundfile
from av.container import InputContainer
from numpy.typing import NDArray

MAX_CHANNELS: Final = 64
"""More is no recording anyone makes; refused before a buffer of that width is allocated."""

BLOCK_FRAMES: Final = 1 << 15
"""Frames read at once: 0.7 s at 44.1 kHz, and 8 MB at the most channels allowed."""

_MAX_FAILED_PACKETS: Final = 1000
"""Packets in a row that give no sound before FFmpeg's reading of a broken file is ended."""

# FFmpeg opens playlists and the addresses in them as readily as audio. Only plain containers may be probed, and no
# protocol may be opened beside the file at hand: an indexed file must never make timbred reach for another one.
_FFMPEG_OPTIONS: Final = {
    "protocol_whitelist": "none",
    "format_whitelist": (
        "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,dsf,dts,eac3,flac,flv,iff,loas,m4a,matroska,mov,mp3,mp4,"
        "mpc,mpc8,mpeg,mpegts,ogg,oma,rm,shn,tak,tta,voc,w64,wav,webm,wv,xwma"
    ),
}

# PyAV counts planes up to a null pointer, and behind the eighth FFmpeg has none: counted on, they lie anywhere.
_COUNTABLE_PLANES: Final = 7

# Frames lie at known places, or are numbered. Elsewhere (MP3, Vorbis, ADPCM) a decoder carries a state along.
_SEEKABLE: Final = frozenset({"WAV", "WAVEX", "AIFF", "FLAC", "W64", "RF64", "CAF", "AU"})
_SEEKABLE_SUBTYPES: Final = ("PCM_", "FLOAT", "DOUBLE")

_SHORT_NAMES: Final = {"WAVEX": "wav", "NIST": "nist", "MPEG": "mp3"}


class Unreadable(Exception):
    """The library at hand gets no (more) sound out of this file."""


@dataclass(frozen=True, slots=True)
class Block:
    """Some sound as it lies in the file.

    Attributes:
        samples: (frames, channels) float32, full scale at 1; may hold NaN or infinity.
        rate: in Hz.
        format: a short name such as ``wav``, ``flac``, ``aac``.
        position: of the first frame, in frames from the beginning of the file.
    """

    samples: NDArray[np.float32]
    rate: int
    format: str
    position: int


class TooManyChannels(Exception):
    """The file has more channels than ``MAX_CHANNELS``; ``args[0]`` is how many."""


def read_soundfile(descriptor: int, after: float = 0.0) -> Generator[Block]:
    """Yields what libsndfile decodes; leaves the descriptor open.

    Args:
        descriptor: of the open file.
        after: seconds that need not be decoded; skipped where the format can be entered at an exact frame.

    Raises:
        Unreadable: at the start or in the middle.
        TooManyChannels: before anything was read.
    """
    try:
        with soundfile.SoundFile(descriptor, closefd=False) as sound:
            if sound.channels > MAX_CHANNELS:
                raise TooManyChannels(sound.channels)
            name = "opus" if sound.subtype == "OPUS" else _SHORT_NAMES.get(sound.format, sound.format.lower())
            position = _enter(sound, after)
            while True:
                buffer = np.empty((BLOCK_FRAMES, sound.channels), np.float32)
                # Not read(): that asks the header how many frames are left.
                frames = sound.buffer_read_into(buffer, "float32")
                if frames <= 0:
                    return
                yield Block(buffer[:frames], sound.samplerate, name, position)
                position += frames
    except (soundfile.SoundFileError, ValueError, OverflowError) as error:
        raise Unreadable(str(error)) from error


def _enter(sound: soundfile.SoundFile, after: float) -> int:
    """Skips up to ``after`` seconds, if that costs not a frame of exactness; returns where it stands."""
    frame = int(after * sound.samplerate)
    exact = sound.format in _SEEKABLE and sound.subtype.startswith(_SEEKABLE_SUBTYPES) and sound.seekable()
    return sound.seek(frame) if exact and 0 < frame < sound.frames else 0


def read_ffmpeg(file: io.FileIO) -> Generator[Block]:
    """Yields what FFmpeg decodes of the first audio stream; leaves the file open.

    Raises:
        Unreadable: at the start or in the middle.
        TooManyChannels: before or while decoding.
    """
    try:
        with av.open(file, mode="r", options=dict(_FFMPEG_OPTIONS), metadata_errors="ignore") as container:
            if not container.streams.audio:
                raise Unreadable("no audio stream")
            stream = container.streams.audio[0]
            codec = cast(av.AudioCodecContext | None, stream.codec_context)  # the stub does not know of None
            if codec is None:
                raise Unreadable("no decoder for this codec")
            codec.thread_count = 1  # one worker is one core
            name = container.format.name.split(",")[0] if codec.name.startswith("pcm_") else codec.name
            position = 0
            for frame in _frames(container, stream):
                if len(frame.layout.channels) > MAX_CHANNELS:
                    raise TooManyChannels(len(frame.layout.channels))
                samples = _floats(frame)
                yield Block(samples, frame.sample_rate, name, position)
                position += len(samples)
    except (av.error.FFmpegError, ValueError, OverflowError) as error:
        raise Unreadable(str(error)) from error
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        raise Unreadable("it says that a part of it lies before its beginning") from error


def _frames(container: InputContainer, stream: av.AudioStream) -> Iterator[av.AudioFrame]:
    """Every frame that decodes; a broken packet is skipped, a thousand in a row end it."""
    failed = 0
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            frames = []
        failed = 0 if frames else failed + 1
        if failed > _MAX_FAILED_PACKETS:
            return
        yield from frames


def _floats(frame: av.AudioFrame) -> NDArray[np.float32]:
    """(frames, channels) float32 with full scale at 1, from any of FFmpeg's sample formats."""
    crowded = frame.format.is_planar and len(frame.layout.channels) > _COUNTABLE_PLANES
    if crowded or frame.format.name.startswith("s64"):  # for these NumPy conversion is not offered
        frame = av.AudioResampler(format="flt").resample(frame)[0]
    data = frame.to_ndarray()
    if not frame.format.is_planar:
        data = data.reshape(-1, len(frame.layout.channels)).T
    if data.dtype == np.uint8:
        return (data.T.astype(np.float32) - 128.0) / 128.0
    if data.dtype.kind == "i":
        return data.T.astype(np.float32) / float(1 << (8 * data.dtype.itemsize - 1))
    return data.T.astype(np.float32)
