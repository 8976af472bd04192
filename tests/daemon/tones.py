"""Tiny sounds that are quick to analyse, no two of them alike."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

RATE = 22_050

Samples = NDArray[np.floating[Any]]


def tone(pitch: float, seconds: float = 0.3) -> Samples:
    """A plucked note with a breath of noise that belongs to its pitch."""
    time = np.arange(round(seconds * RATE)) / RATE
    breath = np.random.default_rng(round(pitch * 1000)).standard_normal(len(time))
    return 0.5 * np.sin(2 * np.pi * pitch * time) * np.exp(-5 * time) + 0.01 * breath


def noise(seed: int, seconds: float = 0.3) -> Samples:
    return 0.3 * np.random.default_rng(seed).standard_normal(round(seconds * RATE))


def wav(samples: Samples) -> bytes:
    """The samples as the bytes of a 16-bit WAV file."""
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format="WAV", subtype="PCM_16")
    return file.getvalue()


def write_tone(path: Path, pitch: float, seconds: float = 0.3) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(wav(tone(pitch, seconds)))
    return path


def write_scale(folder: Path, steps: Iterable[int], seconds: float = 0.3) -> list[Path]:
    """One file a step, a quarter tone apart from 110 Hz on; the same step gives the same bytes."""
    return [write_tone(folder / f"note-{step}.wav", 110 * 2 ** (step / 24), seconds) for step in steps]


def corpus() -> Path:
    """The corpus of real sounds: $TIMBRED_CORPUS, or shared/corpus beside the repository; skips without."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "corpus"
    folder = Path(os.environ.get("TIMBRED_CORPUS", beside))
    if not folder.is_dir():
        pytest.skip("no corpus: set TIMBRED_CORPUS to a folder of sounds")
    return folder
