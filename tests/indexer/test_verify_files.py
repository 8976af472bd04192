"""Files on disk compared with what was analysed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from timbred_indexer.errors import UnavailableError
from timbred_indexer.model import FileId, FolderId
from timbred_indexer.reading import fingerprint
from timbred_indexer.store.verifying import KnownFile
from timbred_indexer.verify_files import batch, compare_files

LONG_AGO = 10**18  # nanoseconds


def write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    os.utime(path, ns=(LONG_AGO, LONG_AGO))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "kick.wav"
    write(path, b"boom" * 100)
    return path


@pytest.fixture
def kick(path: Path) -> KnownFile:
    """What the database would know of it."""
    stat, digest = fingerprint(os.fsencode(path))
    return KnownFile(FileId(1), FolderId(1), os.fsencode(path), stat, digest)


def test_a_file_as_it_was_is_no_problem(kick: KnownFile) -> None:
    assert compare_files([kick], lambda: False) == []


def test_other_bytes_under_the_same_size_and_times_are_found(kick: KnownFile, path: Path) -> None:
    write(path, b"dull" * 100)
    (changed,) = compare_files([kick], lambda: False)
    assert (changed.rotten, changed.file) == (True, kick)


def test_a_file_that_visibly_changed_is_left_to_the_scan(kick: KnownFile, path: Path) -> None:
    write(path, b"longer than before" * 100)
    (changed,) = compare_files([kick], lambda: False)
    assert (changed.rotten, "rescan" in changed.problem) == (False, True)


def test_a_file_that_is_gone_is_left_to_the_scan(kick: KnownFile, path: Path) -> None:
    path.unlink()
    assert [one.rotten for one in compare_files([kick], lambda: False)] == [False]


def test_reading_ends_when_told(kick: KnownFile) -> None:
    with pytest.raises(UnavailableError):
        compare_files([kick], lambda: True)


@pytest.mark.parametrize(("most", "count"), [(0, 1), (400, 1), (799, 1), (800, 2)])
def test_files_are_read_a_few_at_a_time_and_always_one(kick: KnownFile, most: int, count: int) -> None:
    assert len(batch([kick, kick], most_bytes=most)) == count
