"""Labelled sounds with known parameters: drums, notes, textures and words, each drawn from a seeded generator.

Nothing here imitates a particular recording. A label fixes what a listener would call the same (a snare, a bowed
string, this rain, that word); everything else (pitch, speaker, brightness, length, room) is drawn anew for each sound,
so that what varies inside a label is what a measure of similarity should not mind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scenes import TEXTURES, WORDS
from waves import RATE, Floats, Make, Random, fade, log_uniform, noise, several, signal, tilt, time_axis, tone, unit

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Labelled:
    """One sound: its domain, its label within it, the pack it would have come with, and (n,) float32 samples."""

    domain: str
    label: str
    pack: str
    samples: Samples


def synthesise(pack: int, seed: int = 0) -> Iterator[Labelled]:
    """Every domain's labels, as one pack has them."""
    for domain, labels in _DOMAINS.items():
        for place, (label, make) in enumerate(labels.items()):
            random = np.random.default_rng([seed, pack, place, len(domain)])
            for samples in make(random):
                yield Labelled(domain, label, f"{domain}{pack}", finish(samples, random))


def finish(samples: Floats, random: Random) -> Samples:
    """A room, a tone control and a peak of 1, as any recording has."""
    out = tilt(samples, random.normal(0, 2.0))
    if random.random() < 0.4:
        length = round(RATE * random.uniform(0.05, 0.4))
        tail = random.standard_normal(length) * np.exp(-6 * np.arange(length) / length)
        wet = signal.fftconvolve(out, tail)
        wet *= 10 ** (random.uniform(-30, -12) / 20) * np.abs(out).max() / (np.abs(wet).max() + 1e-9)
        wet[: len(out)] += out
        out = wet
    return (out / (np.abs(out).max() + 1e-9)).astype(np.float32)


# --- drums


def _membrane(low: float, high: float, drop: tuple[float, float], decay: tuple[float, float], click: float) -> Make:
    """A pitch that falls to its rest, and a click."""

    def one(r: Random) -> Floats:
        length = log_uniform(r, *decay)
        time, rest, fall = time_axis(length), log_uniform(r, low, high), log_uniform(r, 0.008, 0.05)
        body = tone(rest * (1 + r.uniform(*drop) * np.exp(-time / fall)), time) * fade(time, length)
        body += r.uniform(0, 0.3) * tone(rest * r.uniform(1.5, 1.7), time) * fade(time, length * 0.5)
        body = np.tanh(body * log_uniform(r, 0.5, 4.0))
        return body + click * r.uniform(0, 1) * noise(time, r, 800, 8000) * fade(time, log_uniform(r, 0.005, 0.03))

    return several(4, one)


def _snare(r: Random) -> Floats:
    time, pitch = time_axis(log_uniform(r, 0.12, 0.6)), log_uniform(r, 140, 280)
    body = tone(pitch * (1 + r.uniform(0, 1) * np.exp(-time / 0.01)), time) * fade(time, log_uniform(r, 0.08, 0.3))
    rattle = noise(time, r, log_uniform(r, 300, 2500), log_uniform(r, 6000, 10_900)) * fade(
        time, log_uniform(r, 0.1, 0.5)
    )
    return body * r.uniform(0.2, 1) + unit(rattle) * r.uniform(0.4, 1.2)


def _metal(decay: tuple[float, float], low: tuple[float, float], hiss: float, count: int = 6) -> Make:
    """Clashing squares and noise through a high-pass: hats and cymbals."""

    def one(r: Random) -> Floats:
        length = log_uniform(r, *decay)
        time, base = time_axis(length * 1.1), log_uniform(r, 250, 600)
        ratios = np.sort(r.uniform(1, 4.5, count))
        clash = sum((np.sign(tone(base * ratio, time)) for ratio in ratios), np.zeros(len(time)))
        mixed = unit(clash) * r.uniform(0, 1) + hiss * r.uniform(0.3, 1) * noise(time, r, 1000)
        sos = signal.butter(2, log_uniform(r, *low), "highpass", fs=RATE, output="sos")
        ring = fade(time, length) + r.uniform(0, 1) * fade(time, length * 0.1)
        return np.asarray(signal.sosfilt(sos, mixed), float) * ring

    return several(4, one)


def _clap(r: Random) -> Floats:
    time, out = time_axis(log_uniform(r, 0.15, 0.6)), 0.0
    burst = noise(time, r, log_uniform(r, 500, 1000), log_uniform(r, 2500, 8000))
    for start in np.cumsum(r.uniform(0.006, 0.014, r.integers(2, 5))):
        out = out + (time >= start) * fade(np.maximum(time - start, 0), 0.03)
    return burst * (out + 0.6 * fade(time, log_uniform(r, 0.1, 0.5)) * (time > 0.03))


def _bars(ratios: tuple[float, ...], pitch: tuple[float, float], decay: tuple[float, float], click: float) -> Make:
    """A few inharmonic partials: rims, claves, cowbells, blocks, bells."""

    def one(r: Random) -> Floats:
        length, base = log_uniform(r, *decay), log_uniform(r, *pitch)
        time, out = time_axis(length), 0.0
        for place, ratio in enumerate(ratios):
            partial = min(base * ratio * r.uniform(0.98, 1.02), 10_500)
            out = out + tone(partial, time) * fade(time, length / (1 + 0.3 * place)) * r.uniform(0.3, 1) / (1 + place)
        return out + click * r.uniform(0, 1) * noise(time, r, 1500) * fade(time, 0.012)

    return several(4, one)


def _shake(grains: tuple[int, int], length: tuple[float, float], jingle: float) -> Make:
    def one(r: Random) -> Floats:
        seconds = log_uniform(r, *length)
        time = time_axis(seconds)
        rise = np.minimum(time / (seconds * r.uniform(0.05, 0.5)), 1) * fade(time, seconds)
        seeds = (r.random(len(time)) < r.integers(*grains) / RATE) * r.standard_normal(len(time))
        grain = np.convolve(seeds, fade(time_axis(0.01), 0.006))[: len(time)] + 0.05 * r.standard_normal(len(time))
        out = (
            grain * noise(time, r, log_uniform(r, 2500, 5000)) if jingle == 0 else noise(time, r, 4000) * (0.3 + grain)
        )
        for _ in range(6 if jingle else 0):
            out = out + jingle * 0.2 * tone(r.uniform(4000, 10_000), time) * fade(time, seconds * r.uniform(0.3, 1))
        return out * rise

    return several(4, one)


_DRUMS: Final[Mapping[str, Make]] = {
    "kick": _membrane(38, 75, (0.5, 6), (0.15, 1.0), 0.4),
    "tom": _membrane(75, 240, (0.1, 0.8), (0.2, 1.2), 0.2),
    "conga": _membrane(170, 480, (0.0, 0.15), (0.08, 0.5), 0.3),
    "snare": several(4, _snare),
    "closed-hat": _metal((0.03, 0.14), (4000, 8000), 1.0),
    "open-hat": _metal((0.25, 0.9), (4000, 8000), 1.0),
    "crash": _metal((1.0, 3.5), (600, 3000), 1.5, 12),
    "ride": _metal((0.8, 3.0), (2500, 5500), 0.4, 8),
    "clap": several(4, _clap),
    "rim": _bars((1, 1.6, 2.9), (400, 1800), (0.02, 0.08), 0.8),
    "clave": _bars((1, 2.7), (1800, 2800), (0.03, 0.15), 0.1),
    "cowbell": _bars((1, 1.48, 2.4, 3.2), (480, 800), (0.1, 0.5), 0.2),
    "bell": _bars((1, 2.0, 2.76, 4.1, 5.4), (300, 1500), (0.8, 3.0), 0.1),
    "shaker": _shake((300, 2000), (0.06, 0.25), 0.0),
    "tambourine": _shake((100, 800), (0.15, 0.5), 1.0),
}


# --- notes: an instrument is one drawing of its family's parameters, played at several pitches


@dataclass(frozen=True, slots=True)
class _Family:
    """Ranges: partials' slope (dB an octave), even partials, attack, decay (0: sustained), stretch, breath, vibrato."""

    low: int
    high: int
    slope: tuple[float, float]
    even: tuple[float, float] = (0.0, 0.0)
    attack: tuple[float, float] = (0.002, 0.008)
    decay: tuple[float, float] = (0.0, 0.0)
    stretch: tuple[float, float] = (1e-6, 1e-5)
    breath: tuple[float, float] = (-70.0, -45.0)
    vibrato: tuple[float, float] = (0.0, 0.002)
    bloom: float = 0.0  # how much later high partials come
    ratios: tuple[float, ...] = ()
    body: int = 2  # resonances of the body

    def __call__(self, random: Random) -> Iterator[Floats]:
        drawn = _Instrument(self, random)
        for midi in random.integers(self.low, self.high, 6):
            yield drawn.play(int(midi), random)


class _Instrument:
    def __init__(self, family: _Family, r: Random) -> None:
        self.family = family
        self.slope, self.even = r.uniform(*family.slope), r.uniform(*family.even)
        self.attack = log_uniform(r, *family.attack)
        self.decay = log_uniform(r, *family.decay) if family.decay[1] else 0.0
        self.stretch, self.breath = log_uniform(r, *family.stretch), r.uniform(*family.breath)
        self.vibrato = r.uniform(*family.vibrato)
        self.resonances = [(log_uniform(r, 200, 4000), r.uniform(3, 12)) for _ in range(family.body)]

    def play(self, midi: int, r: Random) -> Floats:
        seconds = log_uniform(r, 0.6, 3.0)
        time, pitch = time_axis(seconds), 440 * 2 ** ((midi - 69) / 12)
        force = r.uniform(-3, 1.5)
        wobble = 1 + self.vibrato * np.sin(2 * np.pi * r.uniform(4.5, 6.5) * time) * np.minimum(time / 0.4, 1)
        out = np.zeros(len(time))
        ratios = self.family.ratios or tuple(range(1, 40))
        for place, ratio in enumerate(ratios):
            partial = pitch * ratio * np.sqrt(1 + self.stretch * ratio * ratio)
            if partial > 10_500:
                break
            level = (self.slope + force) * np.log2(ratio) + (self.even if place % 2 else 0.0)
            level += sum(gain * np.exp(-(np.log2(partial / centre) ** 2) / 0.3) for centre, gain in self.resonances)
            rise = np.minimum(time / (self.attack * (1 + self.family.bloom * np.log2(ratio))), 1)
            fall = fade(time, self.decay * (261 / pitch) ** 0.5 / ratio**0.5) if self.decay else 1.0
            out += 10 ** (level / 20) * tone(partial * wobble, time, r.uniform(0, 6.3)) * rise * fall
        wind = unit(noise(time, r, pitch, pitch * 12)) * (
            np.minimum(time / self.attack, 1) if not self.decay else fade(time, 0.05)
        )
        ends = np.minimum((seconds - time) / r.uniform(0.02, 0.3), 1)
        return (unit(out) + 10 ** (self.breath / 20) * 5 * wind) * np.clip(ends, 0, 1)


_NOTES: Final[Mapping[str, Make]] = {
    "piano": _Family(33, 90, (-11, -7), decay=(2, 8), stretch=(1e-4, 6e-4), attack=(0.001, 0.004)),
    "electric-piano": _Family(36, 84, (-18, -12), decay=(2, 6), ratios=(1, 2, 3, 7, 14), attack=(0.001, 0.005)),
    "guitar": _Family(40, 78, (-9, -5), decay=(1, 4), attack=(0.001, 0.003), breath=(-40, -25)),
    "bass": _Family(26, 50, (-14, -7), decay=(1, 4), attack=(0.002, 0.01), breath=(-45, -25)),
    "harp": _Family(36, 90, (-16, -11), decay=(0.8, 3), attack=(0.001, 0.004)),
    "strings": _Family(40, 92, (-8, -5), attack=(0.05, 0.25), breath=(-50, -32), vibrato=(0.003, 0.01), body=4),
    "pizzicato": _Family(40, 84, (-13, -8), decay=(0.2, 0.7), body=4, breath=(-40, -25)),
    "brass": _Family(40, 80, (-7, -3), attack=(0.03, 0.1), bloom=0.8, vibrato=(0, 0.004), body=1),
    "clarinet": _Family(50, 86, (-9, -6), even=(-35, -15), attack=(0.02, 0.07), breath=(-50, -35)),
    "saxophone": _Family(46, 80, (-7, -4), attack=(0.02, 0.08), breath=(-45, -30), vibrato=(0.002, 0.008), body=4),
    "flute": _Family(60, 96, (-20, -13), attack=(0.04, 0.15), breath=(-35, -18), vibrato=(0.002, 0.008), body=1),
    "organ": _Family(36, 90, (-8, -3), attack=(0.005, 0.04), ratios=(1, 2, 3, 4, 6, 8, 10, 12, 16), body=0),
    "mallet": _Family(45, 96, (-14, -7), decay=(0.3, 1.5), ratios=(1, 3.93, 9.2, 17), attack=(0.001, 0.003)),
    "bell": _Family(55, 100, (-6, -1), decay=(2, 6), ratios=(1, 2, 2.4, 3, 4.1, 5.4, 6.8, 8.9)),
    "synth-lead": _Family(45, 90, (-6, -5), attack=(0.002, 0.02), body=1),
    "pad": _Family(36, 80, (-13, -7), attack=(0.2, 0.8), vibrato=(0.002, 0.006)),
    "voice": _Family(43, 80, (-10, -7), attack=(0.04, 0.15), vibrato=(0.004, 0.012), breath=(-45, -30), body=5),
    "reed": _Family(45, 84, (-5, -2), attack=(0.02, 0.08), body=3, breath=(-55, -40)),
}


_DOMAINS: Final[Mapping[str, Mapping[str, Make]]] = {
    "drums": _DRUMS,
    "notes": _NOTES,
    "texture": TEXTURES,
    "words": WORDS,
}
