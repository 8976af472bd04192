"""Do the ten sounds that it returns sound alike? Precision and mAP over labels, through the product's own code.

    python benchmarks/retrieval.py CORPUS --labels labels.csv [--limit N] [--leave-out] [--cache FILE]

``labels.csv`` has the columns ``path`` (under CORPUS), ``label``, ``group`` (the pack) and, if known, ``midi``. Every
labelled sound is analysed (decode → segments → vectors) and asked about with an exact search; only results from another
group than the query's are ranked, and of near-identical copies only the first is kept. A query counts when its label
occurs in another group. The baseline beside ours: the means of librosa's six features, concatenated, by cosine.
"""

from __future__ import annotations

import argparse
import csv
import os
import pickle
import warnings
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import librosa
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from timbred_indexer import aspects
from timbred_indexer.analyse import analyse
from timbred_indexer.decode import open_sound
from timbred_indexer.errors import TimbredError
from timbred_indexer.index import ExactIndex, mask
from timbred_indexer.parameters import ANALYSIS_RATE, N_MELS
from timbred_indexer.segments import cut
from timbred_indexer.shapes import COURSE_PARTS

Vectors = NDArray[np.float32]
K: Final = 10
MOST_WINDOWS: Final = 36  # of a query, as the daemon asks
COPY_DB: Final = 1.0  # mean difference of two log-mel pictures under which they show one sound
COPY_LENGTH: Final = 0.03  # and of their lengths
BOOTSTRAPS: Final = 1000


@dataclass(frozen=True, slots=True)
class Sound:
    """One labelled sound, analysed.

    Attributes:
        raw: each segment's aspects, as stored.
        baseline: (42,) means of librosa's six features.
        picture: the log-mel course of its first segment, to tell copies by.
    """

    path: str
    label: str
    group: str
    midi: float | None
    raw: tuple[Mapping[str, bytes], ...]
    vectors: Vectors
    baseline: Vectors
    picture: Vectors
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", help="folder of sounds")
    parser.add_argument("--labels", required=True, help="CSV with path, label, group and perhaps midi")
    parser.add_argument("--limit", type=int, default=0, help="sounds, evenly spaced (default: all)")
    parser.add_argument("--leave-out", action="store_true", help="each aspect's contribution")
    parser.add_argument("--cache", help="keep the analysis here; used again while timbred's version is the same")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", module="librosa")  # it says of each short sound that it is short
    console = Console()
    sounds = without_copies(load(options.corpus, options.labels, options.limit, options.cache))
    ours, base = Retrieval(sounds, [s.vectors for s in sounds]), Retrieval(sounds, [s.baseline[None] for s in sounds])
    console.print(summary({"timbred": ours, "raw means of librosa's six (baseline)": base}))
    console.print(by_label(ours, base))
    console.print(confusions(ours))
    notes = [sound for sound in sounds if sound.midi is not None]
    if len({note.label for note in notes}) > 1:
        console.print(of_notes(notes))
    if options.leave_out:
        console.print(contributions(sounds, ours))


# --- the corpus


def load(corpus: str, labels: str, limit: int, cache: str | None) -> list[Sound]:
    """Analyses every labelled sound that can be, on all cores, in the order of the table."""
    if cache and os.path.exists(cache):
        with open(cache, "rb") as file:
            version, kept = pickle.load(file)  # noqa: S301 - our own file, named by the one who runs this
        if version == (aspects.VERSION, limit, os.path.abspath(labels)):
            return kept
    with open(labels, encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["label"] and not row["path"].startswith("odd/")]
    rows = rows[:: max(1, len(rows) // limit)][:limit] if limit else rows
    with ProcessPoolExecutor() as pool:
        found = pool.map(_sound, [corpus] * len(rows), rows, chunksize=8)
        sounds = [sound for sound in track(found, "analysing", len(rows), transient=True) if sound]
    if cache:
        with open(cache, "wb") as file:
            pickle.dump(((aspects.VERSION, limit, os.path.abspath(labels)), sounds), file)
    return sounds


def _sound(corpus: str, row: Mapping[str, str]) -> Sound | None:
    path = os.fsencode(os.path.join(corpus, row["path"]))
    try:
        analysis = analyse(path)
        with open_sound(path) as sound:
            samples = next(cut(sound.blocks())).samples
    except (TimbredError, StopIteration):
        return None
    vectors = np.stack([np.frombuffer(segment.vector or b"", "<f4") for segment in analysis.segments])
    raw = tuple(segment.aspects for segment in analysis.segments)
    midi = float(row["midi"]) if row.get("midi") else None
    picture, seconds = np.frombuffer(raw[0]["course_shape"], "<f4"), len(samples) / ANALYSIS_RATE
    return Sound(row["path"], row["label"], row["group"], midi, raw, vectors, _baseline(samples), picture, seconds)


def _baseline(samples: NDArray[np.float32]) -> Vectors:
    """(42,) float32: the features' means with librosa's defaults, one after the other, as they are."""
    feature: Any = librosa.feature
    rows = [
        feature.mfcc(y=samples, sr=ANALYSIS_RATE),
        feature.chroma_stft(y=samples, sr=ANALYSIS_RATE),
        feature.spectral_contrast(y=samples, sr=ANALYSIS_RATE),
        feature.tempo(y=samples, sr=ANALYSIS_RATE)[None],
        feature.zero_crossing_rate(samples),
        feature.rms(y=samples),
    ]
    means = np.concatenate([np.atleast_2d(row).mean(axis=1) for row in rows]).astype(np.float32)
    return means / np.maximum(np.linalg.norm(means), np.float32(1e-9))


def without_copies(sounds: Sequence[Sound]) -> list[Sound]:
    pictures = [sound.picture for sound in sounds]
    return [
        sounds[i] for i in originals([sound.label for sound in sounds], pictures, [sound.seconds for sound in sounds])
    ]


def originals(labels: Sequence[str], pictures: Sequence[Vectors], seconds: Sequence[float]) -> list[int]:
    """Of sounds that show nearly the same log-mel picture and have one label and length, the first."""
    kept: dict[str, list[int]] = defaultdict(list)
    for i, label in enumerate(labels):
        if not any(
            np.linalg.norm(pictures[i] - pictures[j]) < COPY_DB * np.sqrt(COURSE_PARTS * N_MELS)  # orthonormal: in dB
            and abs(np.log(seconds[i] / seconds[j])) < COPY_LENGTH
            for j in kept[label]
        ):
            kept[label].append(i)
    return sorted(i for members in kept.values() for i in members)


# --- asking


class Retrieval:
    """Every sound's answer: the K best of other groups, whether each has the query's label, and what that makes."""

    def __init__(self, sounds: Sequence[Sound], vectors: Sequence[Vectors], weights: Mapping[str, float] | None = None):
        self.labels: NDArray[np.str_] = np.array([sound.label for sound in sounds])
        self._groups = np.array([sound.group for sound in sounds])
        self._owner = np.repeat(np.arange(len(sounds)), [len(rows) for rows in vectors])
        self._index = ExactIndex(np.arange(len(self._owner)), np.concatenate(vectors).astype(np.float32))
        self._allowed = {
            group: mask(len(self._owner), np.flatnonzero(self._groups[self._owner] != group))
            for group in np.unique(self._groups)
        }
        self.queries = [i for i in range(len(sounds)) if self._relevant(i)]
        self.answers = {i: self._ask(i, vectors[i], weights) for i in self.queries}

    def _relevant(self, query: int) -> int:
        return int(((self.labels == self.labels[query]) & (self._groups != self._groups[query])).sum())

    def _ask(self, query: int, windows: Vectors, weights: Mapping[str, float] | None) -> list[int]:
        """The K best sounds, best first."""
        if len(windows) > MOST_WINDOWS:
            windows = windows[np.linspace(0, len(windows) - 1, MOST_WINDOWS).round().astype(int)]
        asked = windows if weights is None else aspects.reweight(windows, weights)
        scores, ids = self._index.search(asked, min(len(self._owner), 2000), self._allowed[self._groups[query]])
        order = np.argsort(-scores, axis=None, kind="stable")
        owners = [int(self._owner[i]) for i in ids.ravel()[order] if i >= 0]
        return list(dict.fromkeys(owners))[:K]

    def hits(self, query: int) -> NDArray[np.bool_]:
        return self.labels[self.answers[query]] == self.labels[query]

    def measure(self, name: str) -> NDArray[np.float64]:
        """One number per query: ``P@1``, ``P@10`` or ``mAP@10``."""
        return np.array([self._measured(name, query) for query in self.queries])

    def _measured(self, name: str, query: int) -> float:
        hits = self.hits(query)
        if name == "P@1":
            return float(hits[0])
        if name == "P@10":
            return float(hits.sum()) / K
        precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
        return float((precision * hits).sum() / min(K, self._relevant(query)))

    def macro(self, values: NDArray[np.float64]) -> float:
        labels = self.labels[self.queries]
        return float(np.mean([values[labels == label].mean() for label in np.unique(labels)]))


def interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """95 %, by drawing the queries again and again."""
    random = np.random.default_rng(0)
    means = [random.choice(values, len(values)).mean() for _ in range(BOOTSTRAPS)]
    return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))


def precision(similarity: NDArray[np.floating[Any]], labels: NDArray[np.str_], groups: NDArray[np.str_]) -> str:
    """P@10, micro / macro, of a whole matrix of similarities, under the same rules; P@n where only n can be right."""
    found: dict[str, list[float]] = defaultdict(list)
    for query, label in enumerate(labels.tolist()):
        others = np.flatnonzero(groups != groups[query])
        same = labels[others] == label
        if same.any():
            best = np.argsort(-similarity[query, others], kind="stable")[: min(K, same.sum())]
            found[label].append(float(same[best].mean()))
    values = [value for row in found.values() for value in row]
    return f"{np.mean(values):.3f} / {np.mean([np.mean(row) for row in found.values()]):.3f}"


# --- tables


def summary(runs: Mapping[str, Retrieval]) -> Table:
    first = next(iter(runs.values()))
    table = Table("", "P@1", "P@10", "95 %", "mAP@10", title=f"{len(first.queries)} queries, micro / macro over labels")
    for name, run in runs.items():
        one, ten, mean = (run.measure(measure) for measure in ("P@1", "P@10", "mAP@10"))
        low, high = interval(ten)
        cells = [f"{values.mean():.3f} / {run.macro(values):.3f}" for values in (one, ten, mean)]
        table.add_row(name, *cells[:2], f"{low:.3f}-{high:.3f}", cells[2])
    return table


def by_label(ours: Retrieval, base: Retrieval) -> Table:
    table = Table("label", "queries", "P@1", "P@10", "mAP@10", "baseline P@10", title="By label")
    labels = ours.labels[ours.queries]
    columns = [ours.measure("P@1"), ours.measure("P@10"), ours.measure("mAP@10"), base.measure("P@10")]
    for label, count in Counter(str(label) for label in labels).most_common():
        table.add_row(label, str(count), *(f"{values[labels == label].mean():.2f}" for values in columns))
    return table


def confusions(run: Retrieval, most: int = 12) -> Table:
    counts: Counter[tuple[str, str]] = Counter()
    totals = Counter(str(label) for label in run.labels[run.queries])
    for query, found in run.answers.items():
        counts.update((str(run.labels[query]), str(run.labels[i])) for i in found if run.labels[i] != run.labels[query])
    table = Table("asked for", "got", "of the ten", title="Worst confusions")
    shares = {pair: count / totals[pair[0]] for pair, count in counts.items()}
    for (asked, got), share in sorted(shares.items(), key=lambda item: (-item[1], item[0]))[:most]:
        table.add_row(asked, got, f"{share:.1f}")
    return table


def of_notes(notes: Sequence[Sound]) -> Table:
    """Notes among notes: the instrument by the default weights, the pitch by the aspect that hears it."""
    table = Table("weights", "instrument P@10", "pitch within a semitone", title=f"{len(notes)} notes of known pitch")
    alone = {name: float(name == "fundamental") for name in aspects.WEIGHTS}
    midi: NDArray[np.float64] = np.array([note.midi for note in notes], np.float64)
    for name, weights in (("default", None), ("fundamental alone", alone)):
        run = Retrieval(notes, [note.vectors for note in notes], weights)
        near = [float((np.abs(midi[found] - midi[query]) <= 1).mean()) for query, found in run.answers.items()]
        table.add_row(name, f"{run.measure('P@10').mean():.3f}", f"{np.mean(near):.3f}" if near else "-")
    return table


def contributions(sounds: Sequence[Sound], whole: Retrieval) -> Table:
    vectors = [sound.vectors for sound in sounds]
    table = Table(
        "left out", "weight", "P@10", "change", "alone", title="Each aspect, left out and alone (micro / macro)"
    )
    ten = whole.measure("P@10")
    for name, weight in aspects.WEIGHTS.items():
        less = Retrieval(sounds, vectors, {name: 0.0})
        alone = Retrieval(sounds, vectors, {other: float(other == name) for other in aspects.WEIGHTS})
        values, lone = less.measure("P@10"), alone.measure("P@10")
        change = f"{values.mean() - ten.mean():+.3f} / {less.macro(values) - whole.macro(ten):+.3f}"
        shown = [f"{v.mean():.3f} / {run.macro(v):.3f}" for v, run in ((values, less), (lone, alone))]
        table.add_row(name, f"{weight:.2f}", shown[0], change, shown[1])
    return table


if __name__ == "__main__":
    main()
