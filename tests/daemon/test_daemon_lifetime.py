"""Start, stop and reload: one daemon a data folder, one program a port, signals."""

import os
import signal
import socket
from collections.abc import Generator
from pathlib import Path

import pytest
from daemon_process import QUICK, Daemon, daemon_on, not_running, wait_for
from tones import write_scale

from patience import PATIENCE


@pytest.fixture
def daemon(tmp_path: Path) -> Generator[Daemon]:
    with daemon_on(tmp_path / "home") as daemon:
        yield daemon


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Generator[Daemon]:
    """For tests that leave it running."""
    with daemon_on(tmp_path_factory.mktemp("home")) as daemon:
        yield daemon


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_stops_it_with_exit_code_0(daemon: Daemon, number: signal.Signals) -> None:
    client = daemon.client
    assert daemon.stop(number) == 0
    assert not_running(client)
    assert not (daemon.data / "endpoint.json").exists()


def test_a_second_daemon_on_the_same_data_folder_is_refused(running: Daemon) -> None:
    assert running.spawn().wait(PATIENCE) == 1
    assert f"timbred is already running with pid {running.pid} on {running.data}" in running.log.read_text()
    assert running.status()["state"] == "idle"
    running.log.write_text("")  # that error was wanted


def test_a_port_in_use_is_refused_with_a_sentence(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert daemon.spawn(listen=f"127.0.0.1:{port}").wait(PATIENCE) == 1
    said = daemon.log.read_text()
    assert f"cannot listen on 127.0.0.1:{port}" in said
    assert "--listen" in said
    assert "Traceback" not in said


def test_a_folder_that_is_not_there_is_refused_with_a_sentence(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path)
    assert daemon.spawn(tmp_path / "nothing").wait(PATIENCE) == 2
    assert "There is no folder" in daemon.log.read_text()


def test_it_is_private_to_its_user(running: Daemon) -> None:
    assert running.data.stat().st_mode & 0o777 == 0o700
    for name in ("metadata.db", "endpoint.json", "lock"):
        assert (running.data / name).stat().st_mode & 0o077 == 0


def test_a_folder_named_inside_another_is_left_to_that_one(tmp_path: Path) -> None:
    inner = tmp_path / "sounds" / "kits"
    inner.mkdir(parents=True)
    link = tmp_path / "link"
    link.symlink_to(inner)
    with daemon_on(tmp_path / "home", inner, link, inner.parent) as daemon:
        daemon.settle()
        assert watched(daemon) == {str(inner.parent)}
        assert "lies inside" in daemon.log.read_text()


def test_settings_that_name_a_folder_around_an_added_one_take_its_place(running: Daemon, tmp_path: Path) -> None:
    inner = tmp_path / "sounds" / "kits"
    inner.mkdir(parents=True)
    running.client.post("/v1/folders", {"path": str(inner)})
    running.settings.write_text(f"folders = ['{inner.parent}']\n{QUICK}")
    os.kill(running.pid, signal.SIGHUP)
    wait_for(lambda: watched(running) == {str(inner.parent)})
    assert running.settle()["files"]["found"] == 0


def test_it_is_never_idle_before_its_folders_are_known(tmp_path: Path) -> None:
    write_scale(tmp_path / "sounds", range(3))
    daemon = Daemon(tmp_path / "home")
    daemon.start(tmp_path / "sounds")  # returns at the first moment at which anyone can ask
    try:
        assert daemon.settle()["files"]["indexed"] == 3
    finally:
        assert daemon.stop() == 0


def watched(daemon: Daemon) -> set[str]:
    return {folder["path"] for folder in daemon.status()["folders"]}


def test_sighup_reads_the_folders_again(running: Daemon, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    for folders in ([one], [one, two], [two], []):
        paths = [str(folder) for folder in folders]
        running.settings.write_text(f"folders = {paths}\n{QUICK}")
        os.kill(running.pid, signal.SIGHUP)
        wait_for(lambda paths=paths: watched(running) == set(paths))


def test_sighup_with_broken_settings_changes_nothing(running: Daemon, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    running.settings.write_text(f"folders = ['{tmp_path / 'one'}']\n{QUICK}")
    os.kill(running.pid, signal.SIGHUP)
    wait_for(lambda: watched(running) == {str(tmp_path / "one")})
    running.settings.write_text("folders = [")
    os.kill(running.pid, signal.SIGHUP)
    wait_for(lambda: "the old ones stay in force" in running.log.read_text())
    assert watched(running) == {str(tmp_path / "one")}
    running.log.write_text("")  # that error was wanted
