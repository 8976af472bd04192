"""Waiting until the daemon has indexed everything, and showing how far it is."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

from timbred_api.client import JsonObject
from timbred_daemon.commands.output import say

Report = Callable[[JsonObject], None]

_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 1.0
_LINE_EVERY: Final = 5.0
"""Seconds between lines where no progress bar can be drawn."""


def is_done(status: JsonObject) -> bool:
    """Nothing is pending, no scan is owed, and nothing is going on."""
    return status["files"]["pending"] == 0 and not status["scan_owed"] and status["state"] == "idle"


def wait_until_done(
    fetch: Callable[[], JsonObject], report: Report, sleep: Callable[[float], object] = time.sleep
) -> JsonObject:
    """Asks for the status, less and less often (0.1 s to 1 s), until all is done, or work rests; gives the last one."""
    pause = _FIRST_PAUSE
    while True:
        status = fetch()
        report(status)
        if is_done(status) or status["state"] == "paused":
            return status
        sleep(pause)
        pause = min(_LONGEST_PAUSE, pause * 1.5)


@contextmanager
def progress() -> Generator[Report]:
    """A progress bar on stderr where that is a terminal, else a line every few seconds."""
    if not sys.stderr.isatty():
        yield lines_of_progress(time.monotonic)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting")

        def report(status: JsonObject) -> None:
            done, found, _ = _done_and_found(status)
            bar.update(task, completed=done, total=found or None, description=_description(status))

        yield report


def lines_of_progress(clock: Callable[[], float]) -> Report:
    """Says a line now and then, not with every status."""
    last = clock()

    def report(status: JsonObject) -> None:
        nonlocal last
        now = clock()
        if now - last >= _LINE_EVERY:
            last = now
            done, found, what = _done_and_found(status)
            say(f"{_description(status)}: {done} of {found} {what}")

    return report


def _done_and_found(status: JsonObject) -> tuple[int, int, str]:
    """How much is done, of how much, of what: files first, then the segments that CLAP hears behind them."""
    files, clap = status["files"], status["spaces"]["clap"]
    if not files["pending"] and clap["pending"]:
        return clap["vectors"], clap["vectors"] + clap["pending"], "segments heard"
    return files["indexed"] + files["failed"], files["found"], "files"


def _description(status: JsonObject) -> str:
    eta: float | None = status.get("eta") or status["spaces"]["clap"]["eta"]
    return status["state"] if eta is None else f"{status['state']}, about {round(eta)} s left"
