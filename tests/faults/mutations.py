"""Good files of many formats, and seeded damage to them: what a failing disk, a bad download or malice may bring."""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile
from tones import RATE, tone

SECONDS = 0.25
MOST_BYTES = 200_000  # of an odd file that is taken as it is: larger ones make the work long and the damage thin
EXTREMES = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFE, 0x10000, 0x40000000)

WRITTEN = (
    ("wav", "WAV", "PCM_16"),
    ("24.wav", "WAV", "PCM_24"),
    ("float.wav", "WAV", "FLOAT"),
    ("ima.wav", "WAV", "IMA_ADPCM"),
    ("aiff", "AIFF", "PCM_16"),
    ("flac", "FLAC", "PCM_16"),
    ("ogg", "OGG", "VORBIS"),
    ("opus", "OGG", "OPUS"),
    ("mp3", "MP3", "MPEG_LAYER_III"),
    ("caf", "CAF", "ALAC_16"),
    ("w64", "W64", "PCM_16"),
    ("rf64", "RF64", "PCM_16"),
    ("au", "AU", "ULAW"),
)
ENCODED = (
    ("m4a", "mp4", "aac"),
    ("alac.m4a", "mp4", "alac"),
    ("aac", "adts", "aac"),
    ("wma", "asf", "wmav2"),
    ("webm", "webm", "libopus"),
    ("mka", "matroska", "aac"),
    ("ac3", "ac3", "ac3"),
    ("wv", "wv", "wavpack"),
)

Mutation = Callable[[bytearray, random.Random, bytes], None]


def good_files() -> dict[str, bytes]:
    """Extension → a short sound in that format; without those that the libraries at hand cannot write."""
    made = {name: _written(container, subtype) for name, container, subtype in WRITTEN}
    for name, container, codec in ENCODED:
        if codec in av.codecs_available:
            made[name] = _encoded(container, codec)
    return made


def small_files(folder: Path) -> dict[str, bytes]:
    """Name → bytes of the files below ``folder`` that are small enough, in order."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size <= MOST_BYTES)
    return {f"{number}-{path.name}": path.read_bytes() for number, path in enumerate(paths)}


def mutated(files: dict[str, bytes], number: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """``number`` damaged copies, taken from all files in turn; the same for the same arguments."""
    chance = random.Random(seed)
    names = sorted(files)
    chance.shuffle(names)
    for count in range(number):
        name = names[count % len(names)]
        other = files[chance.choice(names)]
        # Its own extension might say that there is no sound in it.
        yield f"{count:05}-{name}.wav", mutate(files[name], chance, other)


def mutate(data: bytes, chance: random.Random, other: bytes) -> bytes:
    """One to four pieces of damage; ``other`` is what may be spliced in."""
    damaged = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4))):
        chance.choice(MUTATIONS)(damaged, chance, other)
    return bytes(damaged)


def _flip_bits(data: bytearray, chance: random.Random, other: bytes) -> None:
    for _ in range(chance.choice((1, 8, 64)) if data else 0):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _truncate(data: bytearray, chance: random.Random, other: bytes) -> None:
    del data[chance.randrange(len(data) + 1) :]


def _zero(data: bytearray, chance: random.Random, other: bytes) -> None:
    """A block that never reached the disk."""
    start = chance.randrange(len(data) + 1)
    stop = min(len(data), start + chance.choice((16, 512, 4096)))
    data[start:stop] = bytes(stop - start)


def _splice(data: bytearray, chance: random.Random, other: bytes) -> None:
    start, size = chance.randrange(len(other) + 1), chance.choice((8, 64, 1024))
    where = chance.randrange(len(data) + 1)
    data[where : where + chance.choice((0, size))] = other[start : start + size]


def _cut_out(data: bytearray, chance: random.Random, other: bytes) -> None:
    start = chance.randrange(len(data) + 1)
    del data[start : start + chance.choice((1, 7, 100, 1000))]


def _number(data: bytearray, chance: random.Random, other: bytes) -> None:
    """Sizes, rates and counts stand near the beginning, and are believed."""
    format = chance.choice(("<H", ">H", "<I", ">I", "<Q", ">Q"))
    width = struct.calcsize(format)
    where = chance.randrange(max(1, min(len(data), 128)))
    data[where : where + width] = struct.pack(format, chance.choice(EXTREMES) & ((1 << 8 * width) - 1))


MUTATIONS: tuple[Mutation, ...] = (_flip_bits, _truncate, _zero, _splice, _cut_out, _number, _number)


def _written(container: str, subtype: str) -> bytes:
    file = io.BytesIO()
    rate = 48_000 if subtype == "OPUS" else RATE
    soundfile.write(file, tone(440.0, SECONDS), rate, format=container, subtype=subtype)
    return file.getvalue()


def _encoded(container: str, codec: str) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=container) as opened:
        output: Any = opened  # the stubs know half of its types
        stream = output.add_stream(codec, rate=48_000)
        stream.bit_rate = 64_000
        resampler = av.AudioResampler(stream.format, stream.layout, stream.rate, stream.frame_size or 1024)
        frame = av.AudioFrame.from_ndarray(tone(440.0, SECONDS).astype(np.float32)[np.newaxis], "flt", "mono")
        frame.sample_rate = RATE
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            output.mux(stream.encode(part))
        output.mux(stream.encode(None))
    return file.getvalue()
