"""A list of sounds as plain text: paths, a line each, or a playlist. Rows are as JSON has them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from timbred_api.locations import from_uri

Row = Mapping[str, Any]


def path_lines(rows: Iterable[Row], *, utf8: bool) -> Iterator[bytes]:
    """Each row's path as it is on disk; as a URI where it would break its line or, with ``utf8``, is not UTF-8."""
    for row in rows:
        path = from_uri(row["uri"])
        yield row["uri"].encode() if _breaks_line(path) or (utf8 and not _is_utf8(path)) else path


def playlist(rows: Iterable[Row]) -> Iterator[bytes]:
    """Lines of an extended M3U; a path that would not be read back from its line is given as a URI."""
    yield b"#EXTM3U"
    for row in rows:
        yield f"#EXTINF:{round(row['duration'])},{visible(row['label'])}".encode()
        path = from_uri(row["uri"])
        yield row["uri"].encode() if _breaks_line(path) or path != path.strip() else path


def visible(text: str) -> str:
    """The text with control characters and lone surrogates written out, as in ``a\\nb``."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)


def _breaks_line(path: bytes) -> bool:
    return b"\n" in path or b"\r" in path


def _is_utf8(path: bytes) -> bool:
    try:
        path.decode()
    except UnicodeDecodeError:
        return False
    return True
