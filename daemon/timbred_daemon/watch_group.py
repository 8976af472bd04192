"""watchdog's inotify observer, but for directories of no interest: those take no watch.

watchdog 7.1 watches a whole tree or nothing. Its group of watches is the one place where that can be changed; the
names used here are its private ones, so its version is pinned and a test counts the watches.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

from watchdog.observers.api import EventQueue, ObservedWatch
from watchdog.observers.inotify import InotifyEmitter, InotifyObserver, InotifyWatchGroup
from watchdog.observers.inotify_c import InotifyConstants, InotifyEvent, InotifyFD, Mask

from timbred_indexer.exclusion import MARKER

Excluded = Callable[[bytes], bool]


def directories(root: bytes, excluded: Excluded, top: bytes | None = None) -> Iterator[bytes]:
    """The directories at and below ``top`` (else the root) that want a watch: readable, not links, not excluded.

    One that holds a marker is watched itself, so that the marker's going is seen, but nothing below it is.

    Args:
        excluded: takes a path relative to the root.
    """
    prefix = len(root.rstrip(b"/")) + 1
    for directory, names, files in os.walk(root if top is None else top):
        yield directory
        marked = directory != root and MARKER in files
        names[:] = [] if marked else [name for name in names if not excluded(os.path.join(directory, name)[prefix:])]


class _Group(InotifyWatchGroup):
    """The watches of one tree. ``excluded`` has to be known before the parent's constructor takes them."""

    def __init__(
        self, fd: InotifyFD, root: bytes, emitter: InotifyEmitter, excluded: Excluded, lost: Callable[[str], None]
    ) -> None:
        self._excluded = excluded
        self._lost = lost
        mask = Mask(emitter.get_event_mask_from_filter() | InotifyConstants.IN_MOVE_SELF)
        super().__init__(fd, root, is_recursive=True, event_mask=mask, follow_symlink=False)

    def on_event(self, event: InotifyEvent) -> None:
        # A drive that is back at once may have the same device, root and mount number, but no watch any more.
        if event.mask & InotifyConstants.IN_UNMOUNT:
            self._lost("unmounted")
        elif event.mask & InotifyConstants.IN_MOVE_SELF:
            # Of a directory below, its parent tells; of the root, nobody else does.
            if event.wd == self._active_callbacks_by_path.get(self.path):
                self._lost("root_gone")
        else:
            super().on_event(event)

    def _add_all_callbacks(self, path: bytes) -> None:
        relative = path[len(self.path.rstrip(b"/")) + 1 :]
        if relative and self._excluded(relative):
            return
        self._add_callback(path)
        if not os.path.islink(path):
            for directory in directories(self.path, self._excluded, path):
                if directory != path:
                    self._add_callback(directory)


class _Emitter(InotifyEmitter):
    def __init__(
        self,
        queue: EventQueue,
        watch: ObservedWatch,
        *,
        excluded: Excluded,
        lost: Callable[[str], None],
        **options: Any,
    ) -> None:
        super().__init__(queue, watch, **options)
        self._excluded = excluded
        self._lost = lost

    def on_thread_start(self) -> None:
        root = os.fsencode(self.watch.path)
        self._inotify = _Group(self._inotify_fd, root, self, self._excluded, self._lost)

    def queue_events(self, timeout: float, *, full_events: bool = False) -> None:
        # As the parent's; but an event that is read while the watcher is being stopped is no error to be logged.
        group = self._inotify
        event = None if group is None else group.read_event()
        with self._lock:
            if event is not None and self._inotify is not None:
                self.build_and_queue_event(event)


class PrunedObserver(InotifyObserver):
    """Watches everything below a directory that is not excluded (given its path relative to that directory).

    Args:
        lost: called, by a thread, with a reason: ``unmounted`` when what was watched, or a part of it, is on a volume
            that is no longer there; ``root_gone`` when the directory itself was renamed.
    """

    def __init__(self, excluded: Excluded, lost: Callable[[str], None]) -> None:
        super().__init__()
        self._emitter_class = _Emitter
        self._emitter_kwargs |= {"excluded": excluded, "lost": lost}
