"""The watcher with real observers on real folders."""

import logging
import os
import resource
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Queue

import pytest
from watchdog.observers.api import BaseObserver

from patience import PATIENCE
from timbred_daemon.watcher import Watcher, WatchUnavailable, count_watches
from timbred_indexer.exclusion import Exclusion
from timbred_indexer.model import FolderId, Seconds

FOLDER = FolderId(7)

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="inotify")


class Watched:
    """A watched folder and what its watcher said."""

    def __init__(self, root: Path, *, link: Path | None = None) -> None:
        self.root = os.fsencode(root)
        self.hints: Queue[bytes] = Queue()
        self.losses: Queue[tuple[FolderId, str]] = Queue()
        self.watcher = Watcher(
            FOLDER,
            os.fsencode(link or root),
            post=lambda folder, path: self.hints.put(path),
            lost=lambda folder, reason: self.losses.put((folder, reason)),
            excluded=Exclusion(),
        )

    def path(self, name: bytes) -> bytes:
        return os.path.join(self.root, name)

    def write(self, name: bytes, data: bytes = b"sound") -> None:
        with open(self.path(name), "wb") as file:
            file.write(data)

    def hints_until(self, *names: bytes) -> set[bytes]:
        """Everything hinted until all of ``names`` were."""
        seen: set[bytes] = set()
        end = time.monotonic() + PATIENCE
        while not seen.issuperset(names):
            seen.add(self.hints.get(timeout=max(0.0, end - time.monotonic())))
        return seen

    def loss(self) -> str:
        folder, reason = self.losses.get(timeout=PATIENCE)
        assert folder == FOLDER
        return reason


@pytest.fixture(autouse=True)
def no_threads_or_descriptors_left() -> Iterator[None]:
    threads, fds = set(threading.enumerate()), len(os.listdir("/dev/fd"))
    yield
    assert set(threading.enumerate()) <= threads
    assert len(os.listdir("/dev/fd")) == fds


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    watched = Watched(tmp_path)
    watched.write(b"old.wav")
    os.makedirs(watched.path(b"kit/deep"))
    watched.write(b"kit/deep/snare.wav")
    watched.watcher.start()
    yield watched
    assert watched.watcher.stop(Seconds(PATIENCE))


@pytest.mark.parametrize("name", [b"new.wav", b"kit/deep/new.wav", "grüße\n.wav".encode()])
def test_a_new_file_is_hinted(watched: Watched, name: bytes) -> None:
    watched.write(name)
    watched.hints_until(name)


@linux_only
def test_a_name_that_is_not_utf8_is_hinted_as_it_is(watched: Watched) -> None:
    watched.write(b"\xff.wav")
    watched.hints_until(b"\xff.wav")


def test_a_changed_file_is_hinted(watched: Watched) -> None:
    watched.write(b"old.wav", b"other sound")
    watched.hints_until(b"old.wav")


def test_a_deleted_file_is_hinted(watched: Watched) -> None:
    os.unlink(watched.path(b"old.wav"))
    watched.hints_until(b"old.wav")


def test_both_ends_of_a_renamed_file_are_hinted(watched: Watched) -> None:
    os.rename(watched.path(b"old.wav"), watched.path(b"kit/new.wav"))
    watched.hints_until(b"old.wav", b"kit/new.wav")


def test_both_ends_of_a_renamed_directory_are_hinted_but_not_each_file_in_it(watched: Watched) -> None:
    os.rename(watched.path(b"kit"), watched.path(b"drums"))
    watched.hints_until(b"kit", b"drums")
    watched.write(b"drums/deep/marker")
    assert b"drums/deep/snare.wav" not in watched.hints_until(b"drums/deep/marker")


def test_a_directory_moved_in_is_hinted_and_watched(watched: Watched, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "pack"
    (elsewhere / "sub").mkdir(parents=True)
    os.rename(elsewhere, watched.path(b"pack"))
    watched.hints_until(b"pack")
    watched.write(b"pack/sub/kick.wav")
    watched.hints_until(b"pack/sub/kick.wav")


def test_a_directory_moved_out_is_hinted(watched: Watched, tmp_path_factory: pytest.TempPathFactory) -> None:
    os.rename(watched.path(b"kit"), tmp_path_factory.mktemp("elsewhere") / "kit")
    watched.hints_until(b"kit")


def test_reading_causes_no_hint_and_neither_does_the_directory_of_a_change(watched: Watched) -> None:
    with open(watched.path(b"kit/deep/snare.wav"), "rb") as file:
        file.read()
    os.listdir(watched.path(b"kit"))
    watched.write(b"kit/marker")
    assert watched.hints_until(b"kit/marker") == {b"kit/marker"}


def test_excluded_paths_are_not_hinted(watched: Watched) -> None:
    watched.write(b".hidden")
    watched.write(b"marker")
    assert b".hidden" not in watched.hints_until(b"marker")


def test_a_link_to_a_folder_is_watched_like_the_folder(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    watched = Watched(tmp_path / "real", link=tmp_path / "link")
    watched.watcher.start()
    watched.write(b"kick.wav")
    watched.hints_until(b"kick.wav")
    assert watched.watcher.stop(Seconds(PATIENCE))


@linux_only
def test_a_real_overflow_is_a_loss_and_a_new_watcher_sees_again(watched: Watched, tmp_path: Path) -> None:
    with open("/proc/sys/fs/inotify/max_queued_events") as file:
        limit = int(file.read())
    if limit > 100_000:
        pytest.skip("this system queues more events than a test should make")
    watched.write(b"other.wav")
    watched.hints_until(b"other.wav")
    with reader_stalled(watched.watcher):
        for _ in range(limit):
            for name in (b"old.wav", b"other.wav"):
                os.utime(watched.path(name))
    assert watched.loss() == "overflow"
    assert not watched.watcher.check()
    second = Watched(tmp_path)
    second.watcher.start()
    second.write(b"kit/deep/after.wav")
    second.hints_until(b"kit/deep/after.wav")
    assert second.watcher.stop(Seconds(PATIENCE))


def reader_stalled(watcher: Watcher) -> threading.Lock:
    """The lock that watchdog's reader needs for each event."""
    observer = getattr(watcher, "_observer", None)
    assert observer is not None
    (emitter,) = observer.emitters
    return emitter._inotify._lock


@linux_only
def test_an_overflow_of_another_folder_is_not_ours(watched: Watched) -> None:
    log = logging.getLogger("watchdog.observers.inotify")
    log.warning("Inotify queue overflowed; reconciling recursive watches below %r", b"/elsewhere")
    log.warning("Inotify queue overflowed; reconciling recursive watches below %r", watched.root)
    assert watched.loss() == "overflow"
    assert watched.losses.empty()


@linux_only
def test_watches_that_could_not_be_rebuilt_are_a_loss_for_good(watched: Watched) -> None:
    log = logging.getLogger("watchdog.observers.inotify")
    log.error("Unable to rebuild recursive inotify watches below %r", watched.root)
    assert (watched.loss(), watched.watcher.is_alive()) == ("watches_lost", False)


def test_a_deleted_root_is_a_loss_for_good(watched: Watched) -> None:
    shutil.rmtree(watched.root)
    assert watched.loss() == "root_gone"
    assert (watched.watcher.is_alive(), watched.watcher.reason) == (False, "root_gone")


@linux_only
def test_a_renamed_root_is_a_loss_at_once(watched: Watched, tmp_path_factory: pytest.TempPathFactory) -> None:
    os.rename(watched.root, tmp_path_factory.mktemp("elsewhere") / "root")
    assert watched.loss() == "root_gone"


@linux_only
def test_a_renamed_directory_in_the_root_is_no_loss(watched: Watched) -> None:
    os.rename(watched.path(b"kit/deep"), watched.path(b"kit/shallow"))
    watched.hints_until(b"kit/deep", b"kit/shallow")
    watched.write(b"kit/shallow/new.wav")
    watched.hints_until(b"kit/shallow/new.wav")
    assert watched.losses.empty()


def test_a_root_that_is_another_directory_now_is_noticed(watched: Watched) -> None:
    aside = watched.root + b".aside"
    os.rename(watched.root, aside)
    os.mkdir(watched.root)
    assert not watched.watcher.check()
    assert watched.loss() == "root_gone"
    assert not watched.watcher.check()
    assert watched.losses.empty()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_dead_thread_is_noticed(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.watcher = Watcher(FOLDER, watched.root, _fail, lambda f, r: watched.losses.put((f, r)), lambda _: False)
    watched.watcher.start()
    (dispatcher,) = (thread for thread in threading.enumerate() if isinstance(thread, BaseObserver))
    watched.write(b"kick.wav")
    dispatcher.join(PATIENCE)
    assert not watched.watcher.is_alive()
    assert watched.loss() == "watcher_died"
    assert watched.watcher.stop(Seconds(PATIENCE))


def _fail(folder: FolderId, path: bytes) -> None:
    raise ValueError("a bug in the app")


def test_an_event_loop_that_is_closed_already_does_no_harm(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    told = threading.Event()

    def post(folder: FolderId, path: bytes) -> None:
        told.set()
        raise RuntimeError("Event loop is closed")

    watched.watcher = Watcher(FOLDER, watched.root, post, lambda f, r: watched.losses.put((f, r)), lambda _: False)
    watched.watcher.start()
    watched.write(b"kick.wav")
    assert told.wait(PATIENCE)
    assert watched.watcher.is_alive()
    assert watched.watcher.stop(Seconds(PATIENCE))


def test_stopping_twice_or_unstarted_is_fine(tmp_path: Path) -> None:
    watcher = Watched(tmp_path).watcher
    assert not watcher.is_alive()
    assert watcher.stop(Seconds(1))
    watched = Watched(tmp_path)
    watched.watcher.start()
    assert watched.watcher.is_alive()
    assert watched.watcher.stop(Seconds(PATIENCE))
    assert watched.watcher.stop(Seconds(PATIENCE))
    assert (watched.watcher.is_alive(), watched.losses.empty()) == (False, True)


def test_a_folder_that_is_not_there_cannot_be_watched(tmp_path: Path) -> None:
    with pytest.raises(WatchUnavailable, match="No such file"):
        Watched(tmp_path / "absent").watcher.start()


@linux_only
def test_a_watcher_too_many_names_the_line_that_helps(tmp_path: Path) -> None:
    watcher = Watched(tmp_path).watcher
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(WatchUnavailable, match=r"sudo sysctl fs\.inotify\.max_user_instances=1024"):
            watcher.start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@linux_only
def test_watches_are_counted(watched: Watched) -> None:
    assert count_watches() == 3


LIMITED = """
import os, sys
from timbred_daemon.watcher import Watcher, WatchUnavailable, count_watches
with open("/proc/sys/user/max_inotify_watches", "w") as file:
    file.write(sys.argv[2])
watcher = Watcher(1, os.fsencode(sys.argv[1]), print, print, lambda path: False)
try:
    watcher.start()
except WatchUnavailable as error:
    print(error.code, error.message, count_watches())
"""


@linux_only
@pytest.mark.parametrize(("limit", "reason"), [(2, "fewer than there are directories"), (4, "enough, but all of them")])
def test_a_folder_that_would_take_the_last_watches_is_refused_not_half_watched(
    tmp_path: Path, limit: int, reason: str
) -> None:
    (tmp_path / "a/b/c").mkdir(parents=True)
    command = ["unshare", "--user", "--map-root-user", sys.executable, "-c", LIMITED, str(tmp_path), str(limit)]
    if shutil.which("unshare") is None or subprocess.run([*command[:3], "true"], check=False).returncode:
        pytest.skip("no user namespace to set a limit in")
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert done.stdout.startswith("watch_unavailable this system's limit on watched directories"), reason
    assert done.stdout.endswith("max_user_watches=524288 0\n")


@linux_only
def test_an_excluded_directory_takes_no_watch(watched: Watched) -> None:
    os.makedirs(watched.path(b"kit/.git/objects"))
    os.makedirs(watched.path(b".hidden/deep"))
    os.mkdir(watched.path(b"last"))
    watched.hints_until(b"last")
    watched.write(b"last/marker")
    watched.hints_until(b"last/marker")
    assert count_watches() == 4


@linux_only
def test_what_lies_below_a_marked_directory_is_not_watched_until_the_mark_is_gone(tmp_path: Path) -> None:
    (tmp_path / "phone/albums/one").mkdir(parents=True)
    (tmp_path / "phone/.nomedia").touch()
    watched = Watched(tmp_path)
    watched.watcher.start()
    assert count_watches() == 2
    (tmp_path / "phone/.nomedia").unlink()
    assert watched.loss() == "marker_changed"
    assert watched.watcher.stop(Seconds(PATIENCE))
