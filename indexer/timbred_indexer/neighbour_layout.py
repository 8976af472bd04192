"""UMAP, where it is installed: who is near whom, laid out in a plane."""

from __future__ import annotations

import importlib
from typing import Any, Final, cast

import numpy as np

from timbred_indexer.projection import Floats

_NEIGHBOURS: Final = 15
_FEWEST: Final = 50
"""Below this, neighbourhoods say nothing that the points themselves do not."""


def layout(points: Floats) -> Floats:
    """(n, d) → (n, 2) float32; the same points give the same layout."""
    if len(points) < _FEWEST:
        return points[:, :2]
    umap = cast(Any, importlib.import_module("umap"))
    made = umap.UMAP(n_neighbors=_NEIGHBOURS, min_dist=0.1, random_state=1, n_jobs=1).fit_transform(points)
    return np.asarray(made, np.float32)
