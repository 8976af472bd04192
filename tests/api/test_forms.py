"""Lists of sounds as text."""

from __future__ import annotations

import pytest

from timbred_api.forms import path_lines, playlist, visible
from timbred_api.locations import to_uri


def row(path: bytes, label: str = "kick") -> dict[str, object]:
    return {"uri": to_uri(path), "label": label, "duration": 1.6}


@pytest.mark.parametrize("path", [b"/s/kick.wav", "/s/gr\u00fcn \u2028.wav".encode(), b"/s/# 1%20.wav"])
def test_a_path_is_given_as_it_is(path: bytes) -> None:
    assert list(path_lines([row(path)], utf8=True)) == [path]


@pytest.mark.parametrize(("path", "line"), [(b"/a\nb", b"file:///a%0Ab"), (b"/a\rb", b"file:///a%0Db")])
def test_a_path_that_would_break_its_line_is_given_as_a_uri(path: bytes, line: bytes) -> None:
    assert list(path_lines([row(path)], utf8=False)) == [line]
    assert list(playlist([row(path)]))[2] == line


def test_a_path_that_is_not_utf8_is_a_uri_only_where_text_must_be() -> None:
    rows = [row(b"/\xff.wav")]
    assert list(path_lines(rows, utf8=True)) == [b"file:///%FF.wav"]
    assert list(path_lines(rows, utf8=False)) == [b"/\xff.wav"]


def test_a_playlist_names_each_sound_with_its_length() -> None:
    lines = list(playlist([row(b"/kick.wav", "a\nb"), row(b"/blank ")]))
    assert lines[:3] == [b"#EXTM3U", b"#EXTINF:2,a\\nb", b"/kick.wav"]
    assert lines[4] == b"file:///blank%20", "players strip what surrounds a path"


def test_control_characters_are_made_visible() -> None:
    assert visible("a\x1b[2Jb\ud800\u00e9") == "a\\x1b[2Jb\\ud800\u00e9"
