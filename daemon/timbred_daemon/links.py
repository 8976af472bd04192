"""A folder of links to sounds, named by rank: an answer that any program can open."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Final

from timbred_indexer.errors import StorageError
from timbred_indexer.exclusion import MARKER

_OURS: Final = re.compile(rb"\d{2,} .", re.DOTALL)
_LONGEST_NAME: Final = 255  # bytes, on the file systems that there are
_LONGEST_SUFFIX: Final = 16


def link_names(paths: Sequence[bytes]) -> list[bytes]:
    """A name for a link to each path, such as ``01 kick.wav``; in a file manager they stand in the order of ``paths``.

    A name that would be too long is cut before its suffix, never inside a character.
    """
    width = max(2, len(str(len(paths))))
    return [_named(b"%0*d " % (width, rank), os.path.basename(path)) for rank, path in enumerate(paths, 1)]


def make_links(folder: bytes, paths: Sequence[bytes]) -> None:
    """Makes the folder hold links to ``paths`` and nothing else; links of an earlier call are replaced.

    A ``.nomedia`` beside them keeps timbred from indexing them, should the folder lie in a watched one.

    Raises:
        StorageError: the folder holds what is not from here (``not_ours``; then nothing is changed), or it cannot be
            written.
    """
    try:
        os.makedirs(folder, exist_ok=True)
        present = os.listdir(folder)
        _check_ours(folder, present)
        for name in present:
            if name != MARKER:
                os.unlink(os.path.join(folder, name))
        os.close(os.open(os.path.join(folder, MARKER), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644))
        for name, path in zip(link_names(paths), paths, strict=True):
            os.symlink(path, os.path.join(folder, name))
    except OSError as error:
        raise StorageError(f"{os.fsdecode(folder)}: {error.strerror}.") from error


def _check_ours(folder: bytes, names: Sequence[bytes]) -> None:
    for name in names:
        ours = _OURS.match(name) and os.path.islink(os.path.join(folder, name))
        if not ours and name != MARKER:
            sentence = f"{os.fsdecode(folder)} holds more than links of timbred's; name another folder."
            raise StorageError(sentence, code="not_ours")


def _named(number: bytes, name: bytes) -> bytes:
    if len(number) + len(name) <= _LONGEST_NAME:
        return number + name
    stem, suffix = os.path.splitext(name)
    suffix = suffix if len(suffix) <= _LONGEST_SUFFIX else b""
    end = _LONGEST_NAME - len(number) - len(suffix)
    while 0x80 <= stem[end] < 0xC0:  # the middle of a character in UTF-8
        end -= 1
    return number + stem[:end] + suffix
