"""Which bytes of a file are asked for (RFC 9110, 13 and 14). Pure: header values in, a decision out."""

from __future__ import annotations

import re
from dataclasses import dataclass

_RANGE = re.compile(r"\s*bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bytes ``start`` to ``stop``, the latter not included. ``partial``: they were asked for, so the status is 206."""

    start: int
    stop: int
    partial: bool


def choose(asked: str | None, if_range: str | None, etag: str, size: int) -> Stretch | None:
    """The bytes to send; None when there are none at the place asked for (416).

    What is not understood, several ranges included, is answered with everything, as is a range of what the caller
    has an older copy of.

    Args:
        asked: ``Range``; ``if_range``: ``If-Range``.
        etag: of the file as it is, without quotes.
    """
    whole = Stretch(0, size, partial=False)
    found = _RANGE.fullmatch(asked) if asked is not None else None
    if found is None or (if_range is not None and if_range.strip() != f'"{etag}"'):
        return whole
    first, last = found.groups()
    if not first:
        return _tail(int(last), size) if last else whole
    start = int(first)
    if last and int(last) < start:
        return whole  # malformed, and to be ignored
    if start >= size:
        return None
    return Stretch(start, min(size, int(last) + 1) if last else size, partial=True)


def _tail(length: int, size: int) -> Stretch | None:
    return Stretch(max(0, size - length), size, partial=True) if length and size else None


def is_known(if_none_match: str | None, etag: str) -> bool:
    """Whether the caller has this already (304); tags compare weakly here. ``etag``: without quotes."""
    if if_none_match is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in tags or f'"{etag}"' in tags
