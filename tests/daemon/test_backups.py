"""When a backup is due by itself, and what is said when none can be made."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from patience import PATIENCE
from timbred_daemon.backups import RETRY_SECONDS, Backups
from timbred_daemon.mending import live, watch_for_damage, watch_for_loss
from timbred_indexer import backing_up
from timbred_indexer.atomic import TEMPORARY
from timbred_indexer.backup import automatic
from timbred_indexer.db import Database, next_seq
from timbred_indexer.errors import StorageError

DAY = 86_400.0
Make = Callable[..., Backups]


class Clock:
    now = 10 * DAY

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def steady_clock() -> Clock:
    return Clock()


@pytest.fixture
def make(db: Database, tmp_path: Path, clock: Clock, steady_clock: Clock) -> Make:
    def build(*, keep: int = 3, quiet: bool = True) -> Backups:
        data = str(tmp_path / "data")
        return Backups(db, data, keep=keep, interval=DAY, quiet=lambda: quiet, clock=clock, steady_clock=steady_clock)

    return build


async def test_a_backup_is_due_a_day_after_the_last_if_something_changed(
    db: Database, make: Make, clock: Clock
) -> None:
    backups = make()
    await db.write(next_seq)
    assert await backups.due()
    await backups.make()
    await db.write(next_seq)
    assert not await backups.due()
    clock.now += DAY
    assert await backups.due()


async def test_a_clock_that_was_ahead_puts_no_backup_off(db: Database, make: Make, clock: Clock) -> None:
    await make().make()
    await db.write(next_seq)
    clock.now -= 5 * DAY
    assert await make().due()


async def test_what_has_not_changed_is_not_backed_up_again(db: Database, make: Make, clock: Clock) -> None:
    await make().make()
    clock.now += 5 * DAY
    assert not await make().due()


async def test_a_quiet_moment_is_waited_for_but_not_for_ever(db: Database, make: Make, clock: Clock) -> None:
    backups = make(quiet=False)
    await backups.make()
    await db.write(next_seq)
    clock.now += 1.5 * DAY
    assert not await backups.due()
    clock.now += DAY
    assert await backups.due()


async def test_none_is_made_where_none_is_wanted(db: Database, make: Make) -> None:
    await db.write(next_seq)
    assert not await make(keep=0).due()


async def test_why_there_is_no_backup_is_said_until_there_is_one(db: Database, make: Make, tmp_path: Path) -> None:
    backups, blocked = make(), tmp_path / "data" / "backups"
    blocked.write_text("a file where the folder should be")
    with pytest.raises(StorageError):
        await backups.make()
    assert "No backup could be made" in backups.notes[0]
    blocked.unlink()
    await backups.make()
    assert backups.notes == ()


@pytest.mark.parametrize("set_by", [-400 * DAY, -DAY / 2, 0.0, DAY / 2, 400 * DAY])
async def test_a_clock_that_is_set_changes_nothing_about_when_a_failed_backup_is_tried_again(
    db: Database, make: Make, tmp_path: Path, clock: Clock, steady_clock: Clock, set_by: float
) -> None:
    data = tmp_path / "data"
    backups, blocked = make(), data / "backups"
    await asyncio.to_thread(blocked.write_text, "a file where the folder should be")
    await db.write(next_seq)
    await backups.look()
    await asyncio.to_thread(blocked.unlink)
    clock.now += set_by
    steady_clock.now += RETRY_SECONDS - 1
    await backups.look()
    assert await asyncio.to_thread(automatic, str(data)) == []
    steady_clock.now += 1
    await backups.look()
    assert len(await asyncio.to_thread(automatic, str(data))) == 1


@pytest.mark.parametrize("set_by", [-400 * DAY, 400 * DAY])
async def test_a_clock_that_is_set_far_costs_one_backup(
    db: Database, make: Make, tmp_path: Path, clock: Clock, set_by: float
) -> None:
    backups = make(keep=10)
    await backups.make()
    clock.now += set_by
    for _ in range(5):
        await db.write(next_seq)
        clock.now += 60
        await backups.look()
    assert len(await asyncio.to_thread(automatic, str(tmp_path / "data"))) == 2


async def test_a_damaged_page_is_reported_by_whoever_comes_upon_it(db: Database) -> None:
    def stumble(_: sqlite3.Connection) -> None:
        error = sqlite3.DatabaseError("malformed")
        error.sqlite_errorname = "SQLITE_CORRUPT"
        raise error

    told: list[StorageError] = []
    db.on_damage = told.append
    with pytest.raises(StorageError):
        await db.read(stumble)
    with pytest.raises(StorageError):
        await db.write(stumble)
    assert [error.code for error in told] == ["database_corrupt"] * 2


def test_a_daemon_goes_on_over_a_damaged_database_but_not_for_ever(db: Database, tmp_path: Path) -> None:
    db.close()
    lives: list[int] = []

    async def serve(notes: tuple[str, ...]) -> None:
        lives.append(len(notes))
        raise StorageError("It is damaged.", code="database_corrupt")

    with pytest.raises(StorageError):
        live(serve, str(tmp_path / "data"))
    assert lives == [0, 1, 2]
    assert automatic(str(tmp_path / "data")) == []


async def test_watching_for_damage_ends_with_it(db: Database) -> None:
    watching = asyncio.create_task(watch_for_damage(db))
    await asyncio.sleep(0)
    db.report_damage(StorageError("It is damaged.", code="database_corrupt"))
    with pytest.raises(StorageError, match="damaged"):
        await watching
    assert db.on_damage is None


async def test_a_database_that_is_removed_under_the_daemon_ends_it_with_a_sentence(tmp_path: Path) -> None:
    database = tmp_path / "metadata.db"
    await asyncio.to_thread(database.touch)
    opened = await asyncio.to_thread(database.stat)
    watching = asyncio.create_task(watch_for_loss(str(database), opened, every=0.001))
    await asyncio.to_thread(database.unlink)
    with pytest.raises(StorageError, match="start timbred again") as gone:
        await asyncio.wait_for(watching, PATIENCE)
    assert gone.value.code == "data_folder_gone"


async def test_a_backup_that_is_cancelled_ends_its_child_and_leaves_nothing(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, begun, folder = asyncio.create_subprocess_exec, asyncio.Event(), tmp_path / "data/backups"

    async def run_and_halt(*arguments: str, **options: Any) -> asyncio.subprocess.Process:
        child = await run(*arguments, **options)
        child.send_signal(signal.SIGSTOP)
        await asyncio.to_thread(folder.mkdir)
        await asyncio.to_thread((folder / f"half{TEMPORARY}").touch)
        begun.set()
        return child

    monkeypatch.setattr(asyncio, "create_subprocess_exec", run_and_halt)
    making = asyncio.create_task(make().make())
    await begun.wait()
    making.cancel()
    with pytest.raises(asyncio.CancelledError):
        await making
    assert await asyncio.to_thread(os.listdir, folder) == []


def test_the_child_leaves_the_processors_to_others(db: Database, tmp_path: Path) -> None:
    check = f"from timbred_indexer.backup_child import main; main(['check', {str(tmp_path / 'data/metadata.db')!r}])"
    command = [sys.executable, "-c", f"{check}; import os; print(os.nice(0))"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE)
    assert said.stdout.split() == ["{}", "19"]


async def test_what_the_child_finds_wrong_is_said_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no database") as refused:
        await backing_up.check(str(tmp_path / "metadata.db"))
    assert refused.value.code == "no_database"
