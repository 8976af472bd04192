"""The library: its sounds, their labels, and the files that could not be indexed."""

from __future__ import annotations

import sqlite3

from timbred_api.cursors import Listing
from timbred_api.engine import Engine
from timbred_api.locations import display, resolve, to_uri
from timbred_api.operation import Operation
from timbred_api.rows import iso, sound_row
from timbred_api.schemas import (
    FailureList,
    FailureParameters,
    FailureRow,
    FolderParameters,
    LabelParameters,
    Retried,
    SoundList,
    SoundListParameters,
    SoundParameters,
    SoundRow,
)
from timbred_indexer.db import next_seq
from timbred_indexer.errors import NotFoundError, RequestError
from timbred_indexer.model import FileId, SoundId
from timbred_indexer.store import failures, files, folders, names, sounds

_SOUNDS = Listing("sounds")
_FAILURES = Listing("failures")


async def list_sounds(engine: Engine, parameters: SoundListParameters) -> SoundList:
    """Lists the sounds by id: all, those with certain words in their name, or the one a path holds."""
    path, folder = resolve(parameters.path, parameters.uri), resolve(parameters.folder, None)
    words = list(dict.fromkeys((parameters.name or "").split()))
    if path is not None:
        if words or folder is not None:
            raise RequestError("path names one file; leave out name and folder.", code="bad_parameter")
        rows = await engine.db.read(lambda connection: _at(connection, path))
        if not rows:
            raise NotFoundError("That file is not indexed.", code="unknown_path")
        return SoundList(results=rows, next=None)
    after, limit = SoundId(_SOUNDS.after(parameters.cursor)), parameters.limit

    def load(connection: sqlite3.Connection) -> SoundList:
        ids = names.named(connection, words, folder, after, limit)
        return SoundList(results=_rows(connection, ids), next=_SOUNDS.cursor(ids[-1]) if len(ids) == limit else None)

    return await engine.db.read(load)


async def get_sound(engine: Engine, parameters: SoundParameters) -> SoundRow:
    """Describes one sound and says where it lies."""
    rows = await engine.db.read(lambda connection: _rows(connection, [SoundId(parameters.id)]))
    if not rows:
        raise NotFoundError(f"There is no sound with the id {parameters.id}.", code="unknown_id")
    return rows[0]


async def label_sound(engine: Engine, parameters: LabelParameters) -> SoundRow:
    """Sets a sound's label on all its files; null goes back to the file's name."""
    sound = SoundId(parameters.id)
    label = parameters.label.strip() if parameters.label is not None else None
    await get_sound(engine, SoundParameters(id=sound))
    await engine.db.write(lambda connection: files.set_label(connection, sound, label or None, next_seq(connection)))
    engine.index.notify()
    return await get_sound(engine, SoundParameters(id=sound))


async def list_failures(engine: Engine, parameters: FailureParameters) -> FailureList:
    """Names every file that could not be indexed, with the reason."""
    after, limit = FileId(_FAILURES.after(parameters.cursor)), parameters.limit
    found = await engine.db.read(lambda connection: failures.page(connection, after, limit))
    rows = [
        FailureRow(
            path=display(failure.path),
            uri=to_uri(failure.path),
            code=failure.code,
            reason=failure.message,
            attempts=failure.attempts,
            retry_at=iso(failure.retry_at),
        )
        for failure in found
    ]
    return FailureList(results=rows, next=_FAILURES.cursor(found[-1].id) if len(found) == limit else None)


async def retry_failures(engine: Engine, parameters: FolderParameters) -> Retried:
    """Tries a failed file, or all of them, once more."""
    path = resolve(parameters.path, parameters.uri)

    def write(connection: sqlite3.Connection) -> int:
        seq = next_seq(connection)
        if path is None:
            return files.retry(connection, None, b"", seq)
        place = folders.holding(folders.active(connection), path)
        if place is None:
            raise NotFoundError("That file lies in no watched folder.", code="unknown_path")
        count = files.retry(connection, place[0].id, place[1], seq)
        if not count:
            raise NotFoundError("No file at that path has failed.", code="unknown_path")
        return count

    retried = await engine.db.write(write)
    if path is None:
        retried += await engine.clap.forget_failures()
    engine.control.work_arrived()
    return Retried(retried=retried)


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "list_sounds",
        "GET",
        "/v1/sounds",
        SoundListParameters,
        SoundList,
        list_sounds,
        sounds=True,
        problems=("bad_parameter", "bad_cursor", "bad_path", "bad_uri", "unknown_path"),
    ),
    Operation(
        "get_sound",
        "GET",
        "/v1/sounds/{id}",
        SoundParameters,
        SoundRow,
        get_sound,
        problems=("bad_parameter", "unknown_id"),
    ),
    Operation(
        "label_sound",
        "PATCH",
        "/v1/sounds/{id}",
        LabelParameters,
        SoundRow,
        label_sound,
        problems=("bad_parameter", "unknown_id"),
    ),
    Operation(
        "list_failures",
        "GET",
        "/v1/failures",
        FailureParameters,
        FailureList,
        list_failures,
        problems=("bad_parameter", "bad_cursor"),
    ),
    Operation(
        "retry_failures",
        "POST",
        "/v1/failures/retry",
        FolderParameters,
        Retried,
        retry_failures,
        problems=("bad_path", "bad_uri", "unknown_path"),
    ),
)


def _at(connection: sqlite3.Connection, path: bytes) -> list[SoundRow]:
    sound = sounds.of_file(connection, path)
    return [] if sound is None else _rows(connection, [sound])


def _rows(connection: sqlite3.Connection, ids: list[SoundId]) -> list[SoundRow]:
    """Rows of those sounds that a present file has, in the order asked."""
    known, places = sounds.by_ids(connection, ids), sounds.files_of(connection, ids)
    return [sound_row(known[sound], tuple(places[sound])) for sound in ids if sound in known and sound in places]
