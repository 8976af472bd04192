"""Sounds by the words in their files' paths and labels.

SQLite narrows it down without holding the interpreter: its LIKE knows no case but that of ASCII. Where a word has other
letters too, what remains is compared as people would, case aside and however the letters are put together.
"""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import groupby, islice

from timbred_indexer.model import SoundId
from timbred_indexer.store.sounds import VISIBLE_FILE

_OTHER = re.compile(r"[^\x00-\x7f]+")


def named(
    connection: sqlite3.Connection, words: Sequence[str], folder: bytes | None, after: SoundId, limit: int
) -> list[SoundId]:
    """Sounds of which a visible file has every word in its path or label; by id, beyond ``after``.

    Args:
        words: in any order; case does not count. None at all find every sound.
        folder: only files in this directory (absolute path) or below it.
    """
    found = (sound for sound, _ in groupby(_matching(connection, words, folder, after)))
    return list(islice(found, limit))


def _matching(
    connection: sqlite3.Connection, words: Sequence[str], folder: bytes | None, after: SoundId
) -> Iterator[SoundId]:
    """The sound of each file that matches, in order of sounds."""
    conditions = [VISIBLE_FILE, "file.sound_id > ?"]
    values: list[int | str | bytes] = [after]
    path = "CAST(folder.path || '/' || file.path AS {})"
    for word in words:
        conditions.append(f"({path.format('TEXT')} LIKE ? ESCAPE '\\' OR label LIKE ? ESCAPE '\\')")
        values += [_pattern(word)] * 2
    if folder is not None:
        inside = folder.rstrip(b"/") + b"/"
        conditions.append(f"substr({path.format('BLOB')}, 1, ?) = ?")
        values += [len(inside), inside]
    rows = connection.execute(
        f"SELECT file.sound_id, {path.format('BLOB')}, label FROM file JOIN folder ON folder.id = folder_id "
        f"WHERE {' AND '.join(conditions)} ORDER BY file.sound_id",
        values,
    )
    exacting = [_folded(word) for word in words if not word.isascii()]
    for sound, place, label in rows:
        if not exacting or _has_all(exacting, place, label):
            yield SoundId(sound)


def _pattern(word: str) -> str:
    """Anything around the word, and anything in the place of letters whose case SQLite does not know."""
    literal = re.sub(r"([\\%_])", r"\\\1", unicodedata.normalize("NFC", word))
    return f"%{_OTHER.sub('%', literal)}%"


def _has_all(words: Sequence[str], path: bytes, label: str | None) -> bool:
    shown = _folded(path.decode("utf-8", "replace"))
    named = "" if label is None else _folded(label)
    return all(word in shown or word in named for word in words)


def _folded(text: str) -> str:
    """Without case, and with letters and their accents apart (as macOS writes names) or together: the same."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
