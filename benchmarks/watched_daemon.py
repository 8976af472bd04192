"""The daemon with its event loop watched: how long each step, each round and each garbage collection took.

    python benchmarks/watched_daemon.py REPORT run --data-dir …

``load.py`` starts it. A *step* is what runs between two moments at which anything else may: while it lasts, nobody is
answered. A *round* is all steps between two looks at the sockets: what a newcomer waits at most. A step is timed by the
clock, and by the processor's time of its thread: what is long by the first alone waited for the processor or for the
interpreter's lock. Watching begins at SIGUSR1; SIGUSR2 writes what was seen to REPORT as JSON.
"""

from __future__ import annotations

import gc
import json
import os
import selectors
import signal
import sys
import time
from asyncio import base_events, events
from collections import Counter
from types import FrameType
from typing import Any, Final

from timbred_daemon.cli import main

LONG: Final = 0.01
"""Seconds from which a step is remembered with what it was."""

_MOST_REMEMBERED: Final = 10


class Watch:
    """What was seen since ``begin``, in seconds.

    ``long_steps``: (seconds by the clock, seconds of computing, what it was), the longest first.
    """

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self.steps = 0
        self.rounds = 0
        self.longest_step = 0.0
        self.longest_computing = 0.0
        self.longest_round = 0.0
        self.longest_collection = 0.0
        self.long_steps: list[tuple[float, float, str]] = []
        self.collections: Counter[int] = Counter()

    def step(self, seconds: float, computing: float, handle: events.Handle) -> None:
        self.steps += 1
        self.longest_step = max(self.longest_step, seconds)
        self.longest_computing = max(self.longest_computing, computing)
        if seconds >= LONG:
            self.long_steps.append((seconds, computing, base_events._format_handle(handle)))  # pyright: ignore  asyncio's own, which nothing public tells
            self.long_steps.sort(reverse=True)
            del self.long_steps[_MOST_REMEMBERED:]

    def round(self, seconds: float) -> None:
        self.rounds += 1
        self.longest_round = max(self.longest_round, seconds)

    def collection(self, computing: float, generation: int) -> None:
        self.collections[generation] += 1
        self.longest_collection = max(self.longest_collection, computing)


def watch_steps(watch: Watch) -> None:
    """Every callback of every loop."""
    run, clock, computed = events.Handle._run, time.perf_counter, time.thread_time  # pyright: ignore  asyncio's own, which nothing public tells

    def timed(handle: events.Handle) -> None:
        began, before = clock(), computed()
        run(handle)
        watch.step(clock() - began, computed() - before, handle)

    events.Handle._run = timed  # pyright: ignore  asyncio's own, which nothing public tells


def watch_rounds(watch: Watch) -> None:
    """From what the selector gives to the next time that it is asked."""
    select, clock = selectors.DefaultSelector.select, time.perf_counter
    since: list[float] = []

    def timed(selector: Any, timeout: float | None = None) -> Any:
        if since:
            watch.round(clock() - since.pop())
        found = select(selector, timeout)
        since.append(clock())
        return found

    selectors.DefaultSelector.select = timed  # pyright: ignore  asyncio's own, which nothing public tells


def watch_collections(watch: Watch) -> None:
    """The garbage collector's, in computing: they hold up everybody, in whichever thread they are made."""
    since: list[float] = []

    def collecting(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            since.append(time.thread_time())
        elif since:
            watch.collection(time.thread_time() - since.pop(), info["generation"])

    gc.callbacks.append(collecting)


def write(watch: Watch, path: str) -> None:
    """In one step: whoever waits for the file finds all of it."""
    said = {name: value for name, value in vars(watch).items() if name != "collections"}
    said["collections"] = [watch.collections[generation] for generation in range(3)]
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        json.dump(said, file)
    os.replace(f"{path}.new", path)


if __name__ == "__main__":
    report = sys.argv.pop(1)
    watching = Watch()
    for watched in (watch_steps, watch_rounds, watch_collections):
        watched(watching)

    def on_signal(number: int, _: FrameType | None) -> None:
        watching.begin() if number == signal.SIGUSR1 else write(watching, report)

    signal.signal(signal.SIGUSR1, on_signal)
    signal.signal(signal.SIGUSR2, on_signal)
    main()
