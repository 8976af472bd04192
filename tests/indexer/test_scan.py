"""Looking at real directories."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from timbred_indexer import scan
from timbred_indexer.scan import Rules, look

LONGEST = b"n" * 251 + b".wav"
ODD_NAMES = [b"\xff\xfe.wav", b"a\nb.wav", b"\xc3\xa9.wav", b"e\xcc\x81.wav", b"with %20?#.wav", LONGEST]


def touch(root: Path, *names: str | bytes) -> None:
    for name in names:
        path = os.path.join(os.fsencode(root), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(b"x")


def names(root: Path, path: bytes = b"") -> set[bytes]:
    return set(look(os.fsencode(root), path).files)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_name_is_bytes(tmp_path: Path, name: bytes) -> None:
    touch(tmp_path, name)
    assert names(tmp_path) == {name} == names(tmp_path, name)


def test_a_deep_tree_is_walked(tmp_path: Path) -> None:
    deep = b"/".join([b"d"] * 200) + b"/x.wav"
    touch(tmp_path, deep)
    assert names(tmp_path) == {deep}


@pytest.mark.parametrize(
    "name", [".hidden.wav", ".git/x.wav", "@eaDir/x.wav", "a/__MACOSX/x.wav", "a.txt", "a.JPG", "a.wav.part"]
)
def test_what_is_no_sound_is_left_out_wherever_the_look_begins(tmp_path: Path, name: str) -> None:
    touch(tmp_path, name)
    assert names(tmp_path) == names(tmp_path, name.encode()) == set()


@pytest.mark.parametrize("name", ["a", "a.wav", "a.WAV", "a.xyz", "a.b.flac"])
def test_what_may_be_sound_is_taken_under_any_name(tmp_path: Path, name: str) -> None:
    touch(tmp_path, name)
    assert names(tmp_path) == {name.encode()}


def test_a_root_whose_own_name_is_hidden_is_looked_at(tmp_path: Path) -> None:
    touch(tmp_path / ".samples", "a.wav")
    assert names(tmp_path / ".samples") == {b"a.wav"}


def test_a_look_below_sees_what_a_look_at_all_sees_there(tmp_path: Path) -> None:
    touch(tmp_path, "a/b/x.wav", "a/y.wav", "z.wav")
    assert names(tmp_path, b"a") == {b"a/b/x.wav", b"a/y.wav"}
    assert names(tmp_path, b"a/y.wav") == {b"a/y.wav"}
    assert names(tmp_path, b"nowhere") == names(tmp_path, b"z.wav/below") == set()


def test_links_are_followed_inside_the_root_only(tmp_path: Path) -> None:
    root = tmp_path / "root"
    touch(root, "real/a.wav")
    touch(tmp_path, "outside/b.wav")
    (root / "in").symlink_to("real")
    (root / "file.wav").symlink_to("real/a.wav")
    (root / "out").symlink_to(tmp_path / "outside")
    (root / "out.wav").symlink_to(tmp_path / "outside/b.wav")
    (root / "nowhere.wav").symlink_to("gone.wav")
    assert names(root) == {b"real/a.wav", b"in/a.wav", b"file.wav"}


def test_a_look_behind_a_link_that_leads_outside_finds_nothing(tmp_path: Path) -> None:
    touch(tmp_path, "outside/b.wav", "root/a.wav")
    (tmp_path / "root/out").symlink_to(tmp_path / "outside")
    assert names(tmp_path / "root", b"out") == names(tmp_path / "root", b"out/b.wav") == set()


def test_loops_are_cut_and_every_look_agrees_where(tmp_path: Path) -> None:
    touch(tmp_path, "a/x.wav", "b/y.wav")
    (tmp_path / "a/up").symlink_to("..")
    (tmp_path / "a/other").symlink_to("../b")
    (tmp_path / "b/other").symlink_to("../a")
    (tmp_path / "self").symlink_to("self")
    seen = look(os.fsencode(tmp_path), b"")
    assert set(seen.files) == {b"a/x.wav", b"b/y.wav", b"a/other/y.wav", b"b/other/x.wav"}
    assert seen.unreadable == []
    for top in (b"a", b"b", b"a/other", b"a/up", b"a/up/b", b"self", b"a/other/other/x.wav"):
        assert names(tmp_path, top) == {name for name in seen.files if name.startswith(top + b"/")}, top


def test_a_root_that_is_a_link_is_looked_through(tmp_path: Path) -> None:
    touch(tmp_path / "real", "a.wav")
    (tmp_path / "root").symlink_to("real")
    assert names(tmp_path / "root") == {b"a.wav"}


def test_what_is_neither_file_nor_directory_is_left_out(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    assert names(tmp_path) == names(tmp_path, b"pipe.wav") == set()


def test_a_directory_that_cannot_be_listed_is_named_and_the_rest_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "a.wav", "locked/b.wav")
    listed = os.scandir

    def refuse(path: bytes) -> object:
        if path.endswith(b"locked"):
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(scan.os, "scandir", refuse)
    seen = look(os.fsencode(tmp_path), b"")
    assert (set(seen.files), seen.unreadable) == ({b"a.wav"}, [b"locked"])


def test_a_name_that_is_too_long_to_be_one_is_unreadable_not_gone(tmp_path: Path) -> None:
    assert look(os.fsencode(tmp_path), b"n" * 256).unreadable == [b"n" * 256]


def test_only_a_look_at_the_root_tells_its_device(tmp_path: Path) -> None:
    touch(tmp_path, "a/b.wav")
    assert look(os.fsencode(tmp_path), b"").root_device == tmp_path.stat().st_dev
    assert look(os.fsencode(tmp_path), b"a").root_device is None


@pytest.mark.parametrize("path", [b"", b"data", b"data/deep"])
def test_a_barred_directory_is_not_entered_from_anywhere(tmp_path: Path, path: bytes) -> None:
    touch(tmp_path, "data/deep/a.wav")
    data = (tmp_path / "data").stat()
    assert look(os.fsencode(tmp_path), path).files
    assert not look(os.fsencode(tmp_path), path, Rules(frozenset({(data.st_dev, data.st_ino)}))).files
