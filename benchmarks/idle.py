"""What the real daemon costs while nothing happens: processor time, wake-ups and memory, by library size.

    python benchmarks/idle.py [CORPUS] [--sizes 10000,100000] [--seconds 60] [--clap] [--library FOLDER]

For each size a library is made (see ``library.py``: real files, in directories of 500, all of them watched), the daemon
is started on it, and nothing is asked of it for ``--seconds``. Then come the things that happen now and then: a whole
scan, as there is one every ``rescan_interval``, and 2,000 questions about sounds drawn at random. ``with scans`` adds
an hourly scan's share to the idle figure. Processor time is read from ``/proc``, so that other load on the machine
spoils it little; memory is what is resident, mapped files included. ``--library`` takes a folder with ``data`` and
``sounds`` that is there already, and leaves it there.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from library import add_clap, compact, make_library, spaces
from rich.console import Console
from rich.table import Table

from timbred_api.client import Client
from timbred_daemon.commands.waiting import is_done
from timbred_daemon.runtime import read_endpoint

COLUMNS = ("sounds", "idle %", "with scans %", "wake-ups/s", "a scan, CPU s", "MB idle", "MB scanned", "MB asked")
RESCAN_INTERVAL = 3600.0  # seconds, as shipped
AFTER_START = 20.0  # seconds in which the first round of housekeeping, and whatever follows a start, is over
QUESTIONS = 2000
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process has used so far: seconds of processor time, and how often one of its threads began to wait."""

    computing: float
    waits: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="?", help="folder of sounds to take descriptors from")
    parser.add_argument("--sizes", default="10000,100000", help="numbers of sounds (default 10000,100000)")
    parser.add_argument("--seconds", type=float, default=60.0, help="of doing nothing (default 60)")
    parser.add_argument("--clap", action="store_true", help="each sound has a (made-up) CLAP vector, too")
    parser.add_argument("--library", help="measure this one, and make none")
    options = parser.parse_args()
    table = Table(*COLUMNS, title="An idle daemon")
    if options.library:
        table.add_row(*_measure(os.path.join(options.library, "data"), options.seconds))
    else:
        for size in map(int, options.sizes.split(",")):
            with tempfile.TemporaryDirectory() as folder:
                _make(folder, size, options)
                table.add_row(*_measure(os.path.join(folder, "data"), options.seconds))
    Console(width=120).print(table)


def _make(folder: str, size: int, options: argparse.Namespace) -> None:
    data = make_library(folder, size, options.corpus)
    if options.clap:
        add_clap(os.path.join(data, "metadata.db"))
    for space, version in spaces(options.clap):
        compact(data, space, version)


def _measure(data: str, seconds: float) -> Iterator[str]:
    with _daemon(data) as (client, pid):
        sounds = _settled(client)
        time.sleep(AFTER_START)
        idle = _cost_of(pid, lambda: time.sleep(seconds))
        resident = [_resident(pid)]
        scan = _cost_of(pid, lambda: _rescan(client))
        resident.append(_resident(pid))
        _ask(client, sounds)
        resident.append(_resident(pid))
    share = idle.computing / seconds
    yield f"{sounds:,}"
    yield f"{100 * share:.2f}"
    yield f"{100 * (share + scan.computing / RESCAN_INTERVAL):.2f}"
    yield f"{idle.waits / seconds:.1f}"
    yield f"{scan.computing:.2f}"
    yield from (f"{figure:.0f}" for figure in resident)


@contextmanager
def _daemon(data: str) -> Generator[tuple[Client, int]]:
    """The daemon on ``data``: a client, which keeps no connection, and its pid."""
    command = [sys.executable, "-P", "-m", "timbred_daemon", "run", "--data-dir", data, "--listen", "127.0.0.1:0"]
    # The daily backup is work, and no idling.
    child = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=os.environ | {"TIMBRED_BACKUPS": "0"})
    try:
        while (endpoint := read_endpoint(data)) is None or endpoint.pid != child.pid:
            if child.poll() is not None:
                raise SystemExit(f"the daemon ended with {child.returncode}")
            time.sleep(0.05)
        yield Client(endpoint.address), child.pid
    finally:
        child.terminate()
        child.wait()


def _settled(client: Client) -> int:
    """Waits until nothing is left to do. Returns the number of sounds."""
    with closing(client):
        while not is_done(status := client.get("/v1/status")):
            time.sleep(1.0)
    return status["sounds"]


def _rescan(client: Client) -> None:
    client.post("/v1/rescan")
    _settled(client)


def _ask(client: Client, sounds: int) -> None:
    chance = random.Random(sounds)
    with closing(client):
        for _ in range(QUESTIONS):
            client.get("/v1/similar", {"id": chance.randint(1, sounds)})


def _cost_of(pid: int, deed: Callable[[], object]) -> Cost:
    before = _cost(pid)
    deed()
    after = _cost(pid)
    return Cost(after.computing - before.computing, after.waits - before.waits)


def _cost(pid: int) -> Cost:
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    waits = sum(_waits(f"/proc/{pid}/task/{thread}/status") for thread in os.listdir(f"/proc/{pid}/task"))
    return Cost((int(fields[11]) + int(fields[12])) / TICKS, waits)


def _waits(path: str) -> int:
    with open(path, encoding="ascii", errors="replace") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("voluntary_ctxt_switches"))


def _resident(pid: int) -> float:
    """Megabytes."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    main()
