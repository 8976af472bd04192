"""Fingerprints → the pairs that are worth comparing as waves, without looking at every pair of sounds.

Sounds that share a word at some place are candidates; the fewer other sounds have the word, the better. A sound's
candidates with the most words in line are then laid over each other, and those whose words agree are kept: a bounded
number for each sound, however large the library is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from timbred_indexer.duplicates.fingerprint import BITS, RANGES, Words
from timbred_indexer.model import SoundId

MOST_SHARING: Final = 32
"""Sounds that share a word and are all paired with each other; more would make the work quadratic."""

CHAINED: Final = 2
"""Where more share one, each is paired with so many before it: many copies of one sound still hang together."""

MOST_CANDIDATES: Final = 32
"""A sound's candidates that are laid over each other, those with the most words in line first."""

MOST_PAIRS: Final = 16
"""A sound's pairs that are compared as waves, those that agree best first."""

_AGREEMENT: Final = 0.7
"""Share of the bits that must agree, in the best of the three ranges; of strangers half do."""

_OVERLAP: Final = 0.45
"""Of the shorter sound."""

_SLICE: Final = 4096
"""Sounds whose candidates are counted at once: some hundred megabytes, whatever the library's size."""

_BATCH: Final = 1 << 20
"""Pairs of places handled at once: some 50 MB."""


class _Places(NamedTuple):
    """Each word of one range with its sound and frame, (n,) each, sorted by word and then by sound."""

    words: NDArray[np.uint32]
    owners: NDArray[np.int32]
    frames: NDArray[np.int32]


class Candidate(NamedTuple):
    """Two sounds by their places in the list that was given, the lower first.

    Attributes:
        lag: frames by which the second one's frame 0 lies after the first one's.
        disagreement: share of the bits that differ, 0 to 1.
    """

    first: int
    second: int
    lag: int
    disagreement: float


def pairs(printed: Sequence[Words], fresh_from: int = 0) -> list[Candidate]:
    """The pairs worth comparing that have a member from ``fresh_from`` on.

    Args:
        printed: (n_frames, 3) uint32 each.
        fresh_from: those before this place were paired with each other already.
    """
    voted = _most_in_line(printed, fresh_from)
    kept: list[Candidate] = []
    for first, second, lag in voted:
        disagreement = _disagreement(printed[first], printed[second], lag)
        if disagreement <= 1 - _AGREEMENT:
            kept.append(Candidate(first, second, lag, disagreement))
    return _best_of_each(kept)


def _most_in_line(printed: Sequence[Words], fresh_from: int) -> list[tuple[int, int, int]]:
    """(first, second, lag) of the candidates with the most words in line, at most so many a sound."""
    places = [_places(printed, column) for column in range(len(RANGES))]
    slices = range(fresh_from, len(printed), _SLICE)
    voted = [_voted(places, begin, begin + _SLICE) for begin in slices]
    if not voted:
        return []
    first, second, lag, count = (np.concatenate(column) for column in zip(*voted, strict=True))
    chosen = _rank_within(first, count) | _rank_within(second, count)
    return list(zip(first[chosen].tolist(), second[chosen].tolist(), lag[chosen].tolist(), strict=True))


def _voted(places: Sequence[_Places], begin: int, end: int) -> tuple[NDArray[np.int64], ...]:
    """First, second, lag and votes of the candidates whose second sound is in the slice; of each pair its best lag."""
    keys: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
    votes: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
    for column in places:
        for batch in _sharing(column, begin, end):
            key, count = np.unique(batch, return_counts=True)
            keys.append(key)
            votes.append(count)
    key, place = np.unique(np.concatenate(keys), return_inverse=True)
    count = np.bincount(place, weights=np.concatenate(votes), minlength=len(key)).astype(np.int64)
    first, second, lag = _unpacked(key)
    order = np.lexsort((lag, -count, second, first))
    first, second, lag, count = first[order], second[order], lag[order], count[order]
    leads = np.r_[True, (first[1:] != first[:-1]) | (second[1:] != second[:-1])][: len(first)]
    first, second, lag, count = first[leads], second[leads], lag[leads], count[leads]
    chosen = _rank_within(first, count) | _rank_within(second, count)
    return first[chosen], second[chosen], lag[chosen], count[chosen]


def _places(printed: Sequence[Words], column: int) -> _Places:
    """Word, sound and frame of each word of one range, sorted by word; of a sound's equal words only the first."""
    words: list[NDArray[np.uint32]] = []
    owners: list[NDArray[np.int32]] = []
    frames: list[NDArray[np.int32]] = []
    for sound, own in enumerate(printed):
        word, frame = np.unique(own[:, column], return_index=True)
        telling = _telling(word)
        words.append(word[telling])
        frames.append(frame[telling].astype(np.int32))
        owners.append(np.full(len(words[-1]), sound, np.int32))
    if not words:
        return _Places(np.zeros(0, np.uint32), np.zeros(0, np.int32), np.zeros(0, np.int32))
    word = np.concatenate(words)
    order = np.argsort(word, kind="stable")
    return _Places(word[order], np.concatenate(owners)[order], np.concatenate(frames)[order])


def _telling(words: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """False for words that every slope, rising or falling, has."""
    ones = _ones(words)
    return (ones > 2) & (ones < BITS - 2)


def _sharing(places: _Places, first_fresh: int, end: int) -> Iterator[NDArray[np.int64]]:
    """Packed (first, second, lag) of each two sounds that share a word, the second one of a range."""
    words, owners, frames = places
    begins = np.flatnonzero(np.r_[True, words[1:] != words[:-1]][: len(words)])
    sizes = np.diff(np.r_[begins, len(words)])
    for apart in range(1, MOST_SHARING):
        # Each word's list against itself, moved by ``apart``: all pairs come up, without a loop over words.
        some = (sizes > apart) & ((sizes <= MOST_SHARING) | (apart <= CHAINED))
        repeated = np.repeat(begins[some], sizes[some] - apart)
        steps = np.arange(len(repeated)) - np.repeat(
            np.cumsum(sizes[some] - apart) - (sizes[some] - apart), sizes[some] - apart
        )
        left = repeated + steps
        for start in range(0, len(left), _BATCH):
            one = left[start : start + _BATCH]
            other = one + apart
            # Owners rise within a word: the later one is the higher.
            fresh = (owners[other] >= first_fresh) & (owners[other] < end)
            one, other = one[fresh], other[fresh]
            yield _packed(owners[one], owners[other], frames[one] - frames[other])


_LAG_BITS: Final = 18
_OWNER_BITS: Final = 22  # together 62 bits: four million sounds


def _packed(first: NDArray[np.int32], second: NDArray[np.int32], lag: NDArray[np.int32]) -> NDArray[np.int64]:
    moved = lag.astype(np.int64) + (1 << (_LAG_BITS - 1))
    return (first.astype(np.int64) << (_OWNER_BITS + _LAG_BITS)) | (second.astype(np.int64) << _LAG_BITS) | moved


def _unpacked(key: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    lag = (key & ((1 << _LAG_BITS) - 1)) - (1 << (_LAG_BITS - 1))
    return key >> (_OWNER_BITS + _LAG_BITS), (key >> _LAG_BITS) & ((1 << _OWNER_BITS) - 1), lag


def _rank_within(owner: NDArray[np.int64], count: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether each row is among its owner's ``MOST_CANDIDATES`` with the highest counts."""
    order = np.lexsort((-count, owner))
    begins = np.flatnonzero(np.r_[True, owner[order][1:] != owner[order][:-1]][: len(order)])
    ranks = np.arange(len(order)) - np.repeat(begins, np.diff(np.r_[begins, len(order)]))
    chosen = np.zeros(len(owner), np.bool_)
    chosen[order[ranks < MOST_CANDIDATES]] = True
    return chosen


def _disagreement(first: Words, second: Words, lag: int) -> float:
    """Share of the bits that differ in the best range, at this lag; 1 where too little overlaps."""
    begin, other = max(0, lag), max(0, -lag)
    length = min(len(first) - begin, len(second) - other)
    if length < _OVERLAP * min(len(first), len(second)):
        return 1.0
    differing = _ones(first[begin : begin + length] ^ second[other : other + length])
    return float(differing.mean(axis=0).min()) / BITS


def _ones(words: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """How many bits are set. (numpy's own ``bitwise_count`` came with 2.0.)"""
    halves = words - ((words >> np.uint32(1)) & np.uint32(0x55555555))
    quarters = (halves & np.uint32(0x33333333)) + ((halves >> np.uint32(2)) & np.uint32(0x33333333))
    eighths = (quarters + (quarters >> np.uint32(4))) & np.uint32(0x0F0F0F0F)
    return ((eighths * np.uint32(0x01010101)) >> np.uint32(24)).astype(np.uint8)


def _best_of_each(found: list[Candidate]) -> list[Candidate]:
    """Those that are among the best of one of their two sounds."""
    taken: dict[int, int] = {}
    kept: list[Candidate] = []
    for candidate in sorted(found, key=lambda one: (one.disagreement, one.first, one.second)):
        counts = taken.get(candidate.first, 0), taken.get(candidate.second, 0)
        if min(counts) < MOST_PAIRS:
            taken[candidate.first], taken[candidate.second] = counts[0] + 1, counts[1] + 1
            kept.append(candidate)
    return kept


def ordered(candidate: Candidate, sounds: Sequence[SoundId]) -> tuple[SoundId, SoundId, int]:
    """The two sounds with the lower id first, and the lag of the second's frames after the first's."""
    first, second = sounds[candidate.first], sounds[candidate.second]
    return (first, second, candidate.lag) if first < second else (second, first, -candidate.lag)
