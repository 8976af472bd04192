"""How far a long copy is, on stderr: a bar on a terminal, else a line for each tenth."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

from timbred_daemon.commands.output import say


@contextmanager
def progress_bar(what: str) -> Generator[Callable[[int, int], None]]:
    """Gives a function that is to be called with the bytes done and the bytes in all."""
    if not sys.stderr.isatty():
        yield _lines(what)
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _lines(what: str) -> Callable[[int, int], None]:
    last = 0

    def show(done: int, total: int) -> None:
        nonlocal last
        tenth = 10 * done // total if total else 10
        if tenth > last:
            last = tenth
            say(f"{what}: {tenth * 10} % of {total / 1e6:.1f} MB")

    return show
