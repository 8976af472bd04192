"""Learns what timbred ships as numbers: reference.json and metric.npz. Run again when an aspect or a parameter changes.

    python benchmarks/learn_metric.py CORPUS --labels labels.csv [--cache FILE] [--hold-out]

What is alike is learned from three teachers: labels of real packs (``labels.csv``), labels of synthesised sounds
(``synthesise.py``) and augmentation (the same sound filtered, noisy, pitched, cut, in 8 bits is the same sound). Each
gives a scatter inside its labels, W, and one between them, B; the metric is their linear discriminant projection
(Fisher 1936; Rao 1948), B against W + γI, each direction weighted by the root of λ / (1 + λ) (as in probabilistic LDA,
Ioffe 2006). No audio is part of the repository; the numbers are.

``--hold-out`` measures instead: each pack of the corpus is asked about with a metric learned without it, and half of
the synthesised labels with one learned on the other half.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import pickle
import zlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import scipy.linalg as typed_linalg
import soxr as typed_soxr
from numpy.typing import NDArray
from retrieval import originals, precision
from synthesise import synthesise

from timbred_indexer import aspects, metric
from timbred_indexer.decode import open_sound
from timbred_indexer.descriptors import describe
from timbred_indexer.errors import TimbredError
from timbred_indexer.parameters import ANALYSIS_RATE
from timbred_indexer.segments import cut

linalg: Any = typed_linalg  # their stubs are partial
soxr: Any = typed_soxr

Floats = NDArray[np.floating[Any]]
Raw = Mapping[str, Floats]
FOLDER: Final = os.path.dirname(aspects.__file__)

PACKS: Final = 8
ALTERED: Final = 3  # every third sound is altered
RIDGE: Final = {"kind": 0.1}
OTHER_RIDGE: Final = 0.5  # an aspect alone stays nearer to its standardised values
CORPUS_SHARE: Final = 4.0  # of the real packs beside each synthesised domain's 1
AUGMENTED_SHARE: Final = 2.0
_SMALLEST_STD: Final = 1e-3  # a value that never varies must not be divided by nothing


@dataclass(frozen=True, slots=True)
class Example:
    """One sound: where it comes from (``corpus`` or a synthesised domain), its label and pack, and its raw values.

    Attributes:
        altered: name of the alteration → raw values of the altered sound.
    """

    domain: str
    label: str
    pack: str
    raw: Raw
    altered: Mapping[str, Raw]


# --- examples


def examples(corpus: str, labels: str, cache: str | None) -> list[Example]:
    """Every labelled sound of the corpus with its alterations, then the synthesised ones."""
    if cache and os.path.exists(cache):
        with open(cache, "rb") as file:
            return pickle.load(file)  # noqa: S301 - our own file, named by the one who runs this
    with open(labels, encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if not row["path"].startswith("odd/")]
    with ProcessPoolExecutor() as pool:
        real = pool.map(_real, [corpus] * len(rows), rows, chunksize=8)
        made = pool.map(_made, range(PACKS))
        found = [example for example in real if example] + [example for pack in made for example in pack]
    if cache:
        with open(cache, "wb") as file:
            pickle.dump(found, file)
    return found


def _real(corpus: str, row: Mapping[str, str]) -> Example | None:
    try:
        with open_sound(os.fsencode(os.path.join(corpus, row["path"]))) as sound:
            samples = next(cut(sound.blocks())).samples  # one segment a sound: long ones shall not outvote short ones
    except (TimbredError, StopIteration):
        return None
    random = np.random.default_rng(zlib.crc32(row["path"].encode()))
    alter = zlib.crc32(row["path"].encode()) % ALTERED == 0
    altered = {name: _described(other) for name, other in alterations(samples, random)} if alter else {}
    raw = _described(samples)
    kept = {name: values for name, values in altered.items() if values is not None}
    return Example("corpus", row["label"], row["group"], raw, kept) if raw else None


def _made(pack: int) -> list[Example]:
    found: list[Example] = []
    for sound in synthesise(pack):
        raw = _described(sound.samples)
        if raw:
            found.append(Example(sound.domain, sound.label, sound.pack, raw, {}))
    return found


def _described(samples: Floats) -> Raw | None:
    segment = next(cut([samples.astype(np.float32)]), None)
    return None if segment is None else describe(segment.samples)


def alterations(samples: Floats, random: np.random.Generator) -> Iterator[tuple[str, Floats]]:
    """The same sound as other converters, codecs, rooms and hands would give it."""
    rate = ANALYSIS_RATE
    sound = samples / np.abs(samples).max()
    yield "8 bits", np.round(sound * 127) / 128
    yield "-26 dB in 16 bits", np.round(sound * 10 ** (-26 / 20) * 32767) / 32768
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


# --- learning


@dataclass(frozen=True, slots=True)
class Scatter:
    """(values, values) each: mean covariance inside labels, covariance of the labels' means."""

    inside: Floats
    between: Floats


def reference(found: Sequence[Example]) -> dict[str, dict[str, list[float]]]:
    """Mean and standard deviation of every scored value, real and synthesised sounds counting equally."""
    rows: dict[str, dict[str, list[float]]] = {}
    for aspect in aspects.MEASURED:
        of = [_scored(found, aspect, real=real) for real in (True, False)]
        mean = (of[0].mean(axis=0) + of[1].mean(axis=0)) / 2
        variance = sum(np.square(values - mean).mean(axis=0) for values in of) / 2
        std = np.maximum(np.sqrt(variance), _SMALLEST_STD)
        rows[aspect.name] = {"mean": mean.round(5).tolist(), "std": std.round(5).tolist()}
    return rows


def _scored(found: Sequence[Example], aspect: aspects.Aspect, *, real: bool) -> Floats:
    rows = [e.raw[aspect.name] for e in found if (e.domain == "corpus") == real]
    return np.stack(rows)[:, : len(aspect.scored)].astype(np.float64)


def matrix(rows: Sequence[Raw], statistics: metric.Reference) -> Floats:
    """(rows, values) standardised values of all measured aspects, in the registry's order."""
    blocks = [
        metric.standard(
            np.stack([row[a.name][: len(a.scored)] for row in rows]).astype(np.float64), *statistics[a.name]
        )
        for a in aspects.MEASURED
    ]
    return np.concatenate(blocks, axis=1)


def scatter(values: Floats, labels: NDArray[np.str_]) -> Scatter:
    """Every label with two sounds or more counts once, however many it has."""
    names, place, count = np.unique(labels, return_inverse=True, return_counts=True)
    means = np.zeros((len(names), values.shape[1]))
    np.add.at(means, place, values)
    means /= count[:, None]
    apart = (values - means[place]) / np.sqrt(np.maximum(count[place] - 1, 1))[:, None]
    known = count >= 2
    return Scatter(apart.T @ apart / known.sum(), np.cov(means[known].T))


def projection(parts: Sequence[tuple[float, Scatter]], ridge: float, dim: int, columns: slice) -> Floats:
    """(values, dim): the directions in which labels differ most for how much they vary, unit energy in all."""
    inside = np.sum([share * part.inside[columns, columns] for share, part in parts], axis=0)
    between = np.sum([share * part.between[columns, columns] for share, part in parts], axis=0)
    size = len(inside)
    inside, between = inside * (size / np.trace(inside)), between * (size / np.trace(between))
    value, vector = linalg.eigh(between, inside + ridge * np.eye(size), subset_by_index=[max(0, size - dim), size - 1])
    vector *= np.sign(vector[np.abs(vector).argmax(axis=0), np.arange(vector.shape[1])])
    return (vector * np.sqrt(np.maximum(value, 0) / (1 + np.maximum(value, 0))))[:, ::-1]


class Teacher:
    """The examples' standardised values, and the metric that any choice of them teaches."""

    def __init__(self, found: Sequence[Example], statistics: metric.Reference) -> None:
        self.values = matrix([e.raw for e in found], statistics)
        self.domains = np.array([e.domain for e in found])
        self.labels = np.array([e.label for e in found])
        self.packs = np.array([e.pack for e in found])
        pairs = [(place, raw) for place, e in enumerate(found) for raw in e.altered.values()]
        self._owner = np.array([place for place, _ in pairs])
        self._apart = matrix([raw for _, raw in pairs], statistics) - self.values[self._owner]

    def unit(self, places: NDArray[np.intp]) -> Floats:
        """Standardised values at unit length: what is there before anything is learned."""
        return self.values[places] / np.linalg.norm(self.values[places], axis=1, keepdims=True)

    def learn(self, chosen: NDArray[np.bool_]) -> dict[str, Floats]:
        """Aspect → matrix, from the examples chosen."""
        apart = self._apart[chosen[self._owner]]
        altered = apart.T @ apart / (2 * max(len(apart), 1))
        parts = [(AUGMENTED_SHARE, Scatter(altered, np.zeros_like(altered)))]
        for domain in np.unique(self.domains):
            mine = chosen & (self.domains == domain) & (self.labels != "")
            if not mine.any():
                continue
            share = CORPUS_SHARE if domain == "corpus" else 1.0
            parts.append((share, scatter(self.values[mine], self.labels[mine])))
        learned: dict[str, Floats] = {}
        for aspect in aspects.ASPECTS:
            if aspect.project:
                columns = aspects.INPUTS[aspect.name]
                ridge = RIDGE.get(aspect.name, OTHER_RIDGE)
                found = projection(parts, ridge, aspect.project, columns)
                energy = np.square(self.values[:, columns] @ found).sum(axis=1).mean()
                learned[aspect.name] = (found / np.sqrt(energy)).astype(np.float32)
        return learned


# --- held out


def hold_out(teacher: Teacher, found: Sequence[Example]) -> None:
    """Prints P@10 with packs, and with labels, that the metric has not seen."""
    corpus = (teacher.domains == "corpus") & (teacher.labels != "")
    places = [int(i) for i in np.flatnonzero(corpus)]
    seconds = [2.0 ** float(found[i].raw["rms"][4]) for i in places]
    first = originals([found[i].label for i in places], [found[i].raw["course_shape"] for i in places], seconds)
    asked = np.array(places)[first]
    packs, labels = teacher.packs[asked], teacher.labels[asked]

    def vectors(learned: metric.Projections, chosen: NDArray[np.intp]) -> Floats:
        return np.stack([aspects.vector(_blobs(found[int(i)].raw), learned) for i in chosen])

    similarity = np.zeros((len(asked), len(asked)))
    for pack in np.unique(packs):
        made = vectors(teacher.learn(~corpus | (teacher.packs != pack)), asked)
        similarity[packs == pack] = made[packs == pack] @ made.T
    print("corpus, learned without the query's pack:", precision(similarity, labels, packs))
    made = vectors(teacher.learn(teacher.domains != "corpus"), asked)
    print("corpus, learned on synthesised sounds alone:", precision(made @ made.T, labels, packs))
    plain = teacher.unit(asked)
    print("corpus, standardised values:", precision(plain @ plain.T, labels, packs))
    even = np.array([zlib.crc32(label.encode()) % 2 == 0 for label in teacher.labels])
    half = teacher.learn((teacher.domains == "corpus") | even)
    for domain in ("notes", "texture", "words"):
        other = np.flatnonzero((teacher.domains == domain) & ~even)
        for name, values in (("learned", vectors(half, other)), ("standardised values", teacher.unit(other))):
            score = precision(values @ values.T, teacher.labels[other], teacher.packs[other])
            print(f"{domain}, other labels, {name}:", score, flush=True)


def _blobs(raw: Raw) -> dict[str, bytes]:
    return {name: values.astype("<f4").tobytes() for name, values in raw.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", help="folder of real sounds")
    parser.add_argument("--labels", required=True, help="CSV with path, label and group")
    parser.add_argument("--cache", help="keep the examples' raw values here, or take them from here")
    parser.add_argument("--hold-out", action="store_true", help="measure instead of writing")
    options = parser.parse_args()
    found = examples(options.corpus, options.labels, options.cache)
    rows = reference(found)
    teacher = Teacher(found, metric.parse_reference(rows))
    if options.hold_out:
        hold_out(teacher, found)
        return
    with open(os.path.join(FOLDER, "reference.json"), "w", encoding="utf-8") as out:
        json.dump(rows, out, indent=1)
        out.write("\n")
    learned: dict[str, Any] = teacher.learn(np.ones(len(found), np.bool_))
    np.savez_compressed(os.path.join(FOLDER, "metric.npz"), **learned)
    print(f"{len(found)} sounds → reference.json, metric.npz")


if __name__ == "__main__":
    main()
