"""The token's file: made once, read by its owner, made anew when it is no secret any more."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from timbred_api.tokens import keep_token, read_token


def test_it_is_made_once_and_its_owners_alone(tmp_path: Path) -> None:
    assert read_token(str(tmp_path)) is None
    token = keep_token(str(tmp_path))
    assert len(token) >= 43
    assert keep_token(str(tmp_path)) == read_token(str(tmp_path)) == token
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["token"]


def test_one_that_others_could_read_is_replaced(tmp_path: Path) -> None:
    token = keep_token(str(tmp_path))
    (tmp_path / "token").chmod(0o640)
    assert read_token(str(tmp_path)) is None
    assert keep_token(str(tmp_path)) != token


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 31, b"two words " * 5, b"\xff" * 40])
def test_what_is_no_token_is_replaced(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "token").write_bytes(content)
    (tmp_path / "token").chmod(0o600)
    assert read_token(str(tmp_path)) is None
    assert len(keep_token(str(tmp_path))) >= 43


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("y" * 43)
    (tmp_path / "elsewhere").chmod(0o600)
    (tmp_path / "token").symlink_to("elsewhere")
    assert read_token(str(tmp_path)) is None
    assert keep_token(str(tmp_path)) != "y" * 43
    assert (tmp_path / "elsewhere").read_text() == "y" * 43


def test_a_left_over_of_a_broken_write_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "token.new").write_text("half")
    assert read_token(str(tmp_path)) != keep_token(str(tmp_path))
