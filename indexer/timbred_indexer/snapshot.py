"""FAISS snapshots on disk: one index file and one manifest a space, written atomically, the manifest last.

A snapshot is never the truth: whatever is wrong with it, the answer is to rebuild it from the database.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from typing import Any

from timbred_indexer.atomic import replace_file
from timbred_indexer.errors import StorageError
from timbred_indexer.faiss_index import FlatIndex
from timbred_indexer.model import Seq, SpaceName

METRIC = "inner_product"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an index file holds; ``seq`` is what it is true up to, ``checksum`` the SHA-256 of the file."""

    space: str
    version: str
    kind: str
    dim: int
    metric: str
    count: int
    seq: int
    size: int
    checksum: str


def index_path(folder: str, space: SpaceName) -> str:
    return os.path.join(folder, f"{space}.index")


def manifest_path(folder: str, space: SpaceName) -> str:
    return os.path.join(folder, f"{space}.manifest.json")


def save(folder: str, space: SpaceName, version: str, seq: Seq, index: FlatIndex) -> Manifest:
    """Writes the index file, then its manifest.

    Raises:
        OSError: the disk could not take it; a crash in between leaves a manifest that does not fit, which is noticed.
    """
    path = index_path(folder, space)
    replace_file(path, index.save)
    manifest = Manifest(
        space, version, index.kind, index.dim, METRIC, len(index), seq, os.path.getsize(path), checksum(path)
    )

    def write(temporary: str) -> None:
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump({**asdict(manifest), "seal": _seal(manifest)}, file)

    replace_file(manifest_path(folder, space), write)
    return manifest


def load(folder: str, space: SpaceName, version: str) -> tuple[Manifest, FlatIndex]:
    """Maps the snapshot after checking that manifest, size and count fit. The checksum is :func:`verify`'s job.

    Raises:
        StorageError: ``no_snapshot`` or ``bad_snapshot``, with the reason.
    """
    path = index_path(folder, space)
    try:
        with open(manifest_path(folder, space), encoding="utf-8") as file:
            manifest = _sealed(json.load(file))
        size = os.path.getsize(path)
    except FileNotFoundError as error:
        raise StorageError("There is no snapshot yet.", code="no_snapshot") from error
    except (OSError, ValueError, TypeError) as error:
        raise StorageError(f"The snapshot's manifest cannot be read: {error}", code="bad_snapshot") from error
    if (manifest.space, manifest.version, manifest.metric) != (space, version, METRIC):
        raise StorageError("The snapshot was made by another version.", code="bad_snapshot")
    if manifest.size != size:
        raise StorageError("The snapshot is not as long as its manifest says.", code="bad_snapshot")
    index = FlatIndex.load(path)
    if (manifest.count, manifest.dim) != (len(index), index.dim):
        raise StorageError("The snapshot does not hold what its manifest says.", code="bad_snapshot")
    return manifest, index


def verify(folder: str, space: SpaceName, manifest: Manifest) -> None:
    """Reads the whole index file.

    Raises:
        StorageError: ``bad_snapshot``, its bytes are not those that were written.
    """
    try:
        found = checksum(index_path(folder, space))
    except OSError as error:
        raise StorageError(f"The snapshot cannot be read: {error.strerror}", code="bad_snapshot") from error
    if found != manifest.checksum:
        raise StorageError("The snapshot's bytes are damaged.", code="bad_snapshot")


def remove(folder: str, space: SpaceName) -> None:
    """Takes a snapshot away; always safe."""
    for path in (manifest_path(folder, space), index_path(folder, space)):
        if os.path.exists(path):
            os.unlink(path)


def _sealed(fields: object) -> Manifest:
    """A manifest whose own bytes are whole: a wrong seq would pass over changes without a word.

    Raises:
        ValueError, TypeError: they are not.
    """
    if not isinstance(fields, dict):
        raise TypeError("it is not a JSON object")
    manifest = Manifest(**{name: value for name, value in fields.items() if name != "seal"})
    if fields.get("seal") != _seal(manifest):
        raise ValueError("its seal does not fit")
    return manifest


def _seal(manifest: Manifest) -> str:
    return hashlib.sha256(json.dumps(asdict(manifest), sort_keys=True).encode()).hexdigest()


def checksum(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
