"""Labels in and out, many at a time."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Final

from timbred_api.cursors import Listing
from timbred_api.engine import Engine
from timbred_api.locations import display, resolve, to_uri
from timbred_api.operation import Operation
from timbred_api.schemas_upkeep import (
    ImportParameters,
    ImportResult,
    LabelItem,
    LabelList,
    LabelListParameters,
    UnmatchedLabel,
)
from timbred_indexer.db import next_seq
from timbred_indexer.errors import RequestError
from timbred_indexer.labels_io import LabelRow, read_rows
from timbred_indexer.model import FileId
from timbred_indexer.store import labels
from timbred_indexer.store.labels import WantedLabel

MOST_LISTED: Final = 1_000
"""Rows without a file that are listed; all of them are counted."""

_LABELS = Listing("labels")


class DryRunError(Exception):
    """Ends the transaction of an import that is only to be tried."""

    def __init__(self, matched: int, unknown: list[int]) -> None:
        super().__init__()
        self.matched = matched
        self.unknown = unknown


async def list_labels(engine: Engine, parameters: LabelListParameters) -> LabelList:
    """Lists the labels that were set, file by file; names that come from file names are none."""
    after, limit = FileId(_LABELS.after(parameters.cursor)), parameters.limit
    found = await engine.db.read(lambda connection: labels.page(connection, after, limit))
    rows = [
        LabelItem(
            path=display(one.path),
            uri=to_uri(one.path),
            hash=None if one.digest is None else one.digest.hex(),
            label=one.label,
        )
        for one in found
    ]
    return LabelList(results=rows, next=_LABELS.cursor(found[-1].file) if len(found) == limit else None)


async def import_labels(engine: Engine, parameters: ImportParameters, upload: bytes) -> ImportResult:
    """Sets the labels of a list, in one step: all that name a known file, or, should something fail, none.

    The body is CSV with a heading, or JSON: `label`, and `path`, `uri` or `hash` (SHA-256) of what it belongs to. A
    path comes first; where none is known, every file with that hash is meant. What matched nothing is listed.
    """
    rows = await asyncio.to_thread(_read, upload)
    wanted = [_wanted(row) for row in rows]

    def write(connection: sqlite3.Connection) -> tuple[int, list[int]]:
        outcome = labels.set_many(connection, wanted, next_seq(connection))
        if parameters.dry_run:
            raise DryRunError(*outcome)
        return outcome

    try:
        matched, unknown = await engine.db.write(write)
    except DryRunError as tried:
        matched, unknown = tried.matched, tried.unknown
    engine.index.notify()
    return ImportResult(
        matched=matched, unmatched=len(unknown), results=[_unmatched(rows[place]) for place in unknown[:MOST_LISTED]]
    )


def _read(path: bytes) -> list[LabelRow]:
    with open(path, "rb") as file:
        return list(read_rows(file.read()))


def _wanted(row: LabelRow) -> WantedLabel:
    try:
        path = resolve(None, row.uri) if row.uri is not None else resolve(row.path, None)
    except RequestError:
        path = None  # a path of another system: only the bytes can tell
    return WantedLabel(path, row.hash, row.label)


def _unmatched(row: LabelRow) -> UnmatchedLabel:
    digest = row.hash or row.md5
    name = row.path or row.uri or (digest.hex() if digest is not None else "")
    return UnmatchedLabel(line=row.line, name=name, label=row.label)


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "list_labels",
        "GET",
        "/v1/labels",
        LabelListParameters,
        LabelList,
        list_labels,
        problems=("bad_parameter", "bad_cursor"),
    ),
    Operation(
        "import_labels",
        "POST",
        "/v1/labels",
        ImportParameters,
        ImportResult,
        import_labels,
        upload=True,
        limit=300.0,
        problems=("bad_labels",),
        body="The list: CSV with a heading, or JSON; in UTF-8.",
    ),
)
