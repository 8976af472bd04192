"""Sounds by the words in their files' paths and labels.

SQLite narrows it down without holding the interpreter: its LIKE knows no case but that of ASCII. Where a word has other
letters too, what remains is compared as people would, case aside and however the letters are put together. Which files
are worth a look at all, ``name_index`` says.
"""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import groupby, islice

from timbred_indexer.model import SoundId
from timbred_indexer.store import folders, name_index
from timbred_indexer.store.paths import FILE_PATH, FILE_PATH_TEXT
from timbred_indexer.store.sounds import VISIBLE_FILE

_OTHER = re.compile(r"[^\x00-\x7f]+")
# What can be looked up of a word. None spans the slash at which the folder's path ends and the file's begins.
_PIECE = re.compile(rf"[^/\x00\x80-\U0010ffff]{{{name_index.SHORTEST},}}")
_MOST_UNWRITTEN = 10_000  # beyond it every file is looked at, as where there is nothing to look up

Value = int | str | bytes


@dataclass(frozen=True, slots=True)
class _Source:
    """Files to be looked at, as SQL: where they come from, which of them, and in which order (that of sounds)."""

    tables: str
    condition: str
    values: tuple[Value, ...]
    order: str = "file.sound_id"


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a file must be like, as SQL, and the words that SQL cannot judge, folded."""

    condition: str
    values: tuple[Value, ...]
    exacting: tuple[str, ...]


def named(
    connection: sqlite3.Connection, words: Sequence[str], folder: bytes | None, after: SoundId, limit: int | None
) -> list[SoundId]:
    """Sounds of which a visible file has every word in its path or label; by id, beyond ``after``.

    Args:
        words: in any order; case does not count. None at all find every sound.
        folder: only files in this directory (absolute path) or below it.
        limit: how many at most; None for all.
    """
    composed = [unicodedata.normalize("NFC", word) for word in words]
    asked = _asked(composed, folder, after)
    found = merge(*(_matching(connection, source, asked) for source in _sources(connection, composed, after)))
    return list(islice((sound for sound, _ in groupby(found)), limit))


def _sources(connection: sqlite3.Connection, words: Sequence[str], after: SoundId) -> Iterator[_Source]:
    """Between them, every file that may match: a folder's own path has some of the words for all of its files."""
    pieces = {piece.lower() for word in words for piece in _PIECE.findall(word)}
    by_lack: dict[frozenset[str], list[str]] = {}
    for folder in folders.active(connection):
        place = folder.path.lower()
        lacking = frozenset(piece for piece in pieces if piece.encode() not in place)
        by_lack.setdefault(lacking, []).append(str(folder.id))
    lagging = name_index.waiting(connection, _MOST_UNWRITTEN) == _MOST_UNWRITTEN
    for lacking, ids in by_lack.items():
        inside = f"+file.folder_id IN ({','.join(ids)})"
        if lagging or not lacking:
            yield _Source("file", inside, ())
            continue
        yield _Source("unnamed CROSS JOIN file ON file.id = unnamed.file_id", inside, ())
        bits = name_index.FILE_BITS
        own = f"file.id = name.rowid & {(1 << bits) - 1} AND +file.sound_id = name.rowid >> {bits}"
        beyond = (after + 1 << bits) - 1
        yield _Source(
            f"name CROSS JOIN file ON {own}",
            f"{inside} AND name MATCH ? AND name.rowid > ?",
            (name_index.wanted(connection, lacking, beyond), beyond),
            "name.rowid",
        )


def _asked(words: Sequence[str], folder: bytes | None, after: SoundId) -> _Asked:
    conditions = [VISIBLE_FILE, "file.sound_id > ?"]
    values: list[Value] = [after]
    for word in words:
        conditions.append(f"({FILE_PATH_TEXT} LIKE ? ESCAPE '\\' OR label LIKE ? ESCAPE '\\')")
        values += [_pattern(word)] * 2
    if folder is not None:
        inside = folder.rstrip(b"/") + b"/"
        conditions.append(f"substr({FILE_PATH}, 1, ?) = ?")
        values += [len(inside), inside]
    exacting = tuple(_folded(word) for word in words if not word.isascii())
    return _Asked(" AND ".join(conditions), tuple(values), exacting)


def _matching(connection: sqlite3.Connection, source: _Source, asked: _Asked) -> Iterator[SoundId]:
    """The sound of each file that matches, in order of sounds."""
    # CROSS JOIN is SQLite's way to say that files are not to be looked up by folder, which would need sorting.
    rows = connection.execute(
        f"SELECT file.sound_id, {FILE_PATH}, label FROM {source.tables} "
        f"CROSS JOIN folder ON folder.id = folder_id WHERE {source.condition} AND {asked.condition} "
        f"ORDER BY {source.order}",
        (*source.values, *asked.values),
    )
    for sound, place, label in rows:
        if not asked.exacting or _has_all(asked.exacting, place, label):
            yield SoundId(sound)


def _pattern(word: str) -> str:
    """Anything around the word, and anything in the place of letters whose case SQLite does not know."""
    literal = re.sub(r"([\\%_])", r"\\\1", word)
    return f"%{_OTHER.sub('%', literal)}%"


def _has_all(words: Sequence[str], path: bytes, label: str | None) -> bool:
    shown = _folded(path.decode("utf-8", "replace"))
    named = "" if label is None else _folded(label)
    return all(word in shown or word in named for word in words)


def _folded(text: str) -> str:
    """Without case, and with letters and their accents apart (as macOS writes names) or together: the same."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
