"""A sound's outline, to be drawn."""

from __future__ import annotations

import os
from typing import Final

import numpy as np
from pydantic import Field
from pydantic_core import to_json

from timbred_api.answers import Document
from timbred_api.audio import find_playable, on_any_file
from timbred_api.engine import Engine
from timbred_api.operation import Operation
from timbred_api.schemas import Parameters, Result, SoundIdField
from timbred_indexer.model import SoundId
from timbred_indexer.previews.messages import Waveform, WaveformJob
from timbred_indexer.store.media import Playable
from timbred_indexer.wire import deadline_for

_DIGITS: Final = 4


class WaveformParameters(Parameters):
    """A sound, and how finely it is drawn."""

    id: SoundIdField
    points: int = Field(400, ge=16, le=4000, description="How many parts of equal length to divide the sound into.")


class WaveformResult(Result):
    """Columns of equal length, from the sound's beginning to its end."""

    sound_id: int = Field(description="The sound's id.")
    duration: float = Field(description="Seconds.")
    points: int = Field(description="Parts; fewer than asked for where the sound has fewer samples.")
    min: list[float] = Field(description="The lowest sample of each part, of all channels, -1 to 1.")
    max: list[float] = Field(description="The highest.")
    rms: list[float] = Field(description="The root of the mean square, 0 to 1.")


async def get_waveform(engine: Engine, parameters: WaveformParameters) -> Document:
    """Gives a sound's outline, to be drawn: lowest, highest and mean level of equal parts of it."""
    sound = await find_playable(engine, SoundId(parameters.id))
    points = min(parameters.points, sound.frames)
    kept = await engine.media.waveforms.get((sound.hash, points), lambda: _make(engine, sound, points))
    head = {"sound_id": parameters.id, "duration": round(sound.duration, 4), "points": points}
    return Document(b"%b,%b" % (to_json(head)[:-1], kept[1:]), lasting=True)


async def _make(engine: Engine, sound: Playable, points: int) -> bytes:
    """The three columns as JSON."""
    place = await on_any_file(sound)
    path = os.path.join(place.folder, place.path)
    job = WaveformJob(path, sound.frames, points, deadline_for(place.stat.size))
    made: Waveform = await engine.workers.run(job, interactive=True)
    return to_json({"min": _shown(made.low), "max": _shown(made.high), "rms": _shown(made.rms)})


def _shown(column: bytes) -> list[float]:
    return np.frombuffer(column, "<f4").astype(np.float64).round(_DIGITS).tolist()


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "get_waveform",
        "GET",
        "/v1/sounds/{id}/waveform",
        WaveformParameters,
        WaveformResult,
        get_waveform,
        problems=("unknown_id", "vanished", "unreadable", "file_changed", "not_audio"),
    ),
)
