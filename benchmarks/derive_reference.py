"""Derives reference.json: mean and standard deviation of every scored value over a folder of real sounds.

Run again whenever an aspect or a parameter changes:

    python benchmarks/derive_reference.py CORPUS

Sounds under a folder called ``odd`` (damaged on purpose) are skipped. The audio is not part of the repository; the
statistics are.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator

import numpy as np

from timbred_indexer import aspects
from timbred_indexer.decode import open_sound
from timbred_indexer.descriptors import describe
from timbred_indexer.errors import TimbredError
from timbred_indexer.segments import cut

_SMALLEST_STD = 1e-3  # a value that never varies must not be divided by nothing


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", help="folder of real sounds")
    parser.add_argument("--output", default=os.path.join(os.path.dirname(aspects.__file__), "reference.json"))
    options = parser.parse_args()
    collected: dict[str, list[np.ndarray]] = {aspect.name: [] for aspect in aspects.ASPECTS}
    for path in _files(os.fsencode(options.corpus)):
        try:
            with open_sound(path) as sound:
                segments = list(cut(sound.blocks()))
        except TimbredError:
            continue
        for segment in segments[:1]:  # one a sound: long ones shall not outvote short ones
            for name, values in describe(segment.samples).items():
                collected[name].append(values)
    with open(options.output, "w", encoding="utf-8") as out:
        json.dump({aspect.name: _row(aspect, collected[aspect.name]) for aspect in aspects.ASPECTS}, out, indent=1)
        out.write("\n")
    print(f"{len(collected[aspects.ASPECTS[0].name])} sounds → {options.output}", file=sys.stderr)


def _files(root: bytes) -> Iterator[bytes]:
    for folder, names, files in os.walk(root):
        names[:] = sorted(name for name in names if name != b"odd" and not name.startswith(b"."))
        yield from (os.path.join(folder, name) for name in sorted(files))


def _row(aspect: aspects.Aspect, values: list[np.ndarray]) -> dict[str, list[float]]:
    scored = np.stack(values)[:, : len(aspect.scored)].astype(np.float64)
    std = np.maximum(scored.std(axis=0), _SMALLEST_STD)
    return {"mean": scored.mean(axis=0).round(5).tolist(), "std": std.round(5).tolist()}


if __name__ == "__main__":
    main()
