"""How many near-duplicates are found, how many of those named are none, and what it costs.

    python benchmarks/duplicates.py CORPUS [--copies N] [--limit N] [--strangers N] [--show]

Every sound of the corpus (``odd`` is skipped) and N altered copies of each form the library; the truth is known by
construction: what was made from one original is one sound, and two originals are two, unless they are the same samples.
Some originals are one wave all the same (settings of a drum machine that hardly do anything): precision is
also given without those whose whole waves, at their own rate, correlate to 0.995, a residual of -20 dB.
The product's own workers, pairing and database do the work, without the analysis. ``--strangers`` measures the pairing
alone on so many more sounds, each a corpus sound at a speed of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import shutil
import sqlite3
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import soxr as typed_soxr
from altered_copies import ALTERATIONS, Samples, alter, read_sound
from rich.console import Console
from rich.table import Table

from timbred_indexer.db import Database, next_seq
from timbred_indexer.duplicates.finder import DuplicateFinder
from timbred_indexer.duplicates.fingerprint import Words, fingerprint, trim
from timbred_indexer.duplicates.groups import CLOSENESS, COHERENCE, credible, grouped, kind_of
from timbred_indexer.duplicates.pairing import pairs
from timbred_indexer.model import Analysis, Seconds, SoundId
from timbred_indexer.parameters import ANALYSIS_RATE
from timbred_indexer.pool import WorkerPool
from timbred_indexer.readers import Unreadable
from timbred_indexer.reading import fingerprint as hashed
from timbred_indexer.store import duplicates, files, folders, sounds
from timbred_indexer.store.duplicates import Alike

soxr: Any = typed_soxr

WORKERS = 1
ONE_WAVE = 0.995
SAME = 1e-3  # of full scale: two originals that never differ by more are one sound


@dataclass
class Library:
    """What was made.

    Attributes:
        origin: file → number of the original it was made from (of the first of equal ones).
        made_by: file → the alteration; empty for an original.
        left_out: alterations of which too little would have been left.
        originals: by number.
    """

    origin: dict[str, int] = field(default_factory=dict[str, int])
    made_by: dict[str, str] = field(default_factory=dict[str, str])
    left_out: int = 0
    originals: list[Samples] = field(default_factory=list[Samples])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", help="folder of sounds")
    parser.add_argument("--copies", type=int, default=4, help="altered copies of each sound (default 4)")
    parser.add_argument("--limit", type=int, default=100_000, help="originals, evenly spaced")
    parser.add_argument("--strangers", type=int, default=0, help="measure the pairing of so many sounds")
    parser.add_argument("--show", action="store_true", help="list what is wrong")
    options = parser.parse_args()
    found = (os.path.join(folder, name) for folder, _, names in os.walk(str(options.corpus)) for name in names)
    paths = sorted(path for path in found if f"{os.sep}odd" not in path)
    paths = paths[:: max(1, -(-len(paths) // options.limit))]
    if options.strangers:
        _measure_pairing(paths, options.strangers)
        return
    with tempfile.TemporaryDirectory() as top:
        root = os.path.join(top, "sounds")
        os.makedirs(root)
        library = _make(paths, root, options.copies)
        alike, names, costs = asyncio.run(_search(top, root, sorted(library.origin)))
    _report(library, alike, names, costs, show=options.show)


def _make(paths: Sequence[str], root: str, copies: int) -> Library:
    random = np.random.default_rng(1)
    library = Library()
    known = library.originals
    for path in paths:
        try:
            samples, rate = read_sound(path)
        except Unreadable:
            continue
        if not samples.size:
            continue
        number = len(known)
        known.append(samples)
        name = f"{number:05d}-original{os.path.splitext(path)[1]}"
        shutil.copyfile(path, os.path.join(root, name))
        library.origin[name] = next((i for i, other in enumerate(known) if _equal(samples, other)), number)
        library.made_by[name] = ""
        for alteration in random.choice(list(ALTERATIONS), copies, replace=False).tolist():
            label = f"{number:05d}-{alteration.replace(' ', '_')}"
            made = alter(alteration, root, label, samples, rate, random)
            if made is None:
                library.left_out += 1
                continue
            library.origin[os.path.basename(made)] = library.origin[name]
            library.made_by[os.path.basename(made)] = alteration
    return library


def _equal(one: Samples, other: Samples) -> bool:
    return one is other or (len(one) == len(other) and float(np.abs(one - other).max()) < SAME)


def _one_wave(one: Samples, other: Samples) -> bool:
    size = len(one) + len(other)
    product = np.fft.rfft(one, size) * np.conj(np.fft.rfft(other, size))
    best = float(np.abs(np.fft.irfft(product, size)).max())
    return best >= ONE_WAVE * float(np.linalg.norm(one) * np.linalg.norm(other))


async def _search(
    top: str, root: str, names: Sequence[str]
) -> tuple[list[Alike], dict[SoundId, list[str]], dict[str, float]]:
    """Verified pairs, the files of each sound, and seconds by step."""
    path = os.path.join(top, "metadata.db")
    db = Database.open(path)
    costs: dict[str, float] = {}
    began = time.perf_counter()

    def enter(connection: sqlite3.Connection) -> dict[SoundId, list[str]]:
        seq = next_seq(connection)
        folder = folders.add(connection, os.fsencode(root), "added", "poll", seq)
        known: dict[SoundId, list[str]] = defaultdict(list)
        for name in names:
            stat, digest = hashed(os.fsencode(os.path.join(root, name)))
            nothing = Analysis(Seconds(1.0), 44_100, 1, "wav", (), cut_short=False, version="none")
            sound = sounds.save_analysis(connection, digest, nothing, "librosa", seq)
            files.insert(connection, folder, [(os.fsencode(name), stat)], seq)
            (row,) = files.below(connection, folder, os.fsencode(name))
            files.link(connection, row.id, stat, sound, seq)
            known[sound].append(name)
        return known

    try:
        known = await db.write(enter)
        async with WorkerPool(
            backlog_workers=WORKERS, command=(sys.executable, "-P", "-m", "timbred_indexer.duplicates.worker")
        ) as pool:
            finder = DuplicateFinder(db, pool, database=path, slots=WORKERS, may_work=lambda: True)
            task = asyncio.create_task(finder.run())
            finder.ask()
            step = "fingerprints"
            while True:
                await asyncio.sleep(0.1)
                progress = await db.read(finder.progress)
                now = "fingerprints" if progress.owed.sounds else "pairing" if progress.owed.unpaired else "comparing"
                if now != step or progress.complete:
                    costs[step], began, step = time.perf_counter() - began, time.perf_counter(), now
                if progress.complete:
                    break
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        costs["compared"] = await db.read(lambda c: float(c.execute("SELECT count(*) FROM pair").fetchone()[0]))
        costs["passed over"] = progress.passed_over
        alike = await db.read(lambda connection: duplicates.alike(connection, COHERENCE, CLOSENESS))
        return credible(alike), known, costs
    finally:
        db.close()


def _report(
    library: Library,
    alike: list[Alike],
    names: dict[SoundId, list[str]],
    costs: dict[str, float],
    *,
    show: bool,
) -> None:
    origins = {sound: library.origin[some[0]] for sound, some in names.items()}
    wrong = [pair for pair in alike if origins[pair.first] != origins[pair.second]]
    groups = grouped(alike, (), None)
    right_in_groups = wrong_in_groups = 0
    for members in groups:
        same = sum(origins[one] == origins[two] for one, two in itertools.combinations(members, 2))
        right_in_groups += same
        wrong_in_groups += len(members) * (len(members) - 1) // 2 - same
    console = Console()
    table = Table("what was done", "copies", "found", "recall", "called the same audio", title="Recall")
    everything = _recall(library, groups, alike, names, table, show=show)
    console.print(table)
    console.print(f"recall {everything:.4f}; {library.left_out} copies left out: too little of the sound is in them")
    console.print(f"precision of pairs {1 - len(wrong) / max(1, len(alike)):.4f} ({len(wrong)} of {len(alike)} wrong)")
    confused = {tuple(sorted((origins[pair.first], origins[pair.second]))) for pair in wrong}
    twins = {(one, other) for one, other in confused if _one_wave(library.originals[one], library.originals[other])}
    heard = [pair for pair in wrong if tuple(sorted((origins[pair.first], origins[pair.second]))) not in twins]
    console.print(f"originals confused: {len(confused)} pairs, of which {len(twins)} are one wave; without those:")
    counted = len(alike) - len(wrong) + len(heard)
    console.print(f"precision of pairs {1 - len(heard) / max(1, counted):.4f} ({len(heard)} of {counted} wrong)")
    total = right_in_groups + wrong_in_groups
    console.print(f"precision within groups {right_in_groups / max(1, total):.4f} ({wrong_in_groups} of {total} wrong)")
    for step in ("fingerprints", "pairing", "comparing"):
        console.print(f"{step}: {costs.get(step, 0.0):.1f} s for {len(names)} sounds, {costs['compared']:.0f} pairs")
    if show:
        for pair in sorted(wrong, key=lambda one: -one.coherence):
            console.print("wrong:", names[pair.first][0], names[pair.second][0], f"{pair.coherence:.3f}")


def _recall(
    library: Library,
    groups: list[list[SoundId]],
    alike: list[Alike],
    names: dict[SoundId, list[str]],
    table: Table,
    *,
    show: bool,
) -> float:
    """Fills the table; a copy is found when it is in one group with its original."""
    sound_of = {name: sound for sound, some in names.items() for name in some}
    group_of = {sound: number for number, members in enumerate(groups) for sound in members}
    originals = {
        library.origin[name]: name for name in sorted(library.origin, reverse=True) if not library.made_by[name]
    }
    kinds = {(pair.first, pair.second): kind_of(pair) for pair in alike}
    counts: dict[str, list[int]] = {alteration: [0, 0, 0] for alteration in ALTERATIONS}
    for name, alteration in library.made_by.items():
        if not alteration:
            continue
        copy, original = sound_of[name], sound_of[originals[library.origin[name]]]
        found = copy == original or group_of.get(copy, -1) == group_of.get(original, -2)
        counts[alteration][0] += 1
        counts[alteration][1] += found
        first, second = sorted((copy, original))
        counts[alteration][2] += kinds.get((first, second)) == "same_audio"
        if show and not found:
            Console().print("missed:", name)
    for alteration, (made, found, same) in counts.items():
        table.add_row(alteration, str(made), str(found), f"{found / max(1, made):.3f}", str(same))
    return sum(count[1] for count in counts.values()) / max(1, sum(count[0] for count in counts.values()))


def _measure_pairing(paths: Sequence[str], count: int) -> None:
    """Time and yield of the pairing of so many sounds, none of which is another's copy."""
    random = np.random.default_rng(2)
    seeds: list[Samples] = []
    for path in paths[::3]:
        try:
            samples, rate = read_sound(path)
        except Unreadable:
            continue
        if samples.size:
            seeds.append(np.asarray(soxr.resample(samples[: 3 * rate], rate, ANALYSIS_RATE), np.float32))
    words: list[Words] = []
    for number in range(count):
        speed = ANALYSIS_RATE * random.uniform(0.5, 2.0)
        other = np.asarray(soxr.resample(seeds[number % len(seeds)], ANALYSIS_RATE, speed), np.float32)
        words.append(fingerprint(trim(other)[1]))
    began = time.perf_counter()
    found = pairs(words)
    seconds = time.perf_counter() - began
    Console().print(f"{count} strangers: paired in {seconds:.1f} s, {len(found) / count:.2f} pairs to compare a sound")


if __name__ == "__main__":
    main()
