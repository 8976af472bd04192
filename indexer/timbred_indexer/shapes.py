"""Shapes in time and frequency: what librosa has no function for. Pure; frames are rows.

Everything here is measured from the onset, against the loudest moment, over a soft floor: what lies ``FLOOR_DB`` below
the loudest band fades out of the numbers instead of falling off an edge, so a converter's or a codec's noise says
little.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from timbred_indexer.parameters import (
    ANALYSIS_RATE,
    END_DB,
    ENVELOPE_HOP,
    FLOOR_DB,
    HOP,
    N_FFT,
    N_HARMONICS,
    N_MELS,
    ONSET_DB,
    SHAPE_BANDS,
    SHAPE_TIMES,
)
from timbred_indexer.spectra import Floats, Spectra

FRAME_RATE: Final = ANALYSIS_RATE / HOP

# Seconds from the onset: steps of a frame first, then a third of an octave of time each.
ONSET_GRID: Final = np.array(
    [0, 0.0116, 0.0232, 0.0348, 0.0464, 0.07, 0.1, 0.14, 0.2, 0.28, 0.4, 0.56, 0.8, 1.1, 1.6, 2.3]
)
LEVEL_GRID: Final = np.array(
    [
        0,
        0.003,
        0.006,
        0.01,
        0.015,
        0.022,
        0.032,
        0.045,
        0.065,
        0.09,
        0.13,
        0.18,
        0.25,
        0.36,
        0.5,
        0.7,
        1.0,
        1.4,
        2.0,
        2.8,
        4.0,
    ]
)
COURSE_PARTS: Final = 12
LEVEL_PARTS: Final = 8
MODULATION_BANDS: Final = 8
MODULATION_RATES: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
_FLOOR: Final = 10.0 ** (-FLOOR_DB / 10)
_DB: Final = np.float32(10 / np.log(10))  # the natural logarithm is vectorised, that to base 10 is not


def above_floor(power: Floats) -> Floats:
    """dB under the maximum, from 0 down to -FLOOR_DB, softly."""
    loudest = max(float(power.max()), 1e-20)
    return _DB * np.log(power / np.float32(loudest) + np.float32(_FLOOR))


def span(power: Floats) -> tuple[int, int]:
    """The first and one past the last row that belong to the sound: onset and end."""
    loudest = float(power.max())
    first = int(np.argmax(power >= loudest * 10 ** (-ONSET_DB / 10)))
    last = len(power) - int(np.argmax(power[::-1] >= loudest * 10 ** (-END_DB / 10)))
    return first, last


def averages(values: Floats, edges: NDArray[np.float64]) -> Floats:
    """(len(edges) - 1, columns): means of the rows between fractional edges; past the last row there is 0."""
    total = np.zeros((len(values) + 2, values.shape[1]))
    np.cumsum(values, axis=0, out=total[1:-1])
    total[-1] = total[-2]
    edges_inside = np.minimum(edges, len(values))
    low = edges_inside.astype(int)
    at = total[low] + (edges_inside - low)[:, None] * (total[low + 1] - total[low])
    return (np.diff(at, axis=0) / np.diff(edges)[:, None]).astype(np.float32)


def cepstra(level: Floats) -> Floats:
    """(frames, SHAPE_BANDS) low DCT coefficients of each frame's dB over the floor."""
    return (level + np.float32(FLOOR_DB)) @ _cosines()


def onset_shape(coefficients: Floats, first: int) -> Floats:
    """(SHAPE_TIMES, SHAPE_BANDS) 2-D DCT of the log-mel spectrogram on a grid of times from the onset."""
    return _low(averages(coefficients, first + ONSET_GRID * FRAME_RATE))


def course_shape(coefficients: Floats, first: int, last: int) -> Floats:
    """(SHAPE_TIMES, SHAPE_BANDS) 2-D DCT of the log-mel spectrogram of the whole sound, in 12 parts of one length."""
    return _low(averages(coefficients, np.linspace(first, max(last, first + 1), COURSE_PARTS + 1)))


def _low(grid: Floats) -> Floats:
    return scipy.fft.dct(grid, axis=0, norm="ortho")[:SHAPE_TIMES]


@cache
def _cosines() -> Floats:
    return np.ascontiguousarray(scipy.fft.dct(np.eye(N_MELS), axis=1, norm="ortho")[:, :SHAPE_BANDS], np.float32)


@cache
def _octets() -> Floats:
    """(N_MELS, MODULATION_BANDS): which bands make a modulation band."""
    return np.repeat(np.eye(MODULATION_BANDS, dtype=np.float32), N_MELS // MODULATION_BANDS, axis=0)


def level_shape(amplitude: Floats) -> Floats:
    """dB on ``LEVEL_GRID`` from the onset, then in parts of the whole length, 0 being the loudest moment.

    Args:
        amplitude: (steps,) the loudest sample of every ``ENVELOPE_HOP``.
    """
    power = np.square(amplitude)
    first, last = span(power)
    rate = ANALYSIS_RATE / ENVELOPE_HOP
    early = averages(power[:, None], first + LEVEL_GRID * rate)[:, 0]
    whole = averages(power[:, None], np.linspace(first, max(last, first + 1), LEVEL_PARTS + 1))[:, 0]
    return np.concatenate([above_floor(early), above_floor(whole)])


def spectral_shape(frames: Spectra, level: Floats, first: int, weights: Floats) -> Floats:
    """Mean spectrum, its first 50 ms, and moments over time of centroid, width, slant, roll-off and flatness."""
    pairs = frames.mel[:, ::2] + frames.mel[:, 1::2]
    whole, start = pairs.mean(axis=0), pairs[first : first + 4].mean(axis=0)
    moments = _moments(frames.mel, level)
    mean = weights @ moments
    apart = moments - mean
    spread = np.sqrt(weights @ np.square(apart))
    time = _log_frames(len(moments))
    time = time - weights @ time
    drift = (weights * time) @ apart / np.sqrt(weights @ np.square(time) + np.float32(1e-6))
    return np.concatenate([above_floor(whole), above_floor(start), mean, spread, drift])


def _moments(mel: Floats, level: Floats) -> Floats:
    """(frames, 6): over the mel scale, in bands: centroid, width, skewness, roll-off at 50 and 90 %; evenness in dB."""
    floored = mel + mel.max() * np.float32(_FLOOR)
    total = floored.sum(axis=1, keepdims=True)
    share = floored / total
    first, second, third = (share @ _band_powers()).T
    variance = second - first * first
    width = np.sqrt(np.maximum(variance, 0) + 1e-3)
    skewness = (third - 3 * first * second + 2 * first**3) / width**3
    risen = np.cumsum(share, axis=1)
    half, most = np.count_nonzero(risen < 0.5, axis=1), np.count_nonzero(risen < 0.9, axis=1)
    evenness = level.mean(axis=1) - 10 * np.log10(total[:, 0] / max(float(mel.max()), 1e-20))
    return np.column_stack([first + N_MELS / 2, width, skewness, half, most, evenness]).astype(np.float32)


@cache
def _band_powers() -> Floats:
    """(N_MELS, 3): first to third powers of the bands' numbers, counted from the middle."""
    band = np.arange(N_MELS) - N_MELS / 2
    return np.column_stack([band, band**2, band**3])


def _log_frames(count: int) -> Floats:
    return np.log2(np.arange(count, dtype=np.float32) + 4)


@dataclass(frozen=True, slots=True)
class Tone:
    """What the mean spectrum says of pitch.

    Attributes:
        fundamental: Hz.
        clarity: how much of the sound repeats at its period, in [0, 1].
        harmonics: (N_HARMONICS,) dB under the strongest.
    """

    fundamental: float
    clarity: float
    harmonics: Floats


def tone(power: Floats, weights: Floats) -> Tone:
    """Autocorrelation of the mean spectrum, divided by the window's own (Boersma 1993); the shortest strong period."""
    spectrum = weights @ power
    correlation = scipy.fft.irfft(spectrum)[: N_FFT // 2]
    correlation = correlation / max(float(correlation[0]), 1e-20) / _window_correlation()
    shortest, longest = ANALYSIS_RATE // 2000, round(N_FFT * 0.45)
    inside = correlation[shortest:longest]
    here = inside[1:-1]
    peaks = 1 + np.flatnonzero((here > inside[:-2]) & (here >= inside[2:]))
    lag, clarity = float(longest), 0.0
    if len(peaks):
        best = peaks[np.argmax(inside[peaks] >= 0.9 * inside[peaks].max())]
        before, at, after = (float(value) for value in inside[best - 1 : best + 2])
        lag = shortest + best + 0.5 * (before - after) / min(before - 2 * at + after, -1e-9)
        clarity = min(max(at, 0.0), 1.0)
    fundamental = ANALYSIS_RATE / lag
    return Tone(fundamental, clarity, _harmonics(spectrum, fundamental))


def _harmonics(spectrum: Floats, fundamental: float) -> Floats:
    width = fundamental * N_FFT / ANALYSIS_RATE
    number = np.arange(1, N_HARMONICS + 1)
    edges = np.rint((number[:, None] + np.array([-0.5, 0.5])) * width).astype(int)
    total = np.concatenate([[0.0], np.cumsum(spectrum)])
    edges = np.clip(edges, 0, len(spectrum))
    edges[:, 1] = np.maximum(edges[:, 1], np.minimum(edges[:, 0] + 1, len(spectrum)))
    return above_floor((total[edges[:, 1]] - total[edges[:, 0]]).astype(np.float32))


def modulation(frames: Spectra, level: Floats, first: int, last: int) -> Floats:
    """How bands move: energy at each rate, unevenness, skewness (after McDermott and Simoncelli 2011), togetherness."""
    last = max(last, first + 2)
    bands = frames.mel[first:last] @ _octets()
    amplitude = np.sqrt(bands) + np.sqrt(bands.max()) * np.float32(10 ** (-FLOOR_DB / 20))
    mean = amplitude.mean(axis=0)
    relative = amplitude / mean - 1
    spread = relative.std(axis=0) + np.float32(1e-3)
    skew = (relative**3).mean(axis=0) / spread**3
    size = scipy.fft.next_fast_len(max(len(relative), 2 * round(FRAME_RATE)), real=True)
    power = np.abs(scipy.fft.rfft(relative, n=size, axis=0)) ** 2
    total = np.concatenate([np.zeros((1, MODULATION_BANDS)), np.cumsum(power, axis=0)])
    at = np.minimum(np.rint(np.array(MODULATION_RATES) * size / FRAME_RATE).astype(int), len(power))
    energy = np.diff(total[at], axis=0) / (len(relative) * size)
    decibels = level[first:last] @ (_octets() * np.float32(MODULATION_BANDS / N_MELS))
    apart = decibels - decibels.mean(axis=0)
    norm = np.sqrt(np.square(apart).sum(axis=0)) + np.float32(1.0)
    related = (apart / norm).T @ (apart / norm)
    together = np.concatenate([np.diagonal(related, lag) for lag in (1, 2, 4)])
    return np.concatenate([np.log10(energy + 1e-4).ravel(), np.log2(spread), np.clip(skew, -3, 6), together])


@cache
def _window_correlation() -> Floats:
    window = scipy.fft.rfft(np.hanning(N_FFT + 1)[:-1], n=2 * N_FFT)
    correlation = scipy.fft.irfft(np.abs(window) ** 2)[: N_FFT // 2]
    return (correlation / correlation[0]).astype(np.float32)
