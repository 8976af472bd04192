"""What is left alone: by name, by pattern, by a marker on the disk."""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timbred_indexer.exclusion import Exclusion
from timbred_indexer.scan import Rules, look


@pytest.mark.parametrize(
    "path", [b".git/a.wav", b"a/.hidden.wav", b"a/@eaDir/b.wav", b"node_modules/x/y.wav", b"__MACOSX/a.wav"]
)
def test_hidden_and_side_folders_are_always_excluded(path: bytes) -> None:
    assert Exclusion()(path)


@pytest.mark.parametrize(
    ("pattern", "path", "is_excluded"),
    [
        (b"bounces", b"a/bounces/b.wav", True),
        (b"bounces", b"a/bounces 2/b.wav", False),
        (b"*.tmp.wav", b"a/b/c.tmp.wav", True),
        (b"*.wav", b"a\n.wav", True),
        (b"take ?", b"take 1/b.wav", True),
        (b"take [!1-3]", b"take 4", True),
        (b"take [!1-3]", b"take 2", False),
        (b"[a-c-]", b"b", True),
        (b"[a-c-]", b"-", True),
        (b"[a-c-]", b"d", False),
        (b"[z-a]", b"m", False),
        (b"[!z-a]", b"m", True),
        (b"[+--]", b",", True),
        (b"a/*/c", b"a/b/c/d.wav", True),
        (b"a/*/c", b"x/a/b/c", False),
        (b"a/*/c", b"a/b/b/c", False),
        (b"a/**/c", b"a/c", True),
        (b"a/**/c", b"a/b/b/c/d.wav", True),
        (b"a/**", b"a/b", True),
        (b"a/**", b"a", False),
        (b"/top/", b"top/a.wav", True),
        (b"\xff*", b"a/\xffe.wav", True),
        (b"[", b"a/[/b", True),
        (b"a.b", b"axb", False),
    ],
)
def test_a_pattern_fits_a_name_anywhere_or_a_path_from_the_folder_on(
    pattern: bytes, path: bytes, is_excluded: bool
) -> None:
    assert Exclusion([pattern])(path) is is_excluded


@given(st.text("[]!^\\az&~|", min_size=1, max_size=6))
def test_a_set_of_characters_is_read_as_the_shell_reads_it(inner: str) -> None:
    pattern = f"[{inner}]"
    excluded = Exclusion([pattern.encode()])
    for name in ("[", "]", "!", "^", "\\", "a", "m", "z", "&", "~", "|", pattern):
        assert excluded(name.encode()) is fnmatchcase(name, pattern), (pattern, name)


def below(root: Path, path: bytes = b"", *patterns: bytes) -> set[bytes]:
    return set(look(os.fsencode(root), path, Rules(excluded=Exclusion(patterns))).files)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("kept.wav", "kit/a.wav", "kit/bounces/b.wav", "kit/phone/c.wav", "kit/phone/deep/d.wav"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def test_a_look_leaves_out_what_a_pattern_excludes(root: Path) -> None:
    assert below(root, b"", b"bounces", b"kit/phone") == {b"kept.wav", b"kit/a.wav"}
    assert below(root, b"kit/bounces/b.wav", b"bounces") == set()


def test_a_marked_directory_is_left_alone_wherever_the_look_begins(root: Path) -> None:
    (root / "kit/phone/.nomedia").touch()
    assert below(root) == {b"kept.wav", b"kit/a.wav", b"kit/bounces/b.wav"}
    assert below(root, b"kit/phone/deep/d.wav") == below(root, b"kit/phone/deep") == below(root, b"kit/phone") == set()


def test_a_mark_in_the_root_itself_counts_for_nothing(root: Path) -> None:
    (root / ".nomedia").touch()
    assert b"kept.wav" in below(root)
    assert below(root, b"kit/a.wav") == {b"kit/a.wav"}
