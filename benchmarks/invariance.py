"""Is the same sound in another wrapping the same sound? Similarity to the original over real encodings.

    python benchmarks/invariance.py CORPUS [--limit N]

Every nth sound of the corpus (``odd`` is skipped) is written anew at other depths, rates, levels and channel counts, in
lossy formats, and after silence, and analysed through the product's own code.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections import defaultdict
from collections.abc import Callable, Container, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any, Final

import numpy as np
import soundfile as typed_soundfile
import soxr as typed_soxr
from altered_copies import encode
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from timbred_indexer.analyse import analyse
from timbred_indexer.decode import open_sound
from timbred_indexer.errors import TimbredError
from timbred_indexer.parameters import ANALYSIS_RATE

soundfile: Any = typed_soundfile  # their stubs are partial
soxr: Any = typed_soxr

Samples = NDArray[np.float32]
ALIKE: Final = 0.98
LONGEST: Final = 20  # seconds read of a file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", help="folder of sounds")
    parser.add_argument("--limit", type=int, default=150, help="sounds, evenly spaced (default 150)")
    options = parser.parse_args()
    found = (os.path.join(folder, name) for folder, _, names in os.walk(str(options.corpus)) for name in names)
    paths = sorted(p for p in found if f"{os.sep}odd" not in p and p.endswith((".wav", ".flac", ".aif", ".ogg")))
    chosen = paths[:: max(1, len(paths) // options.limit)][: options.limit]
    scores: dict[str, list[float]] = defaultdict(list)
    with ProcessPoolExecutor() as pool:
        for similarities in pool.map(measured, chosen, chunksize=4):
            for name, score in similarities.items():
                scores[name].append(score)
    table = Table("the same sound", "sounds", "lowest", "5 %", "median", f"under {ALIKE}", title="Similarity")
    for name, row in scores.items():
        low, middle = np.quantile(row, [0.05, 0.5])
        under = float(np.mean(np.array(row) < ALIKE))
        table.add_row(name, str(len(row)), f"{min(row):.3f}", f"{low:.3f}", f"{middle:.3f}", f"{under:.0%}")
    Console().print(table)


def measured(path: str) -> dict[str, float]:
    """Alteration → similarity to the original; empty for what cannot be read."""
    try:
        samples, rate = read(path)
        with tempfile.TemporaryDirectory() as folder:
            original = _vectors(_written(folder, "original.wav", samples, rate, subtype="FLOAT"))
            if not len(original):
                return {}
            return {name: float((original @ _vectors(p).T).max()) for name, p in encodings(folder, samples, rate)}
    except TimbredError:
        return {}


def read(path: str) -> tuple[Samples, int]:
    """Up to ``LONGEST`` seconds of a file in one channel, at its own rate where libsndfile reads it, and that rate."""
    try:
        data, rate = soundfile.read(path, dtype="float32", always_2d=True, frames=LONGEST * 192_000)
        return np.asarray(data, np.float32).mean(axis=1)[: LONGEST * rate], int(rate)
    except soundfile.LibsndfileError:
        with open_sound(os.fsencode(path)) as sound:
            samples = np.concatenate([np.zeros(0, np.float32), *sound.blocks()])
        return samples[: LONGEST * ANALYSIS_RATE], ANALYSIS_RATE


def encodings(
    folder: str, samples: Samples, rate: int, only: Container[str] | None = None
) -> Iterator[tuple[str, str]]:
    """Names and paths of the same sound, written otherwise; at a peak just under full scale unless said."""
    for name, write in _encodings(folder, samples, rate):
        if only is None or name in only:
            yield name, write()


def _encodings(folder: str, samples: Samples, rate: int) -> Iterator[tuple[str, Callable[[], str]]]:
    loud = samples * np.float32(0.98 / max(float(np.abs(samples).max()), 1e-9))
    yield "8 bits", partial(_written, folder, "a8.wav", loud, rate, subtype="PCM_U8")
    yield "16 bits", partial(_written, folder, "a16.wav", loud, rate, subtype="PCM_16")
    yield "24 bits", partial(_written, folder, "a24.wav", loud, rate, subtype="PCM_24")
    yield "-26 dB, 16 bits", partial(_written, folder, "soft.wav", loud * np.float32(0.05), rate, subtype="PCM_16")
    for other in (22_050, 32_000, 48_000, 96_000):
        if other != rate:
            resampled: Samples = soxr.resample(loud, rate, other)
            yield f"{other} Hz", partial(_written, folder, f"r{other}.wav", resampled * np.float32(0.9), other)
    yield "stereo", partial(_written, folder, "stereo.wav", np.stack([loud, loud], axis=1), rate)
    silence = np.zeros(rate // 2, np.float32)
    yield "after 0.5 s of silence", partial(_written, folder, "late.wav", np.concatenate([silence, loud]), rate)
    for name in ("flac", "ogg", "mp3"):
        if name != "mp3" or rate in (22_050, 32_000, 44_100, 48_000):
            yield name, partial(_written, folder, f"a.{name}", loud * np.float32(0.9), rate)
    if rate in (32_000, 44_100, 48_000):
        yield "m4a, 128 kbit/s", partial(encode, folder, "a", "m4a", loud * np.float32(0.9), rate)


def _written(folder: str, name: str, samples: Samples, rate: int, **options: Any) -> str:
    path = os.path.join(folder, name)
    soundfile.write(path, samples, rate, **options)
    return path


def _vectors(path: str) -> Samples:
    found = analyse(os.fsencode(path)).segments
    rows = [np.frombuffer(segment.vector or b"", np.float32) for segment in found]
    return np.stack(rows) if rows else np.zeros((0, 1), np.float32)


if __name__ == "__main__":
    main()
