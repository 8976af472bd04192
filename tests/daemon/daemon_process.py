"""The real daemon as a process of its own, with its own data folder, seen over HTTP."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote_from_bytes

from patience import PATIENCE
from timbred_api.client import Client, DaemonNotRunning, JsonObject, Method, Parameters, ProblemError
from timbred_daemon.commands.waiting import is_done

T = TypeVar("T")

QUICK = "workers = 1\nquiet = 0.05\npoll_interval = 0.2\n"


def wait_for(what: Callable[[], T | None], timeout: float = PATIENCE) -> T:
    """Asks until the answer is truthy, and gives it."""
    deadline = time.monotonic() + timeout
    while not (answer := what()):
        assert time.monotonic() < deadline, f"waited {timeout:g} s in vain"
        time.sleep(0.03)
    return answer


def uri_of(path: Path | bytes) -> str:
    return "file://" + quote_from_bytes(os.fsencode(path))


class _OneByOne(Client):
    """A new connection for every request: none is left from one test to the next."""

    def request(
        self, method: Method, path: str, parameters: Parameters | None = None, body: object = None
    ) -> JsonObject:
        try:
            return super().request(method, path, parameters, body)
        finally:
            self.close()


class Daemon:
    """One data folder and, between ``start`` and ``stop``, the daemon that has it."""

    def __init__(self, home: Path, settings: str = QUICK) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.data = home / "data"
        self.settings = home / "config.toml"
        self.settings.write_text(settings)
        self.log = home / "log"
        self.process: subprocess.Popen[bytes] | None = None
        self._client: Client | None = None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def client(self) -> Client:
        assert self._client is not None
        return self._client

    def spawn(self, *folders: Path, listen: str = "127.0.0.1:0") -> subprocess.Popen[bytes]:
        """A process on this data folder, whatever becomes of it."""
        command = self.command("run", *map(str, folders))
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*command, "--data-dir", str(self.data), "--listen", listen],
                stdin=subprocess.DEVNULL,
                stderr=log,
                env=self.environment,
            )

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of whoever runs the tests; port 0, for at the usual one their own daemon may answer."""
        theirs = {name: value for name, value in os.environ.items() if not name.startswith("TIMBRED_")}
        return theirs | {"TIMBRED_CONFIG": str(self.settings), "TIMBRED_LISTEN": "127.0.0.1:0"}

    def command(self, *arguments: str) -> list[str]:
        """What runs timbred."""
        return [sys.executable, "-P", "-m", "timbred_daemon", *arguments]

    def start(self, *folders: Path) -> Daemon:
        """Starts the daemon and returns when it answers."""
        assert self.process is None
        self.process = self.spawn(*folders)
        self._client = _OneByOne(wait_for(self._address), timeout=PATIENCE)
        return self

    def find_again(self) -> None:
        """For a daemon that answers at another address now."""
        self._client = _OneByOne(wait_for(self._address), timeout=PATIENCE)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Signals the daemon; gives its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        self.process = None
        return code

    def restart(self) -> None:
        assert self.stop() == 0
        self.start()

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = self.command(*arguments, "--data-dir", str(self.data))
        return subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE, check=False, env=self.environment
        )

    def status(self) -> JsonObject:
        """The status; its sum must hold every time."""
        status = self.client.get("/v1/status")
        files = status["files"]
        assert files["found"] == files["indexed"] + files["failed"] + files["pending"]
        return status

    def settle(self, timeout: float = PATIENCE) -> JsonObject:
        """Waits until nothing is pending and no scan is owed; gives that status."""

        def settled() -> JsonObject | None:
            status = self.status()
            return status if is_done(status) else None

        return wait_for(settled, timeout)

    def look(self, timeout: float = PATIENCE) -> JsonObject:
        """Has every folder looked at, whatever the watcher told, and waits until that is done."""
        self.client.post("/v1/rescan")
        return self.settle(timeout)

    @property
    def jobs(self) -> int:
        """Files that were handed to a worker in this life."""
        return self.status()["workers"]["jobs"]

    def similar(self, **parameters: Any) -> list[JsonObject]:
        return self.client.get("/v1/similar", parameters)["results"]

    def found_near(self, path: Path) -> set[str]:
        """The paths of everything that a search by ``path`` brings."""
        return {place for row in self.similar(uri=uri_of(path), k=1000) for place in row["paths"]}

    def sound(self, path: Path | bytes) -> JsonObject | None:
        """The sound that an indexed path holds; None when it is not indexed."""
        try:
            return self.client.get("/v1/sounds", {"uri": uri_of(path)})["results"][0]
        except ProblemError as problem:
            if problem.code != "unknown_path":
                raise
            return None

    def indexed(self, path: Path | bytes) -> JsonObject:
        """Waits until the path holds a sound."""
        return wait_for(lambda: self.sound(path))

    def indexed_only_at(self, path: Path) -> JsonObject:
        """Waits until the path holds a sound that lies nowhere else."""
        return wait_for(lambda: (sound := self.sound(path)) and sound["paths"] == [str(path)] and sound)

    def gone(self, path: Path) -> None:
        """Waits until the path holds no sound."""
        wait_for(lambda: self.sound(path) is None)

    def label(self, sound_id: int, text: str | None) -> None:
        self.client.patch(f"/v1/sounds/{sound_id}", {"label": text})

    def children(self) -> list[int]:
        """The daemon's child processes."""
        return [pid for pid, parent in processes() if parent == self.pid]

    def _address(self) -> str | None:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        try:
            endpoint = json.loads((self.data / "endpoint.json").read_text())
        except (FileNotFoundError, ValueError):
            return None
        return endpoint["address"] if endpoint["pid"] == self.pid else None


def processes() -> list[tuple[int, int]]:
    """(pid, parent's pid) of everything that runs; what is dead but not reaped is left out."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=True)
    rows = [line.split() for line in listed.stdout.splitlines()]
    return [(int(pid), int(parent)) for pid, parent, state in rows if not state.startswith("Z")]


@contextmanager
def daemon_on(home: Path, *folders: Path, settings: str = QUICK, kind: type[Daemon] = Daemon) -> Generator[Daemon]:
    """A daemon that runs, or ran: the body may stop it. It has to end well and to have logged no error."""
    daemon = kind(home, settings)
    try:
        yield daemon.start(*folders)
        if daemon.process is not None:
            assert daemon.stop() == 0
        errors = [line for line in daemon.log.read_text().splitlines() if " ERROR " in line]
        assert errors == []
    finally:
        if daemon.process is not None:
            daemon.process.kill()
            daemon.process.wait()


def not_running(client: Client) -> bool:
    try:
        client.get("/healthz")
    except DaemonNotRunning:
        return True
    return False
