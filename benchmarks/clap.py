"""CLAP: the model alone, and sounds on disk to vectors; with random weights of the real size, which cost the same.

    python benchmarks/clap.py SOUNDS [--clips 48] [--threads N] [--model FOLDER]
    python benchmarks/clap.py --make-checkpoint FOLDER

First the model alone in this process: sounds a second by batch and precision, texts, loading, memory. Then the same
sounds from files: workers decode and compute features, one process holds the model, as in the daemon. Rounds with and
without files take turns, since a shared machine's speed drifts; `share` is what is left of the model's own speed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from clap_checkpoint import write_checkpoint
from numpy.typing import NDArray
from rich.console import Console

from timbred_indexer.clap.host import ClapHost
from timbred_indexer.clap.load import load
from timbred_indexer.clap.torch_model import TorchModel
from timbred_indexer.clap.transformers_model import load_transformers
from timbred_indexer.errors import TimbredError
from timbred_indexer.model import Seconds
from timbred_indexer.pool import WorkerPool
from timbred_indexer.weights_local import install_local
from timbred_indexer.weights_manifest import InstalledModel, read_manifest
from timbred_indexer.wire import FEATURE_SHAPE, AnalyseJob, FeaturesJob
from timbred_indexer.worker import resident_bytes

Features = NDArray[np.float32]
Segment = tuple[bytes, tuple[Seconds, Seconds]]

ROUNDS = 3
BATCHES = (1, 2, 4, 8, 16)
DEADLINE = Seconds(600)
TEXTS = ("dusty vinyl snare", "rain on a tin roof", "kick", "a dark pad that swells for a long time")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sounds", nargs="?", help="folder of sounds")
    parser.add_argument("--clips", type=int, default=48, help="segments for each figure (default 48)")
    parser.add_argument("--threads", type=int, default=0, help="for the model (default: half of the cores)")
    parser.add_argument("--model", help="a folder of the store, instead of random weights")
    parser.add_argument("--make-checkpoint", metavar="FOLDER", help="write random weights of the real size, and end")
    options = parser.parse_args()
    if options.make_checkpoint:
        write_checkpoint(options.make_checkpoint)
        return
    if options.sounds is None:
        parser.error("a folder of sounds is missing")
    with tempfile.TemporaryDirectory() as scratch:
        installed = read_manifest(options.model) if options.model else _random_model(scratch)
        asyncio.run(_measure(installed, options.sounds, options.clips, options.threads))


def _random_model(scratch: str) -> InstalledModel:
    checkpoint = os.path.join(scratch, "checkpoint")
    write_checkpoint(checkpoint)
    return install_local(scratch, checkpoint, name="random", progress=lambda done, total: None)


async def _measure(installed: InstalledModel, sounds: str, clips: int, threads: int) -> None:
    console = Console(width=160)
    before, start = resident_bytes(), time.perf_counter()
    model = load(installed.folder, threads=threads)
    loading = time.perf_counter() - start
    found = model.description
    console.print(f"{installed.name}, {found.device}, {found.threads} threads, uses {found.precision}\n")
    async with WorkerPool(backlog_workers=max(1, (os.cpu_count() or 2) // 2)) as pool:
        segments = await _segments(pool, sounds, clips)
        features = np.concatenate([await _features(pool, part) for part in _parts(segments, 16)])
        _table(console, "batch", *_alone(installed, features, found.threads, found.precision))
        texts = _rate(lambda: model.embed_text(TEXTS[:1]), 1)
        console.print(f"\ntexts, one at a time: {texts:.1f} /s; loading, every byte verified: {loading:.1f} s")
        console.print(f"resident, this process: {(resident_bytes() - before) / 1e6:.0f} MB more than before\n")
        host = ClapHost(installed, threads=threads)
        await host.describe()
        rounds: list[tuple[float, float]] = []
        for _ in range(ROUNDS):
            alone = len(features) / _seconds(lambda: _in_batches(model.embed_audio, features, found.batch))
            start = time.perf_counter()
            await _from_files(pool, host, segments)
            rounds.append((alone, len(segments) / (time.perf_counter() - start)))
        resident = host.stats.rss
        await host.close()
    rows = [(str(index + 1), f"{a:.2f}", f"{b:.2f}", f"{b / a:.0%}") for index, (a, b) in enumerate(rounds)]
    alone, from_files = (statistics.median(column) for column in zip(*rounds, strict=True))
    rows.append(("median", f"{alone:.2f}", f"{from_files:.2f}", f"{statistics.median(b / a for a, b in rounds):.0%}"))
    _table(console, "round", ("model alone /s", "from files /s", "share"), rows)
    console.print(f"\nresident, the model's process: {resident / 1e6:.0f} MB")


async def _segments(pool: WorkerPool, root: str, limit: int) -> list[Segment]:
    """Every nth file's first segments, so that all folders have a share."""
    paths = sorted(
        os.path.join(os.fsencode(folder), os.fsencode(name)) for folder, _, names in os.walk(root) for name in names
    )
    found: list[Segment] = []
    for path in paths[:: max(1, len(paths) // (2 * limit))]:
        try:
            analysis = await pool.analyse(AnalyseJob(path, None, Seconds(40), DEADLINE))
        except TimbredError:
            continue
        found += [(path, (segment.start, segment.end)) for segment in analysis.segments]
    return found[:limit]


async def _features(pool: WorkerPool, segments: Sequence[Segment]) -> Features:
    """(n, 1001, 64), a job a file, as many at once as there are workers."""
    stretches: dict[bytes, list[tuple[Seconds, Seconds]]] = {}
    for path, stretch in segments:
        stretches.setdefault(path, []).append(stretch)
    jobs = [FeaturesJob(path, tuple(of_file), "repeatpad", DEADLINE) for path, of_file in stretches.items()]
    made = await asyncio.gather(*map(pool.features, jobs))
    return np.stack([np.frombuffer(data, "<f4").reshape(FEATURE_SHAPE) for of_file in made for data in of_file])


async def _from_files(pool: WorkerPool, host: ClapHost, segments: Sequence[Segment]) -> None:
    """While the model has one part, the workers prepare the next."""
    parts = _parts(segments, host.batch)
    ahead = asyncio.create_task(_features(pool, parts[0]))
    for following in [*parts[1:], None]:
        ready = await ahead
        if following is not None:
            ahead = asyncio.create_task(_features(pool, following))
        await host.embed_audio([features.tobytes() for features in ready])


def _alone(
    installed: InstalledModel, features: Features, threads: int, used: str
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Sounds a second by batch, one column a precision: bf16 beside fp32 where the model uses it."""
    rows: list[tuple[str, ...]] = []
    models = {
        precision: TorchModel(
            load_transformers(installed.folder, name="", version=""), threads=threads, bf16=precision == "bf16"
        )
        for precision in dict.fromkeys(("fp32", used))
    }
    for batch in BATCHES:
        part = np.resize(features, (batch, *FEATURE_SHAPE))
        rates = [_rate(lambda model=model, part=part: model.embed_audio(part), batch) for model in models.values()]
        rows.append((str(batch), *(f"{rate:.2f}" for rate in rates)))
    if used == "bf16":
        rows.append(("cosine change", "0", f"{models['fp32'].bf16_change():.6f}"))
    return tuple(f"{precision} sounds/s" for precision in models), rows


def _parts(segments: Sequence[Segment], size: int) -> list[Sequence[Segment]]:
    return [segments[first : first + size] for first in range(0, len(segments), size)]


def _in_batches(embed: Callable[[Features], Features], features: Features, batch: int) -> None:
    for first in range(0, len(features), batch):
        embed(features[first : first + batch])


def _rate(work: Callable[[], Any], count: int) -> float:
    """How many a second: the best of some rounds, after one that does not count."""
    work()
    return count / min(_seconds(work) for _ in range(ROUNDS))


def _seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _table(console: Console, first: str, names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    console.print(f"| {first} | " + " | ".join(names) + " |")
    console.print("|---" * (len(names) + 1) + "|")
    for row in rows:
        console.print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
