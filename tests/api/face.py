"""The HTTP face over a real database, index and searcher; only the daemon and the workers are stood in for."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient
from aiohttp.web import Application, Request
from numpy.typing import NDArray

from builders import CLAP_DIM, CLAP_VERSION, VERSION, analysis, file_id, let_clap_hear, link, new_folder
from timbred_api.engine import Activity, ClapState, Engine, Rest
from timbred_api.feed import Feed
from timbred_api.locations import to_uri
from timbred_api.media import Media
from timbred_api.rows import shown_row
from timbred_indexer import aspects
from timbred_indexer.backup import Backup, make_automatic
from timbred_indexer.cards import Cards
from timbred_indexer.db import Database, next_seq
from timbred_indexer.duplicates.finder import Progress
from timbred_indexer.errors import RequestError, UnavailableError
from timbred_indexer.frames import frame, unframe
from timbred_indexer.keeper import IndexKeeper
from timbred_indexer.live import LiveIndex
from timbred_indexer.model import AnalysedSegment, Analysis, FolderId, Seconds, SoundId, WatchMode
from timbred_indexer.pool import PoolStats
from timbred_indexer.query import SPACE_WEIGHTS
from timbred_indexer.reading import fingerprint
from timbred_indexer.scan import Seen, look
from timbred_indexer.search import Searcher, SearchSpace
from timbred_indexer.store import duplicates, files, folders, sounds, vectors
from timbred_indexer.stored import StoredVectors
from timbred_indexer.wire import AnalyseJob, Job

T = TypeVar("T")
Json = dict[str, Any]
Client = TestClient[Request, Application]


class FakeControl:
    """Does to the rows what the daemon would, and remembers what it was told."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.told: list[tuple[str, bytes | None]] = []
        self.rest: Rest | None = None
        self.stopping = False

    @property
    def activity(self) -> Activity:
        return Activity("idle", 1.0, 0, False, frozenset(), {}, 0.0, ("A note.",), self.rest)

    async def add_folder(self, path: bytes, watch: WatchMode) -> None:
        if path == b"/refused":
            raise RequestError("It lies inside another one.", code="nested_folder")
        self.told.append(("add", path))
        await self._db.write(lambda connection: folders.add(connection, path, "added", watch, next_seq(connection)))

    async def remove_folder(self, path: bytes) -> None:
        self.told.append(("remove", path))

    async def confirm_folder(self, path: bytes) -> None:
        self.told.append(("confirm", path))

    async def relocate_folder(self, old: bytes, new: bytes, *, force: bool) -> None:
        self.told += [("relocate", old), ("forced" if force else "to", new)]

    async def rescan(self, path: bytes | None) -> list[bytes]:
        self.told.append(("rescan", path))
        return [b"/s"]

    def work_arrived(self) -> None:
        self.told.append(("work", None))

    async def pause(self, seconds: float | None) -> None:
        self.rest = Rest("Paused.", seconds)

    async def resume(self) -> None:
        self.rest = None


@dataclass
class FakeWorkers:
    """``says``: the answer to every job."""

    says: Analysis | Exception = field(default_factory=lambda: analysis(1))
    jobs: list[AnalyseJob] = field(default_factory=list[AnalyseJob])
    previews: int = 0

    @property
    def stats(self) -> PoolStats:
        return PoolStats(1, 0, len(self.jobs), len(self.jobs), 0, 0)

    async def analyse(self, job: AnalyseJob, *, interactive: bool = False) -> Analysis:
        assert interactive, "somebody waits for this"
        self.jobs.append(job)
        if isinstance(self.says, Exception):
            raise self.says
        return self.says

    async def run(self, job: Job[T], *, interactive: bool = False) -> T:
        """What is shown and played is made in earnest, in a thread."""
        assert interactive, "somebody waits for this"
        self.previews += 1
        return await asyncio.to_thread(done_here, job)


def done_here(job: Job[T]) -> T:
    """As a worker would do it, the messages included."""
    from timbred_indexer.previews.work import previewing

    def other(_: bytes) -> object:
        raise AssertionError("a job of another kind")

    return job.read(unframe(frame(previewing(other)(job.encode()[4:]))[4:]))


@dataclass
class FakeClap:
    """A ``clap`` space with what the test gives it; without a model unless ``state`` says so.

    Attributes:
        words: text → vector; ``sounds``: what every file that is not indexed sounds like.
    """

    state: ClapState = field(default_factory=lambda: ClapState(absent="No model is installed."))
    words: dict[str, bytes] = field(default_factory=dict[str, bytes])
    sounds: bytes | None = None
    preferred: list[SoundId] = field(default_factory=list[SoundId])
    forgotten: int = 0

    def prefer(self, sound: SoundId) -> None:
        self.preferred.append(sound)

    async def hear_words(self, texts: Sequence[str]) -> list[bytes]:
        if self.state.absent is not None:
            raise UnavailableError(self.state.absent, code="clap_unavailable")
        return [self.words[text] for text in texts]

    async def hear(self, path: bytes, segments: Sequence[AnalysedSegment], deadline: Seconds) -> list[bytes | None]:
        return [self.sounds] * len(segments)

    async def forget_failures(self) -> int:
        self.forgotten += 1
        return 0


@dataclass
class FaceUpkeep:
    """The real thing, on the face's own data folder."""

    indexes: list[IndexKeeper]
    data_dir: str

    @property
    def database(self) -> str:
        return os.path.join(self.data_dir, "metadata.db")

    async def back_up(self) -> Backup:
        return await asyncio.to_thread(make_automatic, self.data_dir, keep=3)


class FakeDuplicates:
    """A search that never gets further by itself. ``asked``: how often somebody wanted to know."""

    def __init__(self) -> None:
        self.asked = 0
        self.passed_over = 0

    def ask(self) -> None:
        self.asked += 1

    def progress(self, connection: sqlite3.Connection) -> Progress:
        return Progress(duplicates.owed(connection), self.passed_over)


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
        self.clap = FakeClap()
        self.searcher = Searcher(
            SearchSpace(live, StoredVectors("librosa", VERSION, aspects.DIM)), Cards(VERSION, shown_row)
        )
        self.duplicates = FakeDuplicates()
        self.engine = Engine(
            db=db,
            searcher=self.searcher,
            index=self.index,
            workers=self.workers,
            control=self.control,
            clap=self.clap,
            duplicates=self.duplicates,
            media=Media(str(top / "data" / "metadata.db"), Feed(tick=0.01, look=0.01)),
            upkeep=FaceUpkeep([self.index], str(top / "data")),
            version=VERSION,
            weights=dict(aspects.WEIGHTS),
            space_weights=dict(SPACE_WEIGHTS),
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

    async def with_clap(self, words: dict[str, NDArray[np.float32]]) -> LiveIndex:
        """From now on there is a model, which knows these words."""
        self.clap.state = ClapState(model="test-clap", version=CLAP_VERSION, filling=CLAP_VERSION)
        self.clap.words = {text: vector.astype("<f4").tobytes() for text, vector in words.items()}
        live = LiveIndex(CLAP_DIM)
        self.searcher.use_clap(SearchSpace(live, StoredVectors("clap", CLAP_VERSION, CLAP_DIM)))
        return live

    async def heard(self, live: LiveIndex, sound: SoundId, *made: NDArray[np.float32]) -> None:
        """CLAP's vectors of a sound's segments."""
        await self.db.write(lambda connection: let_clap_hear(connection, sound, *made))
        since = live.vectors_since, live.catalogue_since
        live.apply(await self.db.read(lambda connection: vectors.changes(connection, "clap", CLAP_VERSION, *since)))

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

    async def pages(self, route: str, **parameters: str | int | float) -> AsyncGenerator[list[Json]]:
        """The rows of a list, page by page, to its end."""
        page = await self.get(route, **parameters)
        yield page["results"]
        while page["next"] is not None:
            page = await self.get(route, **parameters, cursor=page["next"])
            yield page["results"]

    async def problem(self, status: int, method: str, route: str, **parameters: str | int | float) -> Json:
        """The problem document, which must have this status."""
        got, body = await self.ask(method, route, params=parameters)
        assert got == status, body
        return body

    async def upload(self, **parameters: str) -> Json:
        """The answer to a sound in the body."""
        how = {"data": b"RIFF", "headers": {"Content-Type": "audio/wav"}, "params": parameters}
        status, body = await self.ask("POST", "/v1/similar", **how)
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
