"""A file is replaced whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from timbred_indexer.atomic import remove_leftovers, replace_file


def test_a_file_is_replaced_and_nothing_else_stays(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")

    def write(path: str) -> None:
        Path(path).write_text("new")

    replace_file(str(tmp_path / "a"), write)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "new"}


def test_what_cannot_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    def fail(path: str) -> None:
        Path(path).write_text("half")
        raise OSError

    (tmp_path / "a").write_text("old")
    with pytest.raises(OSError):  # noqa: PT011  whichever it is goes through
        replace_file(str(tmp_path / "a"), fail)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "old"}


def test_what_a_killed_process_left_is_taken_away(tmp_path: Path) -> None:
    for name in ("librosa.index", "librosa.index.4711.tmp"):
        (tmp_path / name).touch()
    remove_leftovers(str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["librosa.index"]
