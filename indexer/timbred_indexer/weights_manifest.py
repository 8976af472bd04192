"""What an installed model is: plain files in one folder, and a manifest that names each with its size and SHA-256.

The manifest is written last: a folder without one is not a model.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, cast

from timbred_indexer.errors import StorageError

Loader = Literal["transformers", "laion-clap"]

MANIFEST: Final = "manifest.json"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file as it was when it was put here; ``size`` in bytes."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A model as its manifest describes it.

    Attributes:
        name: also its folder's name.
        folder: absolute path.
        source: the hub repository, or the absolute path that it was copied from.
        revision: the commit that the files are of; for a local checkpoint the SHA-256 of its list of files.
        loader: what can load it.
        license: as published; None where nobody said.
        files: name → size and SHA-256, all of them; none lies in a subfolder.
    """

    name: str
    folder: str
    source: str
    revision: str
    loader: Loader
    license: str | None
    files: Mapping[str, FileEntry]

    @property
    def size(self) -> int:
        """Bytes on disk, the manifest aside."""
        return sum(entry.size for entry in self.files.values())

    @property
    def version(self) -> str:
        """Which vector space this model makes: the same text for the same weights, and for no others."""
        return f"{self.name}@{self.revision[:12]}"


def is_name(text: str) -> bool:
    """Whether this may name a model or one of its files: no separator, nothing hidden."""
    return _NAME.fullmatch(text) is not None


def read_manifest(folder: str) -> InstalledModel:
    """What the manifest in a model's folder says.

    Raises:
        StorageError: ``damaged_model``: there is none, or it is not as it was written.
    """
    path = os.path.join(folder, MANIFEST)
    try:
        with open(path, encoding="utf-8") as file:
            fields = cast("dict[str, Any]", json.load(file))
        seal = fields.pop("seal")
        files = {str(name): FileEntry(**entry) for name, entry in fields.pop("files").items()}
        model = InstalledModel(folder=folder, files=files, **fields)
        whole = seal == _seal(model) and model.name == os.path.basename(folder) and all(map(is_name, files))
    except FileNotFoundError as error:
        raise StorageError(f"{folder} is no whole model: it has no {MANIFEST}.", code="damaged_model") from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise StorageError(f"{path} cannot be read: {error}", code="damaged_model") from error
    if not whole:
        raise StorageError(f"{path} is damaged: it is not as it was written.", code="damaged_model")
    return model


def manifest_text(model: InstalledModel) -> str:
    """The manifest as it is written to disk, with a seal over all that it says."""
    return json.dumps({**_fields(model), "seal": _seal(model)}, indent=2) + "\n"


def _fields(model: InstalledModel) -> dict[str, object]:
    return {name: value for name, value in asdict(model).items() if name != "folder"}


def _seal(model: InstalledModel) -> str:
    return hashlib.sha256(json.dumps(_fields(model), sort_keys=True).encode()).hexdigest()


def revision_of(files: Mapping[str, FileEntry]) -> str:
    """The revision of a model that no hub numbered: the same files, the same text."""
    listed = "".join(f"{files[name].sha256} {files[name].size} {name}\n" for name in sorted(files))
    return hashlib.sha256(listed.encode()).hexdigest()


def sha256(path: str) -> str:
    """The SHA-256 of a file's bytes.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
