"""Real volumes: mounted, filled, unmounted (lazily too), mounted again; another one in the place; none at the start."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from daemon_process import Daemon, daemon_on, wait_for
from tones import write_scale

from patience import PATIENCE
from timbred_api.client import JsonObject

STEPS = range(4)
SIZE = 8 << 20  # bytes of a volume
SETTINGS = "workers = 1\nquiet = 0.05\npoll_interval = 0.2\nbackups = 0\n"


MAKERS = {"ext4": ("mkfs.ext4", "-q", "-F", "-m", "0"), "ext2": ("mkfs.ext2", "-q", "-F"), "vfat": ("mkfs.vfat",)}


class Volume:
    """A small file system in a file."""

    def __init__(self, home: Path, name: str, kind: str = "ext4") -> None:
        self._image = home / f"{name}.img"
        with self._image.open("wb") as file:
            file.truncate(SIZE)
        run(*MAKERS[kind], str(self._image))

    def mount(self, place: Path) -> None:
        run("mount", "-o", "loop", str(self._image), str(place))
        shutil.rmtree(place / "lost+found", ignore_errors=True)


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)


def unmount(place: Path, *options: str) -> None:
    run("umount", *options, str(place))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    """A mount point with nothing on it."""
    place = tmp_path_factory.mktemp("media") / "drive"
    place.mkdir()
    yield place
    while os.path.ismount(place):
        unmount(place, "-l")


@pytest.fixture(scope="module")
def volumes(tmp_path_factory: pytest.TempPathFactory, place: Path) -> tuple[Volume, Volume]:
    """Two drives; only where this machine lets a test mount them."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting needs Linux and root")
    try:
        home = tmp_path_factory.mktemp("images")
        made = Volume(home, "one"), Volume(home, "two")
        made[0].mount(place)
        write_scale(place, STEPS)
        unmount(place)
        made[1].mount(place)
        write_scale(place, range(50, 54))
        unmount(place)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"loop devices cannot be mounted here: {error}")
    return made


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, place: Path, volumes: tuple[Volume, Volume]) -> Generator[Daemon]:
    """It has indexed the first volume, which is mounted."""
    volumes[0].mount(place)
    with daemon_on(tmp_path_factory.mktemp("home"), place, settings=SETTINGS) as daemon:
        daemon.settle()
        yield daemon


@pytest.fixture
def whole(daemon: Daemon, volumes: tuple[Volume, Volume], place: Path) -> Generator[None]:
    """Each test begins, and ends, with the first volume mounted and all of it answering, at no cost."""
    jobs, before = daemon.jobs, daemon.similar(path=str(place / "note-1.wav"), k=10)
    assert len(before) == len(STEPS) - 1
    yield
    if not os.path.ismount(place):
        volumes[0].mount(place)
    wait_for_state(daemon, "online")
    wait_for(lambda: row_of(daemon)["watch"] == "native")
    assert daemon.settle()["workers"]["jobs"] in (jobs, 0)
    assert daemon.similar(path=str(place / "note-1.wav"), k=10) == before


def row_of(daemon: Daemon) -> JsonObject:
    (row,) = daemon.status()["folders"]
    return row


def wait_for_state(daemon: Daemon, state: str) -> JsonObject:
    wait_for(lambda: row_of(daemon)["state"] == state)
    return row_of(daemon)


@pytest.mark.usefixtures("whole")
@pytest.mark.parametrize("options", [(), ("-l",)], ids=["unmounted", "lazily"])
def test_an_unmounted_drive_is_offline_and_loses_nothing(daemon: Daemon, place: Path, options: tuple[str, ...]) -> None:
    wait_for(lambda: try_to(lambda: unmount(place, *options)))
    row = wait_for_state(daemon, "offline")
    assert (row["files"]["offline"], row["files"]["missing"]) == (len(STEPS), 0)
    assert len(daemon.client.get("/v1/offline")["results"]) == len(STEPS)
    assert daemon.client.get("/v1/sounds")["results"] == []


@pytest.mark.usefixtures("whole")
def test_another_volume_in_the_place_is_not_taken_for_the_first(
    daemon: Daemon, place: Path, volumes: tuple[Volume, Volume]
) -> None:
    wait_for(lambda: try_to(lambda: unmount(place)))
    volumes[1].mount(place)
    row = wait_for_state(daemon, "offline")
    wait_for(lambda: "volume" in (row_of(daemon)["reason"] or ""))
    assert row["files"]["missing"] == 0
    wait_for(lambda: try_to(lambda: unmount(place)))


@pytest.mark.usefixtures("whole")
def test_an_empty_tmpfs_in_the_place_is_not_taken_for_a_drive_that_was_emptied(daemon: Daemon, place: Path) -> None:
    wait_for(lambda: try_to(lambda: unmount(place)))
    run("mount", "-t", "tmpfs", "-o", "size=1m", "none", str(place))
    wait_for(lambda: (row := row_of(daemon))["state"] == "offline" and "empty" in row["reason"])
    assert row_of(daemon)["files"]["missing"] == 0
    wait_for(lambda: try_to(lambda: unmount(place)))


def test_a_drive_that_is_not_there_at_the_start_is_offline_until_it_is(
    tmp_path: Path, place: Path, volumes: tuple[Volume, Volume]
) -> None:
    if not os.path.ismount(place):
        volumes[0].mount(place)
    with daemon_on(tmp_path / "home", place, settings=SETTINGS) as daemon:
        before = daemon.settle()["files"]
        assert daemon.stop() == 0
        wait_for(lambda: try_to(lambda: unmount(place)))
        daemon.start()
        row = wait_for_state(daemon, "offline")
        assert (row["files"]["offline"], row["files"]["missing"]) == (len(STEPS), 0)
        volumes[0].mount(place)
        wait_for_state(daemon, "online")
        status = daemon.settle()
        assert (status["files"], status["workers"]["jobs"]) == (before, 0)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ext2", "vfat"])
def test_a_drive_of_an_older_file_system_comes_back_as_it_was(tmp_path: Path, kind: str) -> None:
    (place := tmp_path / "drive").mkdir()
    with (
        older_volume(tmp_path, place, kind) as volume,
        daemon_on(tmp_path / "home", place, settings=SETTINGS) as daemon,
    ):
        before = daemon.settle()
        wait_for(lambda: try_to(lambda: unmount(place)))
        row = wait_for_state(daemon, "offline")
        assert (row["files"]["offline"], row["files"]["missing"]) == (len(STEPS), 0)
        volume.mount(place)
        wait_for_state(daemon, "online")
        status = daemon.settle()
        assert (status["files"], status["workers"]["jobs"]) == (before["files"], before["workers"]["jobs"])


@contextmanager
def older_volume(home: Path, place: Path, kind: str) -> Generator[Volume]:
    """Mounted, with sounds on it; skips where this machine has no such file system."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting needs Linux and root")
    try:
        volume = Volume(home, kind, kind)
        volume.mount(place)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no {kind} here: {error}")
    try:
        write_scale(place, STEPS)
        yield volume
    finally:
        while os.path.ismount(place):
            unmount(place, "-l")


def try_to(do: Callable[[], None]) -> bool:
    """A file of the volume may be open for a moment, and then it cannot be unmounted."""
    with suppress(subprocess.CalledProcessError):
        do()
        return True
    return False
