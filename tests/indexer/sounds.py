"""Small sounds for the tests, and where the corpus of real ones is."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from timbred_indexer.parameters import ANALYSIS_RATE

Floats = NDArray[np.floating[Any]]


def pluck(seconds: float = 0.8, rate: int = ANALYSIS_RATE, pitch: float = 330.0) -> Floats:
    """A struck string: harmonics that decay, after a breath of noise."""
    time = np.arange(round(seconds * rate)) / rate
    tone = sum(np.sin(2 * np.pi * pitch * n * time) * np.exp(-3 * n * time) / n for n in range(1, 8))
    click = np.random.default_rng(1).standard_normal(len(time)) * np.exp(-400 * time) * 0.1
    return 0.5 * (tone + click)


def noise(seconds: float, seed: int = 0) -> NDArray[np.float32]:
    return (0.3 * np.random.default_rng(seed).standard_normal(round(seconds * ANALYSIS_RATE))).astype(np.float32)


def clicks(bpm: float, seconds: float = 10.0) -> NDArray[np.float32]:
    """A metronome: 10 ms bursts of noise."""
    out = np.zeros(round(seconds * ANALYSIS_RATE), np.float32)
    burst = noise(0.01, seed=2)
    for start in np.arange(0, seconds - 0.02, 60 / bpm):
        first = round(start * ANALYSIS_RATE)
        out[first : first + len(burst)] = burst
    return out


def corpus() -> Path:
    """The corpus of real sounds: $TIMBRED_CORPUS, or shared/corpus beside the repository; skips without."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "corpus"
    folder = Path(os.environ.get("TIMBRED_CORPUS", beside))
    if not folder.is_dir():
        pytest.skip("no corpus: set TIMBRED_CORPUS to a folder of sounds")
    return folder
