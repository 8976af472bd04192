"""Samples → the log-mel features that CLAP was trained on. Pure, and the same numbers on every machine.

The arithmetic is that of transformers' ``ClapFeatureExtractor`` with ``truncation="rand_trunc"``, without its random
crop: a segment is never longer than the 10 s that the model takes.
"""

from __future__ import annotations

import functools
from typing import Final

import librosa.filters
import numpy as np
from numpy.typing import NDArray

from timbred_indexer.wire import FEATURE_SHAPE, Fill

RATE: Final = 48_000
"""Hz."""

SAMPLES: Final = 10 * RATE
"""What the model takes at once: 10 s."""

_WINDOW: Final = 1024
_HOP: Final = 480
_BANDS: Final = 64
_LOWEST, _HIGHEST = 50.0, 14_000.0
_FLOOR: Final = 1e-10
_AT_ONCE: Final = 143  # frames: 1001 = 7 × 143, and what they need stays in a core's cache


def features(samples: NDArray[np.float32], fill: Fill) -> NDArray[np.float32]:
    """The features of one segment.

    Args:
        samples: (n,) float32 at ``RATE``, 1 ≤ n; what comes after ``SAMPLES`` is left out.
        fill: how fewer samples become ``SAMPLES`` of them.

    Returns:
        (1001, 64) float32: power in dB, at least -100, per 10 ms frame and slaney mel band from 50 to 14,000 Hz.
    """
    filled = np.pad(_filled(samples, fill), _WINDOW // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(filled, _WINDOW)[::_HOP]
    power = np.empty((FEATURE_SHAPE[0], _BANDS))
    for first in range(0, len(power), _AT_ONCE):
        # Double precision: in a quiet band beside a loud one, single leaves noise where silence belongs.
        spectrum = np.fft.rfft(frames[first : first + _AT_ONCE] * _window())
        power[first : first + _AT_ONCE] = (np.square(spectrum.real) + np.square(spectrum.imag)) @ _bank()
    return (10.0 * np.log10(np.maximum(power, _FLOOR))).astype(np.float32)


def _filled(samples: NDArray[np.float32], fill: Fill) -> NDArray[np.float64]:
    heard = samples[:SAMPLES].astype(np.float64)
    match fill:
        case "pad":
            pass
        case "repeat":
            heard = np.resize(heard, SAMPLES)
        case "repeatpad":
            heard = np.tile(heard, SAMPLES // len(heard))
    return np.pad(heard, (0, SAMPLES - len(heard)))


@functools.cache
def _window() -> NDArray[np.float64]:
    return np.hanning(_WINDOW + 1)[:-1]  # periodic


@functools.cache
def _bank() -> NDArray[np.float64]:
    """(513, 64): from powers of the bins to those of the bands."""
    bank = librosa.filters.mel(
        sr=RATE,
        n_fft=_WINDOW,
        n_mels=_BANDS,
        fmin=_LOWEST,
        fmax=_HIGHEST,
        dtype=np.float64,  # pyright: ignore
    )
    return np.ascontiguousarray(bank.T)
