"""A database in memory and a watched folder in it, for tests of the store and of what follows it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from builders import fresh_connection, new_folder
from timbred_indexer.model import FolderId


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    made = fresh_connection()
    yield made
    made.close()


@pytest.fixture
def folder(connection: sqlite3.Connection) -> FolderId:
    return new_folder(connection)
