"""Copies of sounds, altered as people and programs alter them: for ``benchmarks/duplicates.py``."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Final

import av as typed_av
import numpy as np
import soundfile as typed_soundfile
import soxr as typed_soxr
from numpy.typing import NDArray

from timbred_indexer.readers import Unreadable, read_ffmpeg, read_soundfile

av: Any = typed_av  # their stubs are partial
soundfile: Any = typed_soundfile
soxr: Any = typed_soxr

Samples = NDArray[np.float32]
Random = np.random.Generator

LONGEST: Final = 20
"""Seconds used of a sound."""

TOO_LITTLE_DB: Final = -30.0
"""A copy that keeps only what is softer than this, relative to the original's peak (a half of a click's tail, or a
hi-hat under 4 kHz), is left out: hardly anything of the sound is in it."""

_CODEC_RATES: Final = (32_000, 44_100, 48_000)


def read_sound(path: str) -> tuple[Samples, int]:
    """(n,) float32 mono at the file's own rate, peak just under full scale; empty for silence.

    Raises:
        Unreadable: nothing decodes it.
    """
    with open(path, "rb", buffering=0) as file:
        try:
            blocks = list(read_soundfile(file.fileno()))
        except Unreadable:
            file.seek(0)
            blocks = list(read_ffmpeg(file))
    if not blocks:
        return np.zeros(0, np.float32), 1
    samples = np.concatenate([block.samples for block in blocks]).mean(axis=1)[: LONGEST * blocks[0].rate]
    peak = float(np.abs(samples).max(initial=0.0))
    if not np.isfinite(peak) or peak < 1e-4:
        return np.zeros(0, np.float32), 1
    return (samples * (0.98 / peak)).astype(np.float32), blocks[0].rate


def encode(folder: str, name: str, form: str, samples: Samples, rate: int, **options: Any) -> str:
    """Writes a file and returns its path; mp3 and m4a at 128 kbit/s."""
    if form in ("mp3", "m4a") and rate not in _CODEC_RATES:
        samples, rate = np.asarray(soxr.resample(samples, rate, 44_100), np.float32), 44_100
    path = os.path.join(folder, f"{name}.{form}")
    if form == "m4a":
        _encode_aac(path, samples, rate)
    elif form == "mp3":
        soundfile.write(path, samples, rate, bitrate_mode="CONSTANT", compression_level=0.6)
    else:
        soundfile.write(path, samples, rate, **options)
    return path


def _encode_aac(path: str, samples: Samples, rate: int) -> None:
    with av.open(path, "w") as container:
        stream = container.add_stream("aac", rate=rate, bit_rate=128_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate = rate
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)


class _Copier:
    """Writes altered copies of one sound."""

    def __init__(self, folder: str, name: str, samples: Samples, rate: int, random: Random) -> None:
        self.folder, self.name, self.samples, self.rate, self.random = folder, name, samples, rate, random

    def encoded(self, form: str, samples: Samples | None = None, **options: Any) -> str | None:
        given = self.samples if samples is None else samples
        if float(np.abs(given).max(initial=0.0)) < 10 ** (TOO_LITTLE_DB / 20):
            return None
        return encode(self.folder, self.name, form, given, self.rate, **options)

    def any_form(self, samples: Samples) -> str | None:
        return self.encoded(str(self.random.choice(["wav", "flac", "ogg", "mp3", "m4a"])), samples.astype(np.float32))

    def depth(self, subtype: str) -> str | None:
        return self.encoded("wav", subtype=subtype)

    def gain(self, decibels: float, subtype: str) -> str | None:
        # Not through ``encoded``: a quiet copy holds all of the sound.
        louder = self.samples * np.float32(10 ** (decibels / 20))
        return encode(self.folder, self.name, "wav", louder, self.rate, subtype=subtype)

    def rated(self, rate: int) -> str | None:
        resampled = np.asarray(soxr.resample(self.samples, self.rate, rate), np.float32) * np.float32(0.9)
        if float(np.abs(resampled).max(initial=0.0)) < 10 ** (TOO_LITTLE_DB / 20):
            return None
        return encode(self.folder, self.name, "wav", resampled, rate)

    def trimmed(self, of_start: float) -> str | None:
        """Without a fifth to a half, of which so much is taken from the start."""
        lost = int(len(self.samples) * self.random.uniform(0.2, 0.5))
        begin = int(lost * of_start)
        return self.any_form(self.samples[begin : len(self.samples) - (lost - begin)])

    def faded(self, *, out: bool) -> str | None:
        """With a fade over a fifth to a half."""
        length = int(len(self.samples) * self.random.uniform(0.2, 0.5))
        ramp = np.ones(len(self.samples), np.float32)
        ramp[:length] = np.linspace(0, 1, length, dtype=np.float32)
        return self.any_form(self.samples * (ramp[::-1] if out else ramp))

    def padded(self) -> str | None:
        return self.any_form(np.concatenate([np.zeros(self.rate // 3, np.float32), self.samples]))


ALTERATIONS: Final[Mapping[str, Callable[[_Copier], str | None]]] = {
    "flac": lambda copy: copy.encoded("flac"),
    "ogg": lambda copy: copy.encoded("ogg"),
    "mp3 128": lambda copy: copy.encoded("mp3"),
    "m4a 128": lambda copy: copy.encoded("m4a"),
    "8 bits": lambda copy: copy.depth("PCM_U8"),
    "24 bits": lambda copy: copy.depth("PCM_24"),
    "float": lambda copy: copy.depth("FLOAT"),
    "-24 dB, 16 bits": lambda copy: copy.gain(-24, "PCM_16"),
    "+24 dB, float": lambda copy: copy.gain(24, "FLOAT"),
    "8 kHz": lambda copy: copy.rated(8_000),
    "16 kHz": lambda copy: copy.rated(16_000),
    "48 kHz": lambda copy: copy.rated(48_000),
    "96 kHz": lambda copy: copy.rated(96_000),
    "stereo": lambda copy: copy.encoded("wav", np.stack([copy.samples, copy.samples], axis=1)),
    "inverted": lambda copy: copy.encoded("wav", -copy.samples),
    "padded": lambda copy: copy.padded(),
    "start trimmed": lambda copy: copy.trimmed(1.0),
    "end trimmed": lambda copy: copy.trimmed(0.0),
    "both trimmed": lambda copy: copy.trimmed(float(copy.random.uniform(0.1, 0.9))),
    "faded in": lambda copy: copy.faded(out=False),
    "faded out": lambda copy: copy.faded(out=True),
}
"""What each is called, and how it is made; None where too little of the sound would be left."""


def alter(alteration: str, folder: str, name: str, samples: Samples, rate: int, random: Random) -> str | None:
    """One altered copy: its path, or None where too little of the sound would be left."""
    return ALTERATIONS[alteration](_Copier(folder, name, samples, rate, random))
