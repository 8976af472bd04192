"""Questions about many sounds at once: each of a list, or every sound of the library."""

from __future__ import annotations

import asyncio
import sqlite3
from functools import partial

from pydantic_core import from_json

from timbred_api.cursors import Listing
from timbred_api.engine import Engine
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
from timbred_api.similar import by_parameters, make_options
from timbred_indexer.errors import TimbredError
from timbred_indexer.model import SoundId
from timbred_indexer.query import Options, Query
from timbred_indexer.store import sounds

_NEIGHBOURS = Listing("neighbours")

PART = 100  # sounds in one read, and in one search: others get their turn in between


async def find_each(engine: Engine, parameters: BatchParameters) -> BatchResult:
    """One answer for each sound, in the order asked: ids, then paths."""
    options = parameters.model_dump(exclude={"ids", "paths"})
    make_options(engine, SearchOptions(**options))  # what is wrong for all is wrong as a whole
    asked = [
        *(SimilarParameters(id=identity, **options) for identity in parameters.ids),
        *(SimilarParameters(path=path, **options) for path in parameters.paths),
    ]
    return BatchResult(results=[await _row(engine, one) for one in asked])


async def _row(engine: Engine, parameters: SimilarParameters) -> BatchRow:
    await asyncio.sleep(0)  # an answer from memory would not let anybody else have a turn
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
    searcher = engine.searcher
    cards = searcher.cards(connection, ids)
    # Left out: a sound whose last file has just gone, or whose new analysis is on its way.
    known = {sound: cards[sound] for sound in ids if sound in cards and cards[sound].shown and cards[sound].current}
    together = searcher.nearest_each(connection, known, options)
    rows: list[NeighbourRow] = []
    for sound, card in known.items():
        nearest = together.get(sound)
        if nearest is None:
            nearest = searcher.nearest(connection, Query(searcher.windows(connection, card), sound), options)
        found = [Neighbour(sound_id=other, similarity=shown(score)) for other, score in nearest]
        rows.append(NeighbourRow(sound_id=sound, path=from_json(card.shown)["path"], neighbours=found))
    return rows
