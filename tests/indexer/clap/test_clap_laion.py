"""Loader (b) gives the vectors of the laion-clap package itself, and those of loader (a) on the same weights.

The package wants an environment of its own: docs/clap.md has the commands.
"""

from __future__ import annotations

import importlib.util
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sounds import noise, pluck

from timbred_indexer.clap.features import RATE, SAMPLES, features
from timbred_indexer.errors import UnavailableError
from tiny import install, spread, write_tokenizer

if any(importlib.util.find_spec(package) is None for package in ("torch", "transformers")):
    pytest.skip("no torch: pip install 'timbred[clap]'", allow_module_level=True)

logger = logging.getLogger(__name__)

with_package = pytest.mark.skipif(
    any(importlib.util.find_spec(package) is None for package in ("laion_clap", "torchvision")),
    reason="no laion-clap: it wants an environment of its own (docs/clap.md)",
)

WORDS = ["rain", "rain on a tin roof, far away", "snare " * 100]

RENAMED = (
    ("audio_branch.", "audio_model.audio_encoder."),
    ("text_branch.", "text_model."),
    (".attn.proj.", ".attention.output.dense."),
    (".attn.", ".attention.self."),
    (".mlp.fc1.", ".intermediate.dense."),
    (".mlp.fc2.", ".output.dense."),
    (".norm1.", ".layernorm_before."),
    (".norm2.", ".layernorm_after."),
    (".bn0.", ".batch_norm."),
    ("_projection.0.", "_projection.linear1."),
    ("_projection.2.", "_projection.linear2."),
)
"""The same weight's name in the package → in transformers."""

COMPUTED = ("position_ids", "token_type_ids", "relative_position_index")
"""What transformers' classes make themselves."""


@pytest.fixture(scope="module")
def original() -> Any:
    """The package's own model: its smallest architecture, two layers of text, random weights."""
    import torch

    from timbred_indexer.clap import laion_model

    torch.manual_seed(0)  # pyright: ignore[reportUnknownMemberType]
    two_layers = {f"text_branch.encoder.layer.{layer}.x": torch.zeros(1) for layer in range(2)}
    made = laion_model._build("HTSAT-tiny", two_layers)  # pyright: ignore[reportPrivateUsage]
    spread(made)
    return made.eval()


@pytest.fixture(scope="module")
def both(original: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """Loader (a)'s model and loader (b)'s, of the same weights."""
    import torch
    from transformers import ClapConfig, ClapModel, ClapTextConfig

    from timbred_indexer.clap.laion_model import load_laion
    from timbred_indexer.clap.torch_model import TorchModel
    from timbred_indexer.clap.transformers_model import load_transformers, read_tokenizer

    folder = tmp_path_factory.mktemp("same")
    state = {f"module.{key}": value for key, value in original.state_dict().items()}
    torch.save({"epoch": 1, "best": np.float64(1), "state_dict": state}, folder / "same.pt")
    text = ClapTextConfig(num_hidden_layers=2, layer_norm_eps=1e-5)
    model = ClapModel(ClapConfig(text_config=text))
    found: Any = model.load_state_dict(converted(original.state_dict()), strict=False)
    assert [key for key in found.missing_keys if not key.endswith(COMPUTED)] == []
    hugging = folder / "hugging"
    model.save_pretrained(str(hugging))
    write_tokenizer(hugging)
    tokens = read_tokenizer(str(hugging))
    a = load_transformers(str(hugging), name="a", version="1")
    b = load_laion(str(folder / "same.pt"), name="b", version="1", tokens=tokens)
    return TorchModel(a, threads=1), TorchModel(b, threads=1)


def converted(state: Mapping[str, Any]) -> dict[str, Any]:
    """The package's weights under transformers' names."""
    made: dict[str, Any] = {}
    for key, value in state.items():
        name = key
        for old, new in RENAMED:
            name = name.replace(old, new)
        if ".qkv." in name:
            for part, piece in zip(("query", "key", "value"), value.chunk(3), strict=True):
                made[name.replace("qkv", part)] = piece
        else:
            made[name] = value
    return made


def some_sounds() -> list[NDArray[np.float32]]:
    """Ten seconds each: what the package reads then holds no random crop."""
    short = [pluck(1.0, RATE), pluck(2.5, RATE, 80.0), noise(4.0)]
    return [np.resize(0.5 * sound, SAMPLES).astype(np.float32) for sound in short]


def likeness(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return float((one * other).sum(axis=1).min())


@with_package
def test_both_loaders_hear_alike(both: tuple[Any, Any]) -> None:
    heard = np.stack([features(samples, "repeatpad") for samples in some_sounds()])
    a, b = (model.embed_audio(heard) for model in both)
    logger.info("sounds, loader a and loader b: cosine %.7f", likeness(a, b))
    assert likeness(a, b) >= 0.999
    assert (a @ a.T).min() < 0.99


@with_package
def test_both_loaders_read_alike(both: tuple[Any, Any]) -> None:
    a, b = (model.embed_text(WORDS) for model in both)
    logger.info("texts, loader a and loader b: cosine %.7f", likeness(a, b))
    assert likeness(a, b) >= 0.999
    assert (a @ a.T).min() < 0.99


@with_package
def test_the_package_itself_hears_the_same_in_the_samples(original: Any, both: tuple[Any, Any]) -> None:
    import torch

    waves = [{"waveform": torch.as_tensor(samples)} for samples in some_sounds()]
    with torch.inference_mode():
        theirs = original.get_audio_embedding(waves).numpy()
    ours = both[1].embed_audio(np.stack([features(samples, "repeatpad") for samples in some_sounds()]))
    logger.info("sounds, the package and loader b: cosine %.7f", likeness(ours, theirs))
    assert likeness(ours, theirs) >= 0.999


def test_a_checkpoint_that_holds_code_is_refused_and_the_code_not_run(tmp_path: Path) -> None:
    import torch

    from timbred_indexer.clap.laion_model import load_laion

    path, trace = tmp_path / "bad.pt", tmp_path / "trace"
    torch.save({"state_dict": {}, "args": Trap(str(trace))}, path)
    with pytest.raises(UnavailableError, match="would run code") as caught:
        load_laion(str(path), name="bad", version="1", tokens=None)
    assert caught.value.code == "bad_checkpoint"
    assert not trace.exists()


class Trap:
    """Unpickled with the standard machinery, it makes a folder."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self._path,)


@pytest.mark.parametrize("content", [b"", b"no checkpoint"])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    from timbred_indexer.clap.laion_model import load_laion

    path = tmp_path / "bad.pt"
    path.write_bytes(content)
    with pytest.raises(UnavailableError, match="bad"):
        load_laion(str(path), name="bad", version="1", tokens=None)


def test_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    import torch

    from timbred_indexer.clap.load import load

    weights = {"module.audio_branch.patch_embed.proj.weight": torch.zeros(7, 1)}
    torch.save({"state_dict": weights, "best": np.float64(1), "epoch": np.int64(1)}, tmp_path / "odd.pt")
    with pytest.raises(UnavailableError, match="unfused HTSAT"):
        load(install(tmp_path / "data", tmp_path / "odd.pt", "odd").folder)
