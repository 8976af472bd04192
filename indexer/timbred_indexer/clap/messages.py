"""What the daemon and the CLAP worker say to each other. Pure: values in, values out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from timbred_indexer.clap.protocol import Description
from timbred_indexer.frames import (
    MAX_TEXT,
    frame,
    malformed,
    read_blob,
    read_count,
    read_items,
    read_seconds,
    read_text,
    unframe,
)
from timbred_indexer.model import Seconds
from timbred_indexer.wire import read_features

MOST_AT_ONCE: Final = 128
"""Sounds or texts of one job: 33 MB of features, half a frame's limit."""

MAX_DIMENSION: Final = 16_384

_NORM: Final = 1e-3
"""How far from 1 the length of a vector may be."""


@dataclass(frozen=True, slots=True)
class AudioJob:
    """Sounds whose vectors are wanted.

    Attributes:
        features: (1001, 64) little-endian float32 each, as ``FeaturesJob`` gives them.
        dimension: of the vectors expected.
        deadline: seconds the worker may spend.
    """

    KIND: ClassVar[str] = "audio"

    features: tuple[bytes, ...]
    dimension: int
    deadline: Seconds

    def encode(self) -> bytes:
        return frame([self.KIND, list(self.features), self.dimension, self.deadline])

    def read(self, value: object) -> NDArray[np.float32]:
        """(n, dimension) float32, L2-normalised."""
        return read_vectors(value, len(self.features), self.dimension)


@dataclass(frozen=True, slots=True)
class TextJob:
    """Texts whose vectors are wanted; the attributes are those of ``AudioJob``."""

    KIND: ClassVar[str] = "text"

    texts: tuple[str, ...]
    dimension: int
    deadline: Seconds

    def encode(self) -> bytes:
        # Beyond its first hundred tokens no model here reads a text; what UTF-8 cannot hold is no word.
        sendable = [text[: MAX_TEXT // 2].encode("utf-8", "replace").decode() for text in self.texts]
        return frame([self.KIND, sendable, self.dimension, self.deadline])

    def read(self, value: object) -> NDArray[np.float32]:
        """(n, dimension) float32, L2-normalised."""
        return read_vectors(value, len(self.texts), self.dimension)


@dataclass(frozen=True, slots=True)
class DescribeJob:
    """What is loaded?"""

    KIND: ClassVar[str] = "describe"

    deadline: Seconds

    def encode(self) -> bytes:
        return frame([self.KIND, self.deadline])

    def read(self, value: object) -> Description:
        name, version, dimension, device, precision, threads, batch = read_items(value, len(fields(Description)))
        found = Description(
            read_text(name),
            read_text(version),
            read_count(dimension),
            read_text(device),
            read_text(precision),
            read_count(threads),
            read_count(batch),
        )
        if not 0 < found.dimension <= MAX_DIMENSION or not 0 < found.batch <= MOST_AT_ONCE:
            raise malformed("a dimension or a batch is out of range")
        return found


def decode_job(body: bytes) -> AudioJob | TextJob | DescribeJob:
    """Read a job of the CLAP worker.

    Raises:
        WorkerError: the body is not one.
    """
    match read_items(unframe(body)):
        case [AudioJob.KIND, features, dimension, deadline]:
            read = tuple(map(read_features, _few(features)))
            return AudioJob(read, read_count(dimension), read_seconds(deadline))
        case [TextJob.KIND, texts, dimension, deadline]:
            return TextJob(tuple(map(read_text, _few(texts))), read_count(dimension), read_seconds(deadline))
        case [DescribeJob.KIND, deadline]:
            return DescribeJob(read_seconds(deadline))
        case _:
            raise malformed("unknown kind of job")


def from_description(found: Description) -> list[object]:
    """A description in the shape in which it travels."""
    return [getattr(found, field.name) for field in fields(found)]


def from_vectors(vectors: NDArray[np.float32]) -> bytes:
    """Vectors in the shape in which they travel."""
    return vectors.astype("<f4").tobytes()


def read_vectors(value: object, count: int, dimension: int) -> NDArray[np.float32]:
    """(count, dimension) float32, L2-normalised; WorkerError if that is not what it is."""
    data = read_blob(value)
    if len(data) != 4 * count * dimension:
        raise malformed("vectors are missing or of the wrong size")
    vectors = np.frombuffer(data, "<f4").reshape(count, dimension).astype(np.float32)
    # Compared this way round, NaN is refused too.
    if not (np.abs(np.linalg.norm(vectors, axis=1) - 1.0) < _NORM).all():
        raise malformed("a vector is not of unit length")
    return vectors


def _few(value: object) -> Sequence[object]:
    items = read_items(value)
    if not 0 < len(items) <= MOST_AT_ONCE:
        raise malformed("a job is empty or too large")
    return items
