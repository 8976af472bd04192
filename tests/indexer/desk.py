"""A pipeline with real files, a real database, and a stand-in for the workers: what tests of it share."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from builders import VERSION, analysis, new_folder
from patience import PATIENCE
from timbred_indexer.asking import SILENCE
from timbred_indexer.db import Database, next_seq
from timbred_indexer.model import Analysis, FolderId
from timbred_indexer.pipeline import Pipeline
from timbred_indexer.scan import look
from timbred_indexer.store import files
from timbred_indexer.store.files import PendingFile
from timbred_indexer.wire import AnalyseJob


class FakeAnalyser:
    """Answers each job with what ``says`` gives for its path (by default one segment), once ``gate`` is open."""

    def __init__(self) -> None:
        self.jobs: list[bytes] = []
        self.says: Callable[[bytes], Analysis | Exception] = lambda _: analysis(1)
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = asyncio.Event()

    async def analyse(self, job: AnalyseJob, *, interactive: bool = False) -> Analysis:
        self.jobs.append(os.path.basename(job.path))
        self.asked.set()
        await self.gate.wait()
        said = self.says(self.jobs[-1])
        if isinstance(said, Exception):
            raise said
        return said


class Clock:
    """Unix time that passes only when something waits for a retry."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        self.now += 100.0
        return self.now


class Desk:
    """A pipeline with everything around it."""

    def __init__(self, db: Database, root: Path, folder: FolderId) -> None:
        self.db, self.root, self.folder = db, root, folder
        self.analyser = FakeAnalyser()
        self._clock = Clock()  # one for all, so that it never goes back
        self.stale: list[bytes] = []
        self.silence = SILENCE
        self.pipeline = self._make()

    def _make(self) -> Pipeline:
        return Pipeline(
            self.db,
            self.analyser,
            version=VERSION,
            slots=4,
            stale=self._is_stale,
            clock=self._clock,
            silence=self.silence,
        )

    def _is_stale(self, file: PendingFile) -> None:
        self.stale.append(os.path.basename(file.path))

    async def put(self, name: str, content: bytes = b"sound") -> Path:
        """A file, scanned."""
        path = self.root / name
        path.write_bytes(content)
        await self.scan()
        return path

    async def scan(self) -> None:
        found = (await asyncio.to_thread(look, os.fsencode(self.root), b"")).files

        def write(connection: sqlite3.Connection) -> None:
            known = {row.path: row for row in files.below(connection, self.folder, b"")}
            fresh = [(path, stat) for path, stat in found.items() if path not in known]
            files.insert(connection, self.folder, fresh, next_seq(connection))
            stats = ((row, found.get(row.path)) for row in known.values())
            changed = [(row.id, stat) for row, stat in stats if stat is not None and stat != row.stat]
            files.mark_changed(connection, changed, next_seq(connection))

        await self.db.write(write)
        self.pipeline.wake()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        self.pipeline = self._make()  # each runs once
        task = asyncio.create_task(self.pipeline.run())
        try:
            async with asyncio.timeout(PATIENCE):
                yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def until(self, what: Callable[[sqlite3.Connection], bool]) -> None:
        """Looks again after each commit."""
        loop, changed = asyncio.get_running_loop(), asyncio.Event()

        def committed() -> None:
            loop.call_soon_threadsafe(changed.set)

        self.db.on_commit = committed
        while not await self.db.read(what):
            await changed.wait()
            changed.clear()
        self.db.on_commit = None

    async def drain(self) -> None:
        """Runs until nothing is pending."""
        async with self.running():
            await self.until(lambda connection: "pending" not in set(states(connection).values()))

    async def states(self) -> dict[str, str]:
        return await self.db.read(states)

    async def codes(self) -> dict[str, str | None]:
        return await self.db.read(codes)


def states(connection: sqlite3.Connection) -> dict[str, str]:
    return {os.fsdecode(path): state for path, state in connection.execute("SELECT path, state FROM file")}


def codes(connection: sqlite3.Connection) -> dict[str, str | None]:
    return {os.fsdecode(path): code for path, code in connection.execute("SELECT path, error_code FROM file")}


def attempts(connection: sqlite3.Connection) -> dict[str, int]:
    return {os.fsdecode(path): count for path, count in connection.execute("SELECT path, attempts FROM file")}


async def new_desk(db: Database, top: Path) -> Desk:
    root = top / "root"
    root.mkdir()
    return Desk(db, root, await db.write(lambda connection: new_folder(connection, os.fsencode(root))))
