"""What a CLAP model is, whoever loaded it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Description:
    """A loaded model.

    Attributes:
        name: of the model.
        version: which weights; with the rule for short sounds, which vectors.
        dimension: of its vectors.
        device: where it runs: ``cpu``, ``cuda``, ``mps``.
        precision: ``fp32`` or ``bf16``, of the audio half.
        threads: that it uses on the processor.
        batch: sounds that it takes best at once.
    """

    name: str
    version: str
    dimension: int
    device: str
    precision: str
    threads: int
    batch: int


class ClapModel(Protocol):
    """Turns features and texts into vectors of one space. The same input gives the same vector, in any company."""

    @property
    def description(self) -> Description: ...

    def embed_audio(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, 1001, 64) float32 as ``features`` makes them → (n, dimension) float32, L2-normalised."""
        ...

    def embed_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """n texts → (n, dimension) float32, L2-normalised.

        Raises:
            UnavailableError: ``no_tokenizer``, this model hears but cannot read, with what to do.
        """
        ...
