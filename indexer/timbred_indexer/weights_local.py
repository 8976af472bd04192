"""Copies a checkpoint that lies on this machine into the store: a transformers folder or a laion-clap file."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from timbred_indexer.errors import RequestError
from timbred_indexer.weights import model_folder
from timbred_indexer.weights_manifest import FileEntry, InstalledModel, Loader, revision_of
from timbred_indexer.weights_store import changing, entry_of, incoming_folder, need_space, put_in_place, storing

CONFIGURATION: Final = "config.json"
_TOKENIZERS: Final = ("tokenizer.json", "vocab.json")
_BESIDE: Final = (
    CONFIGURATION,
    "preprocessor_config.json",
    "processor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
)
_WHOLE: Final = "model.safetensors"
_PIECE: Final = re.compile(r"model-\d{5}-of-\d{5}\.safetensors|model\.safetensors\.index\.json")
_CHUNK: Final = 1 << 20
_LONGEST_HEADER: Final = 100_000_000
"""Bytes; what the safetensors format itself allows."""

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all."""


def install_local(data_dir: str, path: str, *, name: str | None = None, progress: Progress) -> InstalledModel:
    """Copies a checkpoint into the store.

    Args:
        data_dir: the data folder.
        path: a folder as ``save_pretrained`` writes it, or a ``.pt`` file of the laion-clap package.
        name: what to call it; made from the file's name unless given.
        progress: bytes copied, bytes in all.

    Raises:
        RequestError: ``bad_checkpoint``, it is neither, with what is missing; ``bad_model_name``.
        StorageError: no room, or another change of the models is under way.
    """
    path = os.path.abspath(path)
    name = name or _name_from(path)
    model_folder(data_dir, name)
    with changing(data_dir):
        loader, paths = _what_it_is(path)
        incoming = incoming_folder(data_dir, name)
        try:
            files = _copy(paths, incoming, progress)
        except BaseException:
            shutil.rmtree(incoming, ignore_errors=True)  # a copy is begun anew: what is here would only take room
            raise
        model = InstalledModel(
            name, model_folder(data_dir, name), path, revision_of(files), loader, license=None, files=files
        )
        return put_in_place(data_dir, model)


def _name_from(path: str) -> str:
    return _plain(os.path.basename(path).removesuffix(".pt")) or "local"


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")[:90]


def _what_it_is(path: str) -> tuple[Loader, dict[str, str]]:
    """Its loader, and its files: name in the store → path now.

    Raises:
        RequestError: ``bad_checkpoint``.
    """
    if os.path.isfile(path):
        if not path.endswith(".pt"):
            raise _bad(f"{path} is neither a folder nor a .pt file.")
        return "laion-clap", {f"{_name_from(path)}.pt": path}
    try:
        listed = os.listdir(path)
    except OSError as error:
        raise _bad(f"{path} cannot be read: {error.strerror}.") from error
    if fault := lacking(listed):
        raise _bad(f"{path} is no checkpoint that timbred can load: {fault}")
    paths = {name: os.path.join(path, name) for name in needed(listed)}
    for name, path_now in paths.items():
        if name.endswith(".safetensors"):
            check_safetensors(path_now)
    return "transformers", paths


def needed(names: Iterable[str]) -> tuple[str, ...]:
    """Which of a checkpoint's files a loader opens. Never one that is unpickled, never one in a subfolder."""
    there = set(names)
    weights = {_WHOLE} & there or {name for name in there if _PIECE.fullmatch(name)}
    return tuple(sorted({name for name in there if name in _BESIDE} | weights))


def has_weights(names: Iterable[str]) -> bool:
    """Whether there are weights in safetensors among the files."""
    return any(name.endswith(".safetensors") for name in needed(names))


def lacking(names: Iterable[str]) -> str | None:
    """A sentence about what keeps these files from being a checkpoint; None when nothing does."""
    there = set(names)
    if CONFIGURATION not in there:
        return f"it has no {CONFIGURATION}."
    if not has_weights(there):
        pickled = any(name.endswith((".bin", ".pt", ".pth", ".ckpt")) for name in there)
        why = " (what it has is pickled, and unpickling runs code)" if pickled else ""
        return f"it has no weights in safetensors{why}."
    if there.isdisjoint(_TOKENIZERS):
        return f"it has no tokenizer ({' or '.join(_TOKENIZERS)})."
    return None


def check_safetensors(path: str) -> None:
    """Looks at the header only: a pickle that was renamed is refused before anything opens it.

    Raises:
        RequestError: ``bad_checkpoint``.
    """
    try:
        with open(path, "rb") as file:
            length = int.from_bytes(file.read(8), "little")
            whole = 0 < length <= min(_LONGEST_HEADER, os.fstat(file.fileno()).st_size - 8)
            header: object = json.loads(file.read(length)) if whole else None
    except OSError as error:
        raise _bad(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError:
        header = None
    if not isinstance(header, dict):
        raise _bad(f"{path} is not in the safetensors format.")


def _copy(paths: Mapping[str, str], incoming: str, progress: Progress) -> dict[str, FileEntry]:
    total, done = sum(map(os.path.getsize, paths.values())), 0
    need_space(incoming, total)
    files: dict[str, FileEntry] = {}
    for name, path in paths.items():
        with storing(incoming):
            copied = os.path.join(incoming, name)
            with open(path, "rb") as source, open(copied, "wb") as target:
                while chunk := source.read(_CHUNK):
                    target.write(chunk)
                    done += len(chunk)
                    progress(done, total)
            files[name] = entry_of(copied)
    return files


def _bad(message: str) -> RequestError:
    return RequestError(message, code="bad_checkpoint")
