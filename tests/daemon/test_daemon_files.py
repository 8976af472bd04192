"""What happens to one file after the other, while the daemon watches."""

import os
import shutil
from collections.abc import Generator
from pathlib import Path

import pytest
from daemon_process import Daemon, daemon_on, wait_for
from tones import tone, wav, write_scale, write_tone


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    home = tmp_path_factory.mktemp("folders")
    write_scale(home / "one", range(4))
    write_scale(home / "two", range(4, 6))
    return home / "one", home / "two"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, places: tuple[Path, Path]) -> Generator[Daemon]:
    with daemon_on(tmp_path_factory.mktemp("home"), *places) as daemon:
        daemon.settle()
        yield daemon


@pytest.fixture
def folder(places: tuple[Path, Path], request: pytest.FixtureRequest) -> Path:
    """A directory of the first watched folder, for one test alone."""
    folder = places[0] / request.node.name
    folder.mkdir()
    return folder


@pytest.fixture
def pitch(request: pytest.FixtureRequest) -> float:
    """A pitch that no other test uses."""
    return 400.0 + 7 * sorted(item.nodeid for item in request.session.items).index(request.node.nodeid)


def test_a_new_file_is_found_by_a_search(daemon: Daemon, folder: Path, places: tuple[Path, Path], pitch: float) -> None:
    new = write_tone(folder / "new.wav", pitch)
    wait_for(lambda: str(new) in daemon.found_near(places[0] / "note-0.wav"))


def test_a_changed_file_is_another_sound_and_the_old_one_is_gone(daemon: Daemon, folder: Path, pitch: float) -> None:
    file = write_tone(folder / "a.wav", pitch)
    before = daemon.indexed(file)["sound_id"]
    write_tone(file, pitch + 1)
    after = wait_for(lambda: (sound := daemon.sound(file)) and sound["sound_id"] != before and sound)
    daemon.settle()
    assert str(file) in after["paths"]
    assert before not in {row["sound_id"] for row in daemon.similar(id=after["sound_id"], k=1000)}


def test_a_file_that_is_replaced_by_rename_keeps_its_label(daemon: Daemon, folder: Path, pitch: float) -> None:
    file = write_tone(folder / "a.wav", pitch)
    before = daemon.indexed(file)["sound_id"]
    daemon.label(before, "mine")
    temporary = write_tone(folder / ".saving", pitch + 1)
    temporary.replace(file)
    after = wait_for(lambda: (sound := daemon.sound(file)) and sound["sound_id"] != before and sound)
    assert after["label"] == "mine"


def test_a_deleted_file_is_in_no_answer(daemon: Daemon, folder: Path, places: tuple[Path, Path], pitch: float) -> None:
    file = write_tone(folder / "a.wav", pitch)
    daemon.indexed(file)
    file.unlink()
    daemon.gone(file)
    daemon.settle()
    assert str(file) not in daemon.found_near(places[0] / "note-0.wav")


def test_a_deleted_file_that_comes_back_is_the_same_sound(daemon: Daemon, folder: Path, pitch: float) -> None:
    file = write_tone(folder / "a.wav", pitch)
    sound, jobs = daemon.indexed(file)["sound_id"], daemon.jobs
    daemon.label(sound, "mine")
    file.unlink()
    daemon.gone(file)
    write_tone(file, pitch)
    again = daemon.indexed(file)
    assert (again["sound_id"], again["label"], daemon.jobs) == (sound, "mine", jobs)


@pytest.mark.parametrize("where", ["beside", "other folder"])
def test_a_renamed_file_stays_the_same_sound(
    daemon: Daemon, folder: Path, places: tuple[Path, Path], where: str, pitch: float
) -> None:
    file = write_tone(folder / "a.wav", pitch)
    sound, jobs = daemon.indexed(file)["sound_id"], daemon.jobs
    daemon.label(sound, "mine")
    target = (folder if where == "beside" else places[1]) / "renamed.wav"
    file.rename(target)
    moved = daemon.indexed_only_at(target)
    assert (moved["sound_id"], moved["label"]) == (sound, "mine")
    assert daemon.look()["workers"]["jobs"] == jobs


@pytest.mark.parametrize("where", ["beside", "other folder"])
def test_a_moved_directory_keeps_its_sounds(
    daemon: Daemon, folder: Path, places: tuple[Path, Path], where: str, pitch: float
) -> None:
    files = [write_tone(folder / "deep" / "er" / f"{step}.wav", pitch + step) for step in range(3)]
    before = [daemon.indexed(file)["sound_id"] for file in files]
    daemon.label(before[0], "mine")
    jobs = daemon.settle()["workers"]["jobs"]
    target = (folder if where == "beside" else places[1]) / "moved"
    (folder / "deep").rename(target)
    after = [daemon.indexed_only_at(target / "er" / file.name) for file in files]
    assert [sound["sound_id"] for sound in after] == before
    assert after[0]["label"] == "mine"
    assert daemon.look()["workers"]["jobs"] == jobs


def test_a_file_that_is_still_being_written_waits_and_is_analysed_once(
    daemon: Daemon, folder: Path, pitch: float
) -> None:
    data = wav(tone(pitch, seconds=2.0))
    path = folder / "slow.wav"
    jobs = daemon.settle()["workers"]["jobs"]
    with path.open("wb") as file:
        for start in range(0, len(data) - 1000, 20_000):
            file.write(data[start : min(start + 20_000, len(data) - 1000)])
            file.flush()
            wait_for(lambda: reason_of(daemon, path) == "still_writing")
            daemon.client.post("/v1/rescan")
        assert daemon.sound(path) is None
        assert daemon.jobs == jobs
        file.write(data[-1000:])
    daemon.indexed(path)
    assert daemon.look()["workers"]["jobs"] == jobs + 1


def reason_of(daemon: Daemon, path: Path) -> str | None:
    failures = daemon.client.get("/v1/failures", {"limit": 1000})["results"]
    return next((row["code"] for row in failures if row["path"] == str(path)), None)


def test_a_copy_costs_no_analysis_and_inherits_the_label(daemon: Daemon, folder: Path, pitch: float) -> None:
    file = write_tone(folder / "a.wav", pitch)
    sound, jobs = daemon.indexed(file)["sound_id"], daemon.jobs
    daemon.label(sound, "mine")
    copy = Path(shutil.copy(file, folder / "copy.wav"))
    daemon.indexed(copy)
    file.unlink()
    daemon.gone(file)
    found = daemon.indexed(copy)
    assert (found["sound_id"], found["label"], daemon.jobs) == (sound, "mine", jobs)


def test_a_label_outlives_a_change_of_the_bytes(daemon: Daemon, folder: Path, pitch: float) -> None:
    file = write_tone(folder / "a.wav", pitch)
    before = daemon.indexed(file)["sound_id"]
    daemon.label(before, "mine")
    write_tone(file, pitch + 1)
    after = wait_for(lambda: (sound := daemon.sound(file)) and sound["sound_id"] != before and sound)
    assert after["label"] == "mine"


def test_a_directory_that_becomes_a_file_is_that_file(daemon: Daemon, folder: Path, pitch: float) -> None:
    inner = write_tone(folder / "kit.wav" / "a.wav", pitch)
    daemon.indexed(inner)
    shutil.rmtree(folder / "kit.wav")
    outer = write_tone(folder / "kit.wav", pitch + 1)
    daemon.indexed(outer)
    daemon.gone(inner)


@pytest.mark.parametrize("seconds", [-(10**9), 0, 7_300_000_000, 10_420_000_000], ids=["1938", "1970", "2201", "2300"])
def test_an_odd_time_of_change_is_no_obstacle(daemon: Daemon, folder: Path, pitch: float, seconds: int) -> None:
    file = write_tone(folder / ".hidden", pitch)
    os.utime(file, (seconds, seconds))
    jobs = daemon.settle()["workers"]["jobs"]
    daemon.indexed(file.rename(folder / "a.wav"))
    assert daemon.look()["workers"]["jobs"] == jobs + 1


def test_links_are_followed_inside_the_folder_only(daemon: Daemon, folder: Path, tmp_path: Path, pitch: float) -> None:
    inside = write_tone(folder / "a" / "in.wav", pitch)
    outside = write_tone(tmp_path / "out" / "out.wav", pitch + 1)
    (folder / "a" / "loop").symlink_to(folder)
    (folder / "alias.wav").symlink_to(inside)
    (folder / "leak.wav").symlink_to(outside)
    (folder / "leak").symlink_to(outside.parent)
    (folder / "nowhere.wav").symlink_to(folder / "missing.wav")
    daemon.indexed(folder / "alias.wav")
    daemon.look()
    assert set(daemon.indexed(inside)["paths"]) == {str(inside), str(folder / "alias.wav")}
    assert daemon.sound(folder / "leak.wav") is None
    assert daemon.sound(folder / "leak" / "out.wav") is None


@pytest.mark.skipif(os.name != "posix", reason="needs FIFOs")
def test_what_is_no_regular_file_is_left_alone(daemon: Daemon, folder: Path, pitch: float) -> None:
    os.mkfifo(folder / "fifo.wav")
    beside = write_tone(folder / "a.wav", pitch)
    daemon.indexed(beside)
    assert daemon.look()["files"]["pending"] == 0
    assert daemon.sound(folder / "fifo.wav") is None
