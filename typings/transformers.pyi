"""What timbred, its tests and its benchmarks use of transformers."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

import torch
from numpy.typing import NDArray

class _Logging:
    def disable_progress_bar(self) -> None: ...

logging: _Logging

class _Config:
    def __init__(self, **values: object) -> None: ...

class ClapAudioConfig(_Config):
    enable_fusion: bool

class ClapTextConfig(_Config): ...

class ClapConfig(_Config):
    audio_config: ClapAudioConfig
    text_config: ClapTextConfig
    projection_dim: int
    @classmethod
    def from_pretrained(cls, folder: str, *, local_files_only: bool = ...) -> Self: ...

class RobertaConfig(_Config): ...

class _Pooled:
    pooler_output: torch.Tensor

class _Half(torch.nn.Module):
    def __call__(self, **inputs: torch.Tensor) -> _Pooled: ...

class _Projection(torch.nn.Module):
    def __call__(self, vectors: torch.Tensor) -> torch.Tensor: ...

class ClapModel(torch.nn.Module):
    audio_model: _Half
    audio_projection: _Projection
    text_model: _Half
    text_projection: _Projection
    def __init__(self, config: ClapConfig) -> None: ...
    @classmethod
    def from_pretrained(
        cls,
        folder: str,
        *,
        config: ClapConfig,
        local_files_only: bool,
        use_safetensors: bool,
        ignore_mismatched_sizes: bool = ...,
        output_loading_info: Literal[True],
    ) -> tuple[Self, Mapping[str, Sequence[str]]]: ...
    def save_pretrained(self, folder: str) -> None: ...
    def get_audio_features(self, input_features: torch.Tensor) -> _Pooled: ...
    def get_text_features(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> _Pooled: ...

class RobertaModel(torch.nn.Module):
    def __init__(self, config: RobertaConfig) -> None: ...

class _Tokenizer:
    def __len__(self) -> int: ...
    def __call__(
        self, texts: list[str], *, padding: bool, truncation: bool, max_length: int, return_tensors: str
    ) -> Mapping[str, torch.Tensor]: ...
    def save_pretrained(self, folder: str) -> None: ...

class AutoTokenizer:
    @classmethod
    def from_pretrained(cls, folder: str, *, local_files_only: bool, trust_remote_code: bool) -> _Tokenizer: ...

class PreTrainedTokenizerFast(_Tokenizer):
    def __init__(
        self, *, tokenizer_file: str | None = None, tokenizer_object: object = None, **special: str
    ) -> None: ...

class ClapFeatureExtractor:
    def __init__(self, *, truncation: str, frequency_min: float) -> None: ...
    def __call__(
        self, raw_speech: NDArray[Any], *, padding: str, sampling_rate: int, return_tensors: str
    ) -> Mapping[str, NDArray[Any]]: ...
    def save_pretrained(self, folder: str) -> None: ...
