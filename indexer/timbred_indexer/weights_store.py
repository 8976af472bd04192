"""Puts models into the data folder and takes them out, so that a crash at any moment leaves whole ones only.

What is on its way lies in ``models/.incoming-NAME`` and is renamed into place when the last byte is durable; what goes
is renamed to ``models/.removed-NAME`` first.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Final

from timbred_indexer.atomic import replace_file, sync_folder
from timbred_indexer.errors import NotFoundError, StorageError
from timbred_indexer.weights import model_folder, models_folder
from timbred_indexer.weights_manifest import MANIFEST, FileEntry, InstalledModel, is_name, manifest_text, sha256

_INCOMING: Final = ".incoming-"
_REMOVED: Final = ".removed-"
_SPARE: Final = 50_000_000
"""Bytes that a new model must leave free: the database needs room as well."""


@contextmanager
def changing(data_dir: str) -> Generator[None]:
    """Holds the folder of models for one change, and first clears what a killed change left.

    Raises:
        StorageError: ``models_busy``, another process is at it; or the folder cannot be used.
    """
    folder = models_folder(data_dir)
    with storing(folder):
        os.makedirs(data_dir, mode=0o700, exist_ok=True)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        lock = os.open(os.path.join(folder, ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _take(lock, folder)
        for name in os.listdir(folder):
            if name.startswith(_REMOVED):
                shutil.rmtree(os.path.join(folder, name), ignore_errors=True)
        yield
    finally:
        os.close(lock)


def _take(lock: int, folder: str) -> None:
    with storing(folder):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = f"Another process is fetching or removing a model in {folder}; try again when it is done."
            raise StorageError(message, code="models_busy") from error


@contextmanager
def storing(folder: str) -> Generator[None]:
    """Turns the system's refusal to write into an error that says where.

    Raises:
        StorageError: ``disk_full`` or ``storage``.
    """
    try:
        yield
    except OSError as error:
        code = "disk_full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "storage"
        raise StorageError(f"{folder} cannot be written: {error.strerror or error}", code=code) from error


def incoming_folder(data_dir: str, name: str) -> str:
    """Where the files of a model lie until all of them are there; made where it is missing.

    Raises:
        RequestError: ``bad_model_name``.
        StorageError: it cannot be made.
    """
    folder = _beside(data_dir, _INCOMING, name)
    with storing(folder):
        os.makedirs(folder, mode=0o700, exist_ok=True)
    return folder


def half_fetched(data_dir: str) -> tuple[str, ...]:
    """Names of models whose fetching was begun and not ended."""
    try:
        names = os.listdir(models_folder(data_dir))
    except (FileNotFoundError, NotADirectoryError):
        return ()
    begun = (name.removeprefix(_INCOMING) for name in names if name.startswith(_INCOMING))
    return tuple(sorted(name for name in begun if is_name(name)))


def need_space(folder: str, size: int) -> None:
    """Whether ``size`` more bytes fit on the disk of ``folder``.

    Raises:
        StorageError: ``disk_full``, with how much is missing.
    """
    free = shutil.disk_usage(folder).free
    if size + _SPARE > free:
        missing = (size + _SPARE - free) / 1e6
        raise StorageError(
            f"The disk of {folder} is too full for this model: make {missing:.0f} MB free.", code="disk_full"
        )


def put_in_place(data_dir: str, model: InstalledModel) -> InstalledModel:
    """Makes the incoming files of this name a model, in place of an older one.

    Args:
        data_dir: the data folder.
        model: what the manifest is to say; the incoming folder holds its files, durable and checked. What else lies
            there (parts of other revisions) is taken away.

    Raises:
        StorageError: the disk could not take it; the older model is still in place.
    """
    incoming = incoming_folder(data_dir, model.name)
    target = model_folder(data_dir, model.name)
    with storing(models_folder(data_dir)):
        for name in os.listdir(incoming):
            if name not in model.files:
                os.unlink(os.path.join(incoming, name))
        text = manifest_text(model)
        replace_file(os.path.join(incoming, MANIFEST), lambda path: _write(path, text))
        _set_aside(data_dir, model.name)
        os.rename(incoming, target)
        sync_folder(models_folder(data_dir))
        shutil.rmtree(_beside(data_dir, _REMOVED, model.name), ignore_errors=True)
    return model


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def _set_aside(data_dir: str, name: str) -> bool:
    """Takes a model out of sight in one step; False when there is none."""
    aside = _beside(data_dir, _REMOVED, name)
    shutil.rmtree(aside, ignore_errors=True)
    try:
        os.rename(model_folder(data_dir, name), aside)
    except FileNotFoundError:
        return False
    return True


def remove(data_dir: str, name: str) -> None:
    """Takes a model away, whole, damaged or half fetched.

    Raises:
        RequestError: ``bad_model_name``.
        NotFoundError: ``no_model``.
        StorageError: ``models_busy``, or the folder cannot be changed.
    """
    incoming, aside = _beside(data_dir, _INCOMING, name), _beside(data_dir, _REMOVED, name)
    with changing(data_dir), storing(models_folder(data_dir)):
        begun = os.path.isdir(incoming)
        if not _set_aside(data_dir, name) and not begun:
            raise NotFoundError(f"No model {name} is installed; `timbred model list` has the names.", code="no_model")
        sync_folder(models_folder(data_dir))
        for folder in (aside, incoming):
            with suppress(FileNotFoundError):
                shutil.rmtree(folder)


def entry_of(path: str) -> FileEntry:
    """Makes a file durable, and says what is in it.

    Raises:
        OSError: it cannot be read or written.
    """
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        return FileEntry(os.fstat(file.fileno()).st_size, sha256(path))


def _beside(data_dir: str, prefix: str, name: str) -> str:
    folder, last = os.path.split(model_folder(data_dir, name))
    return os.path.join(folder, prefix + last)
