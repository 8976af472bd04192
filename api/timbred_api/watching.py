"""Which folders are watched, and when to look at them again."""

from __future__ import annotations

from timbred_api import status
from timbred_api.engine import Engine
from timbred_api.locations import display, resolve
from timbred_api.operation import Operation
from timbred_api.owner import require_owner
from timbred_api.schemas import Accepted, AddFolderParameters, FolderParameters, NoParameters
from timbred_api.schemas_status import FolderList
from timbred_indexer.errors import RequestError


async def list_folders(engine: Engine, parameters: NoParameters) -> FolderList:
    """Lists the watched folders."""
    return await status.list_folders(engine, parameters)


async def add_folder(engine: Engine, parameters: AddFolderParameters) -> FolderList:
    """Watches one more folder, now and after a restart. Left to the user that timbred runs as, and to root."""
    require_owner("Adding a folder")  # from then on, all that lies in it is for everybody who may call
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


_NAMED = ("missing_parameter", "bad_parameter", "bad_path", "bad_uri")

OPERATIONS: tuple[Operation, ...] = (
    Operation("list_folders", "GET", "/v1/folders", NoParameters, FolderList, list_folders),
    Operation(
        "add_folder",
        "POST",
        "/v1/folders",
        AddFolderParameters,
        FolderList,
        add_folder,
        problems=(*_NAMED, "no_such_folder", "nested_folder"),
    ),
    Operation(
        "remove_folder",
        "DELETE",
        "/v1/folders",
        FolderParameters,
        FolderList,
        remove_folder,
        problems=(*_NAMED, "unknown_folder", "folder_in_config"),
    ),
    Operation(
        "confirm_folder",
        "POST",
        "/v1/folders/confirm",
        FolderParameters,
        FolderList,
        confirm_folder,
        problems=(*_NAMED, "unknown_folder", "nothing_to_confirm"),
    ),
    Operation(
        "rescan",
        "POST",
        "/v1/rescan",
        FolderParameters,
        Accepted,
        rescan,
        problems=("bad_parameter", "bad_path", "bad_uri", "unknown_path"),
    ),
)


def _needed(path: str | None, uri: str | None) -> bytes:
    resolved = resolve(path, uri)
    if resolved is None:
        raise RequestError("Name the folder: path or uri.", code="missing_parameter")
    return resolved
