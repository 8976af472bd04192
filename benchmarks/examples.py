"""What the metric is learned from: real sounds with labels, the same sounds altered, and synthesised ones."""

from __future__ import annotations

import csv
import os
import pickle
import tempfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import soxr as typed_soxr
from invariance import encodings, read
from numpy.typing import NDArray
from synthesise import synthesise

from timbred_indexer import aspects, parameters
from timbred_indexer.decode import open_sound
from timbred_indexer.descriptors import describe
from timbred_indexer.errors import TimbredError
from timbred_indexer.parameters import ANALYSIS_RATE
from timbred_indexer.segments import cut

soxr: Any = typed_soxr  # its stubs are partial

Floats = NDArray[np.floating[Any]]
Raw = Mapping[str, Floats]

PACKS: Final = 8
ALTERED: Final = 12  # every twelfth sound is altered and encoded otherwise
WRAPPED: Final = ("8 bits", "ogg", "mp3", "m4a, 128 kbit/s", "after 0.5 s of silence", "-26 dB, 16 bits")


@dataclass(frozen=True, slots=True)
class Example:
    """One sound: its domain (the corpus's folder, or what it was synthesised as), label and pack, and its raw values.

    Attributes:
        real: recorded, not synthesised.
        altered: name of the alteration → raw values of the altered sound, which is still like it.
        wrapped: name of the encoding → raw values of the same sound, which is to be the same.
    """

    domain: str
    label: str
    pack: str
    real: bool
    raw: Raw
    altered: Mapping[str, Raw]
    wrapped: Mapping[str, Raw]


def examples(corpora: Sequence[str], cache: str | None) -> list[Example]:
    """Every labelled sound of the corpora (``labels.csv`` in each) with its alterations, then the synthesised ones."""
    if cache and os.path.exists(cache):
        with open(cache, "rb") as file:
            version, kept = pickle.load(file)  # noqa: S301 - our own file, named by the one who runs this
        if version == _stamp(corpora):
            return kept
    found: list[Example] = []
    with ProcessPoolExecutor() as pool:
        for corpus in map(os.path.abspath, corpora):
            with open(os.path.join(corpus, "labels.csv"), encoding="utf-8", newline="") as file:
                rows = [row for row in csv.DictReader(file) if not row["path"].startswith("odd/")]
            real = pool.map(_real, [corpus] * len(rows), rows, chunksize=8)
            found += [example for example in real if example]
        found += [example for pack in pool.map(_made, range(PACKS)) for example in pack]
    if cache:
        with open(cache, "wb") as file:
            pickle.dump((_stamp(corpora), found), file)
    return found


def _stamp(corpora: Sequence[str]) -> str:
    """What raw values depend on; what was learned from them is not part of it, unlike in ``aspects.VERSION``."""
    numbers = sorted((name, value) for name, value in vars(parameters).items() if name.isupper())
    fields = [(aspect.name, aspect.fields) for aspect in aspects.MEASURED]
    return repr((numbers, fields, PACKS, ALTERED, [os.path.abspath(corpus) for corpus in corpora]))


def _real(corpus: str, row: Mapping[str, str]) -> Example | None:
    path = os.path.join(corpus, row["path"])
    try:
        samples = _first_segment(path)
        wrapped: dict[str, Raw] = {}
        altered: dict[str, Raw] = {}
        if zlib.crc32(row["path"].encode()) % ALTERED == 0:
            random = np.random.default_rng(zlib.crc32(row["path"].encode()))
            altered = _kept((name, _described(other)) for name, other in alterations(samples, random))
            with tempfile.TemporaryDirectory() as folder:
                encoded = encodings(folder, *read(path), only=WRAPPED)
                wrapped = _kept((name, describe(_first_segment(other))) for name, other in encoded)
    except (TimbredError, StopIteration):
        return None
    domain = os.path.basename(corpus)
    return Example(domain, row["label"], row["group"], True, describe(samples), altered, wrapped)


def _first_segment(path: str) -> Floats:
    """Of long sounds the first window: they shall not outvote short ones."""
    with open_sound(os.fsencode(path)) as sound:
        return next(cut(sound.blocks())).samples


def _kept(rows: Iterator[tuple[str, Raw | None]]) -> dict[str, Raw]:
    return {name: raw for name, raw in rows if raw is not None}


def _made(pack: int) -> list[Example]:
    found: list[Example] = []
    for sound in synthesise(pack):
        raw = _described(sound.samples)
        if raw:
            found.append(Example(sound.domain, sound.label, sound.pack, False, raw, {}, {}))
    return found


def _described(samples: Floats) -> Raw | None:
    segment = next(cut([samples.astype(np.float32)]), None)
    return None if segment is None else describe(segment.samples)


def alterations(samples: Floats, random: np.random.Generator) -> Iterator[tuple[str, Floats]]:
    """The same sound as other rooms and hands would give it."""
    rate = ANALYSIS_RATE
    sound = samples / np.abs(samples).max()
    spectrum, frequency = np.fft.rfft(sound), np.fft.rfftfreq(len(sound), 1 / rate)
    cutoff = random.uniform(6000, 10_000)
    yield "low-pass", np.fft.irfft(spectrum / np.sqrt(1 + (frequency / cutoff) ** 16), len(sound))
    octave = np.log2(np.maximum(frequency, 50) / 1000)
    yield "tilt", np.fft.irfft(spectrum * 10 ** (random.normal(0, 2) * octave / 20), len(sound))
    level = 10 ** (-random.uniform(35, 50) / 20) * np.sqrt(np.square(sound).mean())
    yield "noise", sound + level * random.standard_normal(len(sound))
    for name in ("pitch", "pitch again"):
        yield name, soxr.resample(sound, rate * 2 ** (random.uniform(-4, 4) / 12), rate)
    length = max(1, int(len(sound) * random.uniform(0.6, 0.95)))
    fade = min(length, rate // 20)
    yield "trim", np.concatenate([sound[: length - fade], sound[length - fade : length] * np.linspace(1, 0, fade)])
    late = int(random.uniform(0, 0.006) * rate)
    yield "late start", sound[late if len(sound) > 4 * late else 0 :]
