"""Asked weights against a full scan, on vectors of real sounds."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from sounds import clicks, corpus, noise, pluck

from builders import VERSION, analysis_of, fresh_connection, new_folder, new_sound, places, segment_of
from timbred_indexer import aspects
from timbred_indexer.analyse import analyse
from timbred_indexer.cards import Cards
from timbred_indexer.compact import build
from timbred_indexer.descriptors import describe
from timbred_indexer.errors import TimbredError
from timbred_indexer.live import LiveIndex
from timbred_indexer.query import Options, Query, heard
from timbred_indexer.search import Searcher, SearchSpace
from timbred_indexer.store import vectors
from timbred_indexer.stored import StoredVectors

Raw = Mapping[str, bytes]

SOUNDS = 1100  # more than are looked at one by one
HEARD = 60
K = 10
WEIGHTS: tuple[Mapping[str, float], ...] = (
    {},
    *({name: float(name == alone) for name in aspects.WEIGHTS} for alone in ("rhythm", "zcr", "fundamental", "kind")),
    *(aspects.by_aspect(preset) for preset in aspects.PRESETS.values() if preset),
)


def _of_the_corpus() -> list[Raw]:
    folders = ["uzu-drumkit", "sonic-pi", "kenney-interface", "double-bass", "splendid-grand", "RolandTR808"]
    paths = [path for path in sorted(corpus().rglob("*.wav")) if set(path.parts) & set(folders)]
    found: list[Raw] = []
    for path in paths[:: max(1, len(paths) // HEARD)]:
        try:
            found += [segment.aspects for segment in analyse(os.fsencode(path)).segments[:1]]
        except TimbredError:
            continue
    return found


def _made() -> list[Raw]:
    sounds = [pluck(pitch=55.0 * i) for i in range(1, 31)] + [noise(0.05 * i, seed=i) for i in range(1, 21)]
    sounds += [clicks(60 + 12 * i, seconds=3.0) for i in range(10)]
    return [{name: row.tobytes() for name, row in describe(s.astype(np.float32)).items()} for s in sounds]


def _mixtures(heard_: list[Raw]) -> list[Raw]:
    """So many sounds between two of those that were heard: a library of everything at a small price."""
    random = np.random.default_rng(0)
    found: list[Raw] = []
    for share in random.uniform(0.05, 0.5, SOUNDS - len(heard_)).astype(np.float32):
        one, other = (heard_[int(i)] for i in random.permutation(len(heard_))[:2])
        parts = {name: (np.frombuffer(one[name], "<f4"), np.frombuffer(other[name], "<f4")) for name in one}
        found.append({name: ((1 - share) * a + share * b).astype("<f4").tobytes() for name, (a, b) in parts.items()})
    return found


@cache
def _library(source: str) -> NDArray[np.float32]:
    known = _of_the_corpus() if source == "the corpus" else _made()
    return np.stack([aspects.vector(raw) for raw in [*known, *_mixtures(known)]])


@pytest.mark.parametrize("source", ["the corpus", "synthesised sounds"])
def test_with_asked_weights_the_answer_is_that_of_a_full_scan(source: str) -> None:
    made, connection = _library(source), fresh_connection()
    folder = new_folder(connection)
    sounds = [new_sound(connection, folder, f"{i}.wav".encode(), analysis_of([row])) for i, row in enumerate(made)]
    place = {sound: i for i, sound in enumerate(sounds)}
    live = LiveIndex(aspects.DIM)
    seq, index = build(connection, "librosa", VERSION)
    live.adopt(index, seq)
    live.apply(vectors.changes(connection, "librosa", VERSION, live.vectors_since, live.catalogue_since))
    searcher = Searcher(SearchSpace(live, StoredVectors("librosa", VERSION, aspects.DIM)), Cards(VERSION, places))
    right: list[bool] = []
    for weights in WEIGHTS:
        for query in range(0, HEARD, 4):
            asked = Query(heard([segment_of(made[query])]), sounds[query])
            answer = searcher.search(connection, asked, Options(k=K, weights=weights))
            scores = made.astype(np.float64) @ aspects.reweight(made[query], weights).astype(np.float64)
            scores[query] = -np.inf
            least = np.sort(scores)[-K] - 1e-6  # of equal ones any will do
            right.append(len(answer.hits) == K and all(scores[place[hit.sound]] >= least for hit in answer.hits))
    connection.close()
    assert np.mean(right) >= 0.99
