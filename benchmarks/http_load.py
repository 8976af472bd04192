"""Start-up and query latency of the real daemon over HTTP, by library size.

    python benchmarks/http_load.py [CORPUS] [--sizes 1000,10000] [--seconds 5] [--clap] [--wrk PATH] [--keep FOLDER]
        [--clients 1,8,64] [--warm 100000] [--while-compacting]

For each size a library is made (see ``library.py``; with ``--keep`` it stays, and is used again), the daemon is started
on it twice (after the first, the index is built), and the second start is timed; then every sound is asked about once
(of a larger library, as many as ``--warm`` says), and clients ask ``/v1/similar?id=`` for uniformly drawn ids over kept
connections. ``--while-compacting`` instead sets one client's answers beside a compaction against those without, in
turns of one run. With ``--clap`` every sound also has a CLAP vector (see ``library.add_clap``), and
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

from http_compacting import beside_compaction
from library import add_clap, compact, make_library, spaces
from rich.console import Console
from rich.table import Table

from timbred_daemon.runtime import read_endpoint
from timbred_indexer import aspects, snapshot
from timbred_indexer.db import connect
from timbred_indexer.errors import StorageError
from timbred_indexer.migrate import migrate, shipped
from timbred_indexer.model import SpaceName
from timbred_indexer.store import identity

CLIENTS = "1,8,64"
STRETCH = 3.0  # seconds of each turn, beside a compaction
MOST_COMPACTING = 120.0  # seconds of it that are measured

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
    parser.add_argument("--keep", metavar="FOLDER", help="where libraries are left, and found again")
    parser.add_argument("--clients", default=CLIENTS, help=f"how many at once (default {CLIENTS})")
    parser.add_argument("--warm", type=int, default=100_000, help="sounds asked about first (default 100000)")
    parser.add_argument("--while-compacting", action="store_true", help="answers beside a compaction, and without")
    options = parser.parse_args()
    numbers = list(map(int, options.clients.split(",")))
    table = _compacting_table() if options.while_compacting else _table(numbers, options.clap)
    for size in map(int, options.sizes.split(",")):
        with _library(size, options) as data:
            if options.while_compacting:
                _measure_compacting(table, data, size, options)
            else:
                table.add_row(f"{size:,}", *_measure(data, size, numbers, options))
    Console(width=200).print(table)


def _table(numbers: list[int], clap: bool) -> Table:
    table = Table(title=f"/v1/similar?id= over HTTP, {'fused' if clap else 'librosa only'}, milliseconds")
    for name in ("segments", "index load", "ready", "cold"):
        table.add_column(name, justify="right")
    for number in numbers:
        for name in (f"{number}: p50", "p99", "answers/s", "computing"):
            table.add_column(name, justify="right")
    for name in ("RSS MB", "of it files", "p50/healthz", "status"):
        table.add_column(name, justify="right")
    return table


def _compacting_table() -> Table:
    table = Table(title="/v1/similar?id= over HTTP, one client, beside a compaction, milliseconds")
    for name in ("segments", "", "p50", "p99", "worst", "answers", "built in s"):
        table.add_column(name, justify="right")
    return table


@contextmanager
def _library(size: int, options: argparse.Namespace) -> Generator[str]:
    """The data folder of a library of that size, with its indexes built: made, or found."""
    with contextlib.ExitStack() as stack:
        if options.keep:
            top = os.path.join(options.keep, f"lib{size}")
        else:
            top = stack.enter_context(tempfile.TemporaryDirectory())
        data = os.path.join(top, "data")
        if not os.path.exists(os.path.join(data, "metadata.db")):
            make_library(top, size, options.corpus)
        if options.clap:
            data = _with_clap(data)
        _build(data, spaces(options.clap))
        yield data


def _with_clap(data: str) -> str:
    """Another data folder of the same sounds, with CLAP vectors besides."""
    other = f"{data}-clap"
    if not os.path.exists(other):
        os.mkdir(other)
        shutil.copyfile(os.path.join(data, "metadata.db"), os.path.join(other, "metadata.db"))
        add_clap(os.path.join(other, "metadata.db"))
    return other


def _build(data: str, wanted: list[tuple[SpaceName, str]]) -> None:
    """The snapshots, where they are not there yet; and what the daemon makes on its first start."""
    origin = _origin(data)
    missing = list[tuple[SpaceName, str]]()
    for space, version in wanted:
        try:
            snapshot.load(data, space, version, origin)
        except StorageError:
            missing.append((space, version))
    for space, version in missing:
        compact(data, space, version)
    if missing:
        with _daemon(data) as (port, _, _):
            _settle(port)


def _origin(data: str) -> int:
    with contextlib.closing(connect(os.path.join(data, "metadata.db"))) as connection:
        migrate(connection, shipped())
        return identity.read(connection)


def _measure_compacting(table: Table, data: str, size: int, options: argparse.Namespace) -> None:
    space, version = spaces(options.clap)[-1]
    with _daemon(data) as (port, _, _):
        asker = _Asker(port, size)
        _settle(port)
        asker.ask_all(options.warm)
        found = beside_compaction(asker.ask, data, space, version, stretch=STRETCH, most=MOST_COMPACTING)
    for row in found.rows():
        built = "" if row[0] == "quiet" else "not to its end" if found.built is None else f"{found.built:.0f}"
        table.add_row(f"{size:,}", *row, built)


def _measure(data: str, size: int, numbers: list[int], options: argparse.Namespace) -> Iterator[str]:
    start = time.perf_counter()
    snapshot.load(data, "librosa", aspects.VERSION, _origin(data))
    yield f"{1000 * (time.perf_counter() - start):.1f}"
    with _daemon(data) as (port, ready, pid):
        yield f"{1000 * ready:.0f}"
        asker = _Asker(port, size)
        yield f"{asker.ask():.1f}"
        _settle(port)
        asker.ask_all(options.warm)
        for number in numbers:
            found = _load(port, pid, size, options, number)
            yield from (f"{found.p50:.2f}", f"{found.p99:.2f}", f"{found.rate:,.0f}", f"{found.computing:.2f}")
        yield from (f"{part:.0f}" for part in _resident(pid))
        alone, bare, status = (
            sorted(asker.ask(path) for _ in range(200))[100] for path in (None, "/healthz", "/v1/status")
        )
        yield from (f"{alone / bare:.1f}", f"{status:.1f}")


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

    def ask_all(self, most: int) -> None:
        """Asks about every sound once; of more than ``most``, about so many that are drawn."""
        self._connection.close()  # the daemon may have ended it meanwhile; the next request opens another
        wanted = range(1, self._size + 1)
        ids = list(wanted) if self._size <= most else self._random.sample(wanted, most)
        for start in range(0, len(ids), 500):
            body = json.dumps({"ids": ids[start : start + 500]})
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
    environment = {**os.environ, "TIMBRED_BACKUPS": "0"}  # the first start of a day copies the database
    child = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment)
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


def _computed(pid: int) -> float:
    """Seconds of processor time so far."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident(pid: int) -> tuple[float, float]:
    """Megabytes in memory, and those of it that are pages of files (the mapped index, mostly)."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        whole, of_files = (int(pages) * os.sysconf("SC_PAGE_SIZE") / 2**20 for pages in file.read().split()[1:3])
    return whole, of_files


if __name__ == "__main__":
    main()
