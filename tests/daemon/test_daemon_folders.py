"""Whole folders: added, removed, away and back, and too much of one gone at once."""

import shutil
from collections.abc import Generator
from pathlib import Path

import pytest
from daemon_process import Daemon, daemon_on, wait_for
from tones import write_scale

from timbred_api.client import JsonObject, ProblemError

STEPS = range(30)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    home = tmp_path_factory.mktemp("folders")
    write_scale(home / "drive" / "sounds", STEPS)
    write_scale(home / "other", range(100, 104))
    return home / "drive" / "sounds", home / "other"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, folders: tuple[Path, Path]) -> Generator[Daemon]:
    with daemon_on(tmp_path_factory.mktemp("home"), *folders) as daemon:
        daemon.settle()
        yield daemon


def row_of(daemon: Daemon, folder: Path) -> JsonObject:
    return next(row for row in daemon.status()["folders"] if row["path"] == str(folder))


def wait_until_back(daemon: Daemon, folder: Path) -> JsonObject:
    """Online again, watched again, and looked at since."""
    wait_for(lambda: (row := row_of(daemon, folder))["state"] == "online" and row["watch"] == "native")
    return daemon.settle()


def wait_for_state(daemon: Daemon, folder: Path, state: str) -> JsonObject:
    wait_for(lambda: row_of(daemon, folder)["state"] == state)
    return row_of(daemon, folder)


def test_a_folder_that_is_removed_and_added_again_costs_no_analysis(daemon: Daemon, folders: tuple[Path, Path]) -> None:
    folder, other = folders
    before, jobs = daemon.similar(path=str(folder / "note-7.wav"), k=100), daemon.jobs
    daemon.client.delete("/v1/folders", {"path": str(folder)})
    wait_for(lambda: len(daemon.found_near(other / "note-100.wav")) == 3)
    assert daemon.sound(folder / "note-7.wav") is None
    daemon.client.post("/v1/folders", {"path": str(folder)})
    assert daemon.settle()["workers"]["jobs"] == jobs
    assert daemon.similar(path=str(folder / "note-7.wav"), k=100) == before


def test_what_waits_in_a_folder_that_is_removed_is_done_when_it_is_added_again(
    daemon: Daemon, folders: tuple[Path, Path]
) -> None:
    _, other = folders
    daemon.client.post("/v1/pause", {})  # else they may be done before anything can be removed
    more = write_scale(other / "more", range(200, 220), seconds=3.0)
    wait_for(lambda: row_of(daemon, other)["files"]["pending"] == len(more))
    daemon.client.post("/v1/resume", {})
    wait_for(lambda: daemon.status()["workers"]["busy"] or daemon.status()["files"]["pending"] == 0)
    daemon.client.delete("/v1/folders", {"path": str(other)})
    daemon.client.post("/v1/folders", {"path": str(other)})
    files = daemon.settle()["files"]
    assert (files["indexed"], files["failed"]) == (files["found"], 0)
    shutil.rmtree(more[0].parent)
    wait_for(lambda: row_of(daemon, other)["files"]["found"] == 4)


def test_a_folder_that_goes_away_is_offline_and_comes_back_whole(daemon: Daemon, folders: tuple[Path, Path]) -> None:
    folder, other = folders
    before, jobs = daemon.similar(path=str(folder / "note-7.wav"), k=100), daemon.jobs
    away = folder.rename(folder.with_name("unplugged"))
    row = wait_for_state(daemon, folder, "offline")
    assert (row["files"]["offline"], row["files"]["missing"]) == (len(STEPS), 0)
    daemon.settle()
    assert daemon.found_near(other / "note-100.wav") == {str(other / f"note-{step}.wav") for step in range(101, 104)}
    away.rename(folder)
    assert wait_until_back(daemon, folder)["workers"]["jobs"] == jobs
    assert daemon.similar(path=str(folder / "note-7.wav"), k=100) == before


def test_a_folder_that_is_empty_for_a_while_loses_nothing(daemon: Daemon, folders: tuple[Path, Path]) -> None:
    folder, _ = folders
    before, jobs = daemon.similar(path=str(folder / "note-7.wav"), k=100), daemon.jobs
    away = folder.rename(folder.with_name("unmounted"))
    folder.mkdir()
    wait_for_state(daemon, folder, "suspect")
    folder.rmdir()
    away.rename(folder)
    assert wait_until_back(daemon, folder)["workers"]["jobs"] == jobs
    assert daemon.similar(path=str(folder / "note-7.wav"), k=100) == before


def test_a_folder_at_another_mount_point_is_taken_over_without_analysis(
    daemon: Daemon, folders: tuple[Path, Path]
) -> None:
    folder, _ = folders
    sound, jobs = daemon.indexed(folder / "note-7.wav")["sound_id"], daemon.jobs
    daemon.label(sound, "mine")
    elsewhere = folder.parent / "volume 2"
    shutil.copytree(folder, elsewhere)
    away = folder.rename(folder.with_name("unplugged"))
    wait_for_state(daemon, folder, "offline")
    refused = daemon.cli("folders", "relocate", str(folder), str(daemon.data))
    assert (refused.returncode, "0% are at the new place" in refused.stderr) == (1, True)
    assert daemon.cli("folders", "relocate", str(folder), str(elsewhere)).returncode == 0
    assert wait_until_back(daemon, elsewhere)["workers"]["jobs"] == jobs
    moved = daemon.sound(elsewhere / "note-7.wav")
    assert moved is not None
    assert (moved["sound_id"], moved["label"], len(moved["paths"])) == (sound, "mine", 1)
    away.rename(folder)
    assert daemon.cli("folders", "relocate", str(elsewhere), str(folder)).returncode == 0
    assert wait_until_back(daemon, folder)["workers"]["jobs"] == jobs
    shutil.rmtree(elsewhere)


def test_a_folder_can_only_be_relocated_to_where_nothing_else_is_watched(
    daemon: Daemon, folders: tuple[Path, Path]
) -> None:
    folder, other = folders
    for old, new, code in (
        (folder, other / "inside", "no_such_folder"),
        (folder, other.parent, "nested_folder"),
        (other.parent, folder, "unknown_folder"),
    ):
        with pytest.raises(ProblemError) as problem:
            daemon.client.post("/v1/folders/relocate", {"path": str(old), "new_path": str(new), "force": True})
        assert problem.value.code == code


def hide(daemon: Daemon, folder: Path, count: int) -> Path:
    """Takes files out of the folder, all at once as far as anyone sees."""
    (folder / "lost").mkdir()
    files = sorted(folder.glob("*.wav"))[:count]
    for file in files:
        file.rename(folder / "lost" / file.name)
    daemon.indexed(folder / "lost" / files[-1].name)
    daemon.look()
    return (folder / "lost").rename(folder.parent / "lost")


def test_too_much_gone_at_once_is_suspect_until_it_comes_back(daemon: Daemon, folders: tuple[Path, Path]) -> None:
    folder, _ = folders
    jobs = daemon.jobs
    lost = hide(daemon, folder, 24)
    wait_for_state(daemon, folder, "suspect")
    # On a busy machine some are seen to vanish before the others.
    row = wait_for(lambda: (row := row_of(daemon, folder)) and row["files"]["missing"] == 24 and row)
    assert row["files"]["indexed"] == 6
    assert "24 of 30 files vanished" in row["reason"]
    lost.rename(folder / "back")
    wait_for_state(daemon, folder, "online")
    assert daemon.settle()["workers"]["jobs"] == jobs
    assert row_of(daemon, folder)["files"]["missing"] == 0


def test_a_loss_can_be_confirmed(daemon: Daemon, folders: tuple[Path, Path]) -> None:
    folder, _ = folders
    daemon.look()
    shutil.rmtree(folder / "back")
    wait_for_state(daemon, folder, "suspect")
    said = daemon.cli("status")
    assert "folders confirm" in said.stderr
    assert daemon.cli("folders", "confirm", str(folder)).returncode == 0
    assert row_of(daemon, folder)["state"] == "online"
    daemon.look()
    assert row_of(daemon, folder)["state"] == "online"
    with pytest.raises(ProblemError, match="Nothing waits for confirmation"):
        daemon.client.post("/v1/folders/confirm", {"path": str(folder)})


@pytest.mark.parametrize("where", ["inside", "around", "inside, by a link"])
def test_a_folder_inside_or_around_another_is_refused(
    daemon: Daemon, folders: tuple[Path, Path], tmp_path: Path, where: str
) -> None:
    folder, _ = folders
    (folder / "kits").mkdir(exist_ok=True)
    link = tmp_path / "link"
    link.symlink_to(folder / "kits")
    path = {"inside": folder / "kits", "around": folder.parent, "inside, by a link": link}[where]
    with pytest.raises(ProblemError) as problem:
        daemon.client.post("/v1/folders", {"path": str(path)})
    assert (problem.value.status, problem.value.code) == (409, "nested_folder")
