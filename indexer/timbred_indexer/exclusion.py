"""What is never watched nor scanned: hidden entries, well-known side folders, and what the settings exclude. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

EXCLUDED_DIRECTORIES = frozenset({b"@eaDir", b"__MACOSX", b"node_modules", b"lost+found", b"$RECYCLE.BIN"})

MARKER = b".nomedia"
"""A directory below the root that holds such a file is left alone with all that is in it, as on Android."""

_TOKEN = re.compile(rb"\*+|\?|\[!?+(?:\][^\]/]*|[^\]/]+)\]|.", re.DOTALL)
_MEMBER = re.compile(rb"(.)-(.)|(.)", re.DOTALL)  # of a set: two ends, or one character


class Exclusion:
    """Tells whether a path, relative to its folder, lies in or is something that is left alone.

    Args:
        patterns: globs. One without a slash fits a name anywhere; one with a slash fits a path from the folder on,
            where ``*`` stays within a name and ``**`` stands for any number of directories.
    """

    def __init__(self, patterns: Iterable[bytes] = ()) -> None:
        patterns = [pattern.strip(b"/") for pattern in patterns]
        self._names = _any(_glob(pattern) for pattern in patterns if b"/" not in pattern)
        self._paths = _any(_path_glob(pattern) for pattern in patterns if b"/" in pattern)

    def __call__(self, path: bytes) -> bool:
        parts = [part for part in path.split(b"/") if part]
        if any(self.name(part) for part in parts):
            return True
        return self._paths is not None and any(
            self._paths.fullmatch(b"/".join(parts[:depth])) for depth in range(1, len(parts) + 1)
        )

    def name(self, name: bytes) -> bool:
        """Whether an entry is left alone whatever lies above it."""
        if name.startswith(b".") or name in EXCLUDED_DIRECTORIES:
            return True
        return self._names is not None and self._names.fullmatch(name) is not None

    def entry(self, path: bytes, name: bytes) -> bool:
        """Like calling it, of a path whose directory is known not to be excluded."""
        return self.name(name) or (self._paths is not None and self._paths.fullmatch(path) is not None)


def _any(globs: Iterable[bytes]) -> re.Pattern[bytes] | None:
    joined = b"|".join(globs)
    return re.compile(joined, re.DOTALL) if joined else None


def _glob(pattern: bytes) -> bytes:
    """As the shell has it, within one name."""
    return b"(?:" + _TOKEN.sub(_as_regex, pattern) + b")"


def _as_regex(token: re.Match[bytes]) -> bytes:
    match token[0]:
        case b"?":
            return b"[^/]"
        case text if text.startswith(b"*"):
            return b"[^/]*"
        case text if len(text) > 1:
            return _set(text[1:-1])
        case text:
            return re.escape(text)


def _set(inner: bytes) -> bytes:
    """What stands between brackets. A range whose ends are the wrong way round has nobody in it, as in the shell."""
    negated = inner.startswith(b"!")
    members = b""
    for first, last, alone in _MEMBER.findall(inner[negated:]):
        low, high = (alone, alone) if alone else (first, last)
        if low <= high:
            members += b"\\x%02x-\\x%02x" % (ord(low), ord(high))
    if not members:
        return b"[^/]" if negated else b"(?!)"
    return (b"[^/%b]" if negated else b"[%b]") % members


def _path_glob(pattern: bytes) -> bytes:
    parts = pattern.split(b"/")
    made = b"".join(b"(?:[^/]+/)*" if part == b"**" else _glob(part) + b"/" for part in parts[:-1])
    return made + (b".+" if parts[-1] == b"**" else _glob(parts[-1]))
