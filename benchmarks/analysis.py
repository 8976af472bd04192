"""Analysis against librosa, feature by feature, on the same samples in one process.

    python benchmarks/analysis.py CORPUS [--limit N]

Decoding and resampling are left out of both sides of the first table. librosa's side calls each of the six features by
itself, with its defaults, after a warm-up that leaves its compilation out. The second table sets the whole cost of
one-shots against decoding, resampling and a single STFT.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import librosa
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from timbred_indexer import aspects, spectra
from timbred_indexer.analyse import analyse
from timbred_indexer.decode import open_sound
from timbred_indexer.descriptors import describe
from timbred_indexer.errors import TimbredError
from timbred_indexer.parameters import ANALYSIS_RATE
from timbred_indexer.segments import cut

Samples = NDArray[np.float32]
T = TypeVar("T")

ROUNDS = 3
LONG = 10.0  # seconds: what a long file's windows last


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", help="folder of sounds; those under 'odd' are skipped")
    parser.add_argument("--limit", type=int, default=200, help="one-shots measured (default 200)")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", module="librosa")  # it says of each short sound that it is short
    paths, shots = _one_shots(os.fsencode(options.corpus), options.limit)
    long = _windows(shots)
    for samples in (shots[0], long[0]):  # librosa compiles, banks are built
        _ours(samples)
        _librosa(samples)
    console = Console()
    console.print(_features(shots, long))
    console.print(_whole(paths))


def _one_shots(root: bytes, limit: int) -> tuple[list[bytes], list[Samples]]:
    """Every nth sound that is a single segment, so that all folders have a share."""
    found: list[tuple[bytes, Samples]] = []
    for folder, names, files in os.walk(root):
        names[:] = sorted(name for name in names if name != b"odd" and not name.startswith(b"."))
        for path in (os.path.join(folder, name) for name in sorted(files)):
            try:
                with open_sound(path) as sound:
                    segments = list(cut(sound.blocks()))
            except TimbredError:
                continue
            if len(segments) == 1:
                found.append((path, segments[0].samples))
    chosen = found[:: max(1, len(found) // limit)][:limit]
    return [path for path, _ in chosen], [samples for _, samples in chosen]


def _windows(shots: Sequence[Samples]) -> list[Samples]:
    """A long recording's windows: the one-shots one after the other."""
    length = round(LONG * ANALYSIS_RATE)
    whole = np.concatenate(shots)
    return [whole[i : i + length] for i in range(0, len(whole) - length + 1, length)] or [np.resize(whole, length)]


def _ours(samples: Samples) -> None:
    aspects.vector({name: values.tobytes() for name, values in describe(samples).items()})


def _librosa(samples: Samples) -> None:
    feature: Any = librosa.feature
    feature.mfcc(y=samples, sr=ANALYSIS_RATE)
    feature.chroma_stft(y=samples, sr=ANALYSIS_RATE)
    feature.spectral_contrast(y=samples, sr=ANALYSIS_RATE)
    feature.tempo(y=samples, sr=ANALYSIS_RATE)
    feature.zero_crossing_rate(samples)
    feature.rms(y=samples)


def _stft_only(path: bytes) -> None:
    with open_sound(path) as sound:
        spectra.spectra(np.concatenate(list(sound.blocks())))


def _best(function: Callable[[T], object], items: Sequence[T]) -> float:
    """Seconds for all items, the best of a few rounds."""

    def once() -> float:
        start = time.perf_counter()
        for item in items:
            function(item)
        return time.perf_counter() - start

    return min(once() for _ in range(ROUNDS))


def _features(shots: Sequence[Samples], long: Sequence[Samples]) -> Table:
    table = Table(
        "sounds", "number", "mean s", "timbred /s", "librosa /s", "ratio", title="Samples to vector, one core"
    )
    for name, items in (("one-shots", shots), ("10 s windows", long)):
        ours, theirs = _best(_ours, items), _best(_librosa, items)
        mean = sum(map(len, items)) / len(items) / ANALYSIS_RATE
        rates = (f"{len(items) / ours:.0f}", f"{len(items) / theirs:.0f}", f"{theirs / ours:.1f} x")
        table.add_row(name, str(len(items)), f"{mean:.2f}", *rates)
    return table


def _whole(paths: Sequence[bytes]) -> Table:
    table = Table("one-shots, from disk", "files/s", "cost", title="Files to vectors, one core")
    floor, whole = _best(_stft_only, paths), _best(analyse, paths)
    table.add_row("decode + resample + one STFT", f"{len(paths) / floor:.0f}", "1.0 x")
    table.add_row("all of analysis", f"{len(paths) / whole:.0f}", f"{whole / floor:.1f} x")
    return table


if __name__ == "__main__":
    main()
