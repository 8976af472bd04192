"""Samples of one segment → the raw values of every aspect. Pure.

Each aspect is one function from the shared frames to its values, in the order of its fields in ``aspects``. Statistics
are weighted by the frames' loudness (silence after a hit says nothing of its timbre). The level is divided out first:
gain changes nothing. How loud the file is, is reported in ``rms`` and never scored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from timbred_indexer import shapes, spectra
from timbred_indexer.parameters import (
    ANALYSIS_RATE,
    BLUR,
    CONSTANT,
    CONTRAST_STEP,
    DECAY_DB,
    ENVELOPE_HOP,
    MIDDLE_C,
    N_FFT,
    SHORTEST_RHYTHM,
    TOP_DB,
)
from timbred_indexer.shapes import Tone
from timbred_indexer.spectra import Floats, Spectra


@dataclass(frozen=True, slots=True)
class Frames:
    """What the aspects are computed from.

    Attributes:
        spectra: the shared STFT.
        weights: (frames,) float32, the loudness of each frame, summing to 1.
        level: peak of the samples as they came, full scale at 1.
        decibels: (frames, N_MELS) float32, dB under the loudest band, over a soft floor.
        cepstra: (frames, SHAPE_BANDS) float32, the low DCT coefficients of ``decibels``.
        first: the frame of the onset.
        last: one past the last frame that belongs to the sound.
        tone: the pitch and the harmonics of the mean spectrum.
        envelope: (steps,) float32, the loudest sample of every ``ENVELOPE_HOP``.
    """

    spectra: Spectra
    weights: Floats
    level: float
    decibels: Floats
    cepstra: Floats
    first: int
    last: int
    tone: Tone
    envelope: Floats


def describe(samples: Floats) -> Mapping[str, NDArray[np.float32]]:
    """The raw values of every aspect: name → (length of the aspect,) float32, finite.

    Args:
        samples: (n,) float32 at ``ANALYSIS_RATE``, n ≥ 1, finite, not all zero.
    """
    level = float(np.abs(samples).max())
    heard = _heard(samples)
    frames = spectra.spectra((heard / np.abs(heard).max()).astype(np.float32, copy=False))
    loudness = np.sqrt(frames.power.sum(axis=1))
    weights = loudness / loudness.sum()
    first, last = shapes.span(frames.mel.sum(axis=1))
    decibels, tone = shapes.above_floor(frames.mel), shapes.tone(frames.power, weights)
    cepstra, envelope = shapes.cepstra(decibels), _envelope(frames.samples)
    shared = Frames(frames, weights, level, decibels, cepstra, first, last, tone, envelope)
    return {name: np.asarray(function(shared), np.float32) for name, function in _FUNCTIONS.items()}


def _heard(samples: Floats) -> Floats:
    """From the onset to where the sound is lost in what 8 bits would leave of it, without its constant part.

    A codec's pre-echo, a fade's last bits and a converter's offset then change neither where time begins nor how long
    the sound is.
    """
    first, last = shapes.span(np.square(_envelope(samples)))
    kept = samples[first * ENVELOPE_HOP : last * ENVELOPE_HOP]
    centred = kept - kept.mean()
    constant = np.abs(centred).max() < CONSTANT * np.abs(kept).max()
    return kept if constant else centred


def mfcc(frames: Frames) -> Floats:
    """Mean, spread, step and drift of coefficients 1 to 19; those of coefficient 0, which is level, come last."""
    statistics = _statistics(spectra.mfcc(frames.spectra), frames.weights)
    return np.concatenate([statistics[:, 1:].ravel(), statistics[:, 0]])


def chroma(frames: Frames) -> Floats:
    """Mean and spread of the 12 pitch classes; the strongest one (0 = C), and how far it stands out, in [0, 1]."""
    values = spectra.chroma(frames.spectra)
    mean = frames.weights @ values
    spread = np.sqrt(frames.weights @ np.square(values - mean))
    strongest = int(np.argmax(mean))
    return np.concatenate([mean, spread, [strongest, mean[strongest] - np.median(mean)]])


def spectral_contrast(frames: Frames) -> Floats:
    """Statistics of the 7 bands, of brightness (log2 of the centroid) and of flatness in dB; brightness in Hz."""
    power = frames.spectra.power[::CONTRAST_STEP]
    weights = frames.weights[::CONTRAST_STEP]
    total = power.sum(axis=1) + np.float32(1e-20)
    centroid = np.maximum(power @ _frequencies() / total, 20.0)
    mel_db = frames.spectra.mel_db[::CONTRAST_STEP]
    mel_power = np.exp(mel_db * np.float32(np.log(10) / 10))
    flatness = mel_db.mean(axis=1) - spectra.power_to_db(mel_power.mean(axis=1))
    # Deeper valleys are rounding, dither or what a codec left out.
    floored = np.maximum(power, power.max() * np.float32(10 ** (-TOP_DB / 10)))
    columns = np.column_stack([spectra.spectral_contrast(floored), np.log2(centroid), flatness])
    statistics = _statistics(columns, weights / max(float(weights.sum()), 1e-9))
    return np.concatenate([statistics.ravel(), [2.0 ** statistics[0, -2]]])


def rhythm(frames: Frames) -> Floats:
    """Pulse, tempo, onset density and how uneven the onsets are; tempo in BPM (0: none) and its confidence."""
    onsets = spectra.onset_strength(frames.spectra)
    seconds = len(frames.spectra.samples) / ANALYSIS_RATE
    tempo = spectra.NO_TEMPO
    if seconds >= SHORTEST_RHYTHM:
        tempo = spectra.tempo(*spectra.tempo_envelope(onsets))
    peaks = _count_peaks(onsets)
    return np.array(
        [
            tempo.confidence,
            np.log2(tempo.refined / 120.0) if tempo.bpm else 0.0,
            np.log2(1 + peaks / max(seconds, 0.25)),
            np.log2(1e-3 + onsets.std() / (onsets.mean() + 1e-3)),
            tempo.refined,
            tempo.confidence,
        ]
    )


def zcr(frames: Frames) -> Floats:
    """Log rate: mean, spread, movement, drift."""
    rate = np.log2(spectra.zero_crossing_rate(frames.spectra) + np.float32(1e-3))
    return _statistics(rate[:, None], frames.weights).ravel()


def rms(frames: Frames) -> Floats:
    """The envelope's shape: attack, decay, centre, length, crest, fullness; and the level as it came, in dBFS."""
    samples, envelope = frames.spectra.samples, frames.envelope
    steps = len(envelope)
    step = ENVELOPE_HOP / ANALYSIS_RATE
    peak = int(np.argmax(envelope))
    loud = np.flatnonzero(envelope >= 10 ** (-DECAY_DB / 20))
    attack = (peak - int(loud[0]) + 1) * step
    decay = (int(loud[-1]) - peak + 1) * step
    power = np.square(envelope)
    centre = float((power * np.arange(1, steps + 1)).sum() / power.sum()) * step
    root = float(np.sqrt(np.square(samples).mean()))
    level = 20 * np.log10(frames.level)
    return np.array(
        [
            np.log2(attack + BLUR),
            np.log2(decay + BLUR),
            np.log2(centre),
            -20 * np.log10(root + 1e-6),
            np.log2(steps * step),
            envelope.mean(),
            attack,
            decay,
            level,
            level + 20 * np.log10(root + 1e-6),
        ]
    )


def onset_shape(frames: Frames) -> Floats:
    """The log-mel spectrogram's shape from the onset on, its times ever further apart."""
    return shapes.onset_shape(frames.cepstra, frames.first).ravel()


def course_shape(frames: Frames) -> Floats:
    """The log-mel spectrogram's shape over the whole sound, whatever its length."""
    return shapes.course_shape(frames.cepstra, frames.first, frames.last).ravel()


def level_shape(frames: Frames) -> Floats:
    """The loudness from the onset on, and over the whole sound."""
    return shapes.level_shape(frames.envelope)


def spectral_shape(frames: Frames) -> Floats:
    """The mean spectrum, that of the onset, and how its moments move."""
    return shapes.spectral_shape(frames.spectra, frames.decibels, frames.first, frames.weights)


def fundamental(frames: Frames) -> Floats:
    """Octaves over middle C and clarity; the fundamental in Hz."""
    hertz = frames.tone.fundamental
    return np.array([np.log2(hertz / MIDDLE_C), frames.tone.clarity, hertz])


def harmonics(frames: Frames) -> Floats:
    """The harmonics' levels, whatever the pitch."""
    return frames.tone.harmonics


def modulation(frames: Frames) -> Floats:
    """How the bands move, how fast, and how much together."""
    return shapes.modulation(frames.spectra, frames.decibels, frames.first, frames.last)


_FUNCTIONS: Final[Mapping[str, Callable[[Frames], Floats]]] = {
    function.__name__: function
    for function in (
        mfcc,
        chroma,
        spectral_contrast,
        rhythm,
        zcr,
        rms,
        onset_shape,
        course_shape,
        level_shape,
        spectral_shape,
        fundamental,
        harmonics,
        modulation,
    )
}


@cache
def _frequencies() -> Floats:
    return (np.arange(N_FFT // 2 + 1) * (ANALYSIS_RATE / N_FFT)).astype(np.float32)


def _envelope(samples: Floats) -> Floats:
    whole = len(samples) // ENVELOPE_HOP * ENVELOPE_HOP
    loudness = np.abs(samples)
    envelope = loudness[:whole].reshape(-1, ENVELOPE_HOP).max(axis=1)
    return envelope if whole == len(samples) else np.append(envelope, loudness[whole:].max())


def _count_peaks(onsets: Floats) -> int:
    """Onsets: local maxima at least a third as strong as the strongest."""
    padded = np.concatenate([[0.0], onsets, [0.0]])
    peaks = (onsets > padded[:-2]) & (onsets >= padded[2:]) & (onsets > onsets.max() / 3)
    return int(peaks.sum())


def _statistics(values: Floats, weights: Floats) -> Floats:
    """(4, columns): weighted mean, standard deviation, mean step between frames, and drift over time.

    Drift is the slope against time, times time's own spread: in the unit of the values, 0 for a single frame.
    """
    mean = weights @ values
    apart = values - mean
    spread = np.sqrt(weights @ np.square(apart))
    steps = np.sqrt(weights[1:] * weights[:-1]) @ np.abs(np.diff(values, axis=0))
    time = np.arange(len(values), dtype=np.float32)
    time -= weights @ time
    drift = (weights * time) @ apart / np.sqrt(weights @ np.square(time) + np.float32(1e-6))
    return np.stack([mean, spread, steps, drift]).astype(np.float32)
