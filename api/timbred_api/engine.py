"""What the operations work with, put together once by the daemon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from timbred_indexer.db import Database
from timbred_indexer.keeper import IndexKeeper
from timbred_indexer.model import Analysis, FolderId, WatchMode
from timbred_indexer.pool import PoolStats
from timbred_indexer.search import Searcher
from timbred_indexer.wire import AnalyseJob

State = Literal["starting", "scanning", "indexing", "idle", "stopping"]


@dataclass(frozen=True, slots=True)
class Activity:
    """What the daemon is doing now.

    Attributes:
        busy: files in flight.
        scanning: folders a whole scan runs on or is owed to.
        watch: how changes of each folder are noticed now.
        rate: files finished per second.
        notes: what is not as it should be, in sentences.
    """

    state: State
    uptime: float
    busy: int
    scan_owed: bool
    scanning: frozenset[FolderId]
    watch: Mapping[FolderId, WatchMode]
    rate: float
    notes: tuple[str, ...]


class Control(Protocol):
    """The daemon's side of the operations that change what it watches. Paths are absolute."""

    @property
    def activity(self) -> Activity: ...

    async def add_folder(self, path: bytes, watch: WatchMode) -> None: ...

    async def remove_folder(self, path: bytes) -> None: ...

    async def confirm_folder(self, path: bytes) -> None: ...

    async def rescan(self, path: bytes | None) -> list[bytes]: ...

    def work_arrived(self) -> None:
        """Rows were made pending."""
        ...


class Workers(Protocol):
    @property
    def stats(self) -> PoolStats: ...

    async def analyse(self, job: AnalyseJob, *, interactive: bool = False) -> Analysis: ...


@dataclass(frozen=True, slots=True)
class Engine:
    """Everything an operation may touch.

    Attributes:
        version: the extractor's stamp.
        weights: aspect → default weight, from the settings.
        upload_folder: where uploaded sounds lie while they are analysed.
    """

    db: Database
    searcher: Searcher
    index: IndexKeeper
    workers: Workers
    control: Control
    version: str
    weights: Mapping[str, float]
    address: str
    data_dir: str
    upload_folder: str
