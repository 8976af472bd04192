"""Backups of the database: whole, checked, rotated; and what comes back from them."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from builders import analysis, new_folder, new_sound
from timbred_indexer import backup
from timbred_indexer.db import Database, connect, current_seq, next_seq
from timbred_indexer.errors import StorageError, UnavailableError
from timbred_indexer.interruptible import in_thread
from timbred_indexer.model import SoundId
from timbred_indexer.restore import restore
from timbred_indexer.store import identity

DAY = 86_400.0


@pytest.fixture
def database(db: Database, tmp_path: Path) -> str:
    """Its path; ``db`` has it open."""
    return str(tmp_path / "data" / "metadata.db")


def add_sounds(connection: sqlite3.Connection, name: bytes, count: int) -> list[SoundId]:
    folder = new_folder(connection, b"/" + name)
    return [new_sound(connection, folder, b"%d.wav" % one, analysis(one)) for one in range(count)]


def sounds_in(path: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT count(*) FROM sound").fetchone()[0]


def spoil(path: str) -> None:
    """Writes over the middle of a file, as a dying disk would."""
    with open(path, "r+b") as file:
        file.seek(os.path.getsize(path) // 2)
        file.write(os.urandom(8192))


async def test_a_backup_is_one_private_file_with_everything_committed(
    db: Database, database: str, tmp_path: Path
) -> None:
    await db.write(lambda connection: add_sounds(connection, b"s", 5))
    target = tmp_path / "out" / "copy.db"
    target.parent.mkdir()
    await in_thread(lambda stopping: backup.write_backup(database, str(target), stopping=stopping))
    assert [entry.name for entry in target.parent.iterdir()] == ["copy.db"]
    assert target.stat().st_mode & 0o777 == 0o600
    assert sounds_in(str(target)) == 5


def test_writing_goes_on_while_a_backup_is_made_and_it_shows_one_state(
    db: Database, database: str, tmp_path: Path
) -> None:
    target, steps = str(tmp_path / "copy.db"), list[int]()
    with closing(connect(database)) as connection:
        add_sounds(connection, b"s", 20)
        before = current_seq(connection)
        backup.copy(database, target, lambda: bool(steps.append(next_seq(connection))))
    assert (backup.seq_of(target), steps[0]) == (before, before + 1)


def test_a_file_that_is_there_is_replaced_only_when_asked(db: Database, database: str, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_bytes(b"precious")
    with pytest.raises(StorageError) as refused:
        backup.write_backup(database, str(target))
    assert (refused.value.code, target.read_bytes()) == ("backup_exists", b"precious")
    backup.write_backup(database, str(target), force=True)
    assert sounds_in(str(target)) == 0


def test_the_database_is_never_backed_up_over_itself(db: Database, database: str) -> None:
    with pytest.raises(StorageError, match="the database itself"):
        backup.write_backup(database, database, force=True)


def test_no_backup_is_made_where_there_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(StorageError) as refused:
        backup.write_backup(str(tmp_path / "metadata.db"), str(tmp_path / "copy.db"))
    assert (refused.value.code, list(tmp_path.iterdir())) == ("no_database", [])


def test_a_damaged_database_makes_no_backup(db: Database, database: str, tmp_path: Path) -> None:
    with closing(connect(database)) as connection:
        add_sounds(connection, b"s", 20)
    db.close()
    spoil(database)
    with pytest.raises(StorageError) as refused:
        backup.write_backup(database, str(tmp_path / "copy.db"))
    assert (refused.value.code, (tmp_path / "copy.db").exists()) == ("database_corrupt", False)


def test_a_backup_that_is_stopped_leaves_nothing(db: Database, database: str, tmp_path: Path) -> None:
    with pytest.raises(UnavailableError):
        backup.write_backup(database, str(tmp_path / "copy.db"), stopping=lambda: True)
    assert [entry.name for entry in tmp_path.iterdir()] == ["data"]


def test_only_the_newest_automatic_backups_are_kept(db: Database, tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    made = [backup.make_automatic(data, keep=2, now=day * DAY) for day in range(4)]
    kept = backup.automatic(data)
    assert [one.path for one in kept] == [made[3].path, made[2].path]
    assert [one.made for one in kept] == [3 * DAY, 2 * DAY]


def test_backups_that_a_wrong_clock_dated_ahead_make_way_for_new_ones(db: Database, tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    for day in (100, 101):
        backup.make_automatic(data, keep=2, now=day * DAY)
    made = [backup.make_automatic(data, keep=2, now=day * DAY) for day in range(2)]
    assert [one.path for one in backup.automatic(data, 2 * DAY)] == [made[1].path, made[0].path]


def test_a_restored_backup_is_another_history(db: Database, database: str, tmp_path: Path) -> None:
    copy = str(tmp_path / "copy.db")
    backup.write_backup(database, copy)
    db.close()
    with closing(connect(database)) as connection:
        add_sounds(connection, b"s", 3)
        before = identity.read(connection)
    aside = restore(database, copy)
    assert aside is not None
    assert (sounds_in(database), sounds_in(aside), sounds_in(copy)) == (0, 3, 0)
    with closing(connect(database)) as connection:
        assert identity.read(connection) != before


def test_what_lay_in_the_write_ahead_log_is_set_aside_too(db: Database, database: str, tmp_path: Path) -> None:
    copy = str(tmp_path / "copy.db")
    backup.write_backup(database, copy)
    with closing(connect(database)) as connection:
        add_sounds(connection, b"s", 3)
        for suffix in ("", "-wal"):  # as a killed process leaves it
            (tmp_path / f"killed{suffix}").write_bytes(Path(database + suffix).read_bytes())
    db.close()
    for suffix in ("", "-wal"):
        os.replace(tmp_path / f"killed{suffix}", database + suffix)
    aside = restore(database, copy, damaged=True)
    assert aside is not None
    assert (sounds_in(database), sounds_in(aside)) == (0, 3)


@pytest.mark.parametrize(("content", "code"), [(b"not a database" * 100, "database_corrupt"), (b"", "no_database")])
def test_what_is_no_backup_replaces_nothing(
    db: Database, database: str, tmp_path: Path, content: bytes, code: str
) -> None:
    db.close()
    (tmp_path / "copy.db").write_bytes(content)
    before = Path(database).read_bytes()
    with pytest.raises(StorageError) as refused:
        restore(database, str(tmp_path / "copy.db"))
    assert (refused.value.code, Path(database).read_bytes()) == (code, before)
    assert os.listdir(tmp_path / "data") == ["metadata.db"]


def test_a_newer_programs_backup_is_refused(db: Database, database: str, tmp_path: Path) -> None:
    copy = str(tmp_path / "copy.db")
    backup.write_backup(database, copy)
    db.close()
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute("INSERT INTO migration VALUES (9999, '9999_later.sql', '')")
    with pytest.raises(StorageError) as refused:
        restore(database, copy)
    assert refused.value.code == "database_newer"


def test_another_programs_database_is_refused(db: Database, database: str, tmp_path: Path) -> None:
    other = str(tmp_path / "other.db")
    with closing(sqlite3.connect(other)) as connection, connection:
        connection.execute("CREATE TABLE mine (x)")
    db.close()
    with pytest.raises(StorageError) as refused:
        restore(database, other)
    assert refused.value.code == "foreign_database"
