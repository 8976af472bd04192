"""Does it mean anything that two waves fit? A steady tone fits any other of its frequency, wherever they are aligned.

What a stretch of sound can tell is the product of its bandwidth and its duration: about as many numbers are needed to
write it down. Noise has thousands, a chord some; one partial, however it swells or fades, has one. Where that is all
that two sounds share, more is asked: the same frequency over many periods, and a level that keeps its proportion.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Wave = NDArray[np.float64]

_ONE_PARTIAL: Final = 1.2
"""Bandwidth times duration below which a stretch is one partial: 1.0 for a steady tone, less for one that decays."""

_MANY_PERIODS: Final = 30
"""After so many, two tones eight cents apart are a seventh of a period apart."""

_STEADY_RESIDUAL: Final = 10**-1.2
_EXACT_RESIDUAL: Final = 10**-3.5
"""Energy (-12 and -35 dB of the whole) that the one wave, at one gain, leaves of the other."""

_TINY: Final = 1e-20


def is_telling(first: Wave, second: Wave, evened: tuple[Wave, Wave], *, rate: int, whole: bool) -> bool:
    """Whether two waves that fit over each other are likely to be one recording.

    Args:
        first: (n,) what one sound has of the stretch that both share.
        second: (n,) the same of the other, aligned with the first.
        evened: both with their high frequencies raised and their level evened out: a soft overtone tells, too.
        rate: samples a second.
        whole: neither sound has anything beyond the stretch.
    """
    if all(
        max(_complexity(wave), _complexity(even)) >= _ONE_PARTIAL
        for wave, even in zip((first, second), evened, strict=True)
    ):
        return True
    left = _residual(first, second)
    if left <= _EXACT_RESIDUAL:
        return True
    long = _frequency(first, rate) * len(first) / rate >= _MANY_PERIODS
    return long and (whole or left <= _STEADY_RESIDUAL)


def _complexity(wave: Wave) -> float:
    """Effective bandwidth times effective duration: participation ratios of the spectrum and of the envelope."""
    energy = np.square(wave)
    power = _power(wave)
    bandwidth = power.sum() ** 2 / (np.square(power).sum() + _TINY) / (2 * len(power))
    duration = energy.sum() ** 2 / (np.square(energy).sum() + _TINY)
    return float(bandwidth * duration)


def _frequency(wave: Wave, rate: int) -> float:
    """The centre of the spectrum, in Hz."""
    power = _power(wave)
    return float(power @ np.arange(len(power)) / (power.sum() + _TINY)) * rate / (2 * len(power))


def _power(wave: Wave) -> Wave:
    """Twice as fine as the wave's length gives, or the ratio would depend on where between two bins a partial lies."""
    return np.square(np.abs(np.fft.rfft(wave, 1 << (2 * len(wave)).bit_length())))


def _residual(first: Wave, second: Wave) -> float:
    """Share of the first wave's energy that the second does not explain, at the best gain."""
    norms = float(first @ first) * float(second @ second)
    return 1.0 - float(first @ second) ** 2 / (norms + _TINY)
