"""Keeps the live index of a space true to the database: load, follow, compact."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace

from timbred_indexer import snapshot
from timbred_indexer.atomic import remove_leftovers
from timbred_indexer.compact import RECALL
from timbred_indexer.compaction import HARD, SOFT, Fill, Limits, Order, build_snapshot
from timbred_indexer.db import Database, current_seq
from timbred_indexer.errors import StorageError
from timbred_indexer.live import LiveIndex
from timbred_indexer.model import Seq, SpaceName
from timbred_indexer.snapshot import Manifest
from timbred_indexer.store import identity, vectors
from timbred_indexer.trouble import Trouble
from timbred_indexer.verify import Findings, compare_index

logger = logging.getLogger(__name__)

REST = 0.05  # seconds between two rounds of following: many commits become one step
TROUBLE_SECONDS = 10.0  # a database that cannot be read is tried again after this at the latest


@dataclass(frozen=True, slots=True)
class IndexStats:
    """For ``status``.

    Attributes:
        snapshot_seq: what the file on disk is true up to; None without one.
        lists, probes: of an approximate index: lists in all, and those that an ordinary search looks through.
        recall: that it was measured to have; None for an exact index.
        memory: bytes: of the mapped file and of what is beside it.
        built: Unix time of the snapshot; None without one.
    """

    kind: str
    vectors: int
    visible: int
    buffer: int
    hidden: int
    seq: Seq
    snapshot_seq: Seq | None
    lists: int | None = None
    probes: int | None = None
    recall: float | None = None
    memory: int = 0
    built: float | None = None


class IndexKeeper:
    """The one owner of a :class:`LiveIndex`.

    Args:
        folder: the data folder, for snapshots.
        database: path of the database, for the child that compacts.
        recall: wanted of an approximate index, 0 to 1.
        limits: at which a compaction is due, in idle moments and at any time.
    """

    def __init__(
        self,
        db: Database,
        live: LiveIndex,
        *,
        folder: str,
        database: str,
        space: SpaceName,
        version: str,
        recall: float = RECALL,
        limits: tuple[Limits, Limits] = (SOFT, HARD),
    ) -> None:
        self._db = db
        self._live = live
        self._order = Order(database, folder, space, version, recall)
        self._folder = folder
        self._space: SpaceName = space
        self._version = version
        self._soft, self._hard = limits
        self._manifest: Manifest | None = None
        self._unavoidable = 0  # hidden vectors that the last compaction kept: they are alive, somewhere offline
        self._changed = asyncio.Event()
        self._trouble = Trouble(logger, f"The {space} index is behind", longest=TROUBLE_SECONDS)
        self._turn = asyncio.Lock()

    @property
    def seq(self) -> Seq:
        """Every change up to this one can be found."""
        return self._live.view.seq

    @property
    def stats(self) -> IndexStats:
        view, manifest = self._live.view, self._manifest
        probing = manifest.probing if manifest is not None else None
        return IndexStats(
            kind=view.snapshot.kind if view.snapshot is not None else view.buffer.kind,
            vectors=len(view),
            visible=len(view) - self._live.hidden,
            buffer=len(view.buffer),
            hidden=self._live.hidden,
            seq=view.seq,
            snapshot_seq=Seq(manifest.seq) if manifest is not None else None,
            lists=probing.lists if probing is not None else None,
            probes=probing.points[0][1] if probing is not None else None,
            recall=probing.recall if probing is not None else None,
            memory=self._live.memory + (manifest.size if manifest is not None else 0),
            built=manifest.built if manifest is not None else None,
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """Why what was committed cannot be found yet, if so."""
        return self._trouble.notes

    @property
    def space(self) -> SpaceName:
        return self._space

    @property
    def idle(self) -> float:
        """Seconds since the last search."""
        return self._live.idle

    async def open(self) -> None:
        """Loads the snapshot if it fits, then everything since. After this the index answers.

        Where so much is not in it that searching would be slow and large, a snapshot is built first.
        """
        await asyncio.to_thread(remove_leftovers, self._folder)
        await self._adopt_snapshot()
        await self._rebuild_if_large()
        await self.catch_up()

    def notify(self) -> None:
        """Something was committed."""
        self._changed.set()

    async def follow(self) -> None:
        """Stays up to date until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self.catch_up()
            except StorageError as error:
                await asyncio.sleep(self._trouble.met(error))
                self._changed.set()
            else:
                self._trouble.over()
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
            await self._adopt_snapshot()
            await self._rebuild_if_large()
            await self.catch_up()

    async def verify(self) -> Findings:
        """Compares everything with the database; changes nothing.

        Raises:
            StorageError: the database cannot be read.
        """
        damage: tuple[str, ...] = ()
        if self._manifest is not None:
            try:
                await asyncio.to_thread(snapshot.verify, self._folder, self._space, self._manifest)
            except StorageError as error:
                damage = (f"{self._space}: {error.message}",)
        await self.catch_up()
        found = await compare_index(self._db, self._live.view, self._space, self._version)
        return replace(found, problems=(*damage, *found.problems))

    async def rebuild(self) -> None:
        """Drops the snapshot and all that is known, and takes both from the database. What was there answers meanwhile.

        Raises:
            StorageError: the database cannot be read.
        """
        await asyncio.to_thread(snapshot.remove, self._folder, self._space)
        await self._adopt_snapshot()
        await self._rebuild_if_large()
        self._live.forget()
        await self.catch_up()
        logger.info("Rebuilt the %s index: %d vectors.", self._space, len(self._live.view))

    def compaction_due(self, *, idle: bool) -> bool:
        """Whether a new snapshot is worth its cost now."""
        view = self._live.view
        self._unavoidable = min(self._unavoidable, self._live.hidden)
        fill = Fill(len(view) - len(view.buffer), len(view.buffer), self._live.hidden - self._unavoidable)
        return fill.exceeds(self._hard) or (idle and (fill.exceeds(self._soft) or self._wants_other_recall()))

    def _wants_other_recall(self) -> bool:
        manifest = self._manifest
        return manifest is not None and manifest.probing is not None and manifest.target != self._order.recall

    async def compact(self) -> None:
        """Builds the next snapshot in a child process, swaps it in, replays what came since. Cancel to stop it.

        Raises:
            StorageError: the child failed; the index goes on as it was.
        """
        await build_snapshot(self._order)
        await self._adopt_snapshot()
        await self.catch_up()
        self._unavoidable = self._live.hidden
        logger.info("Compacted the %s index: %d vectors.", self._space, len(self._live.view))

    async def _rebuild_if_large(self) -> None:
        """Fresh vectors are held in memory and compared one by one: a whole large library must not be fresh."""
        since = self._live.vectors_since
        waiting = await self._db.read(lambda connection: vectors.newer(connection, self._space, self._version, since))
        if waiting <= self._hard.buffer:
            return
        logger.info("Building the %s index: %d vectors are not in it.", self._space, waiting)
        try:
            await build_snapshot(self._order)
        except StorageError as error:
            logger.error("%s", error.message)
        await self._adopt_snapshot()

    async def _adopt_snapshot(self) -> None:
        try:
            database, newest = await self._db.read(
                lambda connection: (identity.read(connection), current_seq(connection))
            )
            manifest, index = await asyncio.to_thread(snapshot.load, self._folder, self._space, self._version, database)
            if manifest.seq > newest:
                # An older database was put in its place. Away with it: one day the seq would fit again.
                await asyncio.to_thread(snapshot.remove, self._folder, self._space)
                raise StorageError("The snapshot is newer than the database.", code="bad_snapshot")
        except StorageError as error:
            level = logging.DEBUG if error.code == "no_snapshot" else logging.WARNING
            logger.log(level, "%s The index is rebuilt from the database.", error.message)
            manifest, index = None, None
        async with self._turn:
            self._manifest = manifest
            self._live.adopt(index, Seq(manifest.seq) if manifest is not None else Seq(0))
