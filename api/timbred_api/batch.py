"""Questions about many sounds at once: each of a list, or every sound of the library."""

from __future__ import annotations

import asyncio
import sqlite3
from functools import partial

from timbred_api.cursors import Listing
from timbred_api.engine import Engine
from timbred_api.gathering import MOST
from timbred_api.problems import problem_of
from timbred_api.rows import shown
from timbred_api.schemas import SearchOptions, SimilarParameters
from timbred_api.schemas_batch import (
    BatchParameters,
    BatchResult,
    BatchRow,
    Neighbour,
    NeighbourList,
    NeighbourParameters,
    NeighbourRow,
)
from timbred_api.similar import ask_stored, by_parameters, make_options
from timbred_indexer.errors import TimbredError
from timbred_indexer.model import SoundId
from timbred_indexer.query import Options, Steering
from timbred_indexer.store import sounds

_NEIGHBOURS = Listing("neighbours")

PART = 64  # sounds in one read, and in one search: others get their turn in between


async def find_each(engine: Engine, parameters: BatchParameters) -> BatchResult:
    """One answer for each sound, in the order asked: ids, then paths."""
    options = parameters.model_dump(exclude={"ids", "paths"})
    make_options(engine, SearchOptions(**options))  # what is wrong for all is wrong as a whole
    asked = [
        *(SimilarParameters(id=identity, **options) for identity in parameters.ids),
        *(SimilarParameters(path=path, **options) for path in parameters.paths),
    ]
    rows: list[BatchRow] = []
    for start in range(0, len(asked), MOST):  # others get their turn in between
        rows += await asyncio.gather(*(_row(engine, one) for one in asked[start : start + MOST]))
    return BatchResult(results=rows)


async def _row(engine: Engine, parameters: SimilarParameters) -> BatchRow:
    try:
        found = (await by_parameters(engine, parameters)).read()
    except TimbredError as error:
        return BatchRow(query=None, results=[], notes=[], problem=problem_of(error))
    return BatchRow(query=found.query, results=found.results, notes=found.notes, problem=None)


async def list_neighbours(engine: Engine, parameters: NeighbourParameters) -> NeighbourList:
    """A page of the library's sounds by id, each with its nearest."""
    options = make_options(engine, SearchOptions.model_validate({"k": parameters.k, "weights": parameters.weights}))
    after, limit = SoundId(_NEIGHBOURS.after(parameters.cursor)), parameters.limit
    ids = await engine.db.read(lambda connection: sounds.page(connection, after, limit))
    rows: list[NeighbourRow] = []
    for start in range(0, len(ids), PART):
        part = ids[start : start + PART]
        rows += await engine.db.read(partial(_neighbours, engine, part, options))
    return NeighbourList(results=rows, next=_NEIGHBOURS.cursor(ids[-1]) if len(ids) == limit else None)


def _neighbours(
    engine: Engine, ids: list[SoundId], options: Options, connection: sqlite3.Connection
) -> list[NeighbourRow]:
    # None: its last file has just gone, or its new analysis is on its way.
    asked = [
        one for one in ask_stored(connection, engine, [(sound, None) for sound in ids], Steering()) if one is not None
    ]
    nearest = engine.searcher.nearest(connection, [one.query for one in asked], options)
    return [
        NeighbourRow(
            sound_id=one.query.sound or SoundId(0),
            path=one.echo.path,
            neighbours=[Neighbour(sound_id=other, similarity=shown(score)) for other, score in found],
        )
        for one, found in zip(asked, nearest, strict=True)
        if one.echo.path is not None  # else its last file has just gone
    ]
