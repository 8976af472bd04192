"""A sound's file, shown in the desktop's file manager."""

from __future__ import annotations

import os

from pydantic import Field

from timbred_api.audio import find_playable, on_any_file
from timbred_api.desktop import show_file
from timbred_api.engine import Engine
from timbred_api.locations import display, to_uri
from timbred_api.operation import Operation
from timbred_api.owner import require_owner
from timbred_api.schemas import Parameters, Result, SoundIdField
from timbred_indexer.model import SoundId


class RevealParameters(Parameters):
    """Which sound."""

    id: SoundIdField


class Revealed(Result):
    """The file that is shown."""

    path: str = Field(description="Its path, for display.")
    uri: str = Field(description="The exact `file://` form.")


async def reveal_sound(engine: Engine, parameters: RevealParameters) -> Revealed:
    """Shows one of the sound's files in the file manager of the desktop that timbred runs in.

    Left to the user that timbred runs as, and to root. 501 `no_desktop` where there is no desktop session, as in the
    machine's service.
    """
    require_owner("Opening a file manager")  # a window that appears is not for others to cause
    place = await on_any_file(await find_playable(engine, SoundId(parameters.id)))
    path = os.path.join(place.folder, place.path)
    await show_file(path)
    return Revealed(path=display(path), uri=to_uri(path))


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "reveal_sound",
        "POST",
        "/v1/sounds/{id}/reveal",
        RevealParameters,
        Revealed,
        reveal_sound,
        problems=("unknown_id", "vanished", "unreadable", "file_changed", "no_desktop"),
    ),
)
