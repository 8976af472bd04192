"""What was learned about likeness, as shipped: reference statistics and projections. NumPy only.

Both are constants of this version (``benchmarks/learn_metric.py`` derives them): a growing library never changes a
vector.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from timbred_indexer.parameters import CLIP

Floats = NDArray[np.floating[Any]]
Reference = Mapping[str, tuple[Floats, Floats]]
"""Aspect → mean and standard deviation of its scored values."""

Projections = Mapping[str, Floats]
"""Aspect → (its standardised inputs, its dimensions)."""

_PACKAGE: Final = __package__ or "timbred_indexer"
FILES: Final = ("reference.json", "metric.npz")


def parse_reference(rows: Mapping[str, Mapping[str, list[float]]]) -> Reference:
    """From the rows of ``reference.json``."""
    return {name: (np.array(row["mean"]), np.array(row["std"])) for name, row in rows.items()}


@cache
def reference() -> Reference:
    """The statistics of this version."""
    return parse_reference(json.loads(files(_PACKAGE).joinpath(FILES[0]).read_text("utf-8")))


@cache
def projections() -> Projections:
    """The projections of this version."""
    with files(_PACKAGE).joinpath(FILES[1]).open("rb") as file, np.load(file, allow_pickle=False) as stored:
        return {name: stored[name].astype(np.float64) for name in stored.files}


def standard(values: Floats, mean: Floats, std: Floats) -> Floats:
    """Standard deviations from the mean, at most ``CLIP`` of them."""
    return np.clip((values - mean) / std, -CLIP, CLIP)
