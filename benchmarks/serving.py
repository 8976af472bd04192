"""Start-up and query latency of the real daemon over HTTP, by library size.

    python benchmarks/serving.py [CORPUS] [--sizes 1000,10000] [--queries 1000]

For each size a library is made (see ``library.py``), the daemon is started on it twice (the first start compacts), and
the second start is timed; then one keep-alive client asks ``/v1/similar?id=`` for uniformly drawn ids, then eight do.
The last column sets our p50 against a bare ``/healthz`` over the same connection: what HTTP itself costs here.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager

from library import Raw, fill_database, make_files, seed_sounds
from rich.console import Console
from rich.table import Table

from timbred_daemon.runtime import read_endpoint
from timbred_indexer import aspects, snapshot


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="?", help="folder of sounds to take descriptors from")
    parser.add_argument("--sizes", default="1000,10000", help="numbers of segments (default 1000,10000)")
    parser.add_argument("--queries", type=int, default=1000, help="for each figure (default 1000)")
    options = parser.parse_args()
    seeds = seed_sounds(options.corpus)
    table = Table(title=f"/v1/similar?id= over HTTP, {options.queries} queries, milliseconds")
    load = ("segments", "index load", "ready", "cold")
    for name in (*load, "p50", "p99", "8 clients p50", "p99 ", "answers/s", "RSS MB", "p50/healthz"):
        table.add_column(name, justify="right")
    for size in map(int, options.sizes.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            table.add_row(f"{size:,}", *_measure(folder, size, seeds, options.queries))
    Console(width=160).print(table)


def _measure(folder: str, size: int, seeds: list[Raw], queries: int) -> Iterator[str]:
    sounds, data = os.path.join(folder, "sounds"), os.path.join(folder, "data")
    os.mkdir(sounds)
    os.mkdir(data)
    make_files(sounds, size)
    fill_database(os.path.join(data, "metadata.db"), sounds, seeds)
    _compact(data)
    start = time.perf_counter()
    snapshot.load(data, "librosa", aspects.VERSION)
    yield f"{1000 * (time.perf_counter() - start):.1f}"
    with _daemon(data) as (port, ready, pid):
        yield f"{1000 * ready:.0f}"
        asker = _Asker(port, size)
        yield f"{asker.ask():.1f}"
        _settle(port)
        for _ in range(200):
            asker.ask()
        alone = sorted(asker.ask() for _ in range(queries))
        yield from _percentiles(alone)
        together, rate = _clients(port, size, queries, 8)
        yield from _percentiles(together)
        yield f"{rate:,.0f}"
        yield f"{_resident(pid):.0f}"
        bare = sorted(asker.ask("/healthz") for _ in range(queries))
        yield f"{alone[len(alone) // 2] / bare[len(bare) // 2]:.1f}"


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


def _clients(port: int, size: int, queries: int, number: int) -> tuple[list[float], float]:
    """Latencies of several clients at once, and answers per second. Each client is a process of its own share."""
    code = (
        "import sys,json;sys.path.insert(0,sys.argv[4]);from serving import _Asker;"
        "a=_Asker(int(sys.argv[1]),int(sys.argv[2]));print(json.dumps([a.ask() for _ in range(int(sys.argv[3]))]))"
    )
    command = [sys.executable, "-c", code, str(port), str(size), str(queries), os.path.dirname(__file__)]
    start = time.perf_counter()
    latencies: list[float] = []
    children = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(number)]
    for child in children:
        assert child.stdout is not None
        latencies += json.load(child.stdout)
        child.wait()
        child.stdout.close()
    return sorted(latencies), number * queries / (time.perf_counter() - start)


def _percentiles(latencies: list[float]) -> tuple[str, str]:
    return f"{latencies[len(latencies) // 2]:.2f}", f"{latencies[int(0.99 * len(latencies))]:.2f}"


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


def _compact(data: str) -> None:
    arguments = [os.path.join(data, "metadata.db"), data, "librosa", aspects.VERSION]
    subprocess.run([sys.executable, "-m", "timbred_indexer.compact", *arguments], check=True, stdout=subprocess.DEVNULL)


def _resident(pid: int) -> float:
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    main()
