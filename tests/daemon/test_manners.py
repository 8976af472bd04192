"""The pause is remembered, and the workers follow what may be done."""

from __future__ import annotations

import asyncio

from timbred_daemon.manners import Manners
from timbred_daemon.politeness import Rules
from timbred_indexer.db import Database
from timbred_indexer.pool import WorkerPool


class Machine:
    """A machine that says what the test lets it say."""

    def __init__(self) -> None:
        self.battery = False
        self.others = 0.0
        self.now = 1000.0

    def manners(self, db: Database, pool: WorkerPool, rules: Rules) -> Manners:
        return Manners(
            db, pool, rules, others=lambda: self.others, battery=lambda: self.battery, clock=lambda: self.now
        )


async def test_a_pause_outlives_a_restart_and_ends_by_command(db: Database) -> None:
    machine = Machine()
    async with WorkerPool(backlog_workers=1) as pool:
        first = machine.manners(db, pool, Rules(1))
        await first.open()
        assert first.may_work
        await first.pause(None)
        second = machine.manners(db, pool, Rules(1))
        await second.open()
        assert not second.may_work
        await second.resume()
        assert (second.may_work, second.notes) == (True, ())


async def test_a_pause_for_a_time_ends_by_itself(db: Database) -> None:
    machine = Machine()
    async with WorkerPool(backlog_workers=1) as pool:
        manners = machine.manners(db, pool, Rules(1))
        await manners.pause(60)
        assert manners.allowance.until == 1060
        machine.now = 1061
        await manners.look()
        assert manners.may_work


async def test_whoever_works_is_told_of_each_change_once(db: Database) -> None:
    machine = Machine()
    told: list[int] = []
    async with WorkerPool(backlog_workers=2) as pool:
        manners = machine.manners(db, pool, Rules(2, "pause"))
        await manners.open()
        manners.changed = lambda: told.append(manners.allowance.workers)
        machine.battery = True
        await manners.look()
        await manners.look()
        machine.battery = False
        await manners.look()
    assert told == [0, 2]


async def test_a_command_is_obeyed_without_waiting_for_the_next_look(db: Database) -> None:
    async with WorkerPool(backlog_workers=1) as pool:
        manners = Machine().manners(db, pool, Rules(1))
        looking = asyncio.create_task(manners.run())
        await manners.pause(None)
        assert not manners.may_work
        looking.cancel()
        await asyncio.wait([looking])
