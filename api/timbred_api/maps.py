"""The library as a map: alike lies near alike."""

from __future__ import annotations

import asyncio
import importlib.util

from pydantic import Field

from timbred_api.answers import Document
from timbred_api.engine import Engine
from timbred_api.operation import Operation
from timbred_api.projections import Method
from timbred_api.schemas import Parameters, Result
from timbred_indexer.errors import UnavailableError
from timbred_indexer.store.catalogue import library_seq


class MapParameters(Parameters):
    """How the map is made."""

    method: Method = Field(
        "pca", description="`pca`: at once; `umap`: tells groups apart better, where it is installed."
    )


class LibraryMap(Result):
    """Columns of equal length, a place for each sound, by id."""

    seq: int = Field(description="The state of the library this is true for.")
    method: Method = Field(description="How it was made.")
    total: int = Field(
        description="Sounds in the library. Silent ones have no place, and of very many every n-th is shown."
    )
    sounds: list[int] = Field(description="Ids.")
    x: list[float] = Field(description="-1 to 1.")
    y: list[float] = Field(description="-1 to 1.")
    cluster: list[int] = Field(description="Groups of alike sounds, the largest is 0.")
    folder: list[int] = Field(description="The watched folder that each lies in.")
    folders: dict[int, str] = Field(description="The paths of these folders, for display.")


async def get_map(engine: Engine, parameters: MapParameters) -> Document:
    """Gives every sound a place on a map, where alike lies near alike. While the library is being indexed the map may
    be of a moment ago: `seq` says of which."""
    if parameters.method == "umap" and not await asyncio.to_thread(importlib.util.find_spec, "umap"):
        raise UnavailableError("UMAP is not installed: pip install 'timbred[map]'", code="umap_unavailable")
    seq = await engine.db.read(library_seq)
    changing = engine.control.activity.state != "idle"
    return Document(await engine.media.projections.get(parameters.method, engine.version, seq, changing=changing))


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "get_map",
        "GET",
        "/v1/map",
        MapParameters,
        LibraryMap,
        get_map,
        limit=600.0,
        problems=("umap_unavailable", "map_failed"),
    ),
)
