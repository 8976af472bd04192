"""When a new snapshot is worth its cost (pure), and the child that builds one."""

from __future__ import annotations

from dataclasses import dataclass

from timbred_indexer.child import run_module
from timbred_indexer.compact import RECALL, threads
from timbred_indexer.errors import StorageError
from timbred_indexer.model import SpaceName


@dataclass(frozen=True, slots=True)
class Limits:
    """What a compaction is due at. The soft ones hold in idle moments, the hard ones at any time.

    Attributes:
        buffer: fresh vectors: each search compares all of them; ``buffer_share``: of the snapshot's, which costs more
            to rebuild the larger it is.
        hidden: vectors that are dead or hidden, and their share of all: each search passes over them.
    """

    buffer: int
    buffer_share: float
    hidden: int
    hidden_share: float


SOFT = Limits(buffer=1_000, buffer_share=0.005, hidden=1_000, hidden_share=0.2)
HARD = Limits(buffer=20_000, buffer_share=0.05, hidden=20_000, hidden_share=0.5)
MOST_BUFFERED = 50_000  # a tenth of a gigabyte, and some milliseconds a search


@dataclass(frozen=True, slots=True)
class Fill:
    """How an index stands: vectors in its snapshot, in its buffer, and hidden ones that a compaction could drop."""

    snapshot: int
    buffer: int
    hidden: int

    def exceeds(self, limits: Limits) -> bool:
        buffered = min(MOST_BUFFERED, max(limits.buffer, limits.buffer_share * self.snapshot))
        wasted = max(limits.hidden, limits.hidden_share * (self.snapshot + self.buffer))
        return self.buffer > buffered or self.hidden > wasted


@dataclass(frozen=True, slots=True)
class Order:
    """What to build a snapshot of, and where.

    Attributes:
        database: path of the database.
        folder: where snapshots lie.
        recall: wanted of an approximate index, 0 to 1.
    """

    database: str
    folder: str
    space: SpaceName
    version: str
    recall: float = RECALL


async def build_snapshot(order: Order) -> None:
    """Has a niced child build and save it. Cancelling kills the child.

    Raises:
        StorageError: ``compaction_failed``, with the last that the child said.
    """
    few = str(threads())
    await run_module(
        "timbred_indexer.compact",
        order.database,
        order.folder,
        order.space,
        order.version,
        str(order.recall),
        failure=StorageError("The index could not be compacted", code="compaction_failed"),
        environment={"OMP_NUM_THREADS": few, "OPENBLAS_NUM_THREADS": few},
    )
