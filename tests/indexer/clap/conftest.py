"""A tiny model, made, installed and loaded once; whoever needs it skips without torch and transformers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from timbred_indexer.clap.load import ENVIRONMENT, load
from timbred_indexer.clap.protocol import ClapModel
from timbred_indexer.weights_manifest import InstalledModel
from timbred_indexer.wire import FEATURE_SHAPE
from tiny import install


@pytest.fixture(scope="session")
def installed(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> InstalledModel:
    """The tiny checkpoint in a store; not to be changed."""
    return install(tmp_path_factory.mktemp("data"), checkpoint)


@pytest.fixture(scope="session")
def model(installed: InstalledModel) -> ClapModel:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)  # load() sets these for good; the other tests are not to see it
        return load(installed.folder, threads=1)


@pytest.fixture(scope="session")
def sounds() -> NDArray[np.float32]:
    """Features of six made-up sounds that differ much: (6, 1001, 64)."""
    frames, bands = np.arange(FEATURE_SHAPE[0])[:, None], np.arange(FEATURE_SHAPE[1])[None, :]
    tones = [-90 + 80 * np.exp(-np.square((bands - band) / 4.0)) + 0 * frames for band in (5, 30, 60)]
    beats = [-90 + 80 * (frames % every < 10) * np.exp(-bands / 20) for every in (50, 200, 1001)]
    return np.stack(tones + beats).astype(np.float32)
