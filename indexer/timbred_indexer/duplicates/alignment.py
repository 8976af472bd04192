"""Are two sounds the same recording? Both are laid over each other to the fraction of a sample and compared as waves.

Two hits of one drum sound alike, but their waves do not: noise and phase differ in every take. A copy keeps them,
whatever became of its level, rate, depth or length. So the question is how much of the one wave the other explains, in
every moment and every band that both hold: the *coherence*. A different gain in every moment is allowed (fades).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from timbred_indexer.duplicates.evidence import is_telling
from timbred_indexer.parameters import ANALYSIS_RATE

Wave = NDArray[np.float64]

_SMOOTH: Final = 441
"""Samples (20 ms) over which the level is evened out before aligning, so that a soft tail counts like the attack."""

_SOFTEST: Final = 3e-3
"""Of the loudest moment: what is softer is not raised to the same level; it may be a codec's noise."""

_OVERLAP: Final = 0.45
"""Of the shorter sound: a copy that lost half of both ends shares at least so much."""

_SHORTEST: Final = 96
"""Samples (4 ms) that both must share."""

_LAGS: Final = 4
"""Alignments that are looked at closely: a periodic sound fits almost as well one period later."""

_HOPELESS: Final = 0.06
"""Correlation of the evened waves below which an alignment is none."""

_FRAME: Final = 1024
_HOP: Final = 512

_EDGES: Final = (0, 60, 120, 200, 300, 400, 500, 600, 750, 900, 1080, 1270, 1480, 1720, 2000, 2320, 2700, 3150, 3700)
_HIGH_EDGES: Final = (4400, 5300, 6400, 7700, 9500)
"""Hz: the bands in which coherence is measured."""

_QUIET_FRAME: Final = 1e-5
_QUIET_BAND: Final = 1e-2
"""Energies, relative to the loudest frame and to the loudest band of its frame, below which a cell says nothing: 8 bits
or a codec may have put noise there."""

_LOUD_FRAME: Final = 0.1
_FAINT_BAND: Final = 1e-4
"""Likewise, of the moments and bands that closeness is measured in: loud enough to stand above any noise."""

_EMPTY: Final = 1e-7
"""Of the strongest band's energy: what is left above the highest frequency of a lower sample rate."""

WHOLE: Final = 0.995
"""Share of the energy that both have when neither was trimmed; an 8-bit copy loses a soft tail."""

_TINY: Final = 1e-20


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two sounds fit over each other.

    Attributes:
        coherence: share of the waves, over time and bands, that is common to both: 1 for a perfect copy, about 0 for
            strangers.
        closeness: the same in the loudest moments only, but with every faint band: the tails of two hits may be one
            and the same pure tone, their attacks never are.
        lag: of the second sound's first sample after the first sound's, in samples (negative: it starts earlier).
        gain: of the second over the first, in dB.
        gain_range: how much that gain changes over time, in dB (standard deviation).
        inverted: the second one's polarity is reversed.
        covered: share of each sound's energy that lies in the stretch that both have.
    """

    coherence: float
    closeness: float
    lag: float
    gain: float
    gain_range: float
    inverted: bool
    covered: tuple[float, float]


NOTHING_SHARED: Final = Comparison(0.0, 0.0, 0.0, 0.0, 0.0, inverted=False, covered=(0.0, 0.0))


def compare(first: NDArray[np.float32], second: NDArray[np.float32]) -> Comparison:
    """Finds the best alignment of two sounds and measures it.

    Args:
        first: (n,) float32 at ``ANALYSIS_RATE``, without silence at its ends.
        second: likewise.
    """
    if not first.size or not second.size:
        return NOTHING_SHARED
    waves = first.astype(np.float64), second.astype(np.float64)
    evened = _evened(waves[0]), _evened(waves[1])
    best = NOTHING_SHARED
    for lag in _lags(*evened):
        found = _measured(waves, evened, lag)
        if found.coherence + found.closeness > best.coherence + best.closeness:
            best = found
        if best.coherence > 0.95 and best.closeness > 0.95:
            break
    return best if _telling(waves, evened, best) else NOTHING_SHARED


def _evened(wave: Wave) -> Wave:
    """High frequencies raised, and every moment brought to the same level."""
    bright = np.append(wave[:1], wave[1:] - 0.95 * wave[:-1])
    sums = np.concatenate([[0.0], np.cumsum(np.square(bright))])
    places = np.arange(len(wave))
    begins, ends = np.maximum(places - _SMOOTH // 2, 0), np.minimum(places + _SMOOTH // 2 + 1, len(wave))
    level = np.sqrt(np.maximum((sums[ends] - sums[begins]) / (ends - begins), 0.0))
    return bright / (level + _SOFTEST * level.max(initial=0.0) + _TINY)


def _lags(first: Wave, second: Wave) -> Iterator[int]:
    """Whole-sample lags by falling significance of the correlation there."""
    size = _power_of_two(len(first) + len(second))
    product = np.fft.rfft(first, size) * np.conj(np.fft.rfft(second, size))
    lags = np.arange(1 - len(second), len(first))
    common = np.minimum(len(first), lags + len(second)) - np.maximum(0, lags)
    level = np.abs(np.fft.irfft(product, size)[lags])
    significance = level / np.sqrt(common)
    shorter = min(len(first), len(second))
    significance[common < max(min(_SHORTEST, shorter), _OVERLAP * shorter)] = 0.0
    for _ in range(_LAGS):
        best = int(np.argmax(significance))
        if significance[best] <= 0.0 or level[best] < _HOPELESS * common[best]:
            return
        yield int(lags[best])
        significance[max(0, best - 8) : best + 9] = 0.0


def _telling(waves: tuple[Wave, Wave], evened: tuple[Wave, Wave], found: Comparison) -> bool:
    """Whether the alignment that was found is evidence."""
    if found.coherence <= 0.0:
        return False
    whole_samples = math.floor(found.lag)
    one, other = _shared(waves, whole_samples)
    late = _delayed(other, found.lag - whole_samples)
    whole = min(found.covered) >= WHOLE
    return is_telling(one, late, _shared(evened, whole_samples), rate=ANALYSIS_RATE, whole=whole)


def _shared(waves: tuple[Wave, Wave], lag: int) -> tuple[Wave, Wave]:
    """The stretch of each that both have, at a lag of the second one."""
    begins = max(0, lag), max(0, -lag)
    length = min(len(wave) - begin for wave, begin in zip(waves, begins, strict=True))
    one, other = (wave[begin : begin + length] for wave, begin in zip(waves, begins, strict=True))
    return one, other


def _measured(waves: tuple[Wave, Wave], evened: tuple[Wave, Wave], lag: int) -> Comparison:
    one, other = _shared(waves, lag)
    fraction = _fraction(*_shared(evened, lag))
    spectra = _spectra(one), _spectra(_delayed(other, fraction) if fraction else other)
    common = _banded((spectra[0] * np.conj(spectra[1])).real)
    energies = _banded(np.square(np.abs(spectra[0]))), _banded(np.square(np.abs(spectra[1])))
    sign = -1.0 if common.sum() < 0 else 1.0
    coherence, closeness, gain, gain_range = _statistics(sign * common, *energies)
    covered = [
        float(np.square(part).sum() / max(np.square(whole).sum(), _TINY))
        for part, whole in zip((one, other), waves, strict=True)
    ]
    return Comparison(
        coherence,
        closeness,
        lag + fraction,
        gain,
        gain_range,
        inverted=sign < 0,
        covered=(min(1.0, covered[0]), min(1.0, covered[1])),
    )


def _statistics(common: Wave, first: Wave, second: Wave) -> tuple[float, float, float, float]:
    """Coherence, closeness, gain and its range from (frames, bands) of common and own energies."""
    bands = _bands_of_both(first, second)
    common, first, second = common[:, :bands], first[:, :bands], second[:, :bands]
    whole = first.sum(axis=1), second.sum(axis=1)
    heard = (whole[0] > _QUIET_FRAME * whole[0].max()) & (whole[1] > _QUIET_FRAME * whole[1].max())
    level = np.sqrt(whole[0] * whole[1]) * heard  # of each moment
    together = np.sqrt(first * second)
    # Roots of the level: a tail counts, though less than the attack.
    moments = np.sqrt(level)
    fits = common / (together + _TINY)
    core = (level > _LOUD_FRAME * level.max())[:, None] & (together > _FAINT_BAND * together.max(axis=1, keepdims=True))
    closeness = float(fits[core].mean()) if core.any() else 0.0
    loud = together > _QUIET_BAND * together.max(axis=1, keepdims=True)
    cells = np.where(loud & heard[:, None], 1.0, 0.0) * np.sqrt(moments)[:, None]
    coherence = _mean(fits, cells)
    gains = 10 * np.log10((second + _TINY) / (first + _TINY))
    by_moment = (gains * cells).sum(axis=1) / (cells.sum(axis=1) + _TINY)
    gain = _mean(by_moment, level)
    spread = float(np.sqrt(_mean(np.square(by_moment - _mean(by_moment, moments)), moments)))
    return min(1.0, coherence), min(1.0, closeness), gain, spread


def _bands_of_both(first: Wave, second: Wave) -> int:
    """How many bands the one with the lower sample rate has: above, it is not soft but empty."""
    tops: list[int] = []
    for energies in (first, second):
        whole = energies.sum(axis=1)
        heard = energies[whole > _QUIET_FRAME * whole.max()]
        # The median over time: where a sound was cut, a click fills all bands.
        shares = np.median(heard / (heard.max(axis=1, keepdims=True) + _TINY), axis=0) if len(heard) else np.ones(1)
        tops.append(int(np.flatnonzero(shares > _EMPTY)[-1]))
    # The last band may be half empty.
    return max(1, min(tops) + (min(tops) == first.shape[1] - 1))


def _mean(values: Wave, weights: Wave) -> float:
    return float((values * weights).sum() / (weights.sum() + _TINY))


def _fraction(first: Wave, second: Wave) -> float:
    """By how much of a sample, in eighths, the second one comes too early: resamplers and codecs shift."""
    size = _power_of_two(len(first))
    product = np.fft.rfft(first, size) * np.conj(np.fft.rfft(second, size))
    turns = np.arange(len(product)) / size
    if len(product) > 1024:
        strongest = np.argpartition(-np.abs(product), 1024)[:1024]
        product, turns = product[strongest], turns[strongest]
    steps = np.arange(-12, 13) / 8
    fits = np.abs((np.exp(2j * np.pi * np.outer(steps, turns)) @ product).real)
    return float(steps[int(np.argmax(fits))])


def _delayed(wave: Wave, samples: float) -> Wave:
    size = _power_of_two(len(wave) + 16)
    turned = np.fft.rfft(wave, size) * np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size * samples)
    return np.fft.irfft(turned, size)[: len(wave)]


def _spectra(wave: Wave) -> NDArray[np.complex128]:
    """(frames, bins), every sample in two frames."""
    padded = np.pad(wave, (_FRAME // 2, _FRAME))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FRAME)[::_HOP]
    return np.fft.rfft(frames * np.hanning(_FRAME), axis=1)


def _banded(values: Wave) -> Wave:
    """(frames, bands) sums of (frames, bins)."""
    edges = np.array(_EDGES + _HIGH_EDGES) * _FRAME / ANALYSIS_RATE
    return np.add.reduceat(values, np.ceil(edges).astype(np.int64), axis=1)


def _power_of_two(length: int) -> int:
    return 1 << max(1, length - 1).bit_length()
