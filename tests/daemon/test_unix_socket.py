"""The unix socket: where it lies, who may open it, what becomes of a left-over."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from timbred_daemon.unix_socket import NAME, local_socket


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """A data folder whose path is short enough, however deep the test's own folder lies."""
    short = tmp_path.parent / "d"
    short.mkdir(exist_ok=True)
    return str(short)


def connects(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as end:
        try:
            end.connect(path)
        except OSError:
            return False
        return True


def test_it_is_the_owners_alone_and_goes_at_the_end(folder: str) -> None:
    path = os.path.join(folder, NAME)
    with local_socket(folder) as local:
        assert local is not None
        assert (local.path, stat.S_IMODE(os.stat(path).st_mode)) == (path, 0o600)
        assert connects(path)
    assert os.listdir(folder) == []


def test_what_a_killed_daemon_left_is_replaced(folder: str) -> None:
    path = os.path.join(folder, NAME)
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(path)
    assert not connects(path)
    with local_socket(folder) as local:
        assert local is not None
        assert connects(path)


def test_the_socket_of_a_later_daemon_is_left_alone(folder: str) -> None:
    path = os.path.join(folder, NAME)
    with local_socket(folder):
        os.unlink(path)
        Path(path).write_text("another's")
    assert Path(path).read_text() == "another's"
    os.unlink(path)


def test_a_path_too_long_for_a_socket_is_made_in_the_runtime_folder(folder: str) -> None:
    os.chmod(folder, 0o700)
    with local_socket("/long" * 40, {"XDG_RUNTIME_DIR": folder}) as local:
        assert local is not None
        assert (os.path.dirname(local.path), connects(local.path)) == (folder, True)


@pytest.mark.parametrize("mode", [0o755, None])
def test_a_runtime_folder_that_others_can_enter_is_not_used(folder: str, mode: int | None) -> None:
    environ = {} if mode is None else {"XDG_RUNTIME_DIR": folder}
    os.chmod(folder, mode or 0o700)
    with local_socket("/long" * 40, environ) as local:
        assert local is None


def test_where_it_cannot_be_made_there_is_none(folder: str) -> None:
    with local_socket(os.path.join(folder, "missing")) as local:
        assert local is None
