"""What ``timbred run`` shows while it indexes: a bar in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Callable
from typing import TextIO

from timbred_indexer.db import Database
from timbred_indexer.errors import StorageError
from timbred_indexer.model import FileState
from timbred_indexer.store import files

LOOK_SECONDS = 0.5
SHARE = 20.0  # times that the last look took: counting a million files takes a while, and comes after the work itself
LINE_SECONDS = 10.0  # between two lines where there is no terminal

Counts = dict[FileState, int]


def nobody(_: str) -> None:
    """Nobody is told."""


async def show_progress(
    db: Database,
    idle: Callable[[], bool],
    seq: Callable[[], int],
    tell: Callable[[str], None] = nobody,
    stream: TextIO = sys.stderr,
) -> None:
    """Follows the counts until cancelled; every burst of work ends in one line.

    Args:
        idle: whether nothing is being scanned or analysed.
        seq: of the last change that is searchable: a burst may begin and end between two looks.
        tell: given the sentence each time that the counts were looked at.
        stream: where the bar or the lines go.
    """
    loop = asyncio.get_running_loop()
    draw = _bar(stream) if stream.isatty() else None
    next_line = loop.time() + LINE_SECONDS
    working = True  # the start-up scan
    seen = seq()
    said = ""
    took = 0.0
    try:
        while True:
            await asyncio.sleep(max(LOOK_SECONDS, SHARE * took))
            resting = idle()
            if resting and not working and seq() == seen:
                continue
            seen = seq()
            began = loop.time()
            try:
                counts = await db.read(total)
            except StorageError:
                continue  # the status says so
            took = loop.time() - began
            working = not resting or counts[FileState.PENDING] > 0
            tell(sentence(counts))
            if draw is not None:
                draw(counts, working)
            elif working and loop.time() >= next_line:
                next_line = loop.time() + LINE_SECONDS
                said = _say(stream, sentence(counts), said)
            if not working and any(counts.values()):
                said = _say(stream, sentence(counts), said)
    finally:
        if draw is not None:
            draw({}, False)


def _say(stream: TextIO, line: str, said: str) -> str:
    """A line is not said twice in a row: a file may wait for its writer all day."""
    if line != said:
        stream.write(f"{line}\n")
        stream.flush()
    return line


def total(connection: sqlite3.Connection) -> Counts:
    """Files by state, over every watched folder."""
    answer = dict.fromkeys(FileState, 0)
    for folder in files.counts(connection).values():
        for state, count in folder.items():
            answer[state] += count
    return answer


def sentence(counts: Counts) -> str:
    """``Indexed 1,040 of 1,087 files; 45 cannot be analysed (timbred failures), 2 wait.``"""
    present = sum(count for state, count in counts.items() if state is not FileState.MISSING)
    parts = [f"Indexed {counts[FileState.INDEXED]:,} of {present:,} files"]
    rest: list[str] = []
    if counts[FileState.FAILED]:
        rest.append(f"{counts[FileState.FAILED]:,} cannot be analysed (timbred failures)")
    if counts[FileState.PENDING]:
        rest.append(f"{counts[FileState.PENDING]:,} wait")
    return f"{'; '.join([*parts, ', '.join(rest)] if rest else parts)}."


def _bar(stream: TextIO) -> Callable[[Counts, bool], None]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    progress = Progress(
        TextColumn("indexing"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("files"),
        TimeRemainingColumn(),
        console=Console(file=stream),
        transient=True,
        auto_refresh=False,
    )
    task = progress.add_task("")

    def draw(counts: Counts, working: bool) -> None:
        if not working:
            progress.stop()
            return
        progress.start()
        done = counts[FileState.INDEXED] + counts[FileState.FAILED]
        progress.update(task, completed=done, total=done + counts[FileState.PENDING], refresh=True)

    return draw
