"""The aspects of the ``librosa`` space: what each holds, what of it is scored, and the vector they make. NumPy only.

A vector is one block per aspect, each ``sqrt(weight)`` times a unit vector, so the inner product of two vectors is
exactly the weighted sum of the aspects' cosines. Adding an aspect: one function in ``descriptors``, one row in
``MEASURED``, and ``benchmarks/learn_metric.py`` run again.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np
from numpy.typing import NDArray

from timbred_indexer import metric, parameters
from timbred_indexer.errors import RequestError
from timbred_indexer.parameters import (
    ANCHOR,
    KERNEL_NODES,
    KERNEL_WIDTH,
    N_CONTRAST_BANDS,
    N_HARMONICS,
    N_MELS,
    N_MFCC,
    SHAPE_BANDS,
    SHAPE_TIMES,
)

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Aspect:
    """One group of descriptors.

    Attributes:
        name: as in queries' weights and results.
        weight: its default share of the similarity; all weights are > 0 and sum to 1.
        scored: names of the values that are compared.
        reported: names of the values that are kept for reasons only; they follow the scored ones in the BLOB.
        kernel: few dimensions pass through a kernel feature map, so that the score falls with distance; otherwise
            the standardised values are compared by cosine.
        project: if not 0, the standardised values first pass through the learned projection to so many dimensions.
    """

    name: str
    weight: float
    scored: tuple[str, ...]
    reported: tuple[str, ...] = ()
    kernel: bool = False
    project: int = 0

    @property
    def fields(self) -> tuple[str, ...]:
        """Every raw value's name, in the BLOB's order."""
        return self.scored + self.reported

    @property
    def dim(self) -> int:
        """Length of its block in the vector."""
        if self.kernel:
            return len(self.scored) * 2 * KERNEL_NODES
        return (self.project or len(self.scored)) + 1


def _each(statistics: str, columns: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{statistic}_{column}" for statistic in statistics.split() for column in columns)


_CEPSTRA = tuple(str(i) for i in range(1, N_MFCC))
_BANDS = (*(f"band{i}" for i in range(N_CONTRAST_BANDS + 1)), "brightness", "flatness")
_PITCHES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")

_SHAPE = tuple(f"time{time}_band{band}" for time in range(SHAPE_TIMES) for band in range(SHAPE_BANDS))
_MOMENTS = ("centroid", "width", "skewness", "half", "most", "evenness")
_LEVELS = (*(f"after{i}" for i in range(20)), *(f"part{i}" for i in range(8)))
_PAIRS = tuple(str(i) for i in range(N_MELS // 2))
_RATES = tuple(f"rate{rate}_band{band}" for rate in range(6) for band in range(8))
_TOGETHER = tuple(f"together{lag}_{i}" for lag in (1, 2, 4) for i in range(8 - lag))

MEASURED: Final[tuple[Aspect, ...]] = (
    Aspect(
        "mfcc", 0.05, _each("mean spread step drift", _CEPSTRA), _each("mean spread step drift", ("0",)), project=24
    ),
    Aspect("chroma", 0.02, _each("mean", _PITCHES), (*_each("spread", _PITCHES), "strongest", "prominence")),
    Aspect("spectral_contrast", 0.04, _each("mean spread step drift", _BANDS), ("brightness_hz",), project=16),
    Aspect("rhythm", 0.02, ("pulse", "octave", "density", "unevenness"), ("bpm", "confidence"), kernel=True),
    Aspect("zcr", 0.02, _each("mean spread", ("rate",)), _each("step drift", ("rate",)), kernel=True),
    Aspect(
        "rms",
        0.03,
        ("attack", "decay", "centre", "crest"),
        ("length", "fullness", "attack_s", "decay_s", "peak_dbfs", "rms_dbfs"),
        kernel=True,
    ),
    Aspect("onset_shape", 0.05, _SHAPE, project=24),
    Aspect("course_shape", 0.04, _SHAPE, project=24),
    Aspect("level_shape", 0.02, _LEVELS, project=12),
    Aspect(
        "spectral_shape",
        0.04,
        (*_each("whole start", _PAIRS), *_each("mean spread drift", _MOMENTS)),
        project=20,
    ),
    Aspect("fundamental", 0.02, ("octave", "clarity"), ("hz",), kernel=True),
    Aspect("harmonics", 0.02, tuple(f"harmonic{i}" for i in range(1, N_HARMONICS + 1)), project=10),
    Aspect("modulation", 0.03, (*_RATES, *_each("spread skewness", tuple("01234567")), *_TOGETHER), project=20),
)
"""The aspects that ``descriptors`` measures: each has a BLOB of raw values."""

KIND: Final = Aspect("kind", 0.60, (), project=96)
"""What kind of sound it is: a projection of all scored values together, learned from labels and alterations."""

ASPECTS: Final[tuple[Aspect, ...]] = (*MEASURED, KIND)


def _inputs() -> Mapping[str, slice[int, int, None]]:
    ends = np.cumsum([len(aspect.scored) for aspect in MEASURED]).tolist()
    own = {aspect.name: slice(end - len(aspect.scored), end) for aspect, end in zip(MEASURED, ends, strict=True)}
    return {**own, KIND.name: slice(0, ends[-1])}


INPUTS: Final = _inputs()
"""Where an aspect's standardised values are among all of them."""

PITCH_NAMES: Final = _PITCHES
WEIGHTS: Final[Mapping[str, float]] = {aspect.name: aspect.weight for aspect in ASPECTS}
DIM: Final = sum(aspect.dim for aspect in ASPECTS)

GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "timbre": ("kind", "mfcc", "onset_shape", "course_shape", "harmonics"),
    "pitch": ("fundamental", "chroma"),
    "spectrum": ("spectral_shape", "spectral_contrast", "zcr"),
    "movement": ("modulation",),
    "envelope": ("level_shape", "rms"),
    "loudness": ("level_shape", "rms"),
}
"""Friendly names over aspects; ``rhythm`` is one already."""

PRESETS: Final[Mapping[str, Mapping[str, float]]] = {
    "balanced": {},
    "one-shot": {"timbre": 0.80, "envelope": 0.12, "spectrum": 0.08, "pitch": 0.0, "rhythm": 0.0, "movement": 0.0},
    "loop": {"timbre": 0.45, "rhythm": 0.30, "movement": 0.15, "spectrum": 0.08, "pitch": 0.02, "envelope": 0.0},
    "texture": {"timbre": 0.50, "spectrum": 0.30, "movement": 0.20, "pitch": 0.0, "rhythm": 0.0, "envelope": 0.0},
}
"""Weights by occasion, in friendly names."""


def _blocks() -> Mapping[str, slice[int, int, None]]:
    ends = np.cumsum([aspect.dim for aspect in ASPECTS]).tolist()
    return {aspect.name: slice(end - aspect.dim, end) for aspect, end in zip(ASPECTS, ends, strict=True)}


BLOCKS: Final = _blocks()
_STARTS: Final = np.array([block.start for block in BLOCKS.values()])
_SHARES: Final = np.array([aspect.weight for aspect in ASPECTS], np.float32)
_OFFSETS: Final = {(aspect.name, field): 4 * place for aspect in MEASURED for place, field in enumerate(aspect.fields)}


def _version() -> str:
    """A stamp of all that changes a number: parameters, registry, reference statistics, librosa's filter banks."""
    numbers = {name: value for name, value in vars(parameters).items() if name.isupper()}
    digest = hashlib.blake2b(repr((sorted(numbers.items()), ASPECTS)).encode(), digest_size=6)
    for name in metric.FILES:
        digest.update(files(__package__ or "timbred_indexer").joinpath(name).read_bytes())
    return f"{parameters.ALGORITHM}-librosa{importlib.metadata.version('librosa')}-{digest.hexdigest()}"


VERSION: Final = _version()


def value(aspects: Mapping[str, bytes], name: str, field: str) -> float:
    """One raw value by name, for example ``value(aspects, "rhythm", "bpm")``."""
    return float(struct.unpack_from("<f", aspects[name], _OFFSETS[name, field])[0])


def vector(aspects: Mapping[str, bytes], projections: metric.Projections | None = None) -> Floats:
    """The vector of one segment.

    Args:
        aspects: name → raw values as a little-endian float32 BLOB, one for every row of ``MEASURED``.
        projections: other than those shipped, to try them.

    Returns:
        (DIM,) float32, L2-normalised.

    Raises:
        ValueError: a BLOB's length is not that of this version's aspect.
    """
    blocks = _shipped_blocks() if projections is None else _BlockMaker(projections)
    raw = np.concatenate([_raw(aspects, aspect)[: len(aspect.scored)] for aspect in MEASURED])
    return blocks.make(metric.standard(raw, *_all_reference()))


def cosines(query: Floats, vectors: Floats) -> Floats:
    """Each aspect's cosine, in [-1, 1], in the registry's order.

    Args:
        query: (DIM,), as ``vector`` made it (not reweighted), or (n, DIM): one for each of the vectors.
        vectors: (DIM,) or (n, DIM).

    Returns:
        (n_aspects,) or (n, n_aspects) float32.
    """
    return np.asarray(np.add.reduceat(query * vectors, _STARTS, axis=-1) / _SHARES, np.float32)


def by_aspect(weights: Mapping[str, float]) -> dict[str, float]:
    """Weights in friendly names → weights of aspects.

    Args:
        weights: friendly name or aspect → weight. A friendly name's weight is shared by its aspects as their defaults
            are; an aspect that is named itself has its own. Other names are passed on, for ``reweight`` to refuse.
    """
    asked: dict[str, float] = {}
    for group, members in GROUPS.items():
        if group in weights:
            whole = math.fsum(WEIGHTS[name] for name in members)
            asked |= {name: weights[group] * WEIGHTS[name] / whole for name in members}
    return {**asked, **{name: weight for name, weight in weights.items() if name not in GROUPS}}


def reweight(query: Floats, weights: Mapping[str, float]) -> Floats:
    """The query whose inner product with a stored vector is the asked blend of aspects.

    Args:
        query: (DIM,) or (n, DIM), as ``vector`` made it.
        weights: aspect → weight ≥ 0; aspects left out keep their default. They are scaled to sum to 1.

    Returns:
        The same shape, float32, in general not of unit length.

    Raises:
        RequestError: ``bad_weights``: an unknown aspect, a negative or infinite weight, or nothing above 0.
    """
    known = WEIGHTS
    unknown = sorted(set(weights) - set(known))
    if unknown:
        raise RequestError(f"There is no aspect {unknown[0]!r}; there are {', '.join(known)}.", code="bad_weights")
    asked = {**known, **weights}
    total = math.fsum(asked.values())
    if not all(math.isfinite(weight) and weight >= 0 for weight in asked.values()) or not 0 < total < math.inf:
        raise RequestError("Weights must be numbers of 0 or more, and one of them above 0.", code="bad_weights")
    out = np.array(query, np.float32)
    for name, block in BLOCKS.items():
        out[..., block] *= np.float32(asked[name] / total / known[name])
    return out


def strain(weights: Mapping[str, float]) -> float:
    """How much more the error of a compressed vector counts under asked weights than under the defaults: 1 or more.

    An error is spread over the blocks as their energy is, and a block's own is amplified by w′/w.

    Args:
        weights: as in :func:`reweight`.
    """
    asked = {**WEIGHTS, **weights}
    total = math.fsum(asked.values())
    return math.fsum((weight / total) ** 2 / WEIGHTS[name] for name, weight in asked.items())


def _raw(aspects: Mapping[str, bytes], aspect: Aspect) -> Floats:
    raw = np.frombuffer(aspects[aspect.name], "<f4")
    if len(raw) != len(aspect.fields):
        raise ValueError(f"{aspect.name} has {len(raw)} values, not {len(aspect.fields)}")
    return raw


@cache
def _all_reference() -> tuple[metric.Floats, metric.Floats]:
    """Means and standard deviations of all scored values, in the registry's order."""
    mean, std = zip(*(metric.reference()[aspect.name] for aspect in MEASURED), strict=True)
    return np.concatenate(mean), np.concatenate(std)


class _BlockMaker:
    """All blocks of a vector at once: a hundred small numpy calls would cost more than the arithmetic."""

    def __init__(self, learned: metric.Projections) -> None:
        inputs = INPUTS[KIND.name].stop
        linear = [aspect for aspect in ASPECTS if not aspect.kernel]
        self._matrix = np.zeros((inputs, sum(aspect.dim - 1 for aspect in linear)))
        ends = np.cumsum([aspect.dim - 1 for aspect in linear]).tolist()
        for aspect, end in zip(linear, ends, strict=True):
            own = INPUTS[aspect.name]
            count = own.stop - own.start
            columns = learned[aspect.name] if aspect.project else np.eye(count) / math.sqrt(count)
            self._matrix[own, end - aspect.dim + 1 : end] = columns
        self._linear = np.concatenate([_range(BLOCKS[aspect.name])[:-1] for aspect in linear])
        self._anchors = np.array([BLOCKS[aspect.name].stop - 1 for aspect in linear])
        kernel = [aspect for aspect in ASPECTS if aspect.kernel]
        self._few = np.concatenate([_range(INPUTS[aspect.name]) for aspect in kernel])
        halves = [_range(BLOCKS[aspect.name]).reshape(2, -1) for aspect in kernel]
        self._cosines, self._sines = (np.concatenate([half[place] for half in halves]) for place in (0, 1))
        self._frequency, share = _nodes()
        self._amplitude = np.concatenate(
            [np.tile(np.sqrt(share / len(aspect.scored)), len(aspect.scored)) for aspect in kernel]
        )
        self._dims = np.array([aspect.dim for aspect in ASPECTS])
        self._roots = np.sqrt(np.array([aspect.weight for aspect in ASPECTS]))

    def make(self, values: metric.Floats) -> Floats:
        """(DIM,) float32 of unit length, of all standardised values.

        The linear blocks are values and the anchor; the others features whose inner product is the mean over values of
        exp(-d² / 2 · KERNEL_WIDTH²). (The Gaussian is its own Fourier transform: cosines and sines at the nodes of a
        Gauss-Hermite rule, weighted by the rule, sum to it. Fixed nodes, nothing random.)
        """
        out = np.empty(DIM)
        out[self._linear] = values @ self._matrix
        out[self._anchors] = ANCHOR
        phase = np.outer(values[self._few], self._frequency).ravel()
        out[self._cosines] = np.cos(phase) * self._amplitude
        out[self._sines] = np.sin(phase) * self._amplitude
        lengths = np.sqrt(np.add.reduceat(np.square(out), _STARTS))
        out *= np.repeat(self._roots / lengths, self._dims)
        return (out / np.linalg.norm(out)).astype(np.float32)


def _range(part: slice[int, int, None]) -> NDArray[np.int64]:
    return np.arange(part.start, part.stop, dtype=np.int64)


@cache
def _shipped_blocks() -> _BlockMaker:
    return _BlockMaker(metric.projections())


@cache
def _nodes() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The rule's positive half: frequencies and their shares, which sum to 1."""
    points, shares = np.polynomial.hermite.hermgauss(2 * KERNEL_NODES)
    return math.sqrt(2) / KERNEL_WIDTH * points[KERNEL_NODES:], 2 * shares[KERNEL_NODES:] / math.sqrt(math.pi)
