"""Paths in and out of the API."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timbred_api.locations import display, from_uri, normal, resolve, to_uri
from timbred_indexer.errors import RequestError

names = st.binary(min_size=1, max_size=12).filter(lambda name: not {0, 47} & set(name) and name not in (b".", b".."))
paths = st.lists(names, min_size=1, max_size=4).map(lambda parts: b"/" + b"/".join(parts))


def code_of(uri: str) -> str:
    with pytest.raises(RequestError) as caught:
        from_uri(uri)
    return caught.value.code


@given(paths)
def test_every_path_has_a_uri_and_comes_back_from_it(path: bytes) -> None:
    assert from_uri(to_uri(path)) == path == resolve(None, to_uri(path)) == resolve(to_uri(path), None)


@given(paths)
def test_a_uri_is_ascii_and_a_display_is_utf_8(path: bytes) -> None:
    assert to_uri(path).isascii()
    assert display(path).encode()


@given(st.text("aZ é漢\n?#%~", min_size=1))
def test_a_path_that_can_be_shown_can_be_given_back(name: str) -> None:
    path = f"/{name}".encode()
    assert resolve(display(path), None) == path


@pytest.mark.parametrize(
    "uri",
    ["file:///a%20b", "file://localhost/a%20b", "file:/a%20b", "FILE:///a%20b", "file:///x/../a%20b", "file:////a%20b"],
)
def test_a_file_is_named_by_any_form_of_its_uri(uri: str) -> None:
    assert from_uri(uri) == b"/a b"


def test_characters_that_should_have_been_encoded_are_meant_as_they_are() -> None:
    assert from_uri("file:///a?b#c ü") == "/a?b#c ü".encode()


@pytest.mark.parametrize("uri", ["http://x/a", "/a", "", "file://elsewhere/a", "file://[/a", "ftp:///a"])
def test_what_names_no_file_here_is_a_bad_uri(uri: str) -> None:
    assert code_of(uri) == "bad_uri"


@pytest.mark.parametrize("uri", ["file:a", "file:///a%00b", "file://", "file://localhost"])
def test_a_uri_of_no_absolute_path_is_a_bad_path(uri: str) -> None:
    assert code_of(uri) == "bad_path"


@pytest.mark.parametrize(("path", "expected"), [(b"/a//b/./c/../d/", b"/a/b/d"), (b"//a", b"/a"), (b"/..", b"/")])
def test_a_path_is_tidied(path: bytes, expected: bytes) -> None:
    assert normal(path) == expected


@pytest.mark.parametrize("path", ["a", "./a", "", "~/a", "/a\0b"])
def test_a_relative_path_or_one_with_a_nul_is_refused(path: str) -> None:
    with pytest.raises(RequestError) as caught:
        resolve(path, None)
    assert caught.value.code == "bad_path"


def test_a_path_and_a_uri_at_once_are_refused() -> None:
    with pytest.raises(RequestError):
        resolve("/a", "file:///a")
    assert resolve(None, None) is None


def test_a_name_that_is_not_utf_8_comes_as_the_system_gives_it() -> None:
    assert resolve("/" + os.fsdecode(b"\xff"), None) == b"/\xff"
