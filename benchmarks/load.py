"""Many clients at once, for a while: answers a second, latency, errors, and how long the event loop was held up.

    python benchmarks/load.py [CORPUS] [--size 10000] [--clients 64] [--seconds 60] [--clap] [--busy] [--wrk PATH]

A library of ``--size`` segments is made (see ``library.py``), indexed, and every sound of it asked about once. Then
``--clients`` connections of wrk ask ``/v1/similar?id=`` for uniformly drawn ids, without a pause, for ``--seconds``.
The daemon is the real one with its loop watched (see ``watched_daemon.py``). With ``--clap`` answers are fused. With
``--busy`` the daemon has other work meanwhile: a label is set, and every folder looked at again, each second.

Held: no error, and no step of the loop longer than 50 ms. A round, all that was ready at one moment, grows with
the clients: 64 of them ask at once, and are answered one after the other.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from library import add_clap, compact, make_library, spaces
from rich.console import Console
from rich.table import Table

from timbred_daemon.runtime import read_endpoint

MOST_HELD_UP: Final = 0.05
"""Seconds that a step may take."""

_SCRIPT = """
math.randomseed({size})
request = function() return wrk.format("GET", "/v1/similar?id=" .. math.random(1, {size})) end
done = function(summary, latency, _)
  local failed = summary.errors
  local sum = failed.connect + failed.read + failed.write + failed.status + failed.timeout
  local at = function(share) return latency:percentile(share) / 1000 end
  io.write(string.format("\\nresult %d %d %f %f %f\\n", summary.requests, sum, at(50), at(99), latency.max / 1000))
end
"""


@dataclass(frozen=True)
class Load:
    """What the clients saw; latencies in milliseconds."""

    answers: int
    errors: int
    p50: float
    p99: float
    longest: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="?", help="folder of sounds to take descriptors from")
    parser.add_argument("--size", type=int, default=10_000, help="segments (default 10000)")
    parser.add_argument("--clients", type=int, default=64, help="connections (default 64)")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long (default 60)")
    parser.add_argument("--clap", action="store_true", help="fused answers, from made-up CLAP vectors")
    parser.add_argument("--busy", action="store_true", help="labels and rescans meanwhile")
    parser.add_argument("--wrk", default=shutil.which("wrk"), help="the load generator, if it is not on the PATH")
    options = parser.parse_args()
    if options.wrk is None:
        raise SystemExit("wrk is needed: clients in Python would cost more than what they measure.")
    with tempfile.TemporaryDirectory() as folder:
        data = _library(folder, options)
        with _watched(data, os.path.join(folder, "report")) as daemon:
            daemon.warm(options.size)
            before = daemon.computed()
            daemon.begin()
            with daemon.busy() if options.busy else contextlib.nullcontext():
                load = _asked_by_wrk(daemon.port, options)
            seen, computed = daemon.report(), daemon.computed() - before
    _show(options, load, seen, 1000 * computed / load.answers)
    raise SystemExit(1 if load.errors or seen["longest_step"] > MOST_HELD_UP else 0)


def _library(folder: str, options: argparse.Namespace) -> str:
    """The data folder of a library that is indexed; what is not built yet, such as the calibration, is made later."""
    data = make_library(folder, options.size, options.corpus)
    if options.clap:
        add_clap(os.path.join(data, "metadata.db"))
        with _watched(data, os.path.join(folder, "first")):
            pass  # the calibration of the fused scores is made on the first start
    for space, version in spaces(options.clap):
        compact(data, space, version)
    return data


class _Watched:
    """A daemon that runs and is watched."""

    def __init__(self, port: int, pid: int, report: str) -> None:
        self.port = port
        self._pid = pid
        self._report = report

    def ask(self, method: str, path: str, body: object = None) -> Any:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port)) as connection:
            sent = None if body is None else json.dumps(body)
            connection.request(method, path, sent, {"Content-Type": "application/json"} if sent else {})
            return json.loads(connection.getresponse().read())

    def settle(self) -> None:
        """Waits until the scan of the start is over."""
        while (status := self.ask("GET", "/v1/status"))["state"] != "idle" or status["scan_owed"]:
            time.sleep(0.1)

    def warm(self, size: int) -> None:
        """Asks about every sound once."""
        for start in range(1, size + 1, 500):
            self.ask("POST", "/v1/similar:batch", {"ids": list(range(start, min(start + 500, size + 1)))})

    def begin(self) -> None:
        """What is seen counts from now on."""
        os.kill(self._pid, signal.SIGUSR1)

    def report(self) -> dict[str, Any]:
        """What was seen since."""
        os.kill(self._pid, signal.SIGUSR2)
        while not os.path.exists(self._report):
            time.sleep(0.01)
        return json.loads(Path(self._report).read_text("utf-8"))

    def computed(self) -> float:
        """Seconds of processor time so far."""
        fields = Path(f"/proc/{self._pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @contextmanager
    def busy(self) -> Generator[None]:
        """Changes something every second, and has everything looked at again."""
        ended = threading.Event()

        def work() -> None:
            number = 0
            while not ended.wait(1.0):
                number += 1
                self.ask("PATCH", f"/v1/sounds/{number}", {"label": f"label {number}"})
                self.ask("POST", "/v1/rescan")

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


@contextmanager
def _watched(data: str, report: str) -> Generator[_Watched]:
    program = os.path.join(os.path.dirname(__file__), "watched_daemon.py")
    command = [sys.executable, program, report, "run", "--data-dir", data, "--listen", "127.0.0.1:0"]
    child = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        while (endpoint := read_endpoint(data)) is None:
            if child.poll() is not None:
                raise SystemExit("The daemon did not start.")
            time.sleep(0.01)
        daemon = _Watched(int(endpoint.address.rsplit(":", 1)[1]), child.pid, report)
        daemon.settle()
        yield daemon
    finally:
        child.terminate()
        child.wait()


def _asked_by_wrk(port: int, options: argparse.Namespace) -> Load:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_SCRIPT.format(size=options.size))
        script.flush()
        command = [options.wrk, "-t1", f"-c{options.clients}", f"-d{options.seconds:.0f}s", "-s", script.name]
        said = subprocess.run([*command, f"http://127.0.0.1:{port}"], check=True, capture_output=True, text=True).stdout
    found = next(line.split()[1:] for line in said.splitlines() if line.startswith("result "))
    return Load(int(found[0]), int(found[1]), *map(float, found[2:]))


def _show(options: argparse.Namespace, load: Load, seen: dict[str, Any], computing: float) -> None:
    kind = "fused" if options.clap else "librosa only"
    title = f"/v1/similar?id=, {options.size:,} segments, {kind}, {options.clients} clients, {options.seconds:g} s"
    table = Table(title=title + (", other work meanwhile" if options.busy else ""))
    columns = {
        "answers/s": f"{load.answers / options.seconds:,.0f}",
        "errors": f"{load.errors}",
        "p50 ms": f"{load.p50:.1f}",
        "p99 ms": f"{load.p99:.1f}",
        "longest ms": f"{load.longest:.0f}",
        "computing ms": f"{computing:.2f}",
        "longest step ms": f"{1000 * seen['longest_step']:.1f}",
        "most computing in one": f"{1000 * seen['longest_computing']:.1f}",
        "longest round ms": f"{1000 * seen['longest_round']:.1f}",
        "most computing in a GC": f"{1000 * seen['longest_collection']:.1f}",
        "GCs": "/".join(map(str, seen["collections"])),
    }
    for name in columns:
        table.add_column(name, justify="right")
    table.add_row(*columns.values())
    console = Console(width=200)
    console.print(table)
    for seconds, computed, what in cast("list[tuple[float, float, str]]", seen["long_steps"]):
        said = f"{1000 * seconds:.1f} ms, {1000 * computed:.1f} of them computing: {what[:150]}"
        console.print(said, highlight=False, markup=False)


if __name__ == "__main__":
    main()
