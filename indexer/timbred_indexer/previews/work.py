"""The jobs that are about showing and playing, beside those of an analysis worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple

from timbred_indexer.previews.messages import PcmJob, WaveformJob, decode_job
from timbred_indexer.previews.wav import write_wav
from timbred_indexer.previews.waveform import waveform

Work = Callable[[bytes], object]


def previewing(others: Work) -> Work:
    """Work that does these jobs too, and leaves the rest to ``others``."""

    def work(body: bytes) -> object:
        match decode_job(body):
            case WaveformJob(path, frames, points):
                return list(astuple(waveform(path, frames, points)))
            case PcmJob(path, start, end, target, most):
                return list(astuple(write_wav(path, start, end, target, most)))
            case None:
                return others(body)

    return work
