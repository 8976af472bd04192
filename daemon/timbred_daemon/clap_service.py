"""The second space while the daemon runs: which model hears, which version of vectors answers, and what it is asked.

The model that the settings name, or the only one installed, hears every segment in the background. Another version's
vectors go on answering until its own are complete; then it takes over and the older ones are deleted.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from timbred_api.engine import ClapState
from timbred_daemon.clap_model import Model, version_of
from timbred_daemon.tasks import Replaceable
from timbred_indexer import weights
from timbred_indexer.clap_space import ClapSpace, drop_version
from timbred_indexer.db import Database
from timbred_indexer.embedder import Embedder
from timbred_indexer.errors import StorageError, TimbredError, UnavailableError
from timbred_indexer.live import LiveIndex
from timbred_indexer.model import AnalysedSegment, FolderId, Seconds, SegmentId, SoundId
from timbred_indexer.pool import WorkerPool
from timbred_indexer.search import Searcher
from timbred_indexer.store import clap, vectors
from timbred_indexer.store.clap import Stretch
from timbred_indexer.weights import Choice
from timbred_indexer.wire import Fill

logger = logging.getLogger(__name__)

LOOK_SECONDS = 5.0  # how often the folder of models is looked at
MOST_WORDS = 1_024  # texts whose vectors are kept


@dataclass(frozen=True, slots=True)
class Parts:
    """What the service is built from; ``database``: its path; ``recall``: wanted of its index."""

    db: Database
    librosa: LiveIndex
    librosa_version: str
    searcher: Searcher
    pool: WorkerPool
    data_dir: str
    database: str
    recall: float


class ClapService:
    """Implements :class:`timbred_api.engine.Clap`.

    Args:
        wanted: the model that the settings name; empty for the only one there is.
        fill: how a short sound becomes 10 s; part of the version.
        threads: for the model; 0 is half of the cores.
        may_work: False while the librosa space is behind.
        stale: told of files that are not what their rows say.
    """

    def __init__(
        self,
        parts: Parts,
        *,
        wanted: str,
        fill: Fill,
        threads: int,
        may_work: Callable[[], bool],
        stale: Callable[[FolderId, bytes], None],
    ) -> None:
        self._parts = parts
        self._wanted = wanted
        self._fill: Fill = fill
        self._threads = threads
        self._may_work = may_work
        self._stale = stale
        self._choice = Choice(None)
        self._model: Model | None = None
        self._older: Model | None = None  # of the version that answers, while another one fills
        self._embedder: Embedder | None = None
        self._space: ClapSpace | None = None
        self._words: dict[tuple[str, str], NDArray[np.float32]] = {}
        self._seen = -1
        self._asking: asyncio.Task[None] | None = None
        self._due = asyncio.Event()
        self._turn = asyncio.Lock()  # a question may want to look, too
        self._filling = Replaceable()
        self._following = Replaceable()

    async def open(self) -> None:
        """Looks for a model once: after this, what is to be heard is known to be pending."""
        await self._round()

    async def run(self) -> None:
        """Follows the folder of models until cancelled."""
        while True:
            self._due.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._due.wait()
            self._filling.check()
            self._following.check()
            await self._round()

    async def close(self) -> None:
        """Ends what it began."""
        await self._filling.end()
        await self._following.end()
        await self._close_models()

    async def _round(self) -> None:
        async with self._turn:
            try:
                await self._choose()
                await self._serve()
            except StorageError as error:
                logger.error("CLAP: %s", error.message)

    def committed(self) -> None:
        """Something was committed."""
        if self._space is not None:
            self._space.keeper.notify()
        if self._embedder is not None:
            self._embedder.wake()
            if not self._settled and (self._space is None or self._embedder.complete):
                self._due.set()

    @property
    def _settled(self) -> bool:
        """What answers is what is being made."""
        return self._model is None or (self._space is not None and self._space.version == self._model.version)

    @property
    def space(self) -> ClapSpace | None:
        """What answers now."""
        return self._space

    @property
    def state(self) -> ClapState:
        searchable = self._space.view.visible if self._space is not None and self._settled else None
        stats = self._embedder.stats(searchable) if self._embedder is not None else None
        return ClapState(
            model=self._model.name if self._model is not None else None,
            version=self._space.version if self._space is not None else None,
            filling=self._model.version if self._model is not None else None,
            missing=stats.missing if stats is not None else 0,
            aside=stats.aside if stats is not None else 0,
            rate=stats.rate if stats is not None else 0.0,
            index=self._space.stats if self._space is not None else None,
            absent=self._absence(),
            notes=stats.notes if stats is not None else (),
        )

    def prefer(self, sound: SoundId) -> None:
        """Somebody asked about this sound: it and what lies beside it go first."""
        if self._embedder is None or self._embedder.resting or (self._asking and not self._asking.done()):
            return
        self._asking = asyncio.create_task(self._put_first(self._embedder, sound))

    async def _put_first(self, embedder: Embedder, sound: SoundId) -> None:
        embedder.prefer(await self._parts.db.read(lambda connection: clap.around(connection, sound)))

    async def forget_failures(self) -> int:
        """Gives what could not be heard another chance; returns how many sounds that is."""
        if self._embedder is None:
            return 0
        return await self._embedder.forget_failures()

    async def hear_words(self, texts: Sequence[str]) -> list[bytes]:
        """Vectors of texts in the space that answers.

        Raises:
            UnavailableError: ``clap_unavailable``, with what to do.
        """
        if self._absence() is not None:
            await self._round()  # a model may have been fetched this moment
        model = self._answering()
        missing = [text for text in dict.fromkeys(texts) if (model.version, text) not in self._words]
        if missing:
            if len(self._words) + len(missing) > MOST_WORDS:
                self._words = {}
            for text, vector in zip(missing, await model.words(missing), strict=True):
                self._words[model.version, text] = vector
        return [self._words[model.version, text].astype("<f4").tobytes() for text in texts]

    async def hear(self, path: bytes, segments: Sequence[AnalysedSegment], deadline: Seconds) -> list[bytes | None]:
        """Vectors of a file that is not indexed; None for each where nothing can be said."""
        if self._space is None or self._absence() is not None or not segments:
            return [None] * len(segments)
        stretches = [Stretch(SegmentId(0), segment.start, segment.end) for segment in segments]
        try:
            model = self._answering()
            features = await model.features(path, stretches, deadline, interactive=True)
            return [row.astype("<f4").tobytes() for row in await model.vectors(features)]
        except TimbredError as error:
            logger.warning("CLAP could not hear a query: %s", error.message)
            return [None] * len(segments)

    def _answering(self) -> Model:
        if (reason := self._absence()) is not None:
            raise UnavailableError(reason, code="clap_unavailable")
        for model in (self._model, self._older):
            if model is not None and (self._space is None or model.version == self._space.version):
                return model
        raise UnavailableError(
            "Another model's vectors still answer, and that model is not installed any more; wait until the new one "
            "has heard everything.",
            code="clap_unavailable",
        )

    def _absence(self) -> str | None:
        """Why CLAP cannot hear, with what to do."""
        model = self._choice.model
        if model is None:
            return self._choice.reason or "timbred is starting."
        return weights.lacking(model)

    async def _choose(self) -> None:
        """Takes over a model that was installed, exchanged or removed."""
        seen = await asyncio.to_thread(_last_change, weights.models_folder(self._parts.data_dir))
        if seen == self._seen:
            return
        self._seen = seen
        self._choice = await asyncio.to_thread(weights.choose, self._parts.data_dir, self._wanted)
        chosen = self._choice.model if self._absence() is None else None
        version = version_of(chosen, self._fill) if chosen is not None else None
        if version == (self._model.version if self._model is not None else None):
            return
        await self._filling.end()
        await self._close_models()
        self._embedder = None
        if chosen is None:
            return
        self._model = Model(chosen, self._parts.pool, self._fill, self._threads)
        self._embedder = Embedder(
            self._parts.db,
            self._parts.librosa,
            self._model,
            version=self._model.version,
            may_work=self._may_work,
            stale=self._stale,
        )
        self._filling.begin(self._embedder.run())
        logger.info("CLAP hears with %s.", chosen.name)

    async def _serve(self) -> None:
        """Chooses the version that answers, and keeps its calibration up to date."""
        complete = self._embedder is not None and self._embedder.complete
        if self._space is None or (complete and not self._settled):
            await self._choose_version(complete)
        if self._space is not None and await self._space.calibrate(complete=complete):
            self._parts.searcher.use_clap(self._space.search_space)

    async def _choose_version(self, complete: bool) -> None:
        """The model's own version once it is complete or alone; until then the one with the most vectors."""
        known = await self._parts.db.read(clap.versions)
        own = self._model.version if self._model is not None else None
        others = [version for version in known if version != own]
        if own in known and (complete or not others):
            await self._take_over(own)
        elif others and not complete:
            await self._take_over(await self._parts.db.read(lambda connection: clap.fullest(connection, others)))
        if complete:
            for version in others:
                await drop_version(self._parts.db, version)

    async def _take_over(self, version: str) -> None:
        parts = self._parts
        dim = await parts.db.read(lambda connection: vectors.dimension(connection, "clap", version))
        space = ClapSpace(
            parts.db,
            (parts.librosa, parts.librosa_version),
            version=version,
            dim=dim,
            folder=parts.data_dir,
            database=parts.database,
            recall=parts.recall,
        )
        await space.open()
        await self._following.end()
        self._space = space
        self._following.begin(space.follow())
        if self._model is None or self._model.version != version:
            self._older = await asyncio.to_thread(self._find_older, version)
        parts.searcher.use_clap(space.search_space)

    def _find_older(self, version: str) -> Model | None:
        for installed in weights.installed(self._parts.data_dir):
            if version_of(installed, self._fill) == version:
                return Model(installed, self._parts.pool, self._fill, self._threads)
        return None

    async def _close_models(self) -> None:
        for model in (self._model, self._older):
            if model is not None:
                await model.close()
        self._model = self._older = None


def _last_change(folder: str) -> int:
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return 0
