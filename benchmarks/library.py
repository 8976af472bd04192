"""A library of any size on disk, made without decoding: real files (tiny), real rows, plausible vectors.

Where a corpus is given, its sounds are analysed once and each made-up sound is a mix of the raw descriptors of two of
them; without one, descriptors are drawn from the reference statistics. Copies with a little noise are not used: they
make every index look good.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from timbred_indexer import aspects
from timbred_indexer.analyse import analyse
from timbred_indexer.db import connect, next_seq
from timbred_indexer.errors import TimbredError
from timbred_indexer.migrate import migrate, shipped
from timbred_indexer.model import AnalysedSegment, Analysis, FileStat, FolderId, Seconds, SpaceName
from timbred_indexer.scan import file_stat, volume_of
from timbred_indexer.store import files, folders, sounds

Raw = Mapping[str, NDArray[np.float32]]

FILES_A_DIRECTORY = 500
CLAP_VERSION = "made-up@1/repeatpad"
CLAP_DIM = 512
AT_ONCE = 10_000  # rows
CLAP_NOISE = 0.6  # of a vector's own, beside what it shares with the librosa space


def make_library(top: str, size: int, corpus: str | None) -> str:
    """A library under ``top``: its sounds, and its data folder, which is returned; nothing is built yet."""
    sounds, data = os.path.join(top, "sounds"), os.path.join(top, "data")
    os.makedirs(sounds)
    os.mkdir(data)
    make_files(sounds, size)
    fill_database(os.path.join(data, "metadata.db"), sounds, seed_sounds(corpus))
    return data


def spaces(clap: bool) -> list[tuple[SpaceName, str]]:
    """The spaces of a made library, with the versions of their vectors."""
    return [("librosa", aspects.VERSION), *([("clap", CLAP_VERSION)] if clap else [])]


def compact(data: str, space: SpaceName, version: str) -> None:
    """Builds a space's snapshot, as the daemon would."""
    arguments = [os.path.join(data, "metadata.db"), data, space, version, "0.99"]
    subprocess.run([sys.executable, "-m", "timbred_indexer.compact", *arguments], check=True, stdout=subprocess.DEVNULL)


def make_files(root: str, count: int) -> None:
    """``count`` small files under ``root``, in directories of 500."""
    for number in range(count):
        directory = os.path.join(root, f"pack{number // FILES_A_DIRECTORY:04d}")
        if number % FILES_A_DIRECTORY == 0:
            os.makedirs(directory, exist_ok=True)
        with open(os.path.join(directory, f"sound{number:07d}.wav"), "wb") as file:
            file.write(number.to_bytes(8, "big"))


def seed_sounds(corpus: str | None, limit: int = 300) -> list[Raw]:
    """Raw descriptors to mix: of the corpus's first sounds, or drawn at random."""
    if corpus is None:
        return list(_drawn(limit))
    found: list[Raw] = []
    for folder, directories, names in os.walk(os.fsencode(corpus)):
        directories[:] = sorted(name for name in directories if name != b"odd")
        for name in sorted(names)[::3]:
            if len(found) == limit:
                return found
            try:
                segments = analyse(os.path.join(folder, name)).segments
            except TimbredError:
                continue
            found += [
                {key: np.frombuffer(raw, "<f4") for key, raw in segment.aspects.items()} for segment in segments[:1]
            ]
    return found


def fill_database(path: str, root: str, seeds: list[Raw]) -> None:
    """A database in which every file of ``root`` is indexed, each as a sound of one segment."""
    connection = connect(path)
    migrate(connection, shipped())
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("BEGIN IMMEDIATE")
    seq = next_seq(connection)
    folder = folders.add(connection, os.fsencode(root), "added", "native", seq)
    folders.set_scanned(connection, folder, file_stat(os.stat(root)).device, volume_of(os.fsencode(root)), 0.0)
    random = np.random.default_rng(1)
    for number, (name, stat) in enumerate(_walk(root)):
        _insert(connection, folder, name, stat, number, _mix(seeds, random))
    connection.execute("COMMIT")
    connection.close()


def add_clap(path: str) -> None:
    """A CLAP vector for every segment: a random projection of its librosa vector, with noise of its own."""
    connection = connect(path)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("BEGIN IMMEDIATE")
    random = np.random.default_rng(2)
    projection = random.normal(size=(aspects.DIM, CLAP_DIM)).astype(np.float32)
    seq = next_seq(connection)
    space = sounds.ensure_space(connection, "clap", CLAP_VERSION)
    last = 0
    while rows := connection.execute(
        "SELECT segment_id, data FROM vector WHERE segment_id > ? ORDER BY segment_id LIMIT ?", (last, AT_ONCE)
    ).fetchall():
        last = rows[-1][0]
        shared = np.frombuffer(b"".join(data for _, data in rows), "<f4").reshape(len(rows), -1) @ projection
        vectors = _unit(shared) + CLAP_NOISE * _unit(random.normal(size=shared.shape))
        connection.executemany(
            "INSERT INTO vector (segment_id, space_id, seq, data) VALUES (?, ?, ?, ?)",
            [
                (segment, space, seq, row.tobytes())
                for (segment, _), row in zip(rows, _unit(vectors).astype("<f4"), strict=True)
            ],
        )
    connection.execute("COMMIT")
    connection.close()


def _unit(vectors: NDArray[np.floating]) -> NDArray[np.floating]:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _insert(
    connection: sqlite3.Connection, folder: FolderId, name: bytes, stat: FileStat, number: int, raw: dict[str, bytes]
) -> None:
    seq = next_seq(connection)
    vector = aspects.vector(raw).astype("<f4").tobytes()
    segment = AnalysedSegment(Seconds(0.0), Seconds(1.0), raw, vector)
    analysis = Analysis(Seconds(1.0), 44_100, 1, "wav", (segment,), cut_short=False, version=aspects.VERSION)
    sound = sounds.save_analysis(connection, number.to_bytes(32, "big"), analysis, "librosa", seq)
    files.insert(connection, folder, [(name, stat)], seq)
    file = files.below(connection, folder, name)[0]
    files.link(connection, file.id, stat, sound, seq)


def _mix(seeds: list[Raw], random: np.random.Generator) -> dict[str, bytes]:
    one, other = (int(index) for index in random.integers(len(seeds), size=2))
    share = random.uniform(0.2, 0.8)
    return {
        name: (share * raw + (1 - share) * seeds[other][name]).astype("<f4").tobytes()
        for name, raw in seeds[one].items()
    }


def _drawn(count: int) -> Iterator[Raw]:
    random = np.random.default_rng(0)
    for _ in range(count):
        yield {aspect.name: random.normal(size=len(aspect.fields)).astype(np.float32) for aspect in aspects.ASPECTS}


def _walk(root: str) -> Iterator[tuple[bytes, FileStat]]:
    top = os.fsencode(root)
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            yield os.path.relpath(path, top), file_stat(os.stat(path))
