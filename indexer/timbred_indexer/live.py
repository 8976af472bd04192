"""The live index of one space: snapshot + fresh buffer, seen through a mask; it follows the database by seq.

A :class:`View` never changes once it is handed out, so searches run in any thread while the next one is made.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from timbred_indexer.index import ExactIndex, Ids, Mask, VectorIndex, Vectors, count_bits, mask, merge, set_bits
from timbred_indexer.model import SegmentId, Seq, SoundId
from timbred_indexer.store.vectors import Changes

NOTHING = Seq(-1)  # before the first change


class Usage:
    """When an index was last searched; the one thing about it that searches change."""

    def __init__(self) -> None:
        self._last = -float("inf")

    def note(self) -> None:
        self._last = time.monotonic()

    @property
    def idle(self) -> float:
        """Seconds since the last search; infinite before the first."""
        return time.monotonic() - self._last


@dataclass(frozen=True, slots=True)
class View:
    """One state of the index.

    Attributes:
        seq: the database's state it shows.
        visible: the segments that may be found: alive, and of a sound that a present file has.
        sound_of: (highest segment id + 1,) int64, the sound of each segment.
    """

    seq: Seq
    snapshot: VectorIndex | None
    buffer: ExactIndex
    visible: Mask
    sound_of: Ids
    usage: Usage = field(default_factory=Usage, compare=False)

    def __len__(self) -> int:
        """How many vectors a search looks at, hidden and dead ones included."""
        return len(self.buffer) + (len(self.snapshot) if self.snapshot is not None else 0)

    @property
    def exact(self) -> bool:
        """See :attr:`VectorIndex.exact`."""
        return self.snapshot is None or self.snapshot.exact

    def search(
        self, queries: Vectors, k: int, allowed: Mask | None = None, *, effort: float = 1.0
    ) -> tuple[Vectors, Ids]:
        """Like :meth:`VectorIndex.search`, among what is visible (and allowed, where a mask is given)."""
        self.usage.note()
        seen = self.visible if allowed is None else intersect(self.visible, allowed)
        indexes = [index for index in (self.snapshot, self.buffer) if index is not None and len(index)]
        parts = [index.search(queries, k, seen, effort=effort) for index in indexes or [self.buffer]]
        return parts[0] if len(parts) == 1 else merge(parts, k)

    def sounds(self, segments: Ids) -> Ids:
        """The sound of each segment id (all must be known)."""
        return self.sound_of[segments]


class LiveIndex:
    """Owns the current view. Only one task may call the methods that change it."""

    def __init__(self, dim: int) -> None:
        self._dim = dim
        self._snapshot: VectorIndex | None = None
        self._vectors_seq = NOTHING
        self._catalogue_seq = NOTHING
        self._fresh = _Buffer(dim)
        self._visible: Mask = mask(0)
        self._room = np.empty(0, np.int64)
        self._sounds = self._room
        self._usage = Usage()
        self._view = self._make_view()

    @property
    def view(self) -> View:
        return self._view

    @property
    def vectors_since(self) -> Seq:
        """Vectors after this seq are not in yet."""
        return self._vectors_seq

    @property
    def catalogue_since(self) -> Seq:
        """Changes of segments and visibility after this seq are not in yet."""
        return self._catalogue_seq

    @property
    def hidden(self) -> int:
        """Vectors that a search passes over: tombstones, and sounds without a present file."""
        return len(self._view) - count_bits(self._visible)

    @property
    def idle(self) -> float:
        """Seconds since the last search."""
        return self._usage.idle

    @property
    def memory(self) -> int:
        """Bytes of the buffer and of what is known about segments; the snapshot's file comes on top."""
        return self._fresh.memory + self._visible.nbytes + self._room.nbytes

    def adopt(self, snapshot: VectorIndex | None, seq: Seq) -> None:
        """Takes a snapshot that is true up to ``seq``. The buffer is empty until the changes since then are applied."""
        self._snapshot = snapshot
        self._fresh = _Buffer(self._dim)
        self._vectors_seq = seq if snapshot is not None else NOTHING

    def forget(self) -> None:
        """What is known of segments and what may be seen is learned anew with the next changes."""
        self._visible = mask(0)
        self._catalogue_seq = NOTHING

    def apply(self, changes: Changes) -> View:
        """Brings the index up to ``changes.seq`` and hands out the new view."""
        self._note_sounds(changes.segments)
        highest = len(self._sounds)
        bits = np.zeros((highest + 7) // 8, np.uint8)
        bits[: self._visible.size] = self._visible[: bits.size]
        dead = np.array(changes.dead, np.int64)
        set_bits(bits, dead[dead < highest], value=False)
        for value in (False, True):
            set_bits(
                bits, np.array([segment for segment, shown in changes.shown if shown is value], np.int64), value=value
            )
        self._visible = bits
        self._fresh.extend(changes.added)
        self._vectors_seq = self._catalogue_seq = changes.seq
        self._view = self._make_view()
        return self._view

    def _note_sounds(self, segments: list[tuple[SegmentId, SoundId]]) -> None:
        if not segments:
            return
        pairs = np.array(segments, np.int64)
        size = max(len(self._sounds), int(pairs[:, 0].max()) + 1)
        if size > len(self._room):
            self._room = np.concatenate([self._sounds, np.zeros(2 * size - len(self._sounds), np.int64)])
        # Views share one array: a segment's sound never changes, and no older view asks for a segment it does not show.
        self._room[pairs[:, 0]] = pairs[:, 1]
        self._sounds = self._room[:size]

    def _make_view(self) -> View:
        fresh = self._fresh.index()
        return View(self._catalogue_seq, self._snapshot, fresh, self._visible, self._sounds, self._usage)


class _Buffer:
    """A growing array of vectors. What was handed out is never written again: rows are only appended."""

    def __init__(self, dim: int) -> None:
        self._dim = dim
        self._count = 0
        self._known: set[SegmentId] = set()
        self._ids = np.empty(0, np.int64)
        self._vectors = np.empty((0, dim), np.float32)

    def extend(self, added: list[tuple[SegmentId, bytes]]) -> None:
        """Replaying twice appends once."""
        fresh = [(segment, data) for segment, data in added if segment not in self._known]
        need = self._count + len(fresh)
        if need > len(self._ids):
            size = max(need, 2 * len(self._ids), 64)
            # New arrays, not resized ones: views that were handed out keep theirs.
            self._ids = np.concatenate([self._ids, np.empty(size - len(self._ids), np.int64)])
            self._vectors = np.concatenate(
                [self._vectors, np.empty((size - len(self._vectors), self._dim), np.float32)]
            )
        for segment, data in fresh:
            self._ids[self._count] = segment
            self._vectors[self._count] = np.frombuffer(data, "<f4")
            self._known.add(segment)
            self._count += 1

    @property
    def memory(self) -> int:
        return self._ids.nbytes + self._vectors.nbytes

    def index(self) -> ExactIndex:
        return ExactIndex(self._ids[: self._count], self._vectors[: self._count])


def intersect(first: Mask, second: Mask) -> Mask:
    size = min(first.size, second.size)
    return first[:size] & second[:size]


def segments_beyond(view: View, have: Mask) -> Ids:
    """Segments of ``view`` that may be found and are not in ``have``, newest first."""
    bits = view.visible.copy()
    size = min(bits.size, have.size)
    bits[:size] &= ~have[:size]
    return np.flatnonzero(np.unpackbits(bits, bitorder="little"))[::-1]
