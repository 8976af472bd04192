"""Building blocks of synthesised sounds: all at ``ANALYSIS_RATE``, as (n,) arrays, drawn from a seeded generator."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from timbred_indexer.parameters import ANALYSIS_RATE

Floats = NDArray[np.floating[Any]]
Random = np.random.Generator
RATE: Final = ANALYSIS_RATE
signal: Any = scipy.signal  # its stubs are partial


def time_axis(seconds: float) -> Floats:
    return np.arange(max(64, round(seconds * RATE))) / RATE


def fade(time: Floats, seconds: float) -> Floats:
    """An exponential decay by 60 dB."""
    return np.exp(-6.9 * time / seconds)


def noise(time: Floats, random: Random, low: float = 0.0, high: float = 11_000.0, order: int = 2) -> Floats:
    white = random.standard_normal(len(time))
    edges = [max(low, 20.0), min(high, RATE * 0.49)]
    return np.asarray(signal.sosfilt(signal.butter(order, edges, "bandpass", fs=RATE, output="sos"), white), float)


def tone(frequency: Floats | float, time: Floats, phase: float = 0.0) -> Floats:
    return np.sin(2 * np.pi * np.cumsum(frequency * np.ones_like(time)) / RATE + phase)


def tilt(samples: Floats, decibels: float) -> Floats:
    """So many dB more per octave, around 1 kHz."""
    spectrum = np.fft.rfft(samples)
    octave = np.log2(np.maximum(np.asarray(np.fft.rfftfreq(len(samples), 1 / RATE)), 30) / 1000)
    return np.fft.irfft(spectrum * 10 ** (decibels * octave / 20), len(samples))


def unit(samples: Floats) -> Floats:
    return samples / (np.abs(samples).max() + 1e-9)


def log_uniform(random: Random, low: float, high: float) -> float:
    return float(np.exp(random.uniform(math.log(low), math.log(high))))


Make = Callable[[Random], Iterator[Floats]]


def several(count: int, one: Callable[[Random], Floats]) -> Make:
    return lambda random: (one(random) for _ in range(count))
