"""Which bytes a Range asks for, by RFC 9110."""

from __future__ import annotations

import pytest

from timbred_api.ranges import Stretch, choose, is_known

ALL = Stretch(0, 100, partial=False)


def part(start: int, stop: int) -> Stretch:
    return Stretch(start, stop, partial=True)


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (None, ALL),
        ("bytes=0-", part(0, 100)),
        ("bytes=0-0", part(0, 1)),
        ("bytes=10-19", part(10, 20)),
        ("bytes=90-1000", part(90, 100)),
        ("bytes=99-", part(99, 100)),
        ("bytes=-10", part(90, 100)),
        ("bytes=-1000", part(0, 100)),
        (" Bytes = 5 - 6 ", part(5, 7)),
        ("bytes=100-", None),
        ("bytes=200-300", None),
        ("bytes=-0", None),
        ("bytes=20-10", ALL),
        ("bytes=0-1,5-6", ALL),
        ("bytes=", ALL),
        ("bytes=-", ALL),
        ("bytes=a-b", ALL),
        ("lines=0-1", ALL),
        ("bytes=" + "9" * 40 + "-", ALL),
    ],
)
def test_a_range_is_read_as_the_standard_says(asked: str | None, given: Stretch | None) -> None:
    assert choose(asked, None, "tag", 100) == given


def test_an_empty_file_has_no_range() -> None:
    assert choose("bytes=0-", None, "tag", 0) is None
    assert choose("bytes=-5", None, "tag", 0) is None
    assert choose(None, None, "tag", 0) == Stretch(0, 0, partial=False)


@pytest.mark.parametrize(
    ("condition", "partial"),
    [('"tag"', True), ('"other"', False), ('W/"tag"', False), ("Wed, 21 Oct 2015 07:28:00 GMT", False)],
)
def test_a_range_of_an_older_copy_is_answered_with_everything(condition: str, partial: bool) -> None:
    assert choose("bytes=5-9", condition, "tag", 100) == (part(5, 10) if partial else ALL)


@pytest.mark.parametrize(
    ("condition", "known"),
    [(None, False), ('"tag"', True), ('W/"tag"', True), ('"a", "tag"', True), ("*", True), ('"tags"', False)],
)
def test_who_has_the_bytes_is_known(condition: str | None, known: bool) -> None:
    assert is_known(condition, "tag") == known
