"""Writes a CLAP checkpoint of the real size with random weights: it costs what the real one costs and knows nothing.

    python benchmarks/clap.py --make-checkpoint FOLDER

The classes, the sizes (``laion/clap-htsat-unfused``: 512 dimensions, 154 million weights) and the file formats are the
real ones; the tokenizer has one token a byte. ``timbred model fetch FOLDER`` takes it.
"""

from __future__ import annotations

import os
from typing import cast

import torch
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.processors import RobertaProcessing
from transformers import ClapConfig, ClapFeatureExtractor, ClapModel, PreTrainedTokenizerFast

SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")


def write_checkpoint(folder: str) -> None:
    """Writes one, of 600 MB; the weights are the same each time."""
    os.makedirs(folder, exist_ok=True)
    torch.manual_seed(0)  # pyright: ignore[reportUnknownMemberType]
    model = ClapModel(ClapConfig())
    _spread(model)
    model.save_pretrained(folder)
    ClapFeatureExtractor(truncation="rand_trunc", frequency_min=50.0).save_pretrained(folder)
    _tokenizer().save_pretrained(folder)


def _spread(model: torch.nn.Module) -> None:
    """With the library's own initial weights, made for learning, all sounds would be alike."""
    for module in model.modules():
        if isinstance(module, torch.nn.Linear):
            torch.nn.init.normal_(module.weight, std=2 * module.in_features**-0.5)
        if isinstance(module, torch.nn.BatchNorm2d):  # what comes in is dB
            torch.nn.init.constant_(cast("torch.Tensor", module.running_mean), -60)
            torch.nn.init.constant_(cast("torch.Tensor", module.running_var), 900)


def _tokenizer() -> PreTrainedTokenizerFast:
    vocabulary = {token: index for index, token in enumerate((*SPECIAL, *sorted(ByteLevel.alphabet())))}
    bytes_ = Tokenizer(BPE(vocab=vocabulary, merges=[], unk_token="<unk>"))
    bytes_.pre_tokenizer = ByteLevel(add_prefix_space=False)
    bytes_.post_processor = RobertaProcessing(("</s>", 2), ("<s>", 0))
    return PreTrainedTokenizerFast(
        tokenizer_object=bytes_,
        bos_token="<s>",
        cls_token="<s>",
        eos_token="</s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token="<mask>",
    )
