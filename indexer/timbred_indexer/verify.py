"""Whether an index holds what the database says: counts, ids, visibility, and sampled vectors."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from timbred_indexer.db import Database
from timbred_indexer.index import Ids, VectorIndex, get_bits, mask
from timbred_indexer.live import View
from timbred_indexer.model import SegmentId, SpaceName
from timbred_indexer.store import verifying
from timbred_indexer.store.verifying import Truth

SAMPLE: Final = 64
"""Vectors that are compared each time; which ones, is drawn anew."""

EXACT, COMPRESSED = 1e-3, 0.05  # how far a vector's score with itself may be from its length squared


@dataclass(frozen=True, slots=True)
class Findings:
    """``problems``: a sentence each; ``vectors``: how many the index holds; ``sampled``: how many were compared."""

    problems: tuple[str, ...]
    vectors: int
    sampled: int


async def compare_index(db: Database, view: View, space: SpaceName, version: str) -> Findings:
    """Compares one view of a space's index with the database's state that it shows.

    Where the database has moved on since, what is visible is not compared: make a fresh view, and ask again.
    """
    # In a thread that no query waits for: of a large library this takes seconds.
    truth = await asyncio.to_thread(
        db.read_here, lambda connection: verifying.truth(connection, space, version, view.seq)
    )
    living = np.array(truth.living, np.int64)
    chosen = [SegmentId(int(one)) for one in _draw(living)]
    stored = await db.read(lambda connection: verifying.sampled(connection, space, version, chosen))
    problems = await asyncio.to_thread(_problems, view, truth, living, stored)
    return Findings(tuple(f"The {space} index {problem}" for problem in problems), len(view), len(stored))


def _draw(living: Ids) -> Ids:
    count = min(SAMPLE, len(living))
    return np.sort(np.random.default_rng().choice(living, count, replace=False))


def _problems(view: View, truth: Truth, living: Ids, stored: Mapping[SegmentId, bytes]) -> list[str]:
    held = [index.ids for index in (view.snapshot, view.buffer) if index is not None]
    ids = np.concatenate(held)
    unique = np.unique(ids)
    found: list[str] = []
    if twice := len(ids) - len(unique):
        found.append(f"holds {twice:,} vectors twice.")
    if lacking := len(np.setdiff1d(living, unique, assume_unique=True)):
        found.append(f"lacks {lacking:,} of {len(living):,} vectors.")
    seen = unique[get_bits(view.visible, unique)]
    if dead := len(np.setdiff1d(seen, living, assume_unique=True)):
        found.append(f"shows {dead:,} segments that the database does not have.")
    if truth.seq == view.seq:
        visible = np.array(truth.visible, np.int64)
        if hidden := len(np.setdiff1d(np.intersect1d(visible, unique), seen, assume_unique=True)):
            found.append(f"hides {hidden:,} segments that can be seen.")
        if shown := len(np.setdiff1d(np.intersect1d(seen, living), visible, assume_unique=True)):
            found.append(f"shows {shown:,} segments that cannot be seen.")
    if other := _others(view, stored, unique):
        found.append(f"holds another vector than the database for {other:,} of {len(stored):,} segments.")
    return found


def _others(view: View, stored: Mapping[SegmentId, bytes], held: Ids) -> int:
    """How many vectors do not score with themselves what they should; those that the index lacks are left out."""
    there = set(held.tolist())
    return sum(_differs(view, segment, data) for segment, data in stored.items() if segment in there)


def _differs(view: View, segment: SegmentId, data: bytes) -> bool:
    vector = np.frombuffer(data, "<f4").astype(np.float32)
    alone = mask(segment + 1, [segment])
    indexes: list[VectorIndex] = [index for index in (view.snapshot, view.buffer) if index is not None and len(index)]
    length = float(vector @ vector)
    for index in indexes:
        scores, _ = index.search(vector[None], 1, alone)
        if np.isfinite(scores[0, 0]):
            return abs(float(scores[0, 0]) - length) > (EXACT if index.exact else COMPRESSED)
    return True
