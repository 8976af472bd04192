"""Synthesised textures and words: processes that go on, and rows of speech-like sounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from waves import RATE, Floats, Make, Random, fade, log_uniform, noise, several, signal, time_axis, tone, unit

# --- textures: a label is one process; a sound is another stretch of it, through another microphone


def _texture(label: int) -> Make:
    p = np.random.default_rng([77, label])
    kind, rate = p.integers(0, 6), log_uniform(p, 0.4, 60)
    low = log_uniform(p, 60, 4000)
    width, decay = log_uniform(p, 1.3, 12), log_uniform(p, 0.008, 0.6)
    hum, beat, depth, bed = log_uniform(p, 30, 900), log_uniform(p, 0.3, 30), p.uniform(0, 1), p.uniform(-50, -8)
    regular = p.random() < 0.5

    def grain(r: Random) -> Floats:
        time, base = time_axis(decay * r.uniform(0.7, 1.4) * 2), low * r.lognormal(0, 0.15)
        if kind in (0, 1):
            return unit(noise(time, r, base, base * width)) * fade(time, decay)
        sweep = 1 + (width / 12 - 0.4) * np.sin(np.pi * time / time[-1] * (1 + kind % 2))
        ring = sum(tone(base * n * sweep, time) / n for n in range(1, 2 + 3 * (kind == 3)) if base * n < 7000)
        return unit(np.asarray(ring, float)) * fade(time, decay * 2) * np.minimum(time / (decay * 0.1), 1)

    def one(r: Random) -> Floats:
        time = time_axis(r.uniform(2.0, 5.0))
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
                noise(time, r, low, low * width)
                if kind == 4
                else signal.sawtooth(np.cumsum(np.full(len(time), 2 * np.pi * pitch / RATE)))
            )
            swing = 1 + depth * np.sin(2 * np.pi * beat * r.lognormal(0, 0.1) * time + r.uniform(0, 6))
            drift = np.interp(time, np.linspace(0, float(time[-1]), 8), r.lognormal(0, 0.25, 8))
            out[: len(time)] = unit(source) * swing * drift
        out = out[: len(time)]
        return unit(out) + 10 ** ((bed + r.normal(0, 4)) / 20) * unit(
            noise(time, r, 80, log_uniform(r, 2000, 10_000), 1)
        )

    return several(2, one)


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
    return several(4, lambda random: _say(parts, random))


def _say(parts: list[tuple[str, int, float]], r: Random) -> Floats:
    """Source and filter (Klatt 1980, simplified): a glottal or noisy source through gliding formants, in 5 ms steps."""
    speed, size, pitch = r.lognormal(0, 0.2), r.uniform(0.88, 1.22), log_uniform(r, 80, 260)
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
    smooth = np.column_stack(
        [np.asarray(signal.savgol_filter(np.pad(c, 6, mode="edge"), 11, 1), float)[6:-6] for c in track.T]
    )
    time = np.arange(len(rows) * RATE // 200) / RATE

    def at(column: int) -> Floats:
        return np.interp(time, np.arange(len(rows)) / 200, smooth[:, column])

    contour = pitch * np.interp(time, np.linspace(0, float(time[-1]), 4), r.lognormal(0, 0.1, 4))
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
    return out * at(3) + at(4) * unit(noise(time, r, low * size, high * size)) * 2


TEXTURES: Final[Mapping[str, Make]] = {f"texture{i}": _texture(i) for i in range(50)}
WORDS: Final[Mapping[str, Make]] = {f"word{i}": _word(i) for i in range(40)}
