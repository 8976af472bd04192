"""Loader (b): an original ``.pt`` checkpoint, with the classes of the ``laion-clap`` package.

Importing that package as a whole asks the network for three tokenizers and needs a dozen libraries for training; the
classes alone need neither. Its own reading of sounds, which cuts longer ones at random, is left out: the mel features
come from ``features``, as for every loader.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import pickle
import sys
import warnings
from collections.abc import Generator, Mapping, Sequence
from typing import Any, Final, cast

import numpy as np
import torch
from torch import Tensor
from transformers import RobertaConfig, RobertaModel

from timbred_indexer.clap.torch_model import Towers
from timbred_indexer.clap.transformers_model import Reader
from timbred_indexer.errors import UnavailableError

_WIDTHS: Final = {96: "HTSAT-tiny", 128: "HTSAT-base", 256: "HTSAT-large"}
"""Channels after the first layer → what the package calls the architecture."""

_FIRST_LAYER: Final = "audio_branch.patch_embed.proj.weight"
_UNUSED: Final = ("position_ids", "num_batches_tracked", "attn_mask", "relative_position_index")
_UNUSED_PARTS: Final = ("audio_transform.", "text_transform.", "logit_scale", "audio_branch.tscam_conv.")
"""Of training, or of the classification of AudioSet."""

_ROBERTA_BASE: Final = {
    "vocab_size": 50_265,
    "max_position_embeddings": 514,
    "type_vocab_size": 1,
    "layer_norm_eps": 1e-5,
    "bos_token_id": 0,
    "pad_token_id": 1,
    "eos_token_id": 2,
}


def load_laion(path: str, *, name: str, version: str, tokens: Reader | None) -> Towers:
    """Loads a checkpoint.

    Args:
        path: the ``.pt`` file; only tensors are read from it, nothing in it is run.
        name: to be passed on.
        version: likewise.
        tokens: roberta-base's tokenizer, from another model's folder; without it texts cannot be read.

    Raises:
        UnavailableError: ``bad_checkpoint``, naming what does not fit; ``clap_not_installed``.
    """
    weights = _read_weights(path, name)
    width = weights[_FIRST_LAYER].shape[0] if _FIRST_LAYER in weights else 0
    if width not in _WIDTHS or any("fusion" in key for key in weights):
        raise _bad(name, "it is none of the unfused HTSAT models that timbred knows.")
    model = _build(_WIDTHS[width], weights)
    found = model.load_state_dict(weights, strict=False)
    lacking = [key for key in found.missing_keys if not key.endswith(_UNUSED) and not key.startswith(_UNUSED_PARTS)]
    if lacking:
        raise _bad(name, f"{lacking[0]} is missing.")
    # The features that come in are what these two would make of the samples.
    model.audio_branch.spectrogram_extractor = torch.nn.Identity()
    model.audio_branch.logmel_extractor = torch.nn.Identity()
    model.float().eval()

    def audio(features: Tensor) -> Tensor:
        return model.audio_projection(model.audio_branch({"waveform": features}, device=features.device)["embedding"])

    def text(texts: Sequence[str], device: torch.device) -> Tensor:
        assert tokens is not None
        return model.encode_text(tokens(texts, device), device=device)

    dimension = int(model.audio_projection[-1].out_features)
    return Towers(name, version, dimension, (model,), audio, text if tokens is not None else None)


def _read_weights(path: str, name: str) -> dict[str, Tensor]:
    try:
        with torch.serialization.safe_globals(_numbers()):
            loaded: Any = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise _bad(
            name,
            "it is no checkpoint, or it holds more than tensors and numbers, and reading that would run code. Save it "
            "anew with its state_dict alone, or use the same model in safetensors (`timbred model list`).",
        ) from error
    except (OSError, RuntimeError, ValueError, EOFError) as error:
        raise _bad(name, f"{path} cannot be read: {error}") from error
    state: Any = loaded
    if isinstance(loaded, Mapping) and "state_dict" in loaded:
        state = cast("Mapping[str, Any]", loaded)["state_dict"]
    if not isinstance(state, Mapping):
        raise _bad(name, "there are no weights in it.")
    tensors = {str(key): value for key, value in cast("Mapping[str, Any]", state).items() if isinstance(value, Tensor)}
    return {key.removeprefix("module."): value for key, value in tensors.items()}


def _numbers() -> list[Any]:
    """How numpy's numbers are pickled: the published checkpoints note the score of their training in one."""
    scalar: Any = np.float64(0).__reduce__()[0]
    kinds = {type(np.dtype(code)) for code in ("f2", "f4", "f8", "i4", "i8", "u1", "?")}
    return [scalar, (scalar, "numpy.core.multiarray.scalar"), np.dtype, *kinds]


def _build(architecture: str, weights: Mapping[str, Tensor]) -> Any:
    """The package's model with weights yet to come."""
    layers = {key.split(".")[3] for key in weights if key.startswith("text_branch.encoder.layer.")}
    package = _package()
    with _no_download(package["model"], len(layers)), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its code is older than today's torch; nobody here can change it
        made, _ = package["factory"].create_model(architecture, "roberta", device=torch.device("cpu"))
    return made


def _package() -> dict[str, Any]:
    """The modules of the package's classes, imported past its ``__init__``."""
    spec = importlib.util.find_spec("laion_clap")
    if spec is None or not spec.submodule_search_locations:
        raise UnavailableError(
            "The laion-clap package is missing: run `pip install 'timbred[laion-clap]'`.", code="clap_not_installed"
        )
    folder = os.fspath(spec.submodule_search_locations[0])
    if folder not in sys.path:
        sys.path.append(folder)  # the package does the same: its modules import each other by these names
    try:
        return {part: importlib.import_module(f"clap_module.{part}") for part in ("model", "factory")}
    except ImportError as error:
        raise UnavailableError(
            f"The laion-clap package cannot be imported ({error}): run `pip install 'timbred[laion-clap]'`.",
            code="clap_not_installed",
        ) from error


@contextlib.contextmanager
def _no_download(module: Any, layers: int) -> Generator[None]:
    """While this lasts, the package's request for roberta-base is answered with an empty one."""
    original = module.RobertaModel
    module.RobertaModel = _EmptyRoberta(layers)
    try:
        yield
    finally:
        module.RobertaModel = original


class _EmptyRoberta:
    """Stands for the class ``RobertaModel`` where only ``from_pretrained`` is called."""

    def __init__(self, layers: int) -> None:
        self._layers = layers

    def from_pretrained(self, _: str) -> RobertaModel:
        return RobertaModel(RobertaConfig(**_ROBERTA_BASE, num_hidden_layers=self._layers))


def _bad(name: str, why: str) -> UnavailableError:
    return UnavailableError(f"The checkpoint {name} cannot be used: {why}", code="bad_checkpoint")
