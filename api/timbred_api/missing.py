"""What is missing: what an unplugged drive holds, where a folder went, what may be forgotten."""

from __future__ import annotations

import sqlite3
import time

from pydantic import Field

from timbred_api import status
from timbred_api.cursors import Listing
from timbred_api.engine import Engine
from timbred_api.locations import resolve
from timbred_api.operation import Operation
from timbred_api.owner import require_owner
from timbred_api.rows import sound_row
from timbred_api.schemas import (
    CursorField,
    FolderParameters,
    LimitField,
    NoParameters,
    Parameters,
    PathField,
    Result,
    SoundList,
    UriField,
)
from timbred_api.schemas_status import FolderList
from timbred_indexer.db import next_seq
from timbred_indexer.errors import NotFoundError, RequestError
from timbred_indexer.live import NOTHING
from timbred_indexer.model import FolderState, SoundId
from timbred_indexer.plan import GRACE_SECONDS
from timbred_indexer.store import folders, offline, purge, sounds
from timbred_indexer.store.purge import Forgotten, Scope

BATCH = 500  # rows a write: other writers get their turn
_DAY = 86_400.0
_OFFLINE = Listing("offline")


class RelocateParameters(FolderParameters):
    """A watched folder, and where its files are now."""

    new_path: PathField = Field(default=None, description="Absolute path of its new place.")
    new_uri: UriField = Field(default=None, description="The same as an exact, percent-encoded `file://` URI.")
    force: bool = Field(False, description="Also when other files are at the new place.")


class PurgeParameters(Parameters):
    """Which missing files are forgotten."""

    path: PathField = Field(
        default=None, description="Absolute path of a watched folder; left out: of all that are online."
    )
    uri: UriField = None
    older_than: float = Field(0.0, ge=0, le=36_500, description="Only files that are missing for so many days.")
    confirm: bool = Field(False, description="Remove them; else only say what would be removed.")


class OfflineParameters(Parameters):
    """Which part of the list."""

    cursor: CursorField = None
    limit: LimitField = 100


class Purged(Result):
    """What was removed, or would be."""

    files: int = Field(description="Missing files that are forgotten.")
    labels: int = Field(description="Those of them that have a label of their own.")
    sounds: int = Field(description="Sounds that no other file has; their analysis goes too.")
    removed: bool = Field(description="false: nothing was changed.")


async def relocate_folder(engine: Engine, parameters: RelocateParameters) -> FolderList:
    """Says that a folder's files are at another place now: labels, sounds and vectors stay, nothing is analysed."""
    old, new = resolve(parameters.path, parameters.uri), resolve(parameters.new_path, parameters.new_uri)
    if old is None or new is None:
        raise RequestError("Name both: path (or uri) and new_path (or new_uri).", code="missing_parameter")
    require_owner("Naming another place for a folder")
    await engine.control.relocate_folder(old, new, force=parameters.force)
    return await status.list_folders(engine, NoParameters())


async def list_offline(engine: Engine, parameters: OfflineParameters) -> SoundList:
    """Lists the sounds of folders that cannot be reached now, by id. No other answer shows them."""
    after, limit = SoundId(_OFFLINE.after(parameters.cursor)), parameters.limit

    def load(connection: sqlite3.Connection) -> SoundList:
        places = offline.page(connection, after, limit)
        known = sounds.by_ids(connection, list(places))
        rows = [sound_row(known[sound], files) for sound, files in places.items()]
        return SoundList(results=rows, next=_OFFLINE.cursor(max(places)) if len(places) == limit else None)

    return await engine.db.read(load)


async def purge_missing(engine: Engine, parameters: PurgeParameters) -> Purged:
    """Forgets files that are missing, of one folder or of all that are online; without `confirm` only counts them.

    Folders that are offline or suspect keep everything. What has been gone for less than a minute is left alone.
    """
    scope = await _scope(engine, parameters)
    if not parameters.confirm:
        return _purged(await engine.db.read(lambda connection: purge.count(connection, scope)), removed=False)
    total = part = await _forget_some(engine, scope)
    while part.files == BATCH:
        part = await _forget_some(engine, scope)
        total += part
    return _purged(total, removed=True)


async def _forget_some(engine: Engine, scope: Scope) -> Forgotten:
    return await engine.db.write(lambda connection: purge.purge(connection, scope, BATCH, next_seq(connection)))


async def _scope(engine: Engine, parameters: PurgeParameters) -> Scope:
    path = resolve(parameters.path, parameters.uri)
    folder = None if path is None else await engine.db.read(lambda connection: folders.by_path(connection, path))
    if path is not None and folder is None:
        raise NotFoundError("That folder is not watched.", code="unknown_folder")
    if folder is not None and folder.state is not FolderState.ONLINE:
        raise RequestError(f"That folder is {folder.state}: nothing of it is forgotten.", code="folder_not_online")
    before = time.time() - max(GRACE_SECONDS, parameters.older_than * _DAY)
    seen = min((index.stats.seq for index in engine.upkeep.indexes), default=NOTHING)
    return Scope(before, seen, None if folder is None else folder.id)


def _purged(forgotten: Forgotten, *, removed: bool) -> Purged:
    return Purged(files=forgotten.files, labels=forgotten.labels, sounds=forgotten.sounds, removed=removed)


_NAMED = ("bad_parameter", "bad_path", "bad_uri")

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "list_offline",
        "GET",
        "/v1/offline",
        OfflineParameters,
        SoundList,
        list_offline,
        sounds=True,
        problems=("bad_parameter", "bad_cursor"),
    ),
    Operation(
        "relocate_folder",
        "POST",
        "/v1/folders/relocate",
        RelocateParameters,
        FolderList,
        relocate_folder,
        limit=600.0,  # it stats every file at the new place
        problems=(
            "missing_parameter",
            *_NAMED,
            "no_such_folder",
            "nested_folder",
            "folder_in_config",
            "unknown_folder",
            "not_the_same",
        ),
    ),
    Operation(
        "purge_missing",
        "POST",
        "/v1/folders/purge",
        PurgeParameters,
        Purged,
        purge_missing,
        limit=600.0,
        problems=(*_NAMED, "unknown_folder", "folder_not_online"),
    ),
)
