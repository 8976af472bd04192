"""Takes of one drum: alike to the ear, no two the same wave; and what becomes of a take on its way to a copy."""

import numpy as np
from numpy.typing import NDArray

from timbred_indexer.parameters import ANALYSIS_RATE

Samples = NDArray[np.float32]


def take(number: int, *, pitch: float = 180.0, seconds: float = 0.6, force: float = 1.0) -> Samples:
    """A hit: the same modes each time, with phases and rattle of its own; a stronger one is brighter."""
    random = np.random.default_rng(number)
    time = np.arange(round(seconds * ANALYSIS_RATE)) / ANALYSIS_RATE
    sound = np.zeros(len(time))
    for mode, ratio in enumerate((1.0, 1.59, 2.14, 2.65, 3.16)):
        swing = np.sin(2 * np.pi * pitch * ratio * time + random.uniform(0, 2 * np.pi))
        sound += force**mode * swing * np.exp(-(6 + 4 * mode) * time) / (mode + 1)
    sound += 0.4 * force * random.standard_normal(len(time)) * np.exp(-18 * time)
    return (0.8 * sound / np.abs(sound).max()).astype(np.float32)


def kit(count: int) -> list[Samples]:
    """Drums of different pitches, one take each."""
    return [take(100 + number, pitch=90.0 * 1.09**number) for number in range(count)]


def at_8_bits(samples: Samples) -> Samples:
    return (np.round(samples * 127) / 127).astype(np.float32)


def without_highs(samples: Samples, limit: float = 4_000.0) -> Samples:
    """As if it had been stored at twice ``limit``."""
    spectrum = np.fft.rfft(samples)
    spectrum[np.fft.rfftfreq(len(samples), 1 / ANALYSIS_RATE) > limit] = 0
    return np.fft.irfft(spectrum, len(samples)).astype(np.float32)


def with_noise(samples: Samples, decibels: float, seed: int = 9) -> Samples:
    """As a codec leaves it: noise so far below the sound, in every moment."""
    level = np.sqrt(np.convolve(np.square(samples), np.ones(512) / 512, "same")) * 10 ** (decibels / 20)
    return (samples + level * np.random.default_rng(seed).standard_normal(len(samples))).astype(np.float32)


def faded_out(samples: Samples, share: float = 0.5) -> Samples:
    length = round(share * len(samples))
    ramp = np.ones(len(samples), np.float32)
    ramp[-length:] = np.linspace(1, 0, length)
    return samples * ramp


def delayed(samples: Samples, by: float) -> Samples:
    """By a fraction of a sample."""
    spectrum = np.fft.rfft(samples, 2 * len(samples))
    turned = spectrum * np.exp(-2j * np.pi * np.arange(len(spectrum)) / (2 * len(samples)) * by)
    return np.fft.irfft(turned)[: len(samples)].astype(np.float32)
