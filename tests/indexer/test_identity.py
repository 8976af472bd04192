"""What a database is known by: its own, lasting, renewed when it goes back in time."""

from __future__ import annotations

import sqlite3

from builders import fresh_connection
from timbred_indexer.migrate import migrate, shipped
from timbred_indexer.store import identity


def test_every_database_has_an_identity_of_its_own(connection: sqlite3.Connection) -> None:
    other = fresh_connection()
    assert identity.read(connection) != identity.read(other)
    other.close()


def test_it_lasts_until_it_is_renewed(connection: sqlite3.Connection) -> None:
    before = identity.read(connection)
    migrate(connection, shipped())
    assert identity.read(connection) == before
    identity.renew(connection)
    assert identity.read(connection) != before
