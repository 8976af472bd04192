"""FAISS snapshots on disk: one index file and one manifest a space, written atomically, the manifest last.

A snapshot is never the truth: whatever is wrong with it, the answer is to rebuild it from the database.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from timbred_indexer import faiss_index
from timbred_indexer.atomic import replace_file, sync_folder
from timbred_indexer.errors import StorageError
from timbred_indexer.faiss_index import StoredIndex
from timbred_indexer.model import Seq, SpaceName
from timbred_indexer.probing import Probing

METRIC = "inner_product"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an index file holds.

    Attributes:
        database: the identity of the database it was built from.
        seq: what it is true up to.
        checksum: the SHA-256 of the file; ``size``: its bytes.
        built: Unix time; ``target``: the recall that was asked of it.
        probing: how deep searches look; None for an exact index.
    """

    database: int
    space: str
    version: str
    kind: str
    dim: int
    metric: str
    count: int
    seq: int
    size: int
    checksum: str
    built: float
    target: float
    probing: Probing | None


@dataclass(frozen=True, slots=True)
class Origin:
    """What an index was built from: a database, one version of one space, up to a seq."""

    database: int
    space: SpaceName
    version: str
    seq: Seq


def index_path(folder: str, space: SpaceName) -> str:
    return os.path.join(folder, f"{space}.index")


def manifest_path(folder: str, space: SpaceName) -> str:
    return os.path.join(folder, f"{space}.manifest.json")


def save(folder: str, origin: Origin, index: StoredIndex, *, target: float) -> Manifest:
    """Writes the index file, then its manifest. A crash leaves the old snapshot, none, or the new one.

    Raises:
        OSError: the disk could not take it.
    """
    path, described = index_path(folder, origin.space), manifest_path(folder, origin.space)
    sums: list[str] = []

    def fill(temporary: str) -> None:
        index.save(temporary)
        sums.append(checksum(temporary))
        # An old manifest must never stand beside a new file: where size and count fit, the seq would be believed.
        with suppress(FileNotFoundError):
            os.unlink(described)
            sync_folder(folder)

    replace_file(path, fill)
    manifest = Manifest(
        database=origin.database,
        space=origin.space,
        version=origin.version,
        kind=index.kind,
        dim=index.dim,
        metric=METRIC,
        count=len(index),
        seq=origin.seq,
        size=os.path.getsize(path),
        checksum=sums[0],
        built=time.time(),
        target=target,
        probing=index.probing,
    )

    def write(temporary: str) -> None:
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump({**asdict(manifest), "seal": seal(manifest)}, file)

    replace_file(described, write)
    return manifest


def load(folder: str, space: SpaceName, version: str, database: int) -> tuple[Manifest, StoredIndex]:
    """Maps the snapshot after checking that manifest, origin, size and count fit. The checksum is :func:`verify`'s job.

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
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise StorageError(f"The snapshot's manifest cannot be read: {error}", code="bad_snapshot") from error
    if (manifest.space, manifest.version, manifest.metric) != (space, version, METRIC):
        raise StorageError("The snapshot was made by another version.", code="bad_snapshot")
    if manifest.database != database:
        raise StorageError("The snapshot was made from another database.", code="bad_snapshot")
    if manifest.size != size:
        raise StorageError("The snapshot is not as long as its manifest says.", code="bad_snapshot")
    index = faiss_index.load(path, manifest.kind, manifest.probing)
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
    """Takes a snapshot away; always safe.

    Raises:
        StorageError: the disk does not allow it.
    """
    for path in (manifest_path(folder, space), index_path(folder, space)):
        try:
            os.unlink(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise StorageError(f"The old snapshot {path} cannot be removed: {error.strerror}.") from error


def _sealed(fields: dict[str, Any]) -> Manifest:
    """A manifest whose own bytes are whole: a wrong seq would pass over changes without a word.

    Raises:
        ValueError, TypeError, AttributeError: they are not.
    """
    given = fields.pop("seal", None)
    if (probing := fields.get("probing")) is not None:
        points = tuple((int(depth), int(lists)) for depth, lists in probing.pop("points"))
        fields["probing"] = Probing(**probing, points=points)
    manifest = Manifest(**fields)
    if given != seal(manifest):
        raise ValueError("its seal does not fit")
    return manifest


def seal(manifest: Manifest) -> str:
    """The SHA-256 of what a manifest says."""
    return hashlib.sha256(json.dumps(asdict(manifest), sort_keys=True).encode()).hexdigest()


def checksum(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
