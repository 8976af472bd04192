"""One folder's file system events, as hints. What an event says is not believed, only that something happened there.

watchdog's threads call ``post`` and ``lost``; both must be safe to call from any thread, and quick. Whatever makes the
events untrustworthy (an overflow, a dead thread, a root that went away) becomes ``lost``: rescan this folder.

Written against watchdog 7.1, which tells its handlers neither of overflows nor of its threads' deaths.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import sys
import threading
from collections.abc import Callable

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from timbred_daemon.watch_limits import WatchUnavailable, count_watches, out_of_watches, room, unavailable
from timbred_indexer.exclusion import MARKER
from timbred_indexer.model import FolderId, Seconds

__all__ = ["WatchUnavailable", "Watcher", "count_watches"]

logger = logging.getLogger(__name__)

# Named kinds only: opening and reading a file, as timbred itself does all day, is not even asked for. DirModified says
# of a directory what another event says of the entry in it.
_CHANGES: list[type[FileSystemEvent]] = [
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
]

# Both log lines of this logger carry the root they are about: "queue overflowed; reconciling recursive watches below
# %r" and "Unable to rebuild recursive inotify watches below %r". The first comes before watchdog renews its watches,
# and nothing tells when it has: a rescan could pass a directory that is not watched yet. Hence a new watcher.
_OVERFLOW_LOGGER = "watchdog.observers.inotify"


class Watcher:
    """Watches one folder with the platform's own means. Starts once, stops once.

    Args:
        folder: handed back with every call.
        root: the folder's path; a link is followed.
        post: called with the folder and a changed path, relative to the root.
        lost: called once, with the folder and why its events cannot be trusted any more: ``overflow``, ``root_gone``,
            ``unmounted``, ``watcher_died``, ``watches_lost``, or ``marker_changed`` (other directories are to be
            watched now). Replace the watcher, then rescan; until it is stopped, hints may come.
        excluded: whether a relative path is of no interest: no hint, and on Linux no watch; must not raise.
    """

    def __init__(
        self,
        folder: FolderId,
        root: bytes,
        post: Callable[[FolderId, bytes], None],
        lost: Callable[[FolderId, str], None],
        excluded: Callable[[bytes], bool],
    ) -> None:
        self._folder = folder
        # inotify would watch a link itself, and FSEvents reports real paths only.
        self._root = os.path.realpath(root)
        self._post = post
        self._lost = lost
        self._excluded = excluded
        self._observer: BaseObserver | None = None
        self._identity: tuple[int, int] | None = None
        self._reason: str | None = None
        self._overflows = _OverflowListener(self._root, self._end)

    @property
    def reason(self) -> str | None:
        """Why it does not watch any more, or None while it does (or has not been started)."""
        return self._reason

    def start(self) -> None:
        """Watch from now on. Blocks for as long as a walk over the folder's directories takes, twice or thrice.

        Raises:
            WatchUnavailable: the system refuses, as a whole or, its limit being reached, for a part of the folder; or
                less than a tenth of that limit would be left to others.
        """
        self._require_room()
        try:
            self._identity = _identity(self._root)
            observer = self._observer = self._new_observer()
            logging.getLogger(_OVERFLOW_LOGGER).addHandler(self._overflows)
            observer.schedule(_Handler(self._changed), os.fsdecode(self._root), recursive=True, event_filter=_CHANGES)
            observer.start()
        except OSError as error:
            self.stop(Seconds(5))
            raise unavailable(error, 0) from error
        self._require_watches(observer)

    def stop(self, deadline: Seconds) -> bool:
        """Stop watching; may be called again.

        Args:
            deadline: seconds to wait for watchdog's threads.

        Returns:
            Whether all of them ended; one that hangs in a dead file system does not, and is left behind.
        """
        logging.getLogger(_OVERFLOW_LOGGER).removeHandler(self._overflows)
        self._overflows.close()
        observer, self._observer = self._observer, None
        self._reason = self._reason or "stopped"
        if observer is None:
            return True
        # stop() itself joins threads, without a limit.
        stopper = threading.Thread(target=_stop, args=(observer,), name="watcher-stop", daemon=True)
        stopper.start()
        stopper.join(deadline)
        if stopper.is_alive():
            logger.warning("The watcher of a folder did not stop within %g s, and is left to itself.", deadline)
        return not stopper.is_alive()

    def is_alive(self) -> bool:
        """Whether events still arrive as far as its threads can tell. Quick; tells ``lost`` if they do not."""
        if self._observer is not None and self._reason is None and not _all_alive(self._observer):
            self._end("watcher_died")
        return self._observer is not None and self._reason is None

    def check(self) -> bool:
        """``is_alive``, and whether the root is still the one that was watched. May block on a dead file system."""
        if self.is_alive():
            with contextlib.suppress(OSError):
                if _identity(self._root) == self._identity:
                    return True
            self._end("root_gone")
        return False

    def _new_observer(self) -> BaseObserver:
        if sys.platform != "linux":
            return Observer()
        from timbred_daemon.watch_group import PrunedObserver

        return PrunedObserver(self._excluded, self._end)

    def _count_directories(self) -> int:
        from timbred_daemon.watch_group import directories

        return sum(1 for _ in directories(self._root, self._excluded))

    def _require_room(self) -> None:
        """Before any watch is taken: an exhausted limit breaks other programs of the user, not only this one."""
        if sys.platform == "linux" and (left := room()) is not None:
            spare, used = left
            wanted = self._count_directories()
            if wanted > spare:
                raise unavailable(OSError(errno.ENOSPC, ""), wanted + used)

    def _require_watches(self, observer: BaseObserver) -> None:
        """watchdog swallows a refusal below the root, so count. A difference without a limit is a tree in motion."""
        fd = getattr(getattr(observer, "_inotify_fd", None), "_inotify_fd", None)
        watches = count_watches(fd) if isinstance(fd, int) else None
        if watches is None:
            return
        wanted = self._count_directories()
        if wanted > watches and out_of_watches(self._root):
            self.stop(Seconds(5))
            raise unavailable(OSError(errno.ENOSPC, ""), wanted)

    def _changed(self, path: bytes) -> None:
        relative = path[len(self._root.rstrip(b"/")) + 1 :]
        if not relative:
            self._end("root_gone")
        elif b"/" in relative and os.path.basename(relative) == MARKER:
            self._end("marker_changed")
        elif not self._excluded(relative):
            # RuntimeError: the event loop behind it is closed, the daemon is on its way out.
            with contextlib.suppress(RuntimeError):
                self._post(self._folder, relative)

    def _end(self, reason: str) -> None:
        if self._reason is None:
            self._reason = reason
            with contextlib.suppress(RuntimeError):
                self._lost(self._folder, reason)


class _Handler(FileSystemEventHandler):
    """Runs in watchdog's dispatcher thread, which would die of one exception."""

    def __init__(self, changed: Callable[[bytes], None]) -> None:
        self._changed = changed

    def dispatch(self, event: FileSystemEvent) -> None:
        # Synthetic events repeat for every file what the move of their directory said.
        if not event.is_synthetic:
            for path in (event.src_path, event.dest_path):
                if path:
                    self._changed(os.fsencode(path))


class _OverflowListener(logging.Handler):
    """The only place where watchdog speaks of an overflow is its log."""

    def __init__(self, root: bytes, end: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._root = root
        self._end = end

    def emit(self, record: logging.LogRecord) -> None:
        if isinstance(record.args, tuple) and self._root in record.args:
            self._end("overflow" if "overflow" in str(record.msg) else "watches_lost")


def _identity(root: bytes) -> tuple[int, int]:
    stat = os.stat(root)
    return stat.st_dev, stat.st_ino


def _all_alive(observer: BaseObserver) -> bool:
    # The thread that reads inotify has no public name; without it the others wait for ever.
    reader = getattr(observer, "_inotify_fd", None)
    readers = [reader] if isinstance(reader, threading.Thread) else []
    return all(thread.is_alive() for thread in (observer, *observer.emitters, *readers))


def _stop(observer: BaseObserver) -> None:
    observer.stop()
    if observer.ident is not None:
        observer.join()
