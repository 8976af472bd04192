"""A loaded model gives the same vector for the same sound or text, in any company; real classes, few layers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from timbred_indexer.clap.protocol import ClapModel
from timbred_indexer.errors import UnavailableError
from tiny import DIMENSION, spread, write_checkpoint

Vectors = NDArray[np.float32]

WORDS = ["rain", "rain on a tin roof, far away", "", "ünïcödé 🥁", "snare " * 500]


def likeness(one: Vectors, other: Vectors) -> float:
    """The smallest cosine between rows that belong together."""
    return float((one * other).sum(axis=1).min())


def test_vectors_are_of_unit_length_and_the_models_dimension(model: ClapModel, sounds: Vectors) -> None:
    for vectors, count in ((model.embed_audio(sounds), len(sounds)), (model.embed_text(WORDS), len(WORDS))):
        assert (vectors.shape, vectors.dtype) == ((count, DIMENSION), np.float32)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_different_sounds_and_texts_have_different_vectors(model: ClapModel, sounds: Vectors) -> None:
    """Without this, the tests of sameness could not fail."""
    for vectors in (model.embed_audio(sounds), model.embed_text(WORDS)):
        assert (vectors @ vectors.T - 2 * np.eye(len(vectors))).max() < 0.9999


def test_a_sound_has_the_same_vector_in_any_batch(model: ClapModel, sounds: Vectors) -> None:
    together = model.embed_audio(sounds)
    alone = np.concatenate([model.embed_audio(sounds[index : index + 1]) for index in range(len(sounds))])
    assert likeness(together, alone) >= 0.9999
    assert likeness(together, model.embed_audio(sounds[::-1])[::-1]) >= 0.9999


def test_a_text_has_the_same_vector_beside_longer_ones(model: ClapModel) -> None:
    alone = np.concatenate([model.embed_text([text]) for text in WORDS])
    assert likeness(model.embed_text(WORDS), alone) >= 0.9999


def test_a_sound_has_the_same_vector_after_loading_again_with_more_threads(
    checkpoint: Path, model: ClapModel, sounds: Vectors
) -> None:
    import torch

    from timbred_indexer.clap.torch_model import TorchModel
    from timbred_indexer.clap.transformers_model import load_transformers

    before = torch.get_num_threads()
    again = TorchModel(load_transformers(str(checkpoint), name="tiny", version="1"), threads=4)
    assert again.description.threads == torch.get_num_threads() == 4
    assert likeness(model.embed_audio(sounds), again.embed_audio(sounds)) >= 0.9999
    assert likeness(model.embed_text(WORDS), again.embed_text(WORDS)) >= 0.9999
    torch.set_num_threads(before)


def test_bf16_is_used_where_the_processor_has_it_and_it_changes_nothing(checkpoint: Path, sounds: Vectors) -> None:
    from timbred_indexer.clap import torch_model
    from timbred_indexer.clap.transformers_model import load_transformers

    towers = load_transformers(str(checkpoint), name="tiny", version="1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch_model, "_processor_flags", lambda: frozenset({"avx512_bf16"}))
        fast = torch_model.TorchModel(towers, threads=1)
        patch.setattr(torch_model, "_CHANGE", 0.0)
        wary = torch_model.TorchModel(towers, threads=1)
    exact = torch_model.TorchModel(towers, threads=1, bf16=False)
    assert [made.description.precision for made in (fast, wary, exact)] == ["bf16", "fp32", "fp32"]
    assert 0 < fast.bf16_change() < 1e-3
    assert likeness(fast.embed_audio(sounds), exact.embed_audio(sounds)) >= 0.999
    assert likeness(fast.embed_audio(sounds), fast.embed_audio(sounds[::-1])[::-1]) >= 0.9999


def test_its_vectors_are_those_of_transformers_own_methods(checkpoint: Path, model: ClapModel, sounds: Vectors) -> None:
    import torch
    from transformers import AutoTokenizer, ClapConfig
    from transformers import ClapModel as Theirs

    config = ClapConfig.from_pretrained(str(checkpoint), local_files_only=True)
    theirs, _ = Theirs.from_pretrained(
        str(checkpoint), config=config, local_files_only=True, use_safetensors=True, output_loading_info=True
    )
    theirs.eval()
    tokenizer = AutoTokenizer.from_pretrained(str(checkpoint), local_files_only=True, trust_remote_code=False)
    tokens = tokenizer(WORDS, padding=True, truncation=True, max_length=77, return_tensors="pt")
    with torch.inference_mode():
        audio = theirs.get_audio_features(torch.as_tensor(sounds[:, None])).pooler_output.numpy()
        text = theirs.get_text_features(tokens["input_ids"], tokens["attention_mask"]).pooler_output.numpy()
    assert likeness(model.embed_audio(sounds), audio) >= 0.9999
    assert likeness(model.embed_text(WORDS), text) >= 0.9999


def test_a_fused_checkpoint_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    from timbred_indexer.clap.transformers_model import load_transformers

    write_checkpoint(tmp_path, fusion=True)
    with pytest.raises(UnavailableError, match="fusion"):
        load_transformers(str(tmp_path), name="fused", version="1")


def test_a_checkpoint_that_lacks_a_weight_is_refused_by_its_name(checkpoint: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file  # pyright: ignore[reportUnknownVariableType]

    from timbred_indexer.clap.transformers_model import load_transformers

    for path in checkpoint.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    weights = load_file(tmp_path / "model.safetensors")
    del weights["audio_projection.linear2.weight"]
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(UnavailableError, match=r"audio_projection\.linear2\.weight") as caught:
        load_transformers(str(tmp_path), name="tiny", version="1")
    assert caught.value.code == "bad_checkpoint"
    weights["audio_projection.linear2.weight"] = torch.zeros(3, 3)
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(UnavailableError, match=r"audio_projection\.linear2\.weight"):
        load_transformers(str(tmp_path), name="tiny", version="1")


def test_a_model_without_a_tokenizer_says_what_brings_one(model: ClapModel) -> None:
    import torch

    from timbred_indexer.clap.torch_model import TorchModel, Towers

    deaf = torch.nn.Identity()
    spread(deaf)
    mute = TorchModel(Towers("mute", "1", 2, (deaf,), deaf.forward, None), threads=1)
    with pytest.raises(UnavailableError, match="timbred model fetch") as caught:
        mute.embed_text(["rain"])
    assert caught.value.code == "no_tokenizer"
