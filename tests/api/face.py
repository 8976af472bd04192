"""The HTTP face over a real database, index and searcher; only the daemon and the workers are stood in for."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient
from aiohttp.web import Application, Request

from builders import VERSION, analysis, file_id, link, new_folder
from timbred_api.engine import Activity, Engine
from timbred_api.locations import to_uri
from timbred_indexer import aspects
from timbred_indexer.db import Database, next_seq
from timbred_indexer.errors import RequestError
from timbred_indexer.keeper import IndexKeeper
from timbred_indexer.live import LiveIndex
from timbred_indexer.model import Analysis, FolderId, SoundId, WatchMode
from timbred_indexer.pool import PoolStats
from timbred_indexer.reading import fingerprint
from timbred_indexer.scan import Seen, look
from timbred_indexer.search import Searcher
from timbred_indexer.store import files, folders, sounds
from timbred_indexer.wire import AnalyseJob

Json = dict[str, Any]
Client = TestClient[Request, Application]


class FakeControl:
    """Does to the rows what the daemon would, and remembers what it was told."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.told: list[tuple[str, bytes | None]] = []

    @property
    def activity(self) -> Activity:
        return Activity("idle", 1.0, 0, False, frozenset(), {}, 0.0, ("A note.",))

    async def add_folder(self, path: bytes, watch: WatchMode) -> None:
        if path == b"/refused":
            raise RequestError("It lies inside another one.", code="nested_folder")
        self.told.append(("add", path))
        await self._db.write(lambda connection: folders.add(connection, path, "added", watch, next_seq(connection)))

    async def remove_folder(self, path: bytes) -> None:
        self.told.append(("remove", path))

    async def confirm_folder(self, path: bytes) -> None:
        self.told.append(("confirm", path))

    async def rescan(self, path: bytes | None) -> list[bytes]:
        self.told.append(("rescan", path))
        return [b"/s"]

    def work_arrived(self) -> None:
        self.told.append(("work", None))


@dataclass
class FakeWorkers:
    """``says``: the answer to every job."""

    says: Analysis | Exception = field(default_factory=lambda: analysis(1))
    jobs: list[AnalyseJob] = field(default_factory=list[AnalyseJob])

    @property
    def stats(self) -> PoolStats:
        return PoolStats(1, 0, len(self.jobs), len(self.jobs), 0, 0)

    async def analyse(self, job: AnalyseJob, *, interactive: bool = False) -> Analysis:
        assert interactive, "somebody waits for this"
        self.jobs.append(job)
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


class Face:
    """A library in ``root`` and the client that asks about it."""

    def __init__(self, db: Database, top: Path) -> None:
        self.db = db
        self.root = top / "sounds"
        self.uploads = top / "uploads"
        self.root.mkdir()
        self.uploads.mkdir()
        self.folder = FolderId(1)
        self.control = FakeControl(db)
        self.workers = FakeWorkers()
        live = LiveIndex(aspects.DIM)
        self.index = IndexKeeper(
            db, live, folder=str(top), database=str(top / "data" / "metadata.db"), space="librosa", version=VERSION
        )
        self.engine = Engine(
            db=db,
            searcher=Searcher(live, VERSION),
            index=self.index,
            workers=self.workers,
            control=self.control,
            version=VERSION,
            weights=dict(aspects.WEIGHTS),
            address="http://127.0.0.1:1",
            data_dir=str(top),
            upload_folder=str(self.uploads),
        )
        self._client: Client | None = None

    @property
    def client(self) -> Client:
        assert self._client is not None
        return self._client

    async def open(self, client: Client) -> None:
        self._client = client
        await self.db.write(lambda connection: new_folder(connection, os.fsencode(self.root)))
        await self.index.open()

    async def pending(self, name: bytes, content: bytes | None = None) -> bytes:
        """A file that was scanned; its path."""
        path = os.path.join(os.fsencode(self.root), name)

        def write_file() -> Seen:
            with open(path, "wb") as file:
                file.write(name if content is None else content)
            return look(os.fsencode(self.root), name)

        seen = await asyncio.to_thread(write_file)
        await self.db.write(lambda c: files.insert(c, self.folder, seen.files.items(), next_seq(c)))
        return path

    async def indexed(self, name: bytes, made: Analysis, content: bytes | None = None) -> SoundId:
        path = await self.pending(name, content)

        def write(connection: sqlite3.Connection) -> SoundId:
            _, digest = fingerprint(path)
            sound = sounds.save_analysis(connection, digest, made, "librosa", next_seq(connection))
            link(connection, file_id(connection, self.folder, name), sound)
            return sound

        sound = await self.db.write(write)
        await self.index.catch_up()
        return sound

    async def failed(self, name: bytes, code: str = "empty") -> None:
        await self.pending(name)

        def write(connection: sqlite3.Connection) -> None:
            (row,) = files.below(connection, self.folder, name)
            files.fail(connection, row.id, row.stat, code, "There is no sound in it.", next_seq(connection))

        await self.db.write(write)

    def path(self, name: str) -> str:
        return str(self.root / name)

    def uri(self, name: bytes) -> str:
        return to_uri(os.path.join(os.fsencode(self.root), name))

    async def ask(self, method: str, path: str, **how: Any) -> tuple[int, Json]:
        async with self.client.request(method, path, **how) as response:
            return response.status, await body_of(response)

    async def get(self, route: str, **parameters: str | int | float) -> Json:
        """The answer, which must be one."""
        status, body = await self.ask("GET", route, params=parameters)
        assert status == 200, body
        return body


async def body_of(response: ClientResponse) -> Json:
    """Its JSON; of an error, a whole problem document."""
    body: Json = await response.json(content_type=None)
    if response.status >= 400:
        assert response.content_type == "application/problem+json"
        assert set(body) == {"type", "title", "status", "detail", "code"}
        assert (body["status"], bool(body["title"])) == (response.status, True), body
        assert body["detail"].endswith((".", "?")), body
    return body
