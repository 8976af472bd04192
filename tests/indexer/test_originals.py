"""A file is shown to others only if it is the one that was indexed, inside its folder."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from timbred_indexer.errors import NotFoundError, TimbredError, TransientInputError
from timbred_indexer.originals import open_original
from timbred_indexer.scan import file_stat
from timbred_indexer.store.media import Place


def place(root: Path, name: str, content: bytes = b"sound") -> Place:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return Place(os.fsencode(root), os.fsencode(name), file_stat(path.stat()))


@contextmanager
def opened(one: Place) -> Generator[bytes]:
    descriptor = open_original(one)
    try:
        yield os.read(descriptor, 100)
    finally:
        os.close(descriptor)


def code_of(one: Place) -> str:
    with pytest.raises((NotFoundError, TransientInputError)) as error:
        open_original(one)
    assert isinstance(error.value, TimbredError)
    return error.value.code


def test_the_indexed_file_is_opened(tmp_path: Path) -> None:
    with opened(place(tmp_path, "deep/er/a.wav")) as content:
        assert content == b"sound"


def test_a_link_inside_the_folder_is_resolved(tmp_path: Path) -> None:
    inner = place(tmp_path, "real/a.wav")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with opened(Place(inner.folder, b"link/a.wav", inner.stat)) as content:
        assert content == b"sound"


def test_a_folder_that_is_a_link_itself_is_resolved(tmp_path: Path) -> None:
    inner = place(tmp_path / "real", "a.wav")
    (tmp_path / "watched").symlink_to(tmp_path / "real")
    with opened(Place(os.fsencode(tmp_path / "watched"), b"a.wav", inner.stat)) as content:
        assert content == b"sound"


@pytest.mark.parametrize("name", ["link", "up/../../secret", "../secret"])
def test_nothing_outside_the_folder_is_opened(tmp_path: Path, name: str) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    (tmp_path / "watched" / "up").mkdir(parents=True)
    (tmp_path / "watched" / "link").symlink_to(secret)
    outside = Place(os.fsencode(tmp_path / "watched"), os.fsencode(name), file_stat(secret.stat()))
    assert code_of(outside) == "vanished"


def test_another_file_in_its_place_is_not_opened(tmp_path: Path) -> None:
    one = place(tmp_path, "a.wav")
    (tmp_path / "b.wav").write_bytes(b"other")
    os.replace(tmp_path / "b.wav", tmp_path / "a.wav")
    assert code_of(one) == "file_changed"


def test_a_folder_or_a_pipe_in_its_place_is_not_opened(tmp_path: Path) -> None:
    for name, make in (("a.wav", os.mkdir), ("b.wav", os.mkfifo)):
        one = place(tmp_path, name)
        (tmp_path / name).unlink()
        make(tmp_path / name)
        assert code_of(one) == "file_changed"


def test_a_file_that_is_gone_is_said_to_be(tmp_path: Path) -> None:
    one = place(tmp_path, "a.wav")
    (tmp_path / "a.wav").unlink()
    assert code_of(one) == "vanished"


def test_a_loop_of_links_is_unreadable(tmp_path: Path) -> None:
    one = place(tmp_path, "a.wav")
    (tmp_path / "a.wav").unlink()
    (tmp_path / "a.wav").symlink_to(tmp_path / "a.wav")
    assert code_of(one) == "unreadable"
