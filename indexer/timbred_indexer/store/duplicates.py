"""Rows of ``fingerprint`` and ``pair``: what is compared, and what came of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from timbred_indexer.model import Seconds, SoundId
from timbred_indexer.store.paths import FILE_PATH
from timbred_indexer.store.sounds import VISIBLE_FILE

_VISIBLE_SOUND = (
    "EXISTS (SELECT 1 FROM file JOIN folder ON folder.id = folder_id WHERE file.sound_id = {0} AND "
    + VISIBLE_FILE
    + ")"
)


class Unprinted(NamedTuple):
    """A sound without a fingerprint, and one of its files (absolute path, bytes)."""

    sound: SoundId
    path: bytes
    size: int


class Waiting(NamedTuple):
    """A pair that was not compared yet, with a file of each (absolute path) and where to begin in it."""

    first: SoundId
    second: SoundId
    first_path: bytes
    second_path: bytes
    starts: tuple[Seconds, Seconds]
    size: int


@dataclass(frozen=True, slots=True)
class Alike:
    """Two sounds that are the same audio.

    Attributes:
        coherence: share of the waves that is common to both; ``closeness``: likewise, in the loudest moments.
        offset: seconds; where the second file begins in the first.
        gain: dB, of the second over the first.
        gain_range: dB; how much the gain changes over time.
        covered: share of each one's energy that both have.
    """

    first: SoundId
    second: SoundId
    coherence: float
    closeness: float
    offset: float
    gain: float
    gain_range: float
    inverted: bool
    covered: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Owed:
    """What is still to be done: sounds without a fingerprint, fingerprints not paired, pairs not compared."""

    sounds: int
    unpaired: int
    pairs: int

    @property
    def nothing(self) -> bool:
        return not (self.sounds or self.unpaired or self.pairs)


def forget_outdated(connection: sqlite3.Connection, version: int) -> None:
    """Drops what another version of the fingerprint or of the comparison left."""
    connection.execute("DELETE FROM pair WHERE version <> ?", (version,))
    connection.execute("DELETE FROM fingerprint WHERE version <> ?", (version,))


def owed(connection: sqlite3.Connection) -> Owed:
    """Of the sounds and pairs that present files have."""
    row = connection.execute(
        f"SELECT (SELECT count(*) FROM sound WHERE {_VISIBLE_SOUND.format('sound.id')} "
        "AND NOT EXISTS (SELECT 1 FROM fingerprint WHERE sound_id = sound.id)), "
        "(SELECT count(*) FROM fingerprint WHERE id > (SELECT value FROM meta WHERE key = 'paired')), "
        f"(SELECT count(*) FROM pair WHERE coherence IS NULL AND {_VISIBLE_SOUND.format('first')} "
        f"AND {_VISIBLE_SOUND.format('second')})"
    ).fetchone()
    return Owed(*row)


def unprinted(connection: sqlite3.Connection, after: SoundId, limit: int) -> list[Unprinted]:
    """Sounds that a present file has and that wait for a fingerprint, by id, beyond ``after``."""
    rows = connection.execute(
        f"SELECT file.sound_id, {FILE_PATH}, min(size) "
        f"FROM file JOIN folder ON folder.id = folder_id WHERE {VISIBLE_FILE} AND file.state = 'indexed' "
        "AND NOT EXISTS (SELECT 1 FROM fingerprint WHERE fingerprint.sound_id = file.sound_id) "
        "AND file.sound_id > ? GROUP BY file.sound_id ORDER BY file.sound_id LIMIT ?",
        (after, limit),
    )
    return [Unprinted(SoundId(row[0]), bytes(row[1]), row[2]) for row in rows]


def save_fingerprints(
    connection: sqlite3.Connection, version: int, found: Iterable[tuple[SoundId, Seconds, bytes]]
) -> None:
    """(sound, seconds of silence before it, words) each."""
    connection.executemany(
        "INSERT OR REPLACE INTO fingerprint (sound_id, version, start, data) VALUES (?, ?, ?, ?)",
        [(sound, version, start, data) for sound, start, data in found],
    )


class Printed(NamedTuple):
    """``id``: of the fingerprint; ``start``: seconds of silence before it."""

    id: int
    sound: SoundId
    start: float
    words: bytes


def fingerprints(connection: sqlite3.Connection) -> Iterator[Printed]:
    """Every fingerprint, in the order in which they came."""
    for row in connection.execute("SELECT id, sound_id, start, data FROM fingerprint ORDER BY id"):
        yield Printed(row[0], SoundId(row[1]), row[2], row[3])


def paired_up_to(connection: sqlite3.Connection) -> int:
    """The highest id of a fingerprint that was paired with all before it."""
    return int(connection.execute("SELECT value FROM meta WHERE key = 'paired'").fetchone()[0])


def save_pairs(
    connection: sqlite3.Connection,
    version: int,
    found: Iterable[tuple[SoundId, SoundId, Seconds, Seconds]],
    up_to: int,
) -> None:
    """Pairs to be compared (the lower id first) with where to begin in each; what is known of a pair stays."""
    connection.executemany(
        "INSERT OR IGNORE INTO pair (first, second, version, start_first, start_second) VALUES (?, ?, ?, ?, ?)",
        [(first, second, version, *starts) for first, second, *starts in found],
    )
    connection.execute("UPDATE meta SET value = ? WHERE key = 'paired'", (up_to,))


def waiting(
    connection: sqlite3.Connection, passed_over: Iterable[tuple[SoundId, SoundId]], limit: int
) -> list[Waiting]:
    """Pairs to be compared, both of whose sounds present files have."""
    aside = set(passed_over)
    rows = connection.execute(
        "SELECT first, second, start_first, start_second FROM pair WHERE coherence IS NULL "
        f"AND {_VISIBLE_SOUND.format('first')} AND {_VISIBLE_SOUND.format('second')} LIMIT ?",
        (limit + len(aside),),
    )
    chosen = [row for row in rows if (row[0], row[1]) not in aside][:limit]
    places = _places(connection, {sound for row in chosen for sound in row[:2]})
    found: list[Waiting] = []
    for first, second, start, other in chosen:
        if first in places and second in places:
            (path, size), (other_path, other_size) = places[first], places[second]
            starts = Seconds(start), Seconds(other)
            found.append(Waiting(SoundId(first), SoundId(second), path, other_path, starts, size + other_size))
    return found


def _places(connection: sqlite3.Connection, wanted: set[int]) -> dict[int, tuple[bytes, int]]:
    rows = connection.execute(
        f"SELECT file.sound_id, {FILE_PATH}, min(size) "
        f"FROM file JOIN folder ON folder.id = folder_id WHERE {VISIBLE_FILE} AND file.state = 'indexed' "
        f"AND file.sound_id IN ({_list(wanted)}) GROUP BY file.sound_id"
    )
    return {sound: (bytes(path), size) for sound, path, size in rows}


def save_verdicts(connection: sqlite3.Connection, found: Iterable[tuple[SoundId, SoundId, Sequence[float]]]) -> None:
    """(first, second, the verdict's eight numbers in the order of the columns) each."""
    connection.executemany(
        'UPDATE pair SET coherence = ?, closeness = ?, "offset" = ?, gain = ?, gain_range = ?, inverted = ?, '
        "covered_first = ?, covered_second = ? WHERE first = ? AND second = ?",
        [(*numbers, first, second) for first, second, numbers in found],
    )


def alike(connection: sqlite3.Connection, coherence: float, closeness: float) -> list[Alike]:
    """Compared pairs of visible sounds that reach both."""
    rows = connection.execute(
        'SELECT first, second, coherence, closeness, "offset", gain, gain_range, inverted, covered_first, '
        f"covered_second FROM pair WHERE coherence >= ? AND closeness >= ? AND {_VISIBLE_SOUND.format('first')} "
        f"AND {_VISIBLE_SOUND.format('second')} ORDER BY first, second",
        (coherence, closeness),
    )
    return [
        Alike(SoundId(row[0]), SoundId(row[1]), *row[2:7], inverted=bool(row[7]), covered=(row[8], row[9]))
        for row in rows
    ]


def in_many_files(connection: sqlite3.Connection) -> list[SoundId]:
    """Sounds that more than one visible file has: the same bytes."""
    rows = connection.execute(
        f"SELECT file.sound_id FROM file JOIN folder ON folder.id = folder_id WHERE {VISIBLE_FILE} "
        "GROUP BY file.sound_id HAVING count(*) > 1"
    )
    return [SoundId(row[0]) for row in rows]


def in_folder(connection: sqlite3.Connection, folder: bytes) -> set[SoundId]:
    """Sounds of which a visible file lies in a directory (absolute path) or below it."""
    inside = folder.rstrip(b"/") + b"/"
    rows = connection.execute(
        "SELECT DISTINCT file.sound_id FROM file JOIN folder ON folder.id = folder_id "
        f"WHERE {VISIBLE_FILE} AND substr({FILE_PATH}, 1, ?2) = ?1",
        (inside, len(inside)),
    )
    return {SoundId(row[0]) for row in rows}


def _list(ids: Iterable[int]) -> str:
    return ",".join(str(int(identity)) for identity in ids)
