"""Vectors for the index benchmark: of real sounds, mixes of two real sounds each, or CLAP-like ones.

Copies with a little noise are not used: they make every index look perfect. Queries are drawn like the rest, from
another seed, and are in no index.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from timbred_indexer import aspects
from timbred_indexer.analyse import analyse
from timbred_indexer.errors import TimbredError

Vectors = NDArray[np.float32]
Space = Literal["librosa", "clap"]
Draw = Callable[[int, int], Vectors]

BLOCK = 16_384
CLAP_DIM = 512
CLAP_KINDS = 400  # kinds of sound
CLAP_SOURCES = 20_000  # sounds that mixes are made of


def real(corpus: str, cache: str | None = None) -> Vectors:
    """(n, dim) the librosa vectors of every segment in a folder; kept in ``cache`` if one is given."""
    path = os.path.join(cache, f"real-{aspects.VERSION}.npy") if cache else None
    if path and os.path.exists(path):
        return np.load(path)
    blobs: list[bytes] = []
    for folder, directories, names in os.walk(os.fsencode(corpus)):
        directories[:] = sorted(name for name in directories if name != b"odd")
        for name in sorted(names):
            try:
                segments = analyse(os.path.join(folder, name)).segments
            except TimbredError:
                continue
            blobs += [segment.vector for segment in segments if segment.vector is not None]
    made = np.frombuffer(b"".join(blobs), "<f4").reshape(-1, aspects.DIM)
    if path:
        np.save(path, made)
    return made


def mixer(sources: Vectors) -> Draw:
    """Draws mixes of two sources: each block of the vector is the blend of theirs, of the length it had."""

    def draw(count: int, seed: int) -> Vectors:
        random = np.random.default_rng(seed)
        first, second = random.integers(0, len(sources), (2, count))
        share = random.uniform(0.5, 0.9, (count, 1)).astype(np.float32)
        made = (share * sources[first] + (1 - share) * sources[second]).astype(np.float32)
        for name, block in aspects.BLOCKS.items():
            _scale(made[:, block], aspects.WEIGHTS[name] ** 0.5)
        return made

    return draw


def clap_like(seed: int = 0) -> Draw:
    """Draws vectors of CLAP's dimension whose cosines spread as a learned model's do.

    A common direction, kinds around it, sounds around their kind in directions of falling weight; then mixes of two.
    """
    random = np.random.default_rng(seed)
    axes = np.linalg.qr(random.standard_normal((CLAP_DIM, CLAP_DIM)))[0].astype(np.float32)
    falling = (1.0 / np.arange(1, CLAP_DIM + 1) ** 0.6).astype(np.float32)
    centres = random.standard_normal((CLAP_KINDS, CLAP_DIM)).astype(np.float32) * falling
    popular = random.dirichlet(np.full(CLAP_KINDS, 0.5))
    kinds = random.choice(CLAP_KINDS, CLAP_SOURCES, p=popular)
    own = random.standard_normal((CLAP_SOURCES, CLAP_DIM)).astype(np.float32) * falling
    sources = ((centres[kinds] + own) @ axes.T + 1.5 * axes[:, -1]).astype(np.float32)
    _scale(sources, 1.0)

    def draw(count: int, seed: int) -> Vectors:
        random = np.random.default_rng(seed)
        first, second = random.integers(0, CLAP_SOURCES, (2, count))
        share = random.uniform(0.5, 0.9, (count, 1)).astype(np.float32)
        made = (share * sources[first] + (1 - share) * sources[second]).astype(np.float32)
        _scale(made, 1.0)
        return made

    return draw


def blocks(draw: Draw, count: int) -> Iterator[tuple[int, Vectors]]:
    """``count`` vectors in blocks, each with the number of its first; the same at every call."""
    for start in range(0, count, BLOCK):
        yield start, draw(min(BLOCK, count - start), 1 + start)


def _scale(made: Vectors, length: float) -> None:
    """Gives each row that length, in place."""
    made *= np.float32(length) / np.maximum(np.linalg.norm(made, axis=1, keepdims=True), np.float32(1e-12))
