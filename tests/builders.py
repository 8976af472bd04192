"""Small truths for the tests: folders, files, and sounds with made-up vectors, written as the pipeline would."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from timbred_indexer import aspects
from timbred_indexer.cards import Files
from timbred_indexer.db import connect, next_seq
from timbred_indexer.index import Ids, get_bits
from timbred_indexer.live import View
from timbred_indexer.migrate import migrate, shipped
from timbred_indexer.model import AnalysedSegment, Analysis, FileId, FileStat, FolderId, Seconds, SoundId
from timbred_indexer.store import clap, files, folders, sounds
from timbred_indexer.store.sounds import VISIBLE_FILE, Sound, StoredSegment

VERSION = "test-1"

RAW_ASPECTS = {aspect.name: bytes(4 * len(aspect.fields)) for aspect in aspects.ASPECTS}


def fresh_connection() -> sqlite3.Connection:
    """A database in memory with the schema."""
    connection = connect(":memory:")
    migrate(connection, shipped())
    return connection


def stat_with(size: int = 100, mtime_ns: int = 1, inode: int = 1, device: int = 7) -> FileStat:
    return FileStat(size, mtime_ns, inode, device)


def vector(seed: int) -> NDArray[np.float32]:
    """A vector such as ``aspects.vector`` makes: a unit vector for each aspect, weighed."""
    random = np.random.default_rng(seed)
    made = np.empty(aspects.DIM, np.float32)
    for aspect in aspects.ASPECTS:
        block = random.standard_normal(aspect.dim)
        made[aspects.BLOCKS[aspect.name]] = np.sqrt(aspect.weight) * block / np.linalg.norm(block)
    return made


def segment_of(made: NDArray[np.float32] | None, start: float = 0.0) -> AnalysedSegment:
    blob = None if made is None else made.astype("<f4").tobytes()
    return AnalysedSegment(Seconds(start), Seconds(start + 1.0), RAW_ASPECTS, blob)


def analysis_of(
    vectors: Sequence[NDArray[np.float32] | None], *, duration: float = 1.0, version: str = VERSION
) -> Analysis:
    """One segment for each vector, a second apart; None is a stretch of silence."""
    segments = tuple(segment_of(made, float(place)) for place, made in enumerate(vectors))
    return Analysis(Seconds(duration), 44_100, 2, "wav", segments, cut_short=False, version=version)


def analysis(*seeds: int, duration: float = 1.0, version: str = VERSION) -> Analysis:
    """One segment for each seed; none is silence."""
    return analysis_of([vector(seed) for seed in seeds], duration=duration, version=version)


def digest(name: object) -> bytes:
    return hashlib.sha256(repr(name).encode()).digest()


def new_folder(connection: sqlite3.Connection, path: bytes = b"/s") -> FolderId:
    return folders.add(connection, path, "added", "poll", next_seq(connection))


def new_file(connection: sqlite3.Connection, folder: FolderId, path: bytes, stat: FileStat | None = None) -> FileId:
    """A pending file; without ``stat`` its inode is one of its own."""
    count: int = connection.execute("SELECT count(*) FROM file").fetchone()[0]
    stat = stat_with(inode=1000 + count) if stat is None else stat
    files.insert(connection, folder, [(path, stat)], next_seq(connection))
    return file_id(connection, folder, path)


def file_id(connection: sqlite3.Connection, folder: FolderId, path: bytes) -> FileId:
    row = connection.execute("SELECT id FROM file WHERE folder_id = ? AND path = ?", (folder, path)).fetchone()
    return FileId(row[0])


def link(connection: sqlite3.Connection, file: FileId, sound: SoundId) -> None:
    row = connection.execute("SELECT size, mtime_ns, inode, device FROM file WHERE id = ?", (file,)).fetchone()
    assert files.link(connection, file, FileStat(*row), sound, next_seq(connection))


def new_sound(
    connection: sqlite3.Connection, folder: FolderId, path: bytes, made: Analysis, *, content: object = None
) -> SoundId:
    """An indexed file; ``content`` is what its bytes are known by, else its place."""
    file = new_file(connection, folder, path)
    known_by = digest((folder, path) if content is None else content)
    sound = sounds.save_analysis(connection, known_by, made, "librosa", next_seq(connection))
    link(connection, file, sound)
    return sound


def state_of(connection: sqlite3.Connection, file: FileId) -> str:
    return str(connection.execute("SELECT state FROM file WHERE id = ?", (file,)).fetchone()[0])


def live_segments(connection: sqlite3.Connection, sound: SoundId) -> list[StoredSegment]:
    rows = connection.execute(
        'SELECT id, sound_id, start, "end" FROM segment WHERE sound_id = ? AND dead_seq IS NULL ORDER BY start',
        (sound,),
    )
    return [StoredSegment(*row) for row in rows]


def files_at(connection: sqlite3.Connection, sound: SoundId) -> list[FileId]:
    return [FileId(row[0]) for row in connection.execute("SELECT id FROM file WHERE sound_id = ?", (sound,))]


def visible(connection: sqlite3.Connection, ids: Iterable[SoundId]) -> set[SoundId]:
    """Those of ``ids`` that a file lets be seen."""
    wanted = list(ids)
    seen: set[SoundId] = set()
    for start in range(0, len(wanted), 500):
        part = wanted[start : start + 500]
        marks = ",".join("?" * len(part))
        rows = connection.execute(
            f"SELECT DISTINCT file.sound_id FROM file JOIN folder ON folder.id = folder_id "
            f"WHERE file.sound_id IN ({marks}) AND {VISIBLE_FILE}",
            part,
        )
        seen.update(SoundId(row[0]) for row in rows)
    return seen


def visible_ids(view: View) -> Ids:
    """Every segment id a search may return, rising."""
    ids = np.arange(len(view.sound_of), dtype=np.int64)
    return ids[get_bits(view.visible, ids)]


CLAP_DIM = 24
CLAP_VERSION = "test-clap@1/repeatpad"


def clap_vector(seed: int, near: int | None = None, share: float = 0.5) -> NDArray[np.float32]:
    """A unit vector such as CLAP makes; with ``near``, mostly that seed's, and a share of its own."""
    own = np.random.default_rng(10_000 + seed).standard_normal(CLAP_DIM)
    own /= np.linalg.norm(own)
    if near is not None:
        own = clap_vector(near) + share * own
        own /= np.linalg.norm(own)
    return own.astype(np.float32)


def let_clap_hear(
    connection: sqlite3.Connection, sound: SoundId, *made: NDArray[np.float32], version: str = CLAP_VERSION
) -> None:
    """CLAP's vectors of a sound's living segments, in order of time."""
    vectors = {
        segment.id: vector.astype("<f4").tobytes()
        for segment, vector in zip(live_segments(connection, sound), made, strict=True)
    }
    clap.save(connection, version, vectors, next_seq(connection))


def places(_: Sound, files: Files) -> bytes:
    """What cards show in the tests: the paths, in lines."""
    return b"\n".join(path for path, _ in files)
