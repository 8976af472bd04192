"""When the housekeeper lets an index be compacted: worth it in a quiet moment, forced at any time."""

from __future__ import annotations

import pytest

from timbred_daemon.housekeeping import QUIET_SECONDS, RETRY_SECONDS, Housekeeper
from timbred_indexer.db import Database
from timbred_indexer.errors import StorageError
from timbred_indexer.keeper import IndexKeeper
from timbred_indexer.live import LiveIndex


class FullIndex(IndexKeeper):
    """One that is due: always, or in idle moments only; it was last searched so long ago."""

    def __init__(self, db: Database, *, forced: bool, searched: float) -> None:
        super().__init__(db, LiveIndex(1), folder="", database="", space="librosa", version="test")
        self.forced = forced
        self.searched = searched
        self.compacted = 0
        self.fails = False

    @property
    def idle(self) -> float:
        return self.searched

    def compaction_due(self, *, idle: bool) -> bool:
        return self.forced or idle

    async def compact(self) -> None:
        if self.fails:
            raise StorageError("The disk is full.")
        self.compacted += 1


async def compactions(
    db: Database, *, forced: bool = False, idle: bool = True, good: bool = True, searched: float = QUIET_SECONDS
) -> int:
    index = FullIndex(db, forced=forced, searched=searched)
    keeper = Housekeeper(db, lambda: [index], idle=lambda: idle, good_moment=lambda: good)
    assert await keeper.compact_if_due(index) is bool(index.compacted)
    return index.compacted


async def test_in_a_quiet_moment_what_is_worth_it_is_done(db: Database) -> None:
    assert await compactions(db) == 1


@pytest.mark.parametrize("reason", ["backlog", "moment", "searched"])
async def test_while_anything_else_goes_on_it_waits(db: Database, reason: str) -> None:
    searched = 0.0 if reason == "searched" else QUIET_SECONDS
    assert await compactions(db, idle=reason != "backlog", good=reason != "moment", searched=searched) == 0


async def test_what_failed_is_not_tried_again_at_once(db: Database) -> None:
    now = [1_000.0]
    index = FullIndex(db, forced=True, searched=0.0)
    keeper = Housekeeper(db, lambda: [index], idle=lambda: True, clock=lambda: now[0])
    index.fails = True
    with pytest.raises(StorageError):
        await keeper.compact_if_due(index)
    index.fails = False
    assert not await keeper.compact_if_due(index)
    now[0] += RETRY_SECONDS
    assert await keeper.compact_if_due(index)


async def test_what_has_to_be_done_waits_for_nothing(db: Database) -> None:
    assert await compactions(db, forced=True, idle=False, good=False, searched=0.0) == 1
