"""A damaged database: set aside, replaced by the newest good backup, and what was typed is read out of it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from builders import analysis, new_folder, new_sound
from timbred_indexer import backup
from timbred_indexer.db import Database, connect, next_seq
from timbred_indexer.errors import StorageError
from timbred_indexer.recovery import is_whole, recover
from timbred_indexer.store import files

SOUNDS = 60


@pytest.fixture
def data(db: Database, tmp_path: Path) -> Path:
    """A data folder with a library in it; no process has it open."""
    db.close()
    data = tmp_path / "data"
    with closing(connect(str(data / "metadata.db"))) as connection:
        folder = new_folder(connection, b"/s")
        for one in range(SOUNDS):
            new_sound(connection, folder, b"%d.wav" % one, analysis(one))
    return data


def label_first(data: Path, label: str) -> None:
    with closing(connect(str(data / "metadata.db"))) as connection:
        first = connection.execute("SELECT sound_id FROM file WHERE path = ?", (b"0.wav",)).fetchone()[0]
        files.set_label(connection, first, label, next_seq(connection))


def labels(data: Path) -> dict[bytes, str]:
    with closing(sqlite3.connect(data / "metadata.db")) as connection:
        return dict(connection.execute("SELECT path, label FROM file WHERE label IS NOT NULL"))


def count(data: Path, table: str) -> int:
    with closing(sqlite3.connect(data / "metadata.db")) as connection:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def overwrite(path: Path) -> None:
    path.write_bytes(b"something else entirely" * 1000)


def tear_a_page(path: Path) -> None:
    """One page of the largest table: what is found only when it is read."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    content = bytearray(path.read_bytes())
    page = len(content) // 4096 * 3 // 4
    content[page * 4096 : page * 4096 + 2048] = os.urandom(2048)
    path.write_bytes(content)


def cut_short(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2 // 4096 * 4096)


@pytest.mark.parametrize("damage", [overwrite, tear_a_page, cut_short])
def test_the_newest_good_backup_takes_a_damaged_databases_place(data: Path, damage: Callable[[Path], None]) -> None:
    label_first(data, "kept")
    backup.make_automatic(str(data), keep=3)
    damage(data / "metadata.db")
    before = (data / "metadata.db").read_bytes()
    made = recover(str(data))
    assert (count(data, "sound"), labels(data)) == (SOUNDS, {b"0.wav": "kept"})
    assert Path(made.aside).read_bytes() == before
    assert made.backup is not None
    assert "was damaged" in made.sentence


def test_a_damaged_backup_is_passed_over_for_an_older_one(data: Path) -> None:
    older = backup.make_automatic(str(data), keep=3, now=1000.0)
    newer = backup.make_automatic(str(data), keep=3, now=2000.0)
    for path in (data / "metadata.db", Path(newer.path)):
        overwrite(path)
    made = recover(str(data))
    assert made.backup is not None
    assert made.backup.path == older.path


def test_a_label_that_is_newer_than_the_backup_is_read_out_of_the_damaged_database(data: Path) -> None:
    label_first(data, "old")
    backup.make_automatic(str(data), keep=3)
    label_first(data, "new")
    tear_a_page(data / "metadata.db")
    made = recover(str(data))
    assert (made.labels, labels(data)) == (1, {b"0.wav": "new"})


def test_without_a_backup_folders_and_labels_are_what_is_left(data: Path) -> None:
    label_first(data, "kept")
    tear_a_page(data / "metadata.db")
    made = recover(str(data))
    assert made.backup is None
    assert (count(data, "sound"), count(data, "folder"), labels(data)) == (0, 1, {b"0.wav": "kept"})


def test_a_database_that_cannot_be_read_at_all_begins_anew(data: Path) -> None:
    overwrite(data / "metadata.db")
    assert "everything is analysed again" in recover(str(data)).sentence
    assert (count(data, "sound"), count(data, "migration") > 0) == (0, True)


def test_a_database_that_cannot_be_read_is_left_where_it_is(data: Path) -> None:
    """A directory gives EISDIR to whoever reads it, as a failing disk gives EIO."""
    (data / "metadata.db").rename(data / "kept")
    (data / "metadata.db").mkdir()
    before = sorted(data.iterdir())
    with pytest.raises(StorageError, match="Nothing was changed") as refused:
        recover(str(data))
    assert (refused.value.code, sorted(data.iterdir())) == ("unreadable_database", before)


def test_a_whole_database_is_told_from_a_damaged_one(data: Path) -> None:
    assert is_whole(str(data / "metadata.db"))
    tear_a_page(data / "metadata.db")
    assert not is_whole(str(data / "metadata.db"))


def test_where_nothing_can_be_written_the_damaged_database_stays(data: Path) -> None:
    overwrite(data / "metadata.db")
    os.chmod(data, 0o500)
    try:
        if os.access(data, os.W_OK):
            pytest.skip("this user may write everywhere")
        with pytest.raises(StorageError):
            recover(str(data))
    finally:
        os.chmod(data, 0o700)
    assert (data / "metadata.db").read_bytes().startswith(b"something else")
