"""Start-up and query latency of the real daemon over HTTP, by library size.

    python benchmarks/http_load.py [CORPUS] [--sizes 1000,10000] [--seconds 5] [--clap] [--wrk PATH]

For each size a library is made (see ``library.py``), the daemon is started on it twice (the first start compacts), and
the second start is timed; then every sound is asked about once, and clients ask ``/v1/similar?id=`` for uniformly
drawn ids over kept connections. With ``--clap`` every sound also has a CLAP vector (see ``library.add_clap``), and
answers are fused. Clients are those of wrk where there is one, which cost next to nothing, else processes of Python,
which cost more than the daemon. ``computing`` is the daemon's processor time an answer: the figure that other load on
the machine spoils least. The last column sets our p50 against a bare ``/healthz``: what HTTP itself costs here.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from library import CLAP_VERSION, Raw, add_clap, fill_database, make_files, seed_sounds
from rich.console import Console
from rich.table import Table

from timbred_daemon.runtime import read_endpoint
from timbred_indexer import aspects, snapshot
from timbred_indexer.db import connect
from timbred_indexer.store import identity

CLIENTS = (1, 8, 64)

_SCRIPT = """
math.randomseed({size})
request = function() return wrk.format("GET", "/v1/similar?id=" .. math.random(1, {size})) end
done = function(summary, latency, _)
  if summary.errors.status > 0 then error("answers with errors: " .. summary.errors.status) end
  local count = summary.requests
  io.write(string.format("\\nresult %f %f %d\\n", latency:percentile(50), latency:percentile(99), count))
end
"""


@dataclass(frozen=True)
class Load:
    """What clients saw: milliseconds, and how much they were given. ``computing``: milliseconds of the daemon, each."""

    p50: float
    p99: float
    rate: float
    computing: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="?", help="folder of sounds to take descriptors from")
    parser.add_argument("--sizes", default="1000,10000", help="numbers of segments (default 1000,10000)")
    parser.add_argument("--seconds", type=float, default=5.0, help="for each figure (default 5)")
    parser.add_argument("--clap", action="store_true", help="fused answers, from made-up CLAP vectors")
    parser.add_argument("--wrk", default=shutil.which("wrk"), help="the load generator, if it is not on the PATH")
    options = parser.parse_args()
    seeds = seed_sounds(options.corpus)
    table = Table(title=f"/v1/similar?id= over HTTP, {'fused' if options.clap else 'librosa only'}, milliseconds")
    for name in ("segments", "index load", "ready", "cold"):
        table.add_column(name, justify="right")
    for number in CLIENTS:
        for name in (f"{number}: p50", "p99", "answers/s", "computing"):
            table.add_column(name, justify="right")
    table.add_column("RSS MB", justify="right")
    table.add_column("p50/healthz", justify="right")
    for size in map(int, options.sizes.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            table.add_row(f"{size:,}", *_measure(folder, size, seeds, options))
    Console(width=200).print(table)


def _measure(folder: str, size: int, seeds: list[Raw], options: argparse.Namespace) -> Iterator[str]:
    sounds, data = os.path.join(folder, "sounds"), os.path.join(folder, "data")
    os.mkdir(sounds)
    os.mkdir(data)
    make_files(sounds, size)
    database = os.path.join(data, "metadata.db")
    fill_database(database, sounds, seeds)
    spaces = [("librosa", aspects.VERSION)]
    if options.clap:
        add_clap(database)
        spaces.append(("clap", CLAP_VERSION))
    with _daemon(data) as (port, _, _):
        _settle(port)  # the calibration is made on the first start
    for space, version in spaces:
        _compact(data, space, version)
    with contextlib.closing(connect(database, readonly=True)) as connection:
        origin = identity.read(connection)
    start = time.perf_counter()
    snapshot.load(data, "librosa", aspects.VERSION, origin)
    yield f"{1000 * (time.perf_counter() - start):.1f}"
    with _daemon(data) as (port, ready, pid):
        yield f"{1000 * ready:.0f}"
        asker = _Asker(port, size)
        yield f"{asker.ask():.1f}"
        _settle(port)
        asker.ask_all()
        for number in CLIENTS:
            found = _load(port, pid, size, options, number)
            yield from (f"{found.p50:.2f}", f"{found.p99:.2f}", f"{found.rate:,.0f}", f"{found.computing:.2f}")
        yield f"{_resident(pid):.0f}"
        alone, bare = (sorted(asker.ask(path) for _ in range(500)) for path in (None, "/healthz"))
        yield f"{alone[250] / bare[250]:.1f}"


def _load(port: int, pid: int, size: int, options: argparse.Namespace, number: int) -> Load:
    before, start = _computed(pid), time.perf_counter()
    by_wrk = options.wrk is not None
    found = _wrk(port, size, options, number) if by_wrk else _clients(port, size, options.seconds, number)
    p50, p99, count = found
    taken = options.seconds if by_wrk else time.perf_counter() - start
    return Load(p50, p99, count / taken, 1000 * (_computed(pid) - before) / count)


def _wrk(port: int, size: int, options: argparse.Namespace, number: int) -> tuple[float, float, int]:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_SCRIPT.format(size=size))
        script.flush()
        command = [options.wrk, "-t1", f"-c{number}", f"-d{options.seconds:.0f}s", "-s", script.name]
        said = subprocess.run([*command, f"http://127.0.0.1:{port}"], check=True, capture_output=True, text=True).stdout
    p50, p99, count = next(line.split()[1:] for line in said.splitlines() if line.startswith("result "))
    return float(p50) / 1000, float(p99) / 1000, int(count)


class _Asker:
    """One keep-alive connection."""

    def __init__(self, port: int, size: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self._random = random.Random(size)
        self._size = size

    def ask(self, path: str | None = None) -> float:
        """One request; its milliseconds."""
        target = path or f"/v1/similar?id={self._random.randint(1, self._size)}"
        start = time.perf_counter()
        self._connection.request("GET", target)
        response = self._connection.getresponse()
        body = response.read()
        taken = 1000 * (time.perf_counter() - start)
        if response.status != 200:
            raise SystemExit(f"{target}: {response.status} {body[:200]!r}")
        return taken

    def ask_all(self) -> None:
        """Asks about every sound once."""
        for start in range(1, self._size + 1, 500):
            ids = list(range(start, min(start + 500, self._size + 1)))
            body = json.dumps({"ids": ids})
            self._connection.request("POST", "/v1/similar:batch", body, {"Content-Type": "application/json"})
            self._connection.getresponse().read()


def _clients(port: int, size: int, seconds: float, number: int) -> tuple[float, float, int]:
    """Median and 99th percentile of several clients at once, and how many answers. Each client is a process."""
    code = (
        "import sys,json,time;sys.path.insert(0,sys.argv[4]);from http_load import _Asker;"
        "a=_Asker(int(sys.argv[1]),int(sys.argv[2]));end=time.time()+float(sys.argv[3]);out=[];"
        "\nwhile time.time()<end: out.append(a.ask())\nprint(json.dumps(out))"
    )
    command = [sys.executable, "-c", code, str(port), str(size), str(seconds), os.path.dirname(__file__)]
    latencies: list[float] = []
    children = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(number)]
    for child in children:
        assert child.stdout is not None
        latencies += json.load(child.stdout)
        child.wait()
        child.stdout.close()
    latencies.sort()
    return latencies[len(latencies) // 2], latencies[int(0.99 * len(latencies))], len(latencies)


@contextmanager
def _daemon(data: str) -> Generator[tuple[int, float, int]]:
    """The daemon on ``data``: its port, the seconds until it answered, its pid."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "timbred_daemon", "run", "--data-dir", data, "--listen", "127.0.0.1:0"]
    child = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        while (endpoint := read_endpoint(data)) is None:
            time.sleep(0.002)
        yield int(endpoint.address.rsplit(":", 1)[1]), time.perf_counter() - start, child.pid
    finally:
        child.terminate()
        child.wait()


def _settle(port: int) -> None:
    """Waits until the start-up scan is over."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    while True:
        connection.request("GET", "/v1/status")
        status = json.loads(connection.getresponse().read())
        if status["state"] == "idle" and not status["scan_owed"]:
            return
        time.sleep(0.1)


def _compact(data: str, space: str, version: str) -> None:
    arguments = [os.path.join(data, "metadata.db"), data, space, version, "0.99"]
    subprocess.run([sys.executable, "-m", "timbred_indexer.compact", *arguments], check=True, stdout=subprocess.DEVNULL)


def _computed(pid: int) -> float:
    """Seconds of processor time so far."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident(pid: int) -> float:
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    main()
