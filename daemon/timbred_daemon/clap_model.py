"""One installed CLAP model: the workers that prepare features for it, and the process that holds it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from timbred_indexer.clap.host import ClapHost
from timbred_indexer.errors import StorageError, WorkerError
from timbred_indexer.model import Seconds
from timbred_indexer.pool import WorkerPool
from timbred_indexer.store.clap import Stretch
from timbred_indexer.weights import InstalledModel
from timbred_indexer.wire import FEATURES, MAX_STRETCHES, FeaturesJob, Fill


def version_of(installed: InstalledModel, fill: Fill) -> str:
    """Which vectors this makes: weights, the rule for short sounds, the features' arithmetic."""
    return f"{installed.version}/{fill}-{FEATURES}"


class Model:
    """One installed model: its worker, and features made for it. ``ears`` of the embedder."""

    def __init__(self, installed: InstalledModel, pool: WorkerPool, fill: Fill, threads: int) -> None:
        self.version = version_of(installed, fill)
        self.name = installed.name
        self._host = ClapHost(installed, threads=threads)
        self._pool = pool
        self._fill: Fill = fill

    @property
    def batch(self) -> int:
        return self._host.batch

    async def features(
        self, path: bytes, stretches: Sequence[Stretch], deadline: Seconds, *, interactive: bool = False
    ) -> Sequence[bytes]:
        made: list[bytes] = []
        for first in range(0, len(stretches), MAX_STRETCHES):
            part = tuple((one.start, one.end) for one in stretches[first : first + MAX_STRETCHES])
            job = FeaturesJob(path, part, self._fill, deadline)
            made += await self._pool.features(job, interactive=interactive)
        return made

    async def vectors(self, features: Sequence[bytes]) -> NDArray[np.float32]:
        try:
            await self._host.describe()
        except WorkerError as error:
            # It did not even start: no sound is to blame.
            raise StorageError(f"the model cannot be loaded: {error.message}", code="clap_failed") from error
        return await self._host.embed_audio(features)

    async def words(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return await self._host.embed_text(texts)

    async def close(self) -> None:
        await self._host.close()
