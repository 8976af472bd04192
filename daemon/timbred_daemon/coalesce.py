"""Many hints in, few scan targets out: waits for quiet, folds siblings, caps what is pending. Pure, the clock is given.

A target stands for its path and everything below, so a hint below a pending target needs no target of its own, and a
hint on a directory swallows those below it. ``b""`` is the folder's root: the whole folder.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from timbred_indexer.model import FolderId, Seconds
from timbred_indexer.targets import ScanTarget

_ROOT = b""
_QUIET = Seconds(0.2)
_MAX_AGE = Seconds(2.0)


@dataclass(slots=True)
class _Span:
    """When a pending path was hinted: for the first time, and last."""

    first: float
    last: float


class Coalescer:
    """Collects hints until they are worth a scan.

    Args:
        quiet: seconds without a hint after which a path is handed out.
        max_age: seconds after its first hint at which it is handed out all the same.
        max_siblings: more pending paths than this directly in one directory become that directory. The root is
            exempt: a walk of the whole folder is never cheaper than a few hundred ``stat`` calls.
        max_targets: more pending paths than this in all, and the folder with the most becomes a rescan.
    """

    def __init__(
        self,
        quiet: Seconds = _QUIET,
        max_age: Seconds = _MAX_AGE,
        max_siblings: int = 64,
        max_targets: int = 1024,
    ) -> None:
        self._quiet = quiet
        self._max_age = max_age
        self._max_siblings = max_siblings
        self._max_targets = max_targets
        self._folders: dict[FolderId, _Folder] = {}
        self._due: float | None = None

    def hint(self, folder: FolderId, path: bytes, now: Seconds) -> None:
        """Something happened at ``path`` (relative to the folder's root). ``now`` never goes backwards."""
        pending = self._folders.setdefault(folder, _Folder())
        pending.add(path, _Span(now, now), self._max_siblings)
        if sum(len(other) for other in self._folders.values()) > self._max_targets:
            max(self._folders.values(), key=len).fold(_ROOT)
        due = now + min(self._quiet, self._max_age)
        self._due = due if self._due is None else min(self._due, due)

    def rescan(self, folder: FolderId, now: Seconds) -> None:
        """The whole folder needs a look."""
        self.hint(folder, _ROOT, now)

    def next_due(self) -> Seconds | None:
        """When to call ``take``: never too late, at times too early (``take`` has nothing then). None: never."""
        return None if self._due is None else Seconds(self._due)

    def take(self, now: Seconds, busy: Collection[FolderId] = ()) -> list[ScanTarget]:
        """Hand out what is due, and what was hinted along with it: both ends of a move are planned in one go.

        Args:
            busy: folders whose targets stay here for now; ``next_due`` does not count them until the next ``take``.
        """
        free = {folder: pending for folder, pending in self._folders.items() if folder not in busy}
        targets = [
            ScanTarget(folder, path, whole=path == _ROOT)
            for folder, pending in free.items()
            for path in sorted(self._ripe(pending, now))
        ]
        for target in targets:
            self._folders[target.folder].remove(target.path)
        self._folders = {folder: pending for folder, pending in self._folders.items() if len(pending)}
        self._due = min(
            (self._due_at(span) for pending in free.values() for span in pending.spans.values()), default=None
        )
        return targets

    def _due_at(self, span: _Span) -> float:
        return min(span.last + self._quiet, span.first + self._max_age)

    def _ripe(self, pending: _Folder, now: float) -> list[bytes]:
        due = [span.last for span in pending.spans.values() if self._due_at(span) <= now]
        if not due:
            return []
        # The two ends of a move are hinted microseconds apart; one may be due early, by its age.
        slack = self._quiet / 4
        horizon = max(max(due) + slack, now - slack)
        return [path for path, span in pending.spans.items() if span.last <= horizon]


class _Folder:
    """One folder's pending paths: none of them lies below another."""

    def __init__(self) -> None:
        self.spans: dict[bytes, _Span] = {}
        self._children: Counter[bytes] = Counter()  # directory → pending paths directly in it
        self._below: Counter[bytes] = Counter()  # directory → pending paths anywhere below it

    def __len__(self) -> int:
        return len(self.spans)

    def add(self, path: bytes, span: _Span, max_siblings: int) -> None:
        covering = next((p for p in (path, *_ancestors(path)) if p in self.spans), None)
        if covering is not None:
            self.spans[covering].last = span.last
            return
        self._insert(path, span)
        if self._below[path]:
            self.fold(path)
        self._fold_siblings(path, max_siblings)

    def fold(self, directory: bytes) -> None:
        """Let the directory stand for itself and everything pending below it."""
        prefix = directory + b"/" if directory else _ROOT
        folded = [path for path in self.spans if path == directory or path.startswith(prefix)]
        spans = [self.remove(path) for path in folded]
        self._insert(directory, _Span(min(s.first for s in spans), max(s.last for s in spans)))

    def remove(self, path: bytes) -> _Span:
        self._count(path, -1)
        return self.spans.pop(path)

    def _fold_siblings(self, path: bytes, most: int) -> None:
        parent = _parent(path)
        if parent and self._children[parent] > most:
            self.fold(parent)
            self._fold_siblings(parent, most)  # which may in turn be one sibling too many

    def _insert(self, path: bytes, span: _Span) -> None:
        self.spans[path] = span
        self._count(path, 1)

    def _count(self, path: bytes, step: int) -> None:
        if path == _ROOT:
            return
        _step(self._children, _parent(path), step)
        for ancestor in _ancestors(path):
            _step(self._below, ancestor, step)


def _step(counter: Counter[bytes], key: bytes, step: int) -> None:
    counter[key] += step
    if not counter[key]:
        del counter[key]


def _parent(path: bytes) -> bytes:
    return path.rpartition(b"/")[0]


def _ancestors(path: bytes) -> Iterator[bytes]:
    """The directories above, nearest first; the root is its own end."""
    while path:
        path = _parent(path)
        yield path
