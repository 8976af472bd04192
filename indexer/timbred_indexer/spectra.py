"""One STFT and what is read off its frames, each number equal to librosa's own function given the same frames.

Only ``librosa.filters`` is imported: it builds the filter banks. ``librosa.feature`` would compile for 25 s on a fresh
install and run several STFTs per sound, so the frame arithmetic is done here (and tested against librosa's). Frames are
rows here, columns in librosa.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import librosa.filters
import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from timbred_indexer.parameters import (
    ANALYSIS_RATE,
    CONTRAST_FMIN,
    CONTRAST_QUANTILE,
    HOP,
    N_CONTRAST_BANDS,
    N_FFT,
    N_MELS,
    N_MFCC,
    TEMPO_HOPS,
    TOP_DB,
    ZERO,
)

Floats = NDArray[np.floating[Any]]
"""float32 throughout, which NumPy's stubs lose track of."""

_AMIN = 1e-10  # librosa's floor under a logarithm
_BATCH = 32  # frames that fit into the processor's cache together: twice as fast as all at once
_DB = np.float32(10 / np.log(10))  # the natural logarithm is vectorised, that to base 10 is not


@dataclass(frozen=True, slots=True)
class Spectra:
    """The frames of one segment, computed once and shared by every aspect.

    Attributes:
        samples: (n,) float32, as analysed (peak 1).
        power: (frames, N_FFT / 2 + 1) float32, the squared magnitudes of a centred Hann STFT.
        mel: (frames, N_MELS) float32, power in mel bands.
        mel_db: (frames, N_MELS) float32, dB, at most ``TOP_DB`` below its maximum.
    """

    samples: Floats
    power: Floats
    mel: Floats
    mel_db: Floats


def spectra(samples: Floats) -> Spectra:
    """Analyses (n,) float32 samples, n ≥ 1; 1 + n // HOP frames."""
    padded = np.zeros(len(samples) + N_FFT, np.float32)  # np.pad would take as long as a feature
    padded[N_FFT // 2 : N_FFT // 2 + len(samples)] = samples
    framed = sliding_window_view(padded, N_FFT)[::HOP]
    power = np.empty((len(framed), N_FFT // 2 + 1), np.float32)
    for first in range(0, len(framed), _BATCH):
        spectrum = scipy.fft.rfft(framed[first : first + _BATCH] * _window(), axis=1)
        np.square(spectrum.real, out=power[first : first + _BATCH])
        power[first : first + _BATCH] += np.square(spectrum.imag)
    mel = power @ _mel_bank()
    return Spectra(samples, power, mel, power_to_db(mel, TOP_DB))


def power_to_db(power: Floats, top_db: float | None = None) -> Floats:
    """10 · log10, floored at 1e-10 and, if asked, ``top_db`` below the maximum (``librosa.power_to_db``)."""
    db = _DB * np.log(np.maximum(power, np.float32(_AMIN)))
    return db if top_db is None else np.maximum(db, db.max() - np.float32(top_db))


def mfcc(frames: Spectra) -> Floats:
    """(frames, N_MFCC) (``librosa.feature.mfcc``)."""
    return scipy.fft.dct(frames.mel_db, axis=1, type=2, norm="ortho")[:, :N_MFCC]


def chroma(frames: Spectra) -> Floats:
    """(frames, 12), C first, each frame's maximum 1 (``librosa.feature.chroma_stft`` with ``tuning=0``)."""
    raw = frames.power @ _chroma_bank()
    loudest = raw.max(axis=1, keepdims=True)
    return raw / np.where(loudest < np.finfo(np.float32).tiny, np.float32(1), loudest)


def spectral_contrast(power: Floats) -> Floats:
    """(frames, N_CONTRAST_BANDS + 1), dB between the peaks and valleys of octave bands (``librosa.feature``'s)."""
    peaks = np.empty((len(power), N_CONTRAST_BANDS + 1), np.float32)
    valleys = np.empty_like(peaks)
    for band, (low, high, count) in enumerate(_contrast_bands()):
        bins = power[:, low:high]
        if count == 1:
            valleys[:, band], peaks[:, band] = np.sqrt(bins.min(axis=1)), np.sqrt(bins.max(axis=1))
        else:
            ordered = np.sort(bins, axis=1)  # vectorised, and so five times as fast as a partition at both ends
            valleys[:, band] = np.sqrt(ordered[:, :count]).mean(axis=1)
            peaks[:, band] = np.sqrt(ordered[:, -count:]).mean(axis=1)
    return power_to_db(peaks, 80.0) - power_to_db(valleys, 80.0)


def zero_crossing_rate(frames: Spectra) -> Floats:
    """(frames,) crossings per sample (``librosa.feature.zero_crossing_rate`` with ``threshold=ZERO``)."""
    inside = frames.samples < -ZERO
    negative = np.concatenate([np.full(N_FFT // 2, inside[0]), inside, np.full(N_FFT // 2, inside[-1])])
    crossed = np.zeros(len(negative) + 1, np.int32)
    np.cumsum(negative[1:] != negative[:-1], out=crossed[2:])
    first = np.arange(len(frames.power)) * HOP
    return ((crossed[first + N_FFT] - crossed[first + 1]) / N_FFT).astype(np.float32)


def rms(frames: Spectra) -> Floats:
    """(frames,) root mean square of the windowed frames (``librosa.feature.rms`` of a magnitude spectrogram)."""
    total = frames.power.sum(axis=1) - 0.5 * (frames.power[:, 0] + frames.power[:, -1])
    return np.sqrt(2.0 * total) / np.float32(N_FFT)


def onset_strength(frames: Spectra) -> Floats:
    """(frames,) mean rise in dB over the mel bands since the frame before (``librosa.onset.onset_strength``)."""
    rise = np.maximum(np.diff(frames.mel_db, axis=0), np.float32(0)).mean(axis=1)
    delay = 1 + N_FFT // (2 * HOP)
    return np.concatenate([np.zeros(delay, rise.dtype), rise])[: len(frames.mel_db)]


@dataclass(frozen=True, slots=True)
class Tempo:
    """The strongest tempo.

    Attributes:
        bpm: on the grid of the envelope's frames, as librosa gives it; 0 for none.
        refined: between the grid's steps (which are 6 BPM apart at 120), by a parabola through the neighbours.
        confidence: how much of the envelope repeats at this period, in [0, 1].
    """

    bpm: float
    refined: float
    confidence: float


NO_TEMPO: Final = Tempo(0.0, 0.0, 0.0)


def tempo_envelope(onsets: Floats) -> tuple[Floats, int]:
    """The onset envelope that tempo is sought in, at half the frame rate, and its hop length in samples."""
    whole = onsets[: len(onsets) // TEMPO_HOPS * TEMPO_HOPS]
    return whole.reshape(-1, TEMPO_HOPS).mean(axis=1), HOP * TEMPO_HOPS


def tempo(envelope: Floats, hop: int) -> Tempo:
    """The tempo of an onset envelope (``librosa.feature.tempo``), without building librosa's whole tempogram.

    The mean over time of autocorrelations, each divided by its maximum (its energy, at lag 0), is the inverse transform
    of the mean of power spectra divided by those energies: one inverse FFT instead of one per frame.
    """
    if len(envelope) == 0:
        return NO_TEMPO
    length = int(8.0 * ANALYSIS_RATE / hop)
    padded = np.pad(envelope, length // 2, mode="linear_ramp", end_values=0)
    framed = sliding_window_view(padded, length)[: len(envelope)] * _tempo_window(length)
    energy = np.square(framed).sum(axis=1)
    sounding = energy > np.finfo(np.float32).tiny
    if not sounding.any():
        return NO_TEMPO
    size = scipy.fft.next_fast_len(2 * length - 1, real=True)
    spectrum = scipy.fft.rfft(framed[sounding] / np.sqrt(energy[sounding])[:, None], n=size, axis=1)
    mean_power = (np.square(spectrum.real) + np.square(spectrum.imag)).sum(axis=0) / np.float32(len(envelope))
    periodicity = np.maximum(scipy.fft.irfft(mean_power, n=size)[:length], 0)
    bpm = 60.0 * ANALYSIS_RATE / (hop * np.arange(1, length))
    score = np.log1p(1e6 * periodicity[1:]) - 0.5 * np.square(np.log2(bpm / 120.0))
    score[bpm >= 320.0] = -np.inf
    lag = int(np.argmax(score)) + 1
    confidence = float(periodicity[lag]) / max(float(periodicity[0]), 1e-9)
    return Tempo(float(bpm[lag - 1]), 60.0 * ANALYSIS_RATE / (hop * _peak_near(periodicity, lag)), confidence)


def _peak_near(values: Floats, index: int) -> float:
    """Where the parabola through a local maximum and its neighbours is highest; the index itself elsewhere."""
    if not 0 < index < len(values) - 1:
        return float(index)
    before, here, after = (float(value) for value in values[index - 1 : index + 2])
    if here < max(before, after) or before + after >= 2 * here:
        return float(index)
    return index + 0.5 * (before - after) / (before - 2 * here + after)


@cache
def _window() -> Floats:
    return librosa.filters.get_window("hann", N_FFT).astype(np.float32)


@cache
def _tempo_window(length: int) -> Floats:
    return librosa.filters.get_window("hann", length).astype(np.float32)


@cache
def _mel_bank() -> Floats:
    return np.ascontiguousarray(librosa.filters.mel(sr=ANALYSIS_RATE, n_fft=N_FFT, n_mels=N_MELS).T)


@cache
def _chroma_bank() -> Floats:
    return np.ascontiguousarray(librosa.filters.chroma(sr=ANALYSIS_RATE, n_fft=N_FFT).T)


@cache
def _contrast_bands() -> tuple[tuple[int, int, int], ...]:
    """(first bin, one past the last, bins taken as peak or valley) of each band, as librosa chooses them."""
    frequency = np.arange(N_FFT // 2 + 1) * ANALYSIS_RATE / N_FFT
    edges = np.concatenate([[0.0], CONTRAST_FMIN * 2.0 ** np.arange(N_CONTRAST_BANDS + 1)])
    bands: list[tuple[int, int, int]] = []
    for band in range(N_CONTRAST_BANDS + 1):
        inside = np.flatnonzero((frequency >= edges[band]) & (frequency <= edges[band + 1]))
        low, high = int(inside[0]) - (band > 0), int(inside[-1]) + 1
        last = band == N_CONTRAST_BANDS
        high = len(frequency) if last else high
        count = max(1, round(CONTRAST_QUANTILE * (high - low)))
        bands.append((low, high if last else high - 1, count))
    return tuple(bands)
