"""An installed model → a ``ClapModel`` that runs: every file verified, the loader chosen, the hub out of reach."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from timbred_indexer.clap.protocol import ClapModel
from timbred_indexer.errors import StorageError, UnavailableError
from timbred_indexer.weights import installed as all_installed
from timbred_indexer.weights import verify
from timbred_indexer.weights_manifest import InstalledModel, read_manifest, sha256

if TYPE_CHECKING:
    from timbred_indexer.clap.transformers_model import Reader

ENVIRONMENT: Final = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "TOKENIZERS_PARALLELISM": "false",
    "PYTORCH_ENABLE_MPS_FALLBACK": "1",
}
"""What ``load`` sets for good, in a process that does nothing else: the libraries read it when they are imported."""

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # malloc.h
_NEVER: Final = 2**31 - 1

_ROBERTA_BASE: Final = 50_265
"""Entries of the one tokenizer that every model of LAION was trained with."""


def load(folder: str, *, threads: int = 0) -> ClapModel:
    """Loads the model in one folder of the store.

    Args:
        folder: as ``weights.InstalledModel.folder``.
        threads: to use on the processor; 0 is half of the cores.

    Raises:
        UnavailableError: a file is damaged, foreign or missing; the checkpoint does not fit; a package is missing.
            Each names the culprit and what to do.
    """
    os.environ.update(ENVIRONMENT)
    _keep_freed_memory()
    try:
        installed = read_manifest(os.path.abspath(folder))
        verify(installed)
    except StorageError as error:
        raise UnavailableError(error.message, code=error.code) from error  # a worker's trouble is not the database's
    try:
        from timbred_indexer.clap.torch_model import TorchModel
        from timbred_indexer.clap.transformers_model import load_transformers
    except ImportError as error:
        raise UnavailableError(
            f"CLAP's packages are missing ({error}): run `pip install 'timbred[clap]'`.", code="clap_not_installed"
        ) from error
    if installed.loader == "transformers":
        towers = load_transformers(installed.folder, name=installed.name, version=installed.version)
        return TorchModel(towers, threads=threads)
    return _load_laion(installed, threads)


def _keep_freed_memory() -> None:
    """Has glibc reuse a layer's memory for the next one, instead of asking the kernel for zeroed pages each time.

    A fifth of the model's time on a processor went into those pages (benchmarks/clap.py). See mallopt(3).
    """
    if sys.platform == "linux" and (tune := getattr(ctypes.CDLL(None), "mallopt", None)) is not None:
        tune(_M_MMAP_MAX, 0)
        tune(_M_TRIM_THRESHOLD, _NEVER)


def _load_laion(installed: InstalledModel, threads: int) -> ClapModel:
    from timbred_indexer.clap.laion_model import load_laion
    from timbred_indexer.clap.torch_model import TorchModel

    (checkpoint,) = (name for name in installed.files if name.endswith(".pt"))
    towers = load_laion(
        os.path.join(installed.folder, checkpoint),
        name=installed.name,
        version=installed.version,
        tokens=_roberta_tokens(installed),
    )
    return TorchModel(towers, threads=threads)


def _roberta_tokens(laion: InstalledModel) -> Reader | None:
    """The tokenizer of a model beside it in the store: a ``.pt`` brings none."""
    from timbred_indexer.clap.transformers_model import read_tokenizer

    for folder in _tokenizer_folders(os.path.dirname(os.path.dirname(laion.folder))):
        try:
            return read_tokenizer(folder, size=_ROBERTA_BASE)
        except (OSError, ValueError):
            continue
    return None


def _tokenizer_folders(data_dir: str) -> Iterator[str]:
    """Models whose small files, the tokenizer among them, are as they were installed."""
    for model in all_installed(data_dir):
        small = {name: entry for name, entry in model.files.items() if not name.endswith((".safetensors", ".pt"))}
        if small and all(sha256(os.path.join(model.folder, name)) == entry.sha256 for name, entry in small.items()):
            yield model.folder
