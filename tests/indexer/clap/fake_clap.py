"""A CLAP worker without a model, whose sounds and texts say what it shall do; run as a script by the host's tests.

Each vector holds the number of the call it was made in: (cos, sin) of as many hundredths.
"""

import math
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from timbred_indexer.clap.protocol import Description
from timbred_indexer.clap.worker import answering
from timbred_indexer.errors import UnavailableError
from timbred_indexer.worker import Work, serve

BROKEN, DEAD, UNINSTALLED = "--broken", "--dead", "--uninstalled"
WAIT, ABORT, SPOIL = 1.0, 2.0, 3.0


class Fake:
    """What a sound's first feature, or a text, asks for, it does."""

    description = Description(f"fake {os.getpid()}", "1", 2, "cpu", "fp32", 1, 2)

    def __init__(self) -> None:
        self._calls = 0

    def embed_audio(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        actions: dict[float, Callable[[], object]] = {
            WAIT: lambda: Path(sys.argv[1]).read_bytes(),
            ABORT: os.abort,
            SPOIL: lambda: None,
        }
        verb = float(features[0, 0, 0])
        actions.get(verb, lambda: None)()
        return self._vectors(len(features)) * (2 if verb == SPOIL else 1)

    def embed_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if "hang" in texts:
            signal.pause()
        if "unreadable" in texts:
            raise UnavailableError("no tokenizer", code="no_tokenizer")
        return self._vectors(len(texts))

    def _vectors(self, count: int) -> NDArray[np.float32]:
        self._calls += 1
        angle = self._calls / 100
        return np.tile(np.array([math.cos(angle), math.sin(angle)], np.float32), (count, 1))


def load() -> Work:
    if BROKEN in sys.argv:
        raise ImportError("no such library")
    if UNINSTALLED in sys.argv:
        raise UnavailableError("run pip install", code="clap_not_installed")
    if DEAD in sys.argv:
        os.abort()
    return answering(Fake())


if __name__ == "__main__":
    serve(load, memory=0)
