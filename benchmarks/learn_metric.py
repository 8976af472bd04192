"""Learns what timbred ships as numbers: reference.json and metric.npz. Run again when an aspect or a parameter changes.

    python benchmarks/learn_metric.py CORPUS... [--cache FILE] [--hold-out]

Each CORPUS is a folder with a ``labels.csv``; ``gather.py`` makes four. What is alike is learned from three teachers:
labels of real packs, labels of synthesised sounds (``synthesise.py``) and the same sound altered or encoded otherwise.
Each gives a scatter inside its labels, W, and one between them, B; the metric is their linear discriminant projection
(Fisher 1936; Rao 1948), B against W + γI, each direction weighted by the root of λ / (1 + λ) (as in probabilistic LDA,
Ioffe 2006). No audio is part of the repository; the numbers are.

``--hold-out`` measures instead: every domain is asked about with a metric learned without the query's group, and with
one learned without the whole domain.
"""

from __future__ import annotations

import argparse
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import scipy.linalg as typed_linalg
from examples import Example, Floats, Raw, examples
from numpy.typing import NDArray
from retrieval import originals, precision
from rich.console import Console
from rich.table import Table

from timbred_indexer import aspects, metric

linalg: Any = typed_linalg  # its stubs are partial

FOLDER: Final = os.path.dirname(aspects.__file__)

RIDGE: Final = {"kind": 0.1}
OTHER_RIDGE: Final = 0.5  # an aspect alone stays nearer to its standardised values
REAL_SHARE: Final = 4.0  # of each real domain beside each synthesised one's 1
ALTERED_SHARE: Final = 2.0
WRAPPED_SHARE: Final = 128.0  # small differences, and to be smaller
INSIDE_PACKS: Final = 0.5  # of what varies inside a pack's label beside what varies between packs
FOLDS: Final = 4  # groups are held out so many at a time
_SMALLEST_STD: Final = 1e-3  # a value that never varies must not be divided by nothing


@dataclass(frozen=True, slots=True)
class Scatter:
    """(values, values) each: mean covariance inside labels, covariance of the labels' means."""

    inside: Floats
    between: Floats


def reference(found: Sequence[Example]) -> dict[str, dict[str, list[float]]]:
    """Mean and standard deviation of every scored value, all domains counting equally."""
    domains = sorted({(e.real, e.domain) for e in found})
    rows: dict[str, dict[str, list[float]]] = {}
    for aspect in aspects.MEASURED:
        of = [_scored([e.raw for e in found if (e.real, e.domain) == domain], aspect) for domain in domains]
        mean = np.mean([values.mean(axis=0) for values in of], axis=0)
        variance = np.mean([np.square(values - mean).mean(axis=0) for values in of], axis=0)
        std = np.maximum(np.sqrt(variance), _SMALLEST_STD)
        rows[aspect.name] = {"mean": mean.round(5).tolist(), "std": std.round(5).tolist()}
    return rows


def _scored(rows: Sequence[Raw], aspect: aspects.Aspect) -> Floats:
    return np.stack([row[aspect.name] for row in rows])[:, : len(aspect.scored)].astype(np.float64)


def matrix(rows: Sequence[Raw], statistics: metric.Reference) -> Floats:
    """(rows, values) standardised values of all measured aspects, in the registry's order."""
    return np.concatenate([metric.standard(_scored(rows, a), *statistics[a.name]) for a in aspects.MEASURED], axis=1)


def scatter(values: Floats, labels: NDArray[np.str_], packs: NDArray[np.str_]) -> Scatter:
    """Every pack counts once in its label, however many sounds it has, and every label of two packs or more once.

    What varies inside is how a label's packs differ, and with a lesser share how one pack's sounds of a label do.
    """
    _, row, sounds = np.unique(np.stack([labels, packs]), axis=1, return_inverse=True, return_counts=True)
    row = row.ravel()
    means = np.zeros((len(sounds), values.shape[1]))
    np.add.at(means, row, values)
    means /= sounds[:, None]
    named = np.empty(len(sounds), labels.dtype)
    named[row] = labels
    names, place, count = np.unique(named, return_inverse=True, return_counts=True)
    centres = np.zeros((len(names), values.shape[1]))
    np.add.at(centres, place, means)
    centres /= count[:, None]
    shared = count >= 2
    apart = ((means - centres[place]) / np.sqrt(np.maximum(count[place] - 1, 1))[:, None])[shared[place]]
    several = sounds[row] >= 2
    close = ((values - means[row]) / np.sqrt(np.maximum(sounds[row] - 1, 1))[:, None])[several]
    inside = apart.T @ apart / shared.sum() + INSIDE_PACKS * close.T @ close / max((sounds >= 2).sum(), 1)
    return Scatter(inside, np.cov(centres[shared].T))


def projection(parts: Sequence[tuple[float, Scatter]], ridge: float, dim: int, columns: slice) -> Floats:
    """(values, dim): the directions in which labels differ most for how much they vary."""
    inside = np.sum([share * part.inside[columns, columns] for share, part in parts], axis=0)
    between = np.sum([share * part.between[columns, columns] for share, part in parts], axis=0)
    size = len(inside)
    inside, between = inside * (size / np.trace(inside)), between * (size / np.trace(between))
    value, vector = linalg.eigh(between, inside + ridge * np.eye(size), subset_by_index=[max(0, size - dim), size - 1])
    vector *= np.sign(vector[np.abs(vector).argmax(axis=0), np.arange(vector.shape[1])])
    return (vector * np.sqrt(np.maximum(value, 0) / (1 + np.maximum(value, 0))))[:, ::-1]


class Teacher:
    """The examples' standardised values, and the metric that any choice of them teaches."""

    def __init__(self, found: Sequence[Example], statistics: metric.Reference) -> None:
        self.values = matrix([e.raw for e in found], statistics)
        self.real = np.array([e.real for e in found])
        self.domains = np.array([e.domain for e in found])
        self.labels = np.array([e.label for e in found])
        self.packs = np.array([e.pack for e in found])
        self._others = [
            (ALTERED_SHARE, *self._differences([e.altered for e in found], statistics)),
            (WRAPPED_SHARE, *self._differences([e.wrapped for e in found], statistics)),
        ]

    def _differences(
        self, rows: Sequence[Mapping[str, Raw]], statistics: metric.Reference
    ) -> tuple[NDArray[np.intp], Floats]:
        """Of each altered sound, the sound it was made of, and how far from it it is."""
        pairs = [(place, raw) for place, row in enumerate(rows) for raw in row.values()]
        owner = np.array([place for place, _ in pairs], np.intp)
        return owner, matrix([raw for _, raw in pairs], statistics) - self.values[owner]

    def unit(self, places: NDArray[np.intp]) -> Floats:
        """Standardised values at unit length: what is there before anything is learned."""
        return self.values[places] / np.linalg.norm(self.values[places], axis=1, keepdims=True)

    def learn(self, chosen: NDArray[np.bool_]) -> dict[str, Floats]:
        """Aspect → matrix, from the examples chosen."""
        parts = [self._same(share, owner, apart, chosen) for share, owner, apart in self._others]
        for real in (True, False):
            for domain in np.unique(self.domains[self.real == real]):
                mine = chosen & (self.real == real) & (self.domains == domain) & (self.labels != "")
                if mine.any():
                    part = scatter(self.values[mine], self.labels[mine], self.packs[mine])
                    parts.append((REAL_SHARE if real else 1.0, part))
        learned: dict[str, Floats] = {}
        for aspect in aspects.ASPECTS:
            if aspect.project:
                columns = aspects.INPUTS[aspect.name]
                ridge = RIDGE.get(aspect.name, OTHER_RIDGE)
                found = projection(parts, ridge, aspect.project, columns)
                energy = np.square(self.values[:, columns] @ found).sum(axis=1).mean()
                learned[aspect.name] = (found / np.sqrt(energy)).astype(np.float32)
        return learned

    @staticmethod
    def _same(share: float, owner: NDArray[np.intp], apart: Floats, chosen: NDArray[np.bool_]) -> tuple[float, Scatter]:
        mine = apart[chosen[owner]]
        inside = mine.T @ mine / (2 * max(len(mine), 1))
        return share, Scatter(inside, np.zeros_like(inside))


# --- held out


def hold_out(teacher: Teacher, found: Sequence[Example]) -> Table:
    """P@10 on every real domain with groups, and with the domain, that the metric has not seen."""
    columns = ("domain", "queries", "group held out", "domain held out", "standardised values")
    table = Table(*columns, title="P@10 (P@n where only n can be right), micro / macro")
    for domain in np.unique(teacher.domains[teacher.real]):
        mine = teacher.real & (teacher.domains == domain)
        asked = _asked(found, np.flatnonzero(mine & (teacher.labels != "")))
        packs, labels = teacher.packs[asked], teacher.labels[asked]

        def vectors(chosen: NDArray[np.bool_], asked: NDArray[np.intp] = asked) -> Floats:
            learned = teacher.learn(chosen)
            return np.stack([aspects.vector(_blobs(found[int(i)].raw), learned) for i in asked])

        similarity = np.zeros((len(asked), len(asked)))
        for held in _folds(packs):
            made = vectors(~(mine & np.isin(teacher.packs, held)))
            here = np.isin(packs, held)
            similarity[here] = made[here] @ made.T
        strange, plain = vectors(~mine), teacher.unit(asked)
        rows = (similarity, strange @ strange.T, plain @ plain.T)
        for name, chosen in _subsets(str(domain), labels):
            cells = (precision(row[np.ix_(chosen, chosen)], labels[chosen], packs[chosen]) for row in rows)
            table.add_row(name, str(len(chosen)), *cells)
    return table


def _subsets(domain: str, labels: NDArray[np.str_]) -> Iterator[tuple[str, NDArray[np.intp]]]:
    """The domain, and what is asked within a part of it alone."""
    yield domain, np.arange(len(labels))
    digits = np.array([place for place, label in enumerate(labels) if re.fullmatch(r"en \d", str(label))], np.intp)
    if len(digits):
        yield f"{domain}: English digits", digits


def _asked(found: Sequence[Example], places: NDArray[np.intp]) -> NDArray[np.intp]:
    """Of near-identical copies the first."""
    chosen = [found[int(i)] for i in places]
    seconds = [2.0 ** float(e.raw["rms"][4]) for e in chosen]
    return places[originals([e.label for e in chosen], [e.raw["course_shape"] for e in chosen], seconds)]


def _folds(packs: NDArray[np.str_]) -> list[list[str]]:
    """Groups, dealt out so that every fold has about as many sounds."""
    names, counts = np.unique(packs, return_counts=True)
    folds: list[list[str]] = [[] for _ in range(min(FOLDS, len(names)))]
    load = np.zeros(len(folds))
    for place in np.argsort(-counts, kind="stable"):
        lightest = int(np.argmin(load))
        folds[lightest].append(str(names[place]))
        load[lightest] += counts[place]
    return folds


def _blobs(raw: Raw) -> dict[str, bytes]:
    return {name: values.astype("<f4").tobytes() for name, values in raw.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", nargs="+", help="folders of real sounds, each with a labels.csv")
    parser.add_argument("--cache", help="keep the examples' raw values here, or take them from here")
    parser.add_argument("--hold-out", action="store_true", help="measure instead of writing")
    options = parser.parse_args()
    found = examples(options.corpora, options.cache)
    rows = reference(found)
    teacher = Teacher(found, metric.parse_reference(rows))
    console = Console()
    if options.hold_out:
        console.print(hold_out(teacher, found))
        return
    with open(os.path.join(FOLDER, "reference.json"), "w", encoding="utf-8") as out:
        json.dump(rows, out, indent=1)
        out.write("\n")
    learned: dict[str, Any] = teacher.learn(np.ones(len(found), np.bool_))
    np.savez_compressed(os.path.join(FOLDER, "metric.npz"), **learned)
    console.print(f"{len(found)} sounds → reference.json, metric.npz")


if __name__ == "__main__":
    main()
