"""The sound itself: a file's own bytes, or WAV made of it for what a browser cannot play."""

from __future__ import annotations

import asyncio
import os
from typing import Final, Literal

from pydantic import Field

from timbred_api.answers import AudioBytes, FileAnswer, OpenFile
from timbred_api.engine import Engine
from timbred_api.locations import display
from timbred_api.media import Decoded
from timbred_api.operation import Operation
from timbred_api.private_file import private_file
from timbred_api.schemas import Parameters, SoundIdField
from timbred_indexer.errors import InputError, NotFoundError, RequestError, TimbredError, TransientInputError
from timbred_indexer.model import Seconds, SoundId
from timbred_indexer.originals import open_original
from timbred_indexer.previews.messages import HEADER_BYTES, PcmJob
from timbred_indexer.sniffing import HEAD, media_type
from timbred_indexer.store.media import Place, Playable, playable
from timbred_indexer.wire import deadline_for

LONGEST: Final = Seconds(600)
"""Of what is decoded at once."""

MOST_BYTES: Final = 256 * 2**20
"""Of a decoded sound: ten minutes in stereo at 96 kHz, and a bit."""


class AudioParameters(Parameters):
    """Which sound, in which form, and which part of it."""

    id: SoundIdField
    format: Literal["original", "wav"] = Field(
        "original", description="`original`: the file's bytes; `wav`: decoded to 16-bit WAV, which every browser plays."
    )
    start: float | None = Field(None, ge=0, le=1e6, description="Where to begin, in seconds; with `wav` only.")
    end: float | None = Field(None, gt=0, le=1e6, description="Where to stop, in seconds; with `wav` only.")


async def get_audio(engine: Engine, parameters: AudioParameters) -> FileAnswer:
    """Gives the sound itself: the bytes of one of its files, or WAV decoded from it. Ranges can be asked for."""
    sound = await find_playable(engine, SoundId(parameters.id))
    if parameters.format == "original":
        if parameters.start is not None or parameters.end is not None:
            raise RequestError("start and end need format=wav.", code="bad_parameter")
        return await asyncio.to_thread(_original, sound)
    start, end = _stretch(sound, parameters)
    key = sound.hash, start, end
    made = await engine.media.decoded.get(key, lambda: _decode(engine, sound, start, end))
    tag = f"{sound.hash.hex()}-wav-{start:g}-{'' if end is None else format(end, 'g')}"
    return FileAnswer(made.file, made.size, media_type="audio/wav", etag=tag, name=_name(sound) + ".wav")


async def find_playable(engine: Engine, sound: SoundId) -> Playable:
    """The sound, which a present file has.

    Raises:
        NotFoundError: ``unknown_id``.
        TransientInputError: ``file_changed``: its files have other bytes now, which nobody has looked at yet.
    """
    found = await engine.db.read(lambda connection: playable(connection, sound))
    if found is None:
        raise NotFoundError(f"There is no sound with the id {sound}.", code="unknown_id")
    if not found.places:
        sentence = "The file has changed since it was indexed; ask again in a moment."
        raise TransientInputError(sentence, code="file_changed")
    return found


async def on_any_file(sound: Playable) -> Place:
    """The first of its files that is there, and as it was.

    Raises:
        TimbredError: what is wrong with the first one, when none is.
    """
    return await asyncio.to_thread(_first_good, sound)


def _first_good(sound: Playable) -> Place:
    return _open_any(sound)[0]


def _open_any(sound: Playable) -> tuple[Place, OpenFile]:
    first: TimbredError | None = None
    try:
        for place in sound.places:
            try:
                return place, OpenFile(open_original(place))
            except TimbredError as error:
                first = first or error
        assert first is not None  # a sound has places
        raise first
    finally:
        first = None  # an error holds the frames below it: together they would outlive the answer


def _original(sound: Playable) -> FileAnswer:
    place, file = _open_any(sound)
    kind = media_type(file.read(0, HEAD), sound.format)
    name = display(os.path.basename(place.path))
    return FileAnswer(file, place.stat.size, media_type=kind, etag=sound.hash.hex(), name=name)


def _stretch(sound: Playable, parameters: AudioParameters) -> tuple[Seconds, Seconds | None]:
    """What is to be decoded; None as its end stands for the sound's.

    Raises:
        RequestError: it is empty.
        InputError: ``too_long``.
    """
    start, end = Seconds(parameters.start or 0.0), parameters.end
    stop = sound.duration if end is None else min(end, sound.duration)
    if start >= stop:
        raise RequestError("start must lie before end, and inside the sound.", code="bad_parameter")
    size = (stop - start) * sound.sample_rate * 2 * (sound.channels if sound.channels <= 2 else 1)
    if stop - start > LONGEST or size > MOST_BYTES - 1024:
        seconds = min(LONGEST, LONGEST * MOST_BYTES / size)
        raise InputError(
            f"That is {(stop - start) / 60:.0f} minutes of sound; ask for a part of it with start and end, "
            f"at most {seconds:.0f} seconds at a time.",
            code="too_long",
        )
    return start, None if end is None else Seconds(end)


async def _decode(engine: Engine, sound: Playable, start: Seconds, end: Seconds | None) -> Decoded:
    """Has a worker write it into a private file, which loses its name at once."""
    place = await on_any_file(sound)
    path = os.path.join(place.folder, place.path)
    async with private_file(engine.upload_folder, "decoded-") as file:
        deadline = deadline_for(place.stat.size)
        made = await engine.workers.run(PcmJob(path, start, end, file.path, MOST_BYTES, deadline), interactive=True)
        return Decoded(file.keep(), HEADER_BYTES + made.frames * made.channels * 2)


def _name(sound: Playable) -> str:
    return os.path.splitext(display(os.path.basename(sound.places[0].path)))[0]


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "get_audio",
        "GET",
        "/v1/sounds/{id}/audio",
        AudioParameters,
        AudioBytes,
        get_audio,
        media=("audio/*", "application/octet-stream"),
        limit=600.0,
        problems=("unknown_id", "vanished", "unreadable", "file_changed", "too_long", "not_audio", "disk_full"),
    ),
)
