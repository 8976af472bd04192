"""What a compaction costs those who ask meanwhile, in one run: the building child is stopped and let go in turns.

``http_load.py --while-compacting`` calls it. The child is the daemon's own, at its priority; it writes its snapshot
into a folder of its own, so that the index that answers is the same all the time.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from timbred_indexer.compact import threads


@dataclass(frozen=True)
class Beside:
    """Milliseconds of one client's questions, sorted, with the child stopped and with the child at work.

    ``built``: seconds that the child was at work; None where it had not ended in time.
    """

    quiet: list[float]
    compacting: list[float]
    built: float | None

    def rows(self) -> Iterator[tuple[str, str, str, str, str]]:
        """(when, p50, p99, worst, questions) each."""
        for name, found in (("quiet", self.quiet), ("compacting", self.compacting)):
            p50, p99 = (found[int(share * len(found))] for share in (0.5, 0.99))
            yield name, f"{p50:.2f}", f"{p99:.2f}", f"{found[-1]:.1f}", f"{len(found):,}"


def beside_compaction(
    ask: Callable[[], float], data: str, space: str, version: str, *, stretch: float, most: float
) -> Beside:
    """Asks in turns of ``stretch`` seconds, until the child has ended or has been at work for ``most`` seconds."""
    few, database = str(threads()), os.path.join(data, "metadata.db")
    with tempfile.TemporaryDirectory() as folder:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "timbred_indexer.compact", database, folder, space, version, "0.99"],
            stdout=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": few, "OPENBLAS_NUM_THREADS": few},
        )
        quiet: list[float] = []
        compacting: list[float] = []
        worked = 0.0
        try:
            while child.poll() is None and worked < most:
                began = time.perf_counter()
                compacting += _asked(ask, stretch, lambda: child.poll() is None)
                worked += time.perf_counter() - began
                if child.poll() is None:
                    child.send_signal(signal.SIGSTOP)
                    quiet += _asked(ask, stretch, lambda: True)
                    child.send_signal(signal.SIGCONT)
            built = worked if child.poll() is not None else None
        finally:
            child.kill()
            child.wait()
    return Beside(sorted(quiet), sorted(compacting), built)


def _asked(ask: Callable[[], float], seconds: float, lasting: Callable[[], bool]) -> list[float]:
    end, found = time.perf_counter() + seconds, list[float]()
    while time.perf_counter() < end and lasting():
        found.append(ask())
    return found
