"""Whole folders: added, removed, away and back, and too much of one gone at once."""

import shutil
from collections.abc import Generator
from pathlib import Path

import pytest
from daemon_process import Daemon, daemon_on, wait_for
from timbred_api.client import JsonObject, ProblemError
from tones import write_scale

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


def test_a_folder_that_goes_away_is_offline_and_comes_back_whole(daemon: Daemon, folders: tuple[Path, Path]) -> None:
    folder, other = folders
    before, jobs = daemon.similar(path=str(folder / "note-7.wav"), k=100), daemon.jobs
    away = folder.rename(folder.with_name("unplugged"))
    row = wait_for_state(daemon, folder, "offline")
    assert (row["files"]["offline"], row["files"]["missing"]) == (len(STEPS), 0)
    assert daemon.found_near(other / "note-100.wav") == {str(other / f"note-{step}.wav") for step in range(101, 104)}
    away.rename(folder)
    wait_for_state(daemon, folder, "online")
    assert daemon.settle()["workers"]["jobs"] == jobs
    assert daemon.similar(path=str(folder / "note-7.wav"), k=100) == before


def test_a_drive_that_is_empty_for_a_while_is_offline(daemon: Daemon, folders: tuple[Path, Path]) -> None:
    folder, _ = folders
    before, jobs = daemon.similar(path=str(folder / "note-7.wav"), k=100), daemon.jobs
    away = folder.rename(folder.with_name("unmounted"))
    folder.mkdir()
    assert wait_for_state(daemon, folder, "offline")["files"]["missing"] == 0
    folder.rmdir()
    away.rename(folder)
    wait_for_state(daemon, folder, "online")
    assert daemon.settle()["workers"]["jobs"] == jobs
    assert daemon.similar(path=str(folder / "note-7.wav"), k=100) == before


def hide(folder: Path, count: int) -> Path:
    """Takes files out of the folder, all at once as far as anyone sees."""
    away = folder.parent / f"{folder.name}-away"
    shutil.copytree(folder, away, copy_function=shutil.copy2)
    (folder / "lost").mkdir()
    for file in sorted(folder.glob("*.wav"))[:count]:
        file.rename(folder / "lost" / file.name)
    (folder / "lost").rename(away / "lost")
    return away / "lost"


def test_too_much_gone_at_once_is_suspect_until_it_comes_back(daemon: Daemon, folders: tuple[Path, Path]) -> None:
    folder, _ = folders
    jobs = daemon.jobs
    daemon.look()
    lost = hide(folder, 24)
    row = wait_for_state(daemon, folder, "suspect")
    assert (row["files"]["missing"], row["files"]["indexed"]) == (24, 6)
    assert "24 of 30 files vanished" in row["reason"]
    lost.rename(folder / "back")
    wait_for_state(daemon, folder, "online")
    status = daemon.settle()
    assert (status["workers"]["jobs"], status["files"]["missing"]) == (jobs, 0)


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
