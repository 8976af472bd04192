"""Rescan of an unchanged tree: how long, how much of it is computing, and that no file is opened.

    python benchmarks/rescan.py [--sizes 10000,100000]

Beside it, the same tree walked and stat'ed by a bare ``os.walk``: what the file system itself costs here.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time

from library import fill_database, make_files, seed_sounds
from rich.console import Console
from rich.table import Table

from timbred_indexer.db import Database
from timbred_indexer.model import FolderId
from timbred_indexer.scanner import Scanner
from timbred_indexer.targets import ScanTarget

ROUNDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10000,100000", help="numbers of files (default 10000,100000)")
    options = parser.parse_args()
    table = Table(
        "files", "rescan s", "CPU s", "os.walk + stat s", "ratio", "files opened", title="Rescan of an unchanged tree"
    )
    for size in map(int, options.sizes.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            root = os.path.join(folder, "sounds")
            os.mkdir(root)
            make_files(root, size)
            fill_database(os.path.join(folder, "metadata.db"), root, seed_sounds(None, 50))
            ours, computing, opened = asyncio.run(_rescan(os.path.join(folder, "metadata.db"), root))
            bare = min(_walk(root) for _ in range(ROUNDS))
            table.add_row(
                f"{size:,}", f"{ours:.2f}", f"{computing:.2f}", f"{bare:.2f}", f"{ours / bare:.1f}", str(opened)
            )
    Console().print(table)


async def _rescan(database: str, root: str) -> tuple[float, float, int]:
    """The best of some scans in seconds, by the clock and computing; how many files of ``root`` all of them opened."""
    opened: list[object] = []
    sounds = os.fsencode(root)

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and isinstance(arguments[0], (str, bytes)) and os.fsencode(arguments[0]).startswith(sounds):
            opened.append(arguments[0])

    sys.addaudithook(watch)
    db = Database.open(database)
    times: list[tuple[float, float]] = []
    for _ in range(ROUNDS):
        start, computed = time.perf_counter(), time.process_time()
        outcome = await Scanner(db).scan([ScanTarget(FolderId(1), b"", whole=True)])
        times.append((time.perf_counter() - start, time.process_time() - computed))
        assert not outcome.brings_work
    db.close()
    taken, computing = (min(figures) for figures in zip(*times, strict=True))
    return taken, computing, len(opened)


def _walk(root: str) -> float:
    start = time.perf_counter()
    for folder, _, names in os.walk(root):
        for name in names:
            os.stat(os.path.join(folder, name))
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
