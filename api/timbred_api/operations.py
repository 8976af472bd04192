"""The operations. The faces are made from :data:`OPERATIONS`; a group of its own adds its tuple at the end."""

from __future__ import annotations

import sqlite3

from timbred_api import batch, duplicates, similar, status, words
from timbred_api.engine import Engine
from timbred_api.locations import display, resolve, to_uri
from timbred_api.operation import Operation
from timbred_api.rows import iso, sound_row
from timbred_api.schemas import (
    Accepted,
    AddFolderParameters,
    FailureList,
    FailureParameters,
    FailureRow,
    FolderList,
    FolderParameters,
    Health,
    LabelParameters,
    NoParameters,
    Retried,
    SearchOptions,
    SimilarParameters,
    SimilarResult,
    SoundList,
    SoundListParameters,
    SoundParameters,
    SoundRow,
    Status,
    TextParameters,
)
from timbred_api.schemas_batch import BatchParameters, BatchResult, NeighbourList, NeighbourParameters
from timbred_api.schemas_duplicates import DuplicateList, DuplicateParameters
from timbred_indexer.db import next_seq
from timbred_indexer.errors import NotFoundError, RequestError
from timbred_indexer.model import FileId, SoundId
from timbred_indexer.store import files, folders, sounds


async def find_similar_sounds(engine: Engine, parameters: SimilarParameters) -> SimilarResult:
    """Finds the sounds most similar to a file, a sound's id, or a region of either, and says why."""
    return (await similar.by_parameters(engine, parameters)).read()


async def find_similar_to_upload(engine: Engine, parameters: SearchOptions, upload: bytes) -> SimilarResult:
    """Finds the sounds most similar to the sound in the request's body."""
    return (await similar.by_upload(engine, parameters, upload)).read()


async def search_sounds(engine: Engine, parameters: TextParameters) -> SimilarResult:
    """Finds sounds by a description in words, such as "dusty vinyl snare". Needs a CLAP model."""
    return (await words.by_text(engine, parameters)).read()


async def find_similar_batch(engine: Engine, parameters: BatchParameters) -> BatchResult:
    """Finds what is most similar to each of up to 1,000 sounds or files; what fails says why in its own row."""
    return await batch.find_each(engine, parameters)


async def list_neighbours(engine: Engine, parameters: NeighbourParameters) -> NeighbourList:
    """Lists every sound with its nearest, by id: the library as a graph."""
    return await batch.list_neighbours(engine, parameters)


async def find_duplicates(engine: Engine, parameters: DuplicateParameters) -> DuplicateList:
    """Groups sounds that are the same audio: same bytes, another format, level or rate, trimmed or faded copies.

    The first question starts the search, which goes on in the background; `complete` says whether it is through.
    Nothing is ever done to a file.
    """
    return await duplicates.find(engine, parameters)


async def get_status(engine: Engine, parameters: NoParameters) -> Status:
    """Says what is indexed, pending, failed and offline, and what timbred is doing."""
    return await status.read_status(engine, parameters)


async def list_folders(engine: Engine, parameters: NoParameters) -> FolderList:
    """Lists the watched folders."""
    return await status.list_folders(engine, parameters)


async def add_folder(engine: Engine, parameters: AddFolderParameters) -> FolderList:
    """Watches one more folder, now and after a restart."""
    await engine.control.add_folder(_needed(parameters.path, parameters.uri), parameters.watch)
    return await status.list_folders(engine, NoParameters())


async def remove_folder(engine: Engine, parameters: FolderParameters) -> FolderList:
    """Stops watching a folder and hides its sounds. No file is touched; labels and vectors are kept."""
    await engine.control.remove_folder(_needed(parameters.path, parameters.uri))
    return await status.list_folders(engine, NoParameters())


async def confirm_folder(engine: Engine, parameters: FolderParameters) -> FolderList:
    """Accepts that the files a suspect folder lost are really gone."""
    await engine.control.confirm_folder(_needed(parameters.path, parameters.uri))
    return await status.list_folders(engine, NoParameters())


async def rescan(engine: Engine, parameters: FolderParameters) -> Accepted:
    """Looks at a path, or at every folder, again. Returns at once; `status` says when it is done."""
    concerned = await engine.control.rescan(resolve(parameters.path, parameters.uri))
    return Accepted(folders=[display(path) for path in concerned])


async def list_sounds(engine: Engine, parameters: SoundListParameters) -> SoundList:
    """Lists the sounds by id, or the one a path holds."""
    path = resolve(parameters.path, parameters.uri)
    if path is not None:
        sound = await engine.db.read(lambda connection: sounds.of_file(connection, path))
        if sound is None:
            raise NotFoundError("That file is not indexed.", code="unknown_path")
        return SoundList(results=await _sound_rows(engine, [sound]), next=None)
    after, limit = SoundId(parameters.cursor or 0), parameters.limit
    ids = await engine.db.read(lambda connection: sounds.page(connection, after, limit))
    return SoundList(results=await _sound_rows(engine, ids), next=ids[-1] if len(ids) == limit else None)


async def get_sound(engine: Engine, parameters: SoundParameters) -> SoundRow:
    """Describes one sound and says where it lies."""
    rows = await _sound_rows(engine, [SoundId(parameters.id)])
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
    after, limit = FileId(parameters.cursor or 0), parameters.limit
    found = await engine.db.read(lambda connection: files.failures(connection, after, limit))
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
    return FailureList(results=rows, next=found[-1].id if len(found) == limit else None)


async def retry_failures(engine: Engine, parameters: FolderParameters) -> Retried:
    """Tries a failed file, or all of them, once more."""
    path = resolve(parameters.path, parameters.uri)

    def write(connection: sqlite3.Connection) -> int:
        seq = next_seq(connection)
        if path is None:
            return files.retry(connection, None, b"", seq)
        for folder in folders.active(connection):
            if path.startswith(folder.path + b"/"):
                if count := files.retry(connection, folder.id, path[len(folder.path) + 1 :], seq):
                    return count
                raise NotFoundError("No file at that path has failed.", code="unknown_path")
        raise NotFoundError("That file lies in no watched folder.", code="unknown_path")

    retried = await engine.db.write(write)
    if path is None:
        retried += await engine.clap.forget_failures()
    engine.control.work_arrived()
    return Retried(retried=retried)


async def check_health(engine: Engine, parameters: NoParameters) -> Health:
    """Says that timbred answers."""
    return Health(status="ok")


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "find_similar_sounds",
        "GET",
        "/v1/similar",
        SimilarParameters,
        SimilarResult,
        find_similar_sounds,
        ready=similar.by_parameters,
    ),
    Operation(
        "find_similar_to_upload",
        "POST",
        "/v1/similar",
        SearchOptions,
        SimilarResult,
        find_similar_to_upload,
        upload=True,
        ready=similar.by_upload,
    ),
    Operation("search_sounds", "GET", "/v1/search", TextParameters, SimilarResult, search_sounds, ready=words.by_text),
    Operation("find_similar_batch", "POST", "/v1/similar:batch", BatchParameters, BatchResult, find_similar_batch),
    Operation("list_neighbours", "GET", "/v1/neighbours", NeighbourParameters, NeighbourList, list_neighbours),
    Operation("find_duplicates", "GET", "/v1/duplicates", DuplicateParameters, DuplicateList, find_duplicates),
    Operation("get_status", "GET", "/v1/status", NoParameters, Status, get_status),
    Operation("list_folders", "GET", "/v1/folders", NoParameters, FolderList, list_folders),
    Operation("add_folder", "POST", "/v1/folders", AddFolderParameters, FolderList, add_folder),
    Operation("remove_folder", "DELETE", "/v1/folders", FolderParameters, FolderList, remove_folder),
    Operation("confirm_folder", "POST", "/v1/folders/confirm", FolderParameters, FolderList, confirm_folder),
    Operation("rescan", "POST", "/v1/rescan", FolderParameters, Accepted, rescan),
    Operation("list_sounds", "GET", "/v1/sounds", SoundListParameters, SoundList, list_sounds),
    Operation("get_sound", "GET", "/v1/sounds/{id}", SoundParameters, SoundRow, get_sound),
    Operation("label_sound", "PATCH", "/v1/sounds/{id}", LabelParameters, SoundRow, label_sound),
    Operation("list_failures", "GET", "/v1/failures", FailureParameters, FailureList, list_failures),
    Operation("retry_failures", "POST", "/v1/failures/retry", FolderParameters, Retried, retry_failures),
    Operation("check_health", "GET", "/healthz", NoParameters, Health, check_health),
)


def _needed(path: str | None, uri: str | None) -> bytes:
    resolved = resolve(path, uri)
    if resolved is None:
        raise RequestError("Name the folder: path or uri.", code="missing_parameter")
    return resolved


async def _sound_rows(engine: Engine, ids: list[SoundId]) -> list[SoundRow]:
    """Rows of those sounds that a present file has, in the order asked."""

    def load(connection: sqlite3.Connection) -> list[SoundRow]:
        known = sounds.by_ids(connection, ids)
        places = sounds.files_of(connection, ids)
        return [sound_row(known[sound], tuple(places[sound])) for sound in ids if sound in known and sound in places]

    return await engine.db.read(load)
