"""A CLAP checkpoint of a few kilobytes: the real classes, few layers, random weights that are the same each time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, cast

from timbred_indexer.weights_local import install_local
from timbred_indexer.weights_manifest import InstalledModel

DIMENSION = 16

_SPECIAL = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>", "mask_token": "<mask>"}

_TEXT: dict[str, Any] = {
    "vocab_size": 300,
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 100,
}

_AUDIO: dict[str, Any] = {
    "patch_embeds_hidden_size": 8,
    "hidden_size": 16,
    "depths": [1, 1],
    "num_attention_heads": [2, 2],
    "num_hidden_layers": 2,
}


def write_checkpoint(folder: Path, *, fusion: bool = False) -> None:
    """As transformers saves one; 16 dimensions."""
    import torch
    from transformers import ClapAudioConfig, ClapConfig, ClapModel, ClapTextConfig

    torch.manual_seed(0)  # pyright: ignore[reportUnknownMemberType]
    more = {"enable_fusion": True, "fusion_type": "aff_2d"} if fusion else {}
    config = ClapConfig(
        text_config=ClapTextConfig(**_TEXT), audio_config=ClapAudioConfig(**_AUDIO, **more), projection_dim=DIMENSION
    )
    model = ClapModel(config)
    spread(model)
    model.save_pretrained(str(folder))
    write_tokenizer(folder)


def spread(model: Any) -> None:
    """With the library's own initial weights, made for learning, all sounds would be alike."""
    import torch

    for module in model.modules():
        if isinstance(module, torch.nn.Linear):
            torch.nn.init.normal_(module.weight, std=2 * module.in_features**-0.5)
        if isinstance(module, torch.nn.BatchNorm2d):  # what comes in is dB
            torch.nn.init.constant_(cast("torch.Tensor", module.running_mean), -60)
            torch.nn.init.constant_(cast("torch.Tensor", module.running_var), 900)


def write_tokenizer(folder: Path) -> None:
    """Byte-level BPE as RoBERTa's, with a vocabulary of single bytes and two merges."""
    from tokenizers import Tokenizer
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import ByteLevel
    from tokenizers.processors import RobertaProcessing
    from transformers import PreTrainedTokenizerFast

    tokens = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *sorted(ByteLevel.alphabet()), "ra", "rai"]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    bpe = Tokenizer(BPE(vocab=vocabulary, merges=[("r", "a"), ("ra", "i")], unk_token="<unk>"))
    bpe.pre_tokenizer = ByteLevel(add_prefix_space=False)
    bpe.post_processor = RobertaProcessing(("</s>", 2), ("<s>", 0))
    PreTrainedTokenizerFast(tokenizer_object=bpe, **_SPECIAL).save_pretrained(str(folder))


def install(data_dir: Path, checkpoint: Path, name: str = "tiny") -> InstalledModel:
    """Puts a checkpoint into the store of a data folder."""
    data_dir.mkdir(parents=True, exist_ok=True)
    return install_local(os.fspath(data_dir), os.fspath(checkpoint), name=name, progress=lambda done, total: None)
