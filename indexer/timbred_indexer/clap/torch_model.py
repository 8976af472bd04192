"""Runs the two halves of a loaded model: device, threads, precision; what all loaders have in common."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from timbred_indexer.clap.protocol import Description
from timbred_indexer.errors import UnavailableError
from timbred_indexer.wire import FEATURE_SHAPE

_BATCH: Final = {"cpu": 4, "mps": 16, "cuda": 64}
"""Sounds at once. On a processor more is no faster (benchmarks/clap.py), and a text would wait longer for its turn."""

_CHANGE: Final = 1e-3
"""Cosine distance up to which bf16 counts as the same vector."""

_BF16_FLAGS: Final = frozenset({"avx512_bf16", "amx_bf16"})


@dataclass(frozen=True, slots=True)
class Towers:
    """The two halves of a model, loaded, in evaluation mode.

    Attributes:
        name: of the model.
        version: of its weights.
        dimension: of its vectors.
        modules: what has weights, to be moved to a device.
        audio: (n, 1, 1001, 64) float32 → (n, dimension).
        text: n texts and the device → (n, dimension); None where there is no tokenizer.
    """

    name: str
    version: str
    dimension: int
    modules: Sequence[torch.nn.Module]
    audio: Callable[[Tensor], Tensor]
    text: Callable[[Sequence[str], torch.device], Tensor] | None


class TorchModel:
    """A ``ClapModel`` made of ``Towers``.

    Args:
        towers: the model.
        threads: to use on the processor; 0 is half of the cores.
        device: ``cpu``, ``cuda`` or ``mps``; the best there is unless given.
        bf16: whether to compute sounds in bfloat16; unless given, where the processor has it and the vectors stay the
            same to within 0.001 cosine.
    """

    def __init__(
        self, towers: Towers, *, threads: int = 0, device: str | None = None, bf16: bool | None = None
    ) -> None:
        self._towers = towers
        self._device = torch.device(device or _best_device())
        self._threads = threads or max(1, _cores() // 2)
        torch.set_num_threads(self._threads)
        for module in towers.modules:
            module.to(self._device).eval()
        self._bf16 = self._may_use_bf16() if bf16 is None else bf16

    @property
    def description(self) -> Description:
        return Description(
            self._towers.name,
            self._towers.version,
            self._towers.dimension,
            self._device.type,
            "bf16" if self._bf16 else "fp32",
            self._threads,
            _BATCH[self._device.type],
        )

    def embed_audio(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, 1001, 64) float32 → (n, dimension) float32, L2-normalised."""
        return self._embed_audio(features, bf16=self._bf16)

    def embed_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """n texts → (n, dimension) float32, L2-normalised; UnavailableError ``no_tokenizer``."""
        if self._towers.text is None:
            raise UnavailableError(
                f"The model {self._towers.name} came without a tokenizer, so it cannot read words: "
                "`timbred model fetch clap-htsat-unfused` brings one that it can use.",
                code="no_tokenizer",
            )
        with torch.inference_mode():
            return _normalised(self._towers.text(texts, self._device))

    def _embed_audio(self, features: NDArray[np.float32], *, bf16: bool) -> NDArray[np.float32]:
        tensor = torch.as_tensor(np.array(features, np.float32)).unsqueeze(1).to(self._device)
        with torch.inference_mode(), torch.autocast(self._device.type, torch.bfloat16, enabled=bf16):
            return _normalised(self._towers.audio(tensor))

    def _may_use_bf16(self) -> bool:
        """Where the processor multiplies bf16 by itself; emulated, it is slower than fp32."""
        if self._device.type != "cpu" or not _BF16_FLAGS & _processor_flags():
            return False
        return self.bf16_change() < _CHANGE

    def bf16_change(self) -> float:
        """The largest cosine distance that bf16 makes, over a few made-up sounds."""
        sounds = _made_up_sounds()
        exact, coarse = self._embed_audio(sounds, bf16=False), self._embed_audio(sounds, bf16=True)
        return float(1.0 - (exact * coarse).sum(axis=1).min())


def _normalised(vectors: Tensor) -> NDArray[np.float32]:
    return torch.nn.functional.normalize(vectors.float(), dim=-1).cpu().numpy()


def _best_device() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _processor_flags() -> frozenset[str]:
    """Linux only: elsewhere bf16 brings nothing on the processors in use."""
    if sys.platform != "linux":
        return frozenset()
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("flags"):
                return frozenset(line.split())
    return frozenset()


def _made_up_sounds() -> NDArray[np.float32]:
    """A tone, a sweep, noise that decays, and near silence, as features: (4, 1001, 64)."""
    frames, bands = np.arange(FEATURE_SHAPE[0])[:, None], np.arange(FEATURE_SHAPE[1])[None, :]
    rough = np.random.default_rng(0).normal(0, 3, FEATURE_SHAPE)
    tone = -80.0 + 70.0 * np.exp(-0.5 * np.square((bands - 20) / 2.0)) + 0.0 * frames
    sweep = -80.0 + 70.0 * np.exp(-0.5 * np.square((bands - frames / 16.0) / 3.0))
    decay = np.maximum(-90.0, -10.0 - frames / 8.0) + 0.0 * bands
    return np.stack([tone + rough, sweep + rough, decay + rough, np.full(FEATURE_SHAPE, -95.0) + rough]).astype(
        np.float32
    )
