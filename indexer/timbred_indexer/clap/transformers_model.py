"""Loader (a): a checkpoint as transformers' ``ClapModel`` saves it, in safetensors, with its tokenizer beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import torch
from torch import Tensor
from transformers import AutoTokenizer, ClapConfig, ClapModel, logging

from timbred_indexer.clap.torch_model import Towers
from timbred_indexer.errors import UnavailableError

MOST_TOKENS: Final = 77
"""What the models were trained with; more of a text is left out."""

_COMPUTED: Final = ("position_ids", "token_type_ids", "relative_position_index", "num_batches_tracked")
"""Ends of the names of what the classes make themselves; older checkpoints lack some of it."""

Reader = Callable[[Sequence[str], torch.device], dict[str, Tensor]]
"""Texts → the token tensors that a text half takes."""


def load_transformers(folder: str, *, name: str, version: str) -> Towers:
    """Loads a checkpoint from a folder. Nothing is looked up anywhere else, and no code that lies in it is run.

    Args:
        folder: config.json, model.safetensors, the tokenizer's files.
        name: to be passed on.
        version: likewise.

    Raises:
        UnavailableError: ``bad_checkpoint``, naming what does not fit.
    """
    logging.disable_progress_bar()
    try:
        config = ClapConfig.from_pretrained(folder, local_files_only=True)
        if config.audio_config.enable_fusion:
            raise UnavailableError(
                f"The model {name} was trained with feature fusion, which timbred does not use; take an unfused one.",
                code="bad_checkpoint",
            )
        model, info = ClapModel.from_pretrained(
            folder,
            config=config,
            local_files_only=True,
            use_safetensors=True,
            ignore_mismatched_sizes=True,  # refused below, by name
            output_loading_info=True,
        )
        tokens = read_tokenizer(folder)
    except (OSError, ValueError, TypeError, KeyError, RuntimeError) as error:
        raise UnavailableError(
            f"The model {name} in {folder} cannot be loaded: {error}", code="bad_checkpoint"
        ) from error
    lacking = [key for key in info["missing_keys"] if not key.endswith(_COMPUTED)]
    lacking += [str(key[0]) for key in info["mismatched_keys"]]
    if lacking:
        raise UnavailableError(
            f"The model {name} in {folder} is not whole: {lacking[0]} is missing or of the wrong size.",
            code="bad_checkpoint",
        )
    model.float()

    def audio(features: Tensor) -> Tensor:
        return model.audio_projection(model.audio_model(input_features=features).pooler_output)

    def text(texts: Sequence[str], device: torch.device) -> Tensor:
        return model.text_projection(model.text_model(**tokens(texts, device)).pooler_output)

    return Towers(name, version, config.projection_dim, (model,), audio, text)


def read_tokenizer(folder: str, *, size: int | None = None) -> Reader:
    """The tokenizer in a folder.

    Args:
        folder: of a checkpoint.
        size: how many entries it must have, if that is known.

    Raises:
        OSError, ValueError: there is none, or not a whole one, or one of another size.
    """
    made = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    if size is not None and len(made) != size:
        raise ValueError(f"{folder} has a tokenizer of {len(made)} entries where {size} belong")

    def read(texts: Sequence[str], device: torch.device) -> dict[str, Tensor]:
        found = made(list(texts), padding=True, truncation=True, max_length=MOST_TOKENS, return_tensors="pt")
        return {key: found[key].to(device) for key in ("input_ids", "attention_mask")}

    return read
