"""Bringing a database to this program's schema, or refusing it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from timbred_indexer.db import Database, connect
from timbred_indexer.errors import StorageError
from timbred_indexer.migrate import APPLICATION_ID, Migration, migrate, shipped

FIRST = Migration(1, "0001_a.sql", "CREATE TABLE a (x INTEGER);\nINSERT INTO a VALUES (1);\n")


def tables(connection: sqlite3.Connection) -> set[str]:
    return {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}


def refusal(connection: sqlite3.Connection, *migrations: Migration) -> str:
    with pytest.raises(StorageError) as caught:
        migrate(connection, migrations)
    return caught.value.code


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    made = connect(":memory:")
    yield made
    made.close()


def test_a_fresh_database_gets_every_step_and_our_mark(connection: sqlite3.Connection) -> None:
    migrate(connection, shipped())
    assert {"folder", "file", "sound", "segment", "aspect", "vector", "meta"} <= tables(connection)
    assert connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
    assert [row[0] for row in connection.execute("SELECT number FROM migration")] == [step.number for step in shipped()]


def test_migrating_twice_changes_nothing(connection: sqlite3.Connection) -> None:
    migrate(connection, (FIRST,))
    before = list(connection.iterdump())
    migrate(connection, (FIRST,))
    assert list(connection.iterdump()) == before


def test_only_what_is_missing_is_applied(connection: sqlite3.Connection) -> None:
    migrate(connection, (FIRST,))
    migrate(connection, (FIRST, Migration(2, "0002_b.sql", "INSERT INTO a VALUES (2);")))
    assert connection.execute("SELECT x FROM a ORDER BY x").fetchall() == [(1,), (2,)]


def test_a_step_that_fails_half_way_leaves_nothing(connection: sqlite3.Connection) -> None:
    broken = Migration(2, "0002_b.sql", "CREATE TABLE b (x);\nINSERT INTO nowhere VALUES (1);")
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, (FIRST, broken))
    assert "b" not in tables(connection)
    migrate(connection, (FIRST, Migration(2, "0002_b.sql", "CREATE TABLE b (x);")))
    assert "b" in tables(connection)


def test_a_step_that_ends_inside_a_statement_is_refused(connection: sqlite3.Connection) -> None:
    assert refusal(connection, Migration(1, "0001_a.sql", "CREATE TABLE a (x);\nINSERT INTO")) == "bad_migration"
    assert "a" not in tables(connection)


def test_a_newer_schema_is_refused(connection: sqlite3.Connection) -> None:
    migrate(connection, (FIRST, Migration(2, "0002_b.sql", "CREATE TABLE b (x);")))
    assert refusal(connection, FIRST) == "database_newer"


def test_a_step_that_was_edited_is_refused(connection: sqlite3.Connection) -> None:
    migrate(connection, (FIRST,))
    assert refusal(connection, Migration(1, "0001_a.sql", "CREATE TABLE a (y);")) == "database_differs"


@pytest.mark.parametrize("statement", ["CREATE TABLE theirs (x)", "PRAGMA application_id = 99"])
def test_another_programs_database_is_refused_and_not_touched(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "metadata.db"
    theirs = sqlite3.connect(path, isolation_level=None)
    theirs.execute(statement)
    theirs.close()
    before = path.read_bytes()
    with pytest.raises(StorageError) as caught:
        Database.open(str(path))
    assert (caught.value.code, path.read_bytes(), list(tmp_path.iterdir())) == ("foreign_database", before, [path])


def test_a_crash_after_our_mark_was_set_is_no_foreign_database(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    migrate(connection, (FIRST,))
    assert "a" in tables(connection)


def test_a_database_of_the_first_schema_keeps_what_it_holds(connection: sqlite3.Connection) -> None:
    first, *later = shipped()
    migrate(connection, (first,))
    connection.execute(
        "INSERT INTO sound (hash, duration, sample_rate, channels, format, cut_short, version, seq) "
        "VALUES (x'00', 1.5, 44100, 1, 'wav', 0, 'v', 7)"
    )
    before = connection.execute("SELECT * FROM sound").fetchall()
    migrate(connection, (first, *later))
    assert connection.execute("SELECT * FROM sound").fetchall() == before
    assert {"fingerprint", "pair"} <= tables(connection)
    assert connection.execute("SELECT value FROM meta WHERE key = 'paired'").fetchone() == (0,)
