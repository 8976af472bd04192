"""Labelled sounds with known parameters: drums, notes, textures and words, each drawn from a seeded generator.

Nothing here imitates a particular recording. A label fixes what a listener would call the same (a snare, a bowed
string, this rain, that word); everything else (pitch, speaker, brightness, length, room) is drawn anew for each sound,
so that what varies inside a label is what a measure of similarity should not mind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from timbred_indexer.parameters import ANALYSIS_RATE

Samples = NDArray[np.float32]
Floats = NDArray[np.floating[Any]]
Random = np.random.Generator
RATE: Final = ANALYSIS_RATE


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
    out = _tilt(samples, random.normal(0, 2.0))
    if random.random() < 0.4:
        length = round(RATE * random.uniform(0.05, 0.4))
        tail = random.standard_normal(length) * np.exp(-6 * np.arange(length) / length)
        wet = scipy.signal.fftconvolve(out, tail)
        wet *= 10 ** (random.uniform(-30, -12) / 20) * np.abs(out).max() / (np.abs(wet).max() + 1e-9)
        wet[: len(out)] += out
        out = wet
    return (out / (np.abs(out).max() + 1e-9)).astype(np.float32)


# --- building blocks


def _time(seconds: float) -> Floats:
    return np.arange(max(64, round(seconds * RATE))) / RATE


def _fade(time: Floats, seconds: float) -> Floats:
    """An exponential decay by 60 dB."""
    return np.exp(-6.9 * time / seconds)


def _noise(time: Floats, random: Random, low: float = 0.0, high: float = 11_000.0, order: int = 2) -> Floats:
    white = random.standard_normal(len(time))
    edges = [max(low, 20.0), min(high, RATE * 0.49)]
    return np.asarray(
        scipy.signal.sosfilt(scipy.signal.butter(order, edges, "bandpass", fs=RATE, output="sos"), white), float
    )


def _tone(frequency: Floats | float, time: Floats, phase: float = 0.0) -> Floats:
    return np.sin(2 * np.pi * np.cumsum(np.broadcast_to(frequency, time.shape)) / RATE + phase)


def _tilt(samples: Floats, decibels: float) -> Floats:
    """So many dB more per octave, around 1 kHz."""
    spectrum = np.fft.rfft(samples)
    octave = np.log2(np.maximum(np.fft.rfftfreq(len(samples), 1 / RATE), 30) / 1000)
    return np.fft.irfft(spectrum * 10 ** (decibels * octave / 20), len(samples))


def _unit(samples: Floats) -> Floats:
    return samples / (np.abs(samples).max() + 1e-9)


def _log(random: Random, low: float, high: float) -> float:
    return float(np.exp(random.uniform(np.log(low), np.log(high))))


Make = Callable[[Random], Iterator[Floats]]


def _several(count: int, one: Callable[[Random], Floats]) -> Make:
    return lambda random: (one(random) for _ in range(count))


# --- drums


def _membrane(low: float, high: float, drop: tuple[float, float], decay: tuple[float, float], click: float) -> Make:
    """A pitch that falls to its rest, and a click."""

    def one(r: Random) -> Floats:
        length = _log(r, *decay)
        time, rest, fall = _time(length), _log(r, low, high), _log(r, 0.008, 0.05)
        body = _tone(rest * (1 + r.uniform(*drop) * np.exp(-time / fall)), time) * _fade(time, length)
        body += r.uniform(0, 0.3) * _tone(rest * r.uniform(1.5, 1.7), time) * _fade(time, length * 0.5)
        body = np.tanh(body * _log(r, 0.5, 4.0))
        return body + click * r.uniform(0, 1) * _noise(time, r, 800, 8000) * _fade(time, _log(r, 0.005, 0.03))

    return _several(4, one)


def _snare(r: Random) -> Floats:
    time, pitch = _time(_log(r, 0.12, 0.6)), _log(r, 140, 280)
    body = _tone(pitch * (1 + r.uniform(0, 1) * np.exp(-time / 0.01)), time) * _fade(time, _log(r, 0.08, 0.3))
    rattle = _noise(time, r, _log(r, 300, 2500), _log(r, 6000, 10_900)) * _fade(time, _log(r, 0.1, 0.5))
    return body * r.uniform(0.2, 1) + _unit(rattle) * r.uniform(0.4, 1.2)


def _metal(decay: tuple[float, float], low: tuple[float, float], noise: float, count: int = 6) -> Make:
    """Clashing squares and noise through a high-pass: hats and cymbals."""

    def one(r: Random) -> Floats:
        length = _log(r, *decay)
        time, base = _time(length * 1.1), _log(r, 250, 600)
        ratios = np.sort(r.uniform(1, 4.5, count))
        clash = sum((np.sign(_tone(base * ratio, time)) for ratio in ratios), np.zeros(len(time)))
        mixed = _unit(clash) * r.uniform(0, 1) + noise * r.uniform(0.3, 1) * _noise(time, r, 1000)
        sos = scipy.signal.butter(2, _log(r, *low), "highpass", fs=RATE, output="sos")
        ring = _fade(time, length) + r.uniform(0, 1) * _fade(time, length * 0.1)
        return np.asarray(scipy.signal.sosfilt(sos, mixed), float) * ring

    return _several(4, one)


def _clap(r: Random) -> Floats:
    time, out = _time(_log(r, 0.15, 0.6)), 0.0
    burst = _noise(time, r, _log(r, 500, 1000), _log(r, 2500, 8000))
    for start in np.cumsum(r.uniform(0.006, 0.014, r.integers(2, 5))):
        out = out + (time >= start) * _fade(np.maximum(time - start, 0), 0.03)
    return burst * (out + 0.6 * _fade(time, _log(r, 0.1, 0.5)) * (time > 0.03))


def _bars(ratios: tuple[float, ...], pitch: tuple[float, float], decay: tuple[float, float], click: float) -> Make:
    """A few inharmonic partials: rims, claves, cowbells, blocks, bells."""

    def one(r: Random) -> Floats:
        length, base = _log(r, *decay), _log(r, *pitch)
        time, out = _time(length), 0.0
        for place, ratio in enumerate(ratios):
            partial = min(base * ratio * r.uniform(0.98, 1.02), 10_500)
            out = out + _tone(partial, time) * _fade(time, length / (1 + 0.3 * place)) * r.uniform(0.3, 1) / (1 + place)
        return out + click * r.uniform(0, 1) * _noise(time, r, 1500) * _fade(time, 0.012)

    return _several(4, one)


def _shake(grains: tuple[int, int], length: tuple[float, float], jingle: float) -> Make:
    def one(r: Random) -> Floats:
        seconds = _log(r, *length)
        time = _time(seconds)
        rise = np.minimum(time / (seconds * r.uniform(0.05, 0.5)), 1) * _fade(time, seconds)
        seeds = (r.random(len(time)) < r.integers(*grains) / RATE) * r.standard_normal(len(time))
        grain = np.convolve(seeds, _fade(_time(0.01), 0.006))[: len(time)] + 0.05 * r.standard_normal(len(time))
        out = grain * _noise(time, r, _log(r, 2500, 5000)) if jingle == 0 else _noise(time, r, 4000) * (0.3 + grain)
        for _ in range(6 if jingle else 0):
            out = out + jingle * 0.2 * _tone(r.uniform(4000, 10_000), time) * _fade(time, seconds * r.uniform(0.3, 1))
        return out * rise

    return _several(4, one)


_DRUMS: Final[Mapping[str, Make]] = {
    "kick": _membrane(38, 75, (0.5, 6), (0.15, 1.0), 0.4),
    "tom": _membrane(75, 240, (0.1, 0.8), (0.2, 1.2), 0.2),
    "conga": _membrane(170, 480, (0.0, 0.15), (0.08, 0.5), 0.3),
    "snare": _several(4, _snare),
    "closed-hat": _metal((0.03, 0.14), (4000, 8000), 1.0),
    "open-hat": _metal((0.25, 0.9), (4000, 8000), 1.0),
    "crash": _metal((1.0, 3.5), (600, 3000), 1.5, 12),
    "ride": _metal((0.8, 3.0), (2500, 5500), 0.4, 8),
    "clap": _several(4, _clap),
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
        self.attack = _log(r, *family.attack)
        self.decay = _log(r, *family.decay) if family.decay[1] else 0.0
        self.stretch, self.breath = _log(r, *family.stretch), r.uniform(*family.breath)
        self.vibrato = r.uniform(*family.vibrato)
        self.resonances = [(_log(r, 200, 4000), r.uniform(3, 12)) for _ in range(family.body)]

    def play(self, midi: int, r: Random) -> Floats:
        seconds = _log(r, 0.6, 3.0)
        time, pitch = _time(seconds), 440 * 2 ** ((midi - 69) / 12)
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
            fall = _fade(time, self.decay * (261 / pitch) ** 0.5 / ratio**0.5) if self.decay else 1.0
            out += 10 ** (level / 20) * _tone(partial * wobble, time, r.uniform(0, 6.3)) * rise * fall
        wind = _unit(_noise(time, r, pitch, pitch * 12)) * (
            np.minimum(time / self.attack, 1) if not self.decay else _fade(time, 0.05)
        )
        ends = np.minimum((seconds - time) / r.uniform(0.02, 0.3), 1)
        return (_unit(out) + 10 ** (self.breath / 20) * 5 * wind) * np.clip(ends, 0, 1)


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


# --- textures: a label is one process; a sound is another stretch of it, through another microphone


def _texture(label: int) -> Make:
    p = np.random.default_rng([77, label])
    kind, rate = p.integers(0, 6), _log(p, 0.4, 60)
    low = _log(p, 60, 4000)
    width, decay = _log(p, 1.3, 12), _log(p, 0.008, 0.6)
    hum, beat, depth, bed = _log(p, 30, 900), _log(p, 0.3, 30), p.uniform(0, 1), p.uniform(-50, -8)
    regular = p.random() < 0.5

    def grain(r: Random) -> Floats:
        time, base = _time(decay * r.uniform(0.7, 1.4) * 2), low * r.lognormal(0, 0.15)
        if kind in (0, 1):
            return _unit(_noise(time, r, base, base * width)) * _fade(time, decay)
        sweep = 1 + (width / 12 - 0.4) * np.sin(np.pi * time / time[-1] * (1 + kind % 2))
        tone = sum(_tone(base * n * sweep, time) / n for n in range(1, 2 + 3 * (kind == 3)) if base * n < 7000)
        return _unit(np.asarray(tone, float)) * _fade(time, decay * 2) * np.minimum(time / (decay * 0.1), 1)

    def one(r: Random) -> Floats:
        time = _time(r.uniform(2.0, 5.0))
        out = np.zeros(len(time) + RATE * 3)
        if kind < 4:
            gaps = np.full(2000, 1 / rate) * r.normal(1, 0.05, 2000) if regular else r.exponential(1 / rate, 2000)
            starts = (np.cumsum(gaps) - gaps[0]) * r.uniform(0.8, 1.25)
            for start in starts[starts < time[-1]][:250]:
                piece, at = grain(r), round(start * RATE)
                out[at : at + len(piece)] += piece[: len(out) - at] * r.lognormal(0, 0.3)
        else:
            pitch = hum * r.lognormal(0, 0.12)
            source = (
                _noise(time, r, low, low * width)
                if kind == 4
                else scipy.signal.sawtooth(np.cumsum(np.full(len(time), 2 * np.pi * pitch / RATE)))
            )
            swing = 1 + depth * np.sin(2 * np.pi * beat * r.lognormal(0, 0.1) * time + r.uniform(0, 6))
            drift = np.interp(time, np.linspace(0, time[-1], 8), r.lognormal(0, 0.25, 8))
            out[: len(time)] = _unit(source) * swing * drift
        out = out[: len(time)]
        return _unit(out) + 10 ** ((bed + r.normal(0, 4)) / 20) * _unit(_noise(time, r, 80, _log(r, 2000, 10_000), 1))

    return _several(2, one)


# --- words: a label is a row of sounds of speech; a sound is one speaker saying it

_VOWELS: Final = (
    (700, 1150, 2500),
    (300, 2250, 3000),
    (320, 800, 2300),
    (530, 1850, 2500),
    (500, 900, 2500),
    (480, 1350, 1700),
    (650, 1700, 2500),
    (500, 1450, 2500),
)
_HISSES: Final = ((4500, 9000), (2200, 6000), (1200, 9000), (1500, 4500))


def _word(label: int) -> Make:
    plan = np.random.default_rng([99, label])
    parts: list[tuple[str, int, float]] = []
    for _ in range(plan.integers(1, 3)):
        start = plan.choice(["hiss", "stop", "nasal", "none"])
        if start != "none":
            parts.append((str(start), int(plan.integers(0, 4)), float(plan.uniform(0.05, 0.13))))
        parts.append(("vowel", int(plan.integers(0, 8)), float(plan.uniform(0.1, 0.25))))
        if plan.random() < 0.4:
            parts.append(("vowel", int(plan.integers(0, 8)), float(plan.uniform(0.08, 0.15))))
    if plan.random() < 0.6:
        parts.append((str(plan.choice(["hiss", "stop", "nasal"])), int(plan.integers(0, 4)), 0.1))
    return _several(4, lambda random: _say(parts, random))


def _say(parts: list[tuple[str, int, float]], r: Random) -> Floats:
    """Source and filter (Klatt 1980, simplified): a glottal or noisy source through gliding formants, in 5 ms steps."""
    speed, size, pitch = r.lognormal(0, 0.2), r.uniform(0.88, 1.22), _log(r, 80, 260)
    rows: list[tuple[float, float, float, float, float, int]] = []
    for kind, which, seconds in parts:
        steps = max(3, round(seconds * speed * r.lognormal(0, 0.12) * 200))
        f1, f2, f3 = (
            f * size * r.lognormal(0, 0.04)
            for f in (_VOWELS[which] if kind == "vowel" else (270, 1100 + 250 * which, 2300))
        )
        voiced, hissing = {"vowel": (1.0, 0.02), "nasal": (0.35, 0.01), "hiss": (0.0, 0.3), "stop": (0.0, 0.0)}[kind]
        rows += [(f1, f2, f3, voiced, hissing, which)] * steps
        if kind == "stop":
            rows += [(f1, f2, f3, 0.0, 0.5, which)] * 3
    track = np.array(rows, float)
    smooth = np.column_stack([scipy.signal.savgol_filter(np.pad(c, 6, mode="edge"), 11, 1)[6:-6] for c in track.T])
    time = np.arange(len(rows) * RATE // 200) / RATE
    at = lambda column: np.interp(time, np.arange(len(rows)) / 200, smooth[:, column])  # noqa: E731
    contour = pitch * np.interp(time, np.linspace(0, time[-1], 4), r.lognormal(0, 0.1, 4))
    out = np.zeros(len(time))
    phase = np.cumsum(2 * np.pi * contour / RATE)
    slope = r.uniform(0.8, 1.5)
    for n in range(1, int(6000 / pitch)):
        gain = sum(
            g / (1 + ((contour * n - at(k)) / (w + 0.03 * at(k))) ** 2)
            for k, (w, g) in enumerate(((60, 1), (80, 0.6), (120, 0.3)))
        )
        out += np.sin(n * phase) * gain * n ** (-slope + 1) * 0.7
    low, high = _HISSES[int(track[0, 5]) % 4]
    return out * at(3) + at(4) * _unit(_noise(time, r, low * size, high * size)) * 2


_DOMAINS: Final[Mapping[str, Mapping[str, Make]]] = {
    "drums": _DRUMS,
    "notes": _NOTES,
    "texture": {f"texture{i}": _texture(i) for i in range(50)},
    "words": {f"word{i}": _word(i) for i in range(40)},
}
