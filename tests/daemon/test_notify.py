"""What a service manager is told, read from a real socket."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon_process import Daemon

from patience import PATIENCE
from timbred_daemon.notify import ServiceManager
from timbred_indexer.model import Seconds


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(PATIENCE)
        yield listener


def told(heard: socket.socket) -> str:
    return heard.recv(4096).decode()


def test_readiness_progress_and_the_end_are_told(heard: socket.socket) -> None:
    manager = ServiceManager(heard.getsockname())
    manager.ready()
    manager.status("Indexed 1 of 2 files.")
    manager.stopping()
    assert [told(heard) for _ in range(3)] == [
        "READY=1",
        "STATUS=Indexed 1 of 2 files.",
        "STOPPING=1\nSTATUS=Stopping.",
    ]


def test_a_status_is_one_line_and_told_once(heard: socket.socket) -> None:
    manager = ServiceManager(heard.getsockname())
    manager.status("a\nREADY=1")
    manager.status("a READY=1")
    manager.ready()
    assert [told(heard), told(heard)] == ["STATUS=a READY=1", "READY=1"]


def test_a_reload_says_when_it_began(heard: socket.socket) -> None:
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    ServiceManager(heard.getsockname()).reloading()
    first, second = told(heard).split("\n")
    assert first == "RELOADING=1"
    assert int(second.removeprefix("MONOTONIC_USEC=")) >= before


def test_an_abstract_socket_is_reached() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0timbred-test-{os.getpid()}")
        listener.settimeout(PATIENCE)
        ServiceManager(f"@timbred-test-{os.getpid()}").ready()
        assert told(listener) == "READY=1"


async def test_a_turning_loop_shows_that_it_lives(heard: socket.socket) -> None:
    async with ServiceManager(heard.getsockname(), watchdog=Seconds(0.02)).watched():
        said = [await asyncio.to_thread(told, heard) for _ in range(3)]
    assert said == ["WATCHDOG_USEC=20000", "WATCHDOG=1", "WATCHDOG=1"]


async def test_after_the_loop_there_is_time_for_a_repair(heard: socket.socket) -> None:
    async with ServiceManager(heard.getsockname(), watchdog=Seconds(60)).watched():
        pass
    assert [await asyncio.to_thread(told, heard) for _ in range(2)] == [
        "WATCHDOG_USEC=60000000",
        "WATCHDOG_USEC=900000000",
    ]


async def test_without_a_watchdog_nothing_is_shown(heard: socket.socket) -> None:
    async with ServiceManager(heard.getsockname()).watched():
        ServiceManager(heard.getsockname()).ready()
    assert await asyncio.to_thread(told, heard) == "READY=1"


@pytest.mark.parametrize("address", ["", "/nothing/listens/here"])
def test_without_a_manager_nothing_happens(address: str) -> None:
    ServiceManager(address).ready()


@pytest.mark.parametrize(
    ("environ", "watchdog"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "60000000"}, 60),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 60),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_the_one_that_the_environment_sets_for_this_process(
    environ: dict[str, str], watchdog: float | None
) -> None:
    assert ServiceManager.of(environ).watchdog == watchdog


def test_a_daemon_tells_its_manager_of_its_whole_life(
    heard: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", heard.getsockname())
    monkeypatch.setenv("WATCHDOG_USEC", "4000000")
    said: list[str] = []

    def hears(message: str) -> bool:
        """Listens until it is said; what is said meanwhile is kept, for nobody promises an order."""
        while not (found := [line for line in said if line.startswith(message)]):
            assert len(said) < 100, said
            said.append(told(heard))
        said.remove(found[0])
        return True

    daemon = Daemon(tmp_path / "home").start()
    try:
        assert hears("READY=1")
        assert hears("WATCHDOG=1")
        assert hears("STATUS=Indexed 0 of 0 files.")
        os.kill(daemon.pid, signal.SIGHUP)
        assert hears("RELOADING=1")
        assert hears("READY=1")
    finally:
        assert daemon.stop() == 0
    assert hears("STOPPING=1")
