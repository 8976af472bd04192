"""Files that are not whole yet, by every way in which programs make them: indexed once, when whole, never before."""

from __future__ import annotations

import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from daemon_process import Daemon, wait_for
from tones import tone, wav

PARTS = 8

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody knows who writes a file")


@pytest.fixture
def sound(request: pytest.FixtureRequest) -> bytes:
    """A sound that no other test has."""
    names = sorted(item.nodeid for item in request.session.items)
    return wav(tone(700.0 + 9 * names.index(request.node.nodeid), seconds=1.0))


@pytest.fixture
def costs_one_analysis(daemon: Daemon) -> Generator[None]:
    jobs = daemon.settle()["workers"]["jobs"]
    yield
    assert daemon.look()["workers"]["jobs"] == jobs + 1
    assert daemon.client.get("/v1/failures")["results"] == []


def parts(data: bytes) -> list[bytes]:
    step = -(-len(data) // PARTS)
    return [data[start : start + step] for start in range(0, len(data), step)]


def reason_of(daemon: Daemon, path: Path) -> str | None:
    rows = daemon.client.get("/v1/failures", {"limit": 1000})["results"]
    return next((row["code"] for row in rows if row["path"] == str(path)), None)


@pytest.mark.usefixtures("costs_one_analysis")
@pytest.mark.parametrize("extension", [".part", ".crdownload", ".partial", ".tmp"])
def test_a_download_counts_once_it_has_its_own_name(daemon: Daemon, folder: Path, sound: bytes, extension: str) -> None:
    growing, path = folder / f"loop.wav{extension}", folder / "loop.wav"
    with growing.open("wb") as file:
        for part in parts(sound):
            file.write(part)
            file.flush()
            daemon.look()
    assert daemon.sound(growing) is None
    growing.rename(path)
    assert daemon.indexed(path)["duration"] == 1.0


@linux_only
@pytest.mark.usefixtures("costs_one_analysis")
def test_a_render_that_grows_for_long_counts_once_it_is_closed(daemon: Daemon, folder: Path, sound: bytes) -> None:
    path = folder / "render.wav"
    with path.open("wb") as file:
        for part in parts(sound):
            file.write(part)
            file.flush()
            wait_for(lambda: reason_of(daemon, path) == "still_writing")
            assert daemon.sound(path) is None
    assert daemon.indexed(path)["duration"] == 1.0


@linux_only
@pytest.mark.usefixtures("costs_one_analysis")
def test_a_file_whose_whole_length_is_allocated_first_counts_once_it_is_filled(
    daemon: Daemon, folder: Path, sound: bytes
) -> None:
    path = folder / "sparse.wav"
    with path.open("wb") as file:
        file.truncate(len(sound))
        for number, part in enumerate(parts(sound)):
            file.seek(number * len(parts(sound)[0]))
            file.write(part)
            file.flush()
            wait_for(lambda: reason_of(daemon, path) == "still_writing")
    assert daemon.indexed(path)["duration"] == 1.0


@pytest.mark.usefixtures("costs_one_analysis")
def test_a_file_that_is_replaced_at_once_goes_on_answering_until_the_new_one_does(
    daemon: Daemon, folder: Path, sound: bytes
) -> None:
    path, beside = folder / "take.wav", folder / ".take.wav.saving"
    known = next(iter(daemon.client.get("/v1/sounds", {"limit": 1})["results"]), None)
    path.write_bytes(Path(known["path"]).read_bytes() if known else wav(tone(699.0)))
    before = daemon.indexed(path)["sound_id"]
    beside.write_bytes(sound)
    beside.replace(path)
    seen = set[int]()

    def is_replaced() -> bool:
        now = daemon.sound(path)
        seen.add(now["sound_id"] if now else before)
        return now is not None and now["sound_id"] != before

    wait_for(is_replaced)
    assert len(seen) == 2


@linux_only
def test_a_file_that_is_emptied_and_written_again_in_place_is_never_seen_empty(
    daemon: Daemon, folder: Path, sound: bytes
) -> None:
    path = folder / "bounce.wav"
    path.write_bytes(sound[:-2000])
    before = daemon.indexed(path)["sound_id"]
    jobs = daemon.settle()["workers"]["jobs"]
    with path.open("r+b") as file:
        file.truncate(0)
        wait_for(lambda: reason_of(daemon, path) == "still_writing")
        file.write(sound[:-1])
        file.flush()
        daemon.client.post("/v1/rescan")
        wait_for(lambda: reason_of(daemon, path) == "still_writing")
        file.write(sound[-1:])
    wait_for(lambda: (now := daemon.sound(path)) and now["sound_id"] != before and now["duration"] == 1.0)
    assert daemon.look()["workers"]["jobs"] == jobs + 1
    assert reason_of(daemon, path) is None
