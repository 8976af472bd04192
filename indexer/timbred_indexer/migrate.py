"""Brings a database file to this program's schema: numbered SQL files, hashed, one transaction each."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources

from timbred_indexer.errors import StorageError

APPLICATION_ID = 0x54494D42  # "TIMB"


@dataclass(frozen=True, slots=True)
class Migration:
    number: int
    name: str
    sql: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def shipped() -> tuple[Migration, ...]:
    """The migrations of this program, in order of number."""
    folder = resources.files("timbred_indexer") / "migrations"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return tuple(Migration(int(name[:4]), name, (folder / name).read_text("utf-8")) for name in names)


def migrate(connection: sqlite3.Connection, migrations: tuple[Migration, ...]) -> None:
    """Applies what is missing. ``connection`` must be in autocommit mode.

    Raises:
        StorageError: the file is another program's (``foreign_database``), was written by a newer timbred
            (``database_newer``), or by a build whose migrations differ (``database_differs``).
    """
    check_owner(connection)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL)"
    )
    applied: dict[int, str] = dict(connection.execute("SELECT number, sha256 FROM migration"))
    check_history(applied, migrations)
    for migration in migrations:
        if migration.number not in applied:
            _apply(connection, migration)


def check_owner(connection: sqlite3.Connection) -> None:
    """Changes nothing.

    Raises:
        StorageError: ``foreign_database``.
    """
    owner: int = connection.execute("PRAGMA application_id").fetchone()[0]
    tables: int = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if owner == APPLICATION_ID:
        return
    if owner != 0 or tables:
        raise StorageError(
            "The database file belongs to another program; point data_dir at a folder of timbred's own.",
            code="foreign_database",
        )


def check_history(applied: dict[int, str], migrations: tuple[Migration, ...]) -> None:
    """Whether this program knows every step that a database has taken.

    Raises:
        StorageError: ``database_newer``, ``database_differs``.
    """
    known = {migration.number: migration.digest for migration in migrations}
    if newer := [number for number in applied if number not in known]:
        raise StorageError(
            f"The database was written by a newer timbred (schema {max(newer)}, this program knows {max(known)}); "
            "update timbred, or start it with another data_dir.",
            code="database_newer",
        )
    for number, digest in applied.items():
        if known[number] != digest:
            raise StorageError(
                f"The database's schema step {number} is not the one this timbred ships; "
                "it was made by a development build. Start with another data_dir.",
                code="database_differs",
            )


def _apply(connection: sqlite3.Connection, migration: Migration) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in _statements(migration.sql):
            connection.execute(statement)
        connection.execute(
            "INSERT INTO migration (number, name, sha256) VALUES (?, ?, ?)",
            (migration.number, migration.name, migration.digest),
        )
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _statements(sql: str) -> Iterator[str]:
    """Statement by statement: ``executescript`` would commit behind our back."""
    pending = ""
    for line in sql.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""
    if pending.strip():
        raise StorageError(f"A migration ends inside a statement: {pending.strip()[:80]}", code="bad_migration")
