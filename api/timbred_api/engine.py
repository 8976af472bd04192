"""What the operations work with, put together once by the daemon."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeVar

from timbred_api.gathering import Gathering
from timbred_api.latencies import Latencies
from timbred_api.media import Media
from timbred_indexer.backup import Backup
from timbred_indexer.db import Database
from timbred_indexer.duplicates.finder import Progress
from timbred_indexer.keeper import IndexKeeper, IndexStats
from timbred_indexer.model import AnalysedSegment, Analysis, FolderId, Seconds, SoundId, SpaceName, WatchMode
from timbred_indexer.pool import PoolStats
from timbred_indexer.search import Searcher
from timbred_indexer.wire import AnalyseJob, Job

T = TypeVar("T")

State = Literal["starting", "scanning", "indexing", "idle", "paused", "stopping"]


@dataclass(frozen=True, slots=True)
class Rest:
    """No work is begun. ``until``: Unix time at which it goes on by itself, where that is known."""

    reason: str
    until: float | None


@dataclass(frozen=True, slots=True)
class Activity:
    """What the daemon is doing now.

    Attributes:
        busy: files in flight.
        scanning: folders a whole scan runs on or is owed to.
        watch: how changes of each folder are noticed now.
        rate: files finished per second.
        notes: what is not as it should be, in sentences.
        rest: why no work is begun now; None when it may be.
    """

    state: State
    uptime: float
    busy: int
    scan_owed: bool
    scanning: frozenset[FolderId]
    watch: Mapping[FolderId, WatchMode]
    rate: float
    notes: tuple[str, ...]
    rest: Rest | None = None


class Control(Protocol):
    """The daemon's side of the operations that change what it watches. Paths are absolute."""

    @property
    def activity(self) -> Activity: ...

    @property
    def stopping(self) -> bool: ...

    async def add_folder(self, path: bytes, watch: WatchMode) -> None: ...

    async def remove_folder(self, path: bytes) -> None: ...

    async def confirm_folder(self, path: bytes) -> None: ...

    async def relocate_folder(self, old: bytes, new: bytes, *, force: bool) -> None: ...

    async def rescan(self, path: bytes | None) -> list[bytes]: ...

    def work_arrived(self) -> None:
        """Rows were made pending."""
        ...

    async def pause(self, seconds: float | None) -> None:
        """Begins no more work, for so long or (None) until :meth:`resume`."""
        ...

    async def resume(self) -> None: ...


class Upkeep(Protocol):
    """What keeps the data whole."""

    @property
    def indexes(self) -> Sequence[IndexKeeper]:
        """Those of the spaces that answer now."""
        ...

    @property
    def database(self) -> str:
        """The path of the database."""
        ...

    async def back_up(self) -> Backup:
        """Makes an automatic backup now."""
        ...


class Workers(Protocol):
    @property
    def stats(self) -> PoolStats: ...

    async def analyse(self, job: AnalyseJob, *, interactive: bool = False) -> Analysis: ...

    async def run(self, job: Job[T], *, interactive: bool = False) -> T: ...


@dataclass(frozen=True, slots=True)
class ClapState:
    """What the second space is doing.

    Attributes:
        model: the one that hears; None where none can.
        version: of the vectors that answer; None while there are none.
        filling: the version that ``model`` makes.
        missing: segments that ``filling`` still lacks.
        aside: sounds that it could not hear.
        rate: segments heard per second, lately.
        index: of ``version``.
        absent: why nothing can be heard, with what to do.
    """

    model: str | None = None
    version: str | None = None
    filling: str | None = None
    missing: int = 0
    aside: int = 0
    rate: float = 0.0
    index: IndexStats | None = None
    absent: str | None = None
    notes: tuple[str, ...] = ()


class Clap(Protocol):
    """The ``clap`` space, as far as the operations know it."""

    @property
    def state(self) -> ClapState: ...

    def prefer(self, sound: SoundId) -> None:
        """Somebody asked about this sound: it and what lies beside it should be heard first."""
        ...

    async def hear_words(self, texts: Sequence[str]) -> list[bytes]:
        """Vectors of texts in ``state.version``; UnavailableError ``clap_unavailable`` where that cannot be."""
        ...

    async def hear(self, path: bytes, segments: Sequence[AnalysedSegment], deadline: Seconds) -> list[bytes | None]:
        """Vectors of a file's segments in ``state.version``; None where there is nothing to say."""
        ...

    async def forget_failures(self) -> int:
        """Gives what could not be heard another chance; returns how many sounds that is."""
        ...


class Duplicates(Protocol):
    """The search for near-duplicates, which goes on in the background."""

    def ask(self) -> None:
        """Somebody wants to know: begin, or look for what is new."""
        ...

    def progress(self, connection: sqlite3.Connection) -> Progress:
        """How far it is, for a reader thread."""
        ...


@dataclass(frozen=True, slots=True)
class Engine:
    """Everything an operation may touch.

    Attributes:
        version: the extractor's stamp.
        weights: aspect → default weight, from the settings.
        space_weights: likewise, of the spaces.
        upload_folder: where uploaded sounds lie while they are analysed.
    """

    db: Database
    searcher: Searcher
    index: IndexKeeper
    workers: Workers
    control: Control
    clap: Clap
    duplicates: Duplicates
    media: Media
    upkeep: Upkeep
    version: str
    weights: Mapping[str, float]
    space_weights: Mapping[SpaceName, float]
    address: str
    data_dir: str
    upload_folder: str
    latencies: Latencies = field(default_factory=Latencies)
    gathering: Gathering = field(default_factory=Gathering)
