"""The CLAP worker: holds the model, and turns features and texts into vectors. It never sees a file of the user's.

Started by ``host`` as ``python -P -m timbred_indexer.clap.worker FOLDER THREADS MEMORY``; the loop, the pipes and the
manners are those of ``timbred_indexer.worker``.
"""

from __future__ import annotations

import sys

import numpy as np

from timbred_indexer.clap.load import load
from timbred_indexer.clap.messages import (
    AudioJob,
    DescribeJob,
    TextJob,
    decode_job,
    from_description,
    from_vectors,
)
from timbred_indexer.clap.protocol import ClapModel
from timbred_indexer.wire import FEATURE_SHAPE
from timbred_indexer.worker import Work, serve


def main() -> None:
    """Entry point of ``python -m timbred_indexer.clap.worker``."""
    folder, threads, memory = sys.argv[1:4]
    serve(lambda: answering(load(folder, threads=int(threads))), memory=int(memory))


def answering(model: ClapModel) -> Work:
    """The work of a CLAP worker, made of a model."""

    def work(body: bytes) -> object:
        match decode_job(body):
            case AudioJob(features):
                stacked = np.stack([np.frombuffer(data, "<f4").reshape(FEATURE_SHAPE) for data in features])
                return from_vectors(model.embed_audio(stacked))
            case TextJob(texts):
                return from_vectors(model.embed_text(texts))
            case DescribeJob():
                return from_description(model.description)

    return work


if __name__ == "__main__":
    main()
