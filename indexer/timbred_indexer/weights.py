"""Which CLAP models there are, and which of them lie on disk, whole: folders ``DATA_DIR/models/NAME``."""

from __future__ import annotations

import importlib.util
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from timbred_indexer.errors import NotFoundError, RequestError, StorageError
from timbred_indexer.weights_manifest import MANIFEST, InstalledModel, Loader, is_name, read_manifest, sha256

_FINDER: Final = (".DS_Store", "._")
"""What macOS leaves in any folder that was looked at; no loader opens these."""
_NO_FILE: Final = -1
_MEGABYTE: Final = 1_000_000
_NEEDS: Final[Mapping[Loader, tuple[tuple[str, ...], str]]] = {
    "transformers": (("torch", "transformers"), "clap"),
    "laion-clap": (("torch", "transformers", "laion_clap"), "laion-clap"),
}
"""Packages of each loader, and the extra that brings them."""


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A published model that ``timbred model fetch`` can get by name.

    Attributes:
        name: what it is called here.
        repo: the hub repository it comes from.
        good_for: one line for people who choose.
        download_size: bytes, about.
        license: as its publisher states it.
        dimension: of its vectors.
    """

    name: str
    repo: str
    good_for: str
    download_size: int
    license: str = "apache-2.0"
    loader: Loader = "transformers"
    dimension: int = 512


KNOWN: Final = (
    KnownModel(
        "clap-htsat-unfused",
        "laion/clap-htsat-unfused",
        "the smallest: sound effects, one-shots and field recordings",
        618 * _MEGABYTE,
    ),
    KnownModel(
        "larger_clap_general",
        "laion/larger_clap_general",
        "the broadest: sound effects, music and speech in one library",
        780 * _MEGABYTE,
    ),
    KnownModel("larger_clap_music", "laion/larger_clap_music", "loops, stems and whole pieces", 780 * _MEGABYTE),
    KnownModel(
        "larger_clap_music_and_speech",
        "laion/larger_clap_music_and_speech",
        "music, with voices and speech",
        780 * _MEGABYTE,
    ),
)


@dataclass(frozen=True, slots=True)
class Choice:
    """The model that is to be used; without one, ``reason`` is a sentence that says what to do."""

    model: InstalledModel | None
    reason: str = ""


def known(name: str) -> KnownModel | None:
    return next((model for model in KNOWN if model.name == name), None)


def models_folder(data_dir: str) -> str:
    return os.path.join(data_dir, "models")


def model_folder(data_dir: str, name: str) -> str:
    """Where a model of this name lies.

    Raises:
        RequestError: ``bad_model_name``, this can be no model's name (nor leave the folder of models).
    """
    if not is_name(name):
        raise RequestError(
            f"{name!r} cannot be a model's name: 100 letters, digits, '.', '_', '-' at most, a letter or digit first.",
            code="bad_model_name",
        )
    return os.path.join(models_folder(data_dir), name)


def installed(data_dir: str) -> tuple[InstalledModel, ...]:
    """Every model with a manifest that can be read, by name. No file but the manifests is opened."""
    return tuple(model for _, model in _folders(data_dir) if model is not None)


def unreadable(data_dir: str) -> tuple[str, ...]:
    """Folders that are named as models are, and whose manifest is missing or damaged."""
    return tuple(name for name, model in _folders(data_dir) if model is None)


def _folders(data_dir: str) -> Iterator[tuple[str, InstalledModel | None]]:
    try:
        names = sorted(os.listdir(models_folder(data_dir)))
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        if is_name(name) and os.path.isdir(model_folder(data_dir, name)):
            try:
                yield name, read_manifest(model_folder(data_dir, name))
            except StorageError:
                yield name, None


def find(data_dir: str, name: str) -> InstalledModel:
    """The installed model of this name, not yet verified.

    Raises:
        RequestError: ``bad_model_name``.
        NotFoundError: ``no_model``, with what to do.
        StorageError: ``damaged_model``, its manifest cannot be read.
    """
    folder = model_folder(data_dir, name)
    if not os.path.isdir(folder):
        raise NotFoundError(f"No model {name} is installed; `timbred model fetch {name}` gets it.", code="no_model")
    return read_manifest(folder)


def choose(data_dir: str, wanted: str) -> Choice:
    """The model to use: the one that ``wanted`` names, or when that is empty the only one there is."""
    models = installed(data_dir)
    if wanted:
        found = next((model for model in models if model.name == wanted), None)
        return Choice(
            found, "" if found else f"The model {wanted} is not installed: run `timbred model fetch {wanted}`."
        )
    if len(models) > 1:
        names = ", ".join(model.name for model in models)
        return Choice(None, f"Several models are installed ({names}): name one as `model` in [clap] of the settings.")
    for model in models:
        return Choice(model)
    return Choice(None, "No model is installed: run `timbred model fetch NAME` (`timbred model list` has the names).")


def lacking(model: InstalledModel) -> str | None:
    """What to install before this model can be loaded; None when its packages are there. Nothing is imported."""
    needed, extra = _NEEDS[model.loader]
    if all(importlib.util.find_spec(package) is not None for package in needed):
        return None
    return f"CLAP's packages are missing: run `pip install 'timbred[{extra}]'`."


def verify(model: InstalledModel) -> None:
    """Reads every file whole; takes a second or two for a real model.

    Raises:
        StorageError: as :func:`glance`, or ``damaged_model`` for a file whose bytes are not those that were written.
    """
    glance(model)
    for name, entry in model.files.items():
        try:
            found = sha256(os.path.join(model.folder, name))
        except OSError as error:
            raise _damaged(model, name, f"cannot be read: {error.strerror}") from error
        if found != entry.sha256:
            raise _damaged(model, name, "is damaged: its SHA-256 is not the one in the manifest")


def glance(model: InstalledModel) -> None:
    """Looks at names and sizes only.

    Raises:
        StorageError: ``foreign_file``, the folder holds something that the manifest does not name;
            ``damaged_model``, a file is missing or of another size. Both name the file.
    """
    present = _plain_files(model)
    for name in sorted(present):
        if name not in model.files and name != MANIFEST and not name.startswith(_FINDER):
            raise StorageError(
                f"{os.path.join(model.folder, name)} is no part of the model {model.name} and may change what is "
                "loaded: take it away.",
                code="foreign_file",
            )
    for name, entry in model.files.items():
        if name not in present:
            raise _damaged(model, name, "is missing")
        if (size := present[name]) == _NO_FILE:
            raise _damaged(model, name, "is a link or a folder in place of a file")
        if size != entry.size:
            raise _damaged(model, name, f"is damaged: it has {size} bytes, the manifest says {entry.size}")


def _plain_files(model: InstalledModel) -> dict[str, int]:
    """Name → size of everything in the folder; for links and folders ``_NO_FILE``."""
    try:
        with os.scandir(model.folder) as entries:
            stats = {entry.name: entry.stat(follow_symlinks=False) for entry in entries}
    except OSError as error:
        raise StorageError(f"{model.folder} cannot be read: {error.strerror}", code="damaged_model") from error
    return {name: status.st_size if stat.S_ISREG(status.st_mode) else _NO_FILE for name, status in stats.items()}


def _damaged(model: InstalledModel, name: str, what: str) -> StorageError:
    again = model.name if known(model.name) and not os.path.isabs(model.source) else model.source
    return StorageError(
        f"{os.path.join(model.folder, name)} {what}; `timbred model fetch {again}` puts a whole one in its place.",
        code="damaged_model",
    )
