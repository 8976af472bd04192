"""Keeps the live index of a space true to the database: load, follow, compact."""

from __future__ import annotations

import asyncio
import logging
import sys
from dataclasses import dataclass

from timbred_indexer import snapshot
from timbred_indexer.atomic import remove_leftovers
from timbred_indexer.db import Database, current_seq
from timbred_indexer.errors import StorageError
from timbred_indexer.live import LiveIndex
from timbred_indexer.model import Seq, SpaceName
from timbred_indexer.snapshot import Manifest
from timbred_indexer.store import vectors

logger = logging.getLogger(__name__)

REST = 0.05  # seconds between two rounds of following: many commits become one step
BUFFER_SOFT = 1_000  # fresh vectors worth a compaction when idle
BUFFER_HARD = 20_000  # … and worth it at any time: the buffer is scanned by every query
HIDDEN_SHARE = 0.2  # of the vectors dead or hidden, likewise


@dataclass(frozen=True, slots=True)
class IndexStats:
    """For ``status``. ``snapshot_seq``: what the file on disk is true up to, None without one."""

    kind: str
    vectors: int
    visible: int
    buffer: int
    hidden: int
    seq: Seq
    snapshot_seq: Seq | None


class IndexKeeper:
    """The one owner of a :class:`LiveIndex`.

    Args:
        folder: the data folder, for snapshots.
        database: path of the database, for the child that compacts.
    """

    def __init__(
        self, db: Database, live: LiveIndex, *, folder: str, database: str, space: SpaceName, version: str
    ) -> None:
        self._db = db
        self._live = live
        self._folder = folder
        self._database = database
        self._space: SpaceName = space
        self._version = version
        self._manifest: Manifest | None = None
        self._unavoidable = 0  # hidden vectors that the last compaction kept: they are alive, somewhere offline
        self._changed = asyncio.Event()
        self._turn = asyncio.Lock()

    @property
    def stats(self) -> IndexStats:
        view = self._live.view
        return IndexStats(
            kind=view.snapshot.kind if view.snapshot is not None else view.buffer.kind,
            vectors=len(view),
            visible=len(view) - self._live.hidden,
            buffer=len(view.buffer),
            hidden=self._live.hidden,
            seq=view.seq,
            snapshot_seq=Seq(self._manifest.seq) if self._manifest is not None else None,
        )

    async def open(self) -> None:
        """Loads the snapshot if it fits, then everything since. After this the index answers."""
        await asyncio.to_thread(remove_leftovers, self._folder)
        await self._adopt_snapshot()
        await self.catch_up()

    def notify(self) -> None:
        """Something was committed."""
        self._changed.set()

    async def follow(self) -> None:
        """Stays up to date until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self.catch_up()
            await asyncio.sleep(REST)

    async def catch_up(self) -> None:
        """Brings the live index up to the database's state."""
        async with self._turn:
            since, catalogue = self._live.vectors_since, self._live.catalogue_since
            changes = await self._db.read(
                lambda connection: vectors.changes(connection, self._space, self._version, since, catalogue)
            )
            self._live.apply(changes)

    async def check_snapshot(self) -> None:
        """Reads the whole snapshot file once; a damaged one is dropped and its vectors come from the database."""
        if self._manifest is None:
            return
        try:
            await asyncio.to_thread(snapshot.verify, self._folder, self._space, self._manifest)
        except StorageError as error:
            logger.warning("%s Rebuilding it.", error.message)
            await asyncio.to_thread(snapshot.remove, self._folder, self._space)
            self._manifest = None
            async with self._turn:
                self._live.adopt(None, Seq(0))
            await self.catch_up()

    def compaction_due(self, *, idle: bool) -> bool:
        """Whether a new snapshot is worth its cost now."""
        view = self._live.view
        if len(view.buffer) > BUFFER_HARD:
            return True
        self._unavoidable = min(self._unavoidable, self._live.hidden)
        wasteful = self._live.hidden - self._unavoidable > max(BUFFER_SOFT, HIDDEN_SHARE * len(view))
        return idle and (len(view.buffer) > BUFFER_SOFT or wasteful)

    async def compact(self) -> None:
        """Builds the next snapshot in a child process, swaps it in, replays what came since. Cancel to stop it.

        Raises:
            StorageError: the child failed; the index goes on as it was.
        """
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # a file called numpy.py in the current folder is not ours to import
            "-m",
            "timbred_indexer.compact",
            self._database,
            self._folder,
            self._space,
            self._version,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            _, said = await child.communicate()
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        if child.returncode != 0:
            last = said.decode(errors="replace").strip().splitlines()[-1:]
            raise StorageError(f"The index could not be compacted: {' '.join(last)}", code="compaction_failed")
        await self._adopt_snapshot()
        await self.catch_up()
        self._unavoidable = self._live.hidden
        logger.info("Compacted the %s index: %d vectors.", self._space, len(self._live.view))

    async def _adopt_snapshot(self) -> None:
        try:
            manifest, index = await asyncio.to_thread(snapshot.load, self._folder, self._space, self._version)
            newest = await self._db.read(current_seq)
            if manifest.seq > newest:
                raise StorageError("The snapshot is newer than the database.", code="bad_snapshot")
        except StorageError as error:
            level = logging.DEBUG if error.code == "no_snapshot" else logging.WARNING
            logger.log(level, "%s The index is rebuilt from the database.", error.message)
            manifest, index = None, None
        async with self._turn:
            self._manifest = manifest
            self._live.adopt(index, Seq(manifest.seq) if manifest is not None else Seq(0))
