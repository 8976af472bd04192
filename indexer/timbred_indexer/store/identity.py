"""The random number that a database is known by, so that nothing derived from another one is taken for its own."""

from __future__ import annotations

import sqlite3


def read(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT value FROM meta WHERE key = 'identity'").fetchone()[0])


def renew(connection: sqlite3.Connection) -> None:
    """For a database that goes back in time, as a restored backup does: what was derived later no longer fits."""
    connection.execute("UPDATE meta SET value = random() WHERE key = 'identity'")
