"""A folder of links holds what was found, in its order, and nothing of anybody else's is touched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from timbred_daemon.links import link_names, make_links
from timbred_indexer.errors import StorageError


def linked(folder: Path) -> dict[bytes, bytes]:
    """Each link, and what it leads to."""
    here = os.fsencode(folder)
    return {name: os.readlink(os.path.join(here, name)) for name in sorted(os.listdir(here)) if name != b".nomedia"}


def test_links_are_named_by_rank_and_lead_to_the_exact_files(tmp_path: Path) -> None:
    paths = [b"/a/kick.wav", b"/b/kick.wav", b"/a/\xff\n.wav"]
    make_links(os.fsencode(tmp_path / "new" / "folder"), paths)
    names = [b"01 kick.wav", b"02 kick.wav", b"03 \xff\n.wav"]
    assert linked(tmp_path / "new" / "folder") == dict(zip(names, paths, strict=True))


def test_a_hundred_links_stand_in_order() -> None:
    names = link_names([b"/x.wav"] * 120)
    assert (names[0], names[-1], names) == (b"001 x.wav", b"120 x.wav", sorted(names))


def test_a_name_that_would_be_too_long_is_cut_before_its_suffix_and_between_characters() -> None:
    (name,) = link_names([f"/a{'ä' * 124}.wav".encode()])
    assert (len(name), name.endswith("ä.wav".encode()), name.decode()[:4]) == (254, True, "01 a")
    (bare,) = link_names([b"/" + b"x" * 255])
    assert bare == b"01 " + b"x" * 252


def test_asked_again_the_folder_holds_the_new_answer_only(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path)
    make_links(folder, [b"/a.wav", b"/b.wav"])
    make_links(folder, [b"/c.wav"])
    assert linked(tmp_path) == {b"01 c.wav": b"/c.wav"}


@pytest.mark.parametrize("name", ["notes.txt", "01 mine.wav"])
def test_a_folder_with_files_of_somebody_elses_is_left_alone(tmp_path: Path, name: str) -> None:
    make_links(os.fsencode(tmp_path), [b"/a.wav"])
    (tmp_path / name).write_text("mine")
    with pytest.raises(StorageError, match="holds more than links"):
        make_links(os.fsencode(tmp_path), [b"/b.wav"])
    assert (tmp_path / name).read_text() == "mine"
    assert os.readlink(tmp_path / "01 a.wav") == "/a.wav"


def test_links_of_somebody_elses_are_not_ours(tmp_path: Path) -> None:
    (tmp_path / "favourite").symlink_to("/a.wav")
    with pytest.raises(StorageError, match="holds more than links"):
        make_links(os.fsencode(tmp_path), [b"/b.wav"])


def test_a_place_that_is_no_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="file: "):
        make_links(os.fsencode(tmp_path / "file"), [])
