"""``timbred labels``: set labels as a list, out of timbred and into it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TextIO, cast

import click

from timbred_api.client import Client, JsonObject
from timbred_api.locations import from_uri
from timbred_daemon.commands.connection import pages, with_client
from timbred_daemon.commands.output import Cell, say, write_json, write_rows
from timbred_indexer.errors import RequestError, StorageError

if TYPE_CHECKING:
    from timbred_indexer.labels_io import LabelRow

_PAGE: Final = 1000
PATIENCE = 330.0  # seconds: a little longer than the daemon allows itself


@click.group()
def labels() -> None:
    """Take set labels out as a list, or in from one."""


@labels.command("export")
@with_client
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@click.option("--force", is_flag=True, help="Replace a file that is there.")
def export_labels(client: Client, file: str, force: bool) -> None:
    """Write every set label into FILE: JSON if it is called so, else CSV. `-` is stdout.

    Each row has the file's path, its exact URI, the SHA-256 of its bytes, and the label.
    """
    rows = (row for page in pages(client, "/v1/labels", {"limit": _PAGE}) for row in page)
    if file == "-":
        count = _write(sys.stdout, rows, as_json=False)
    else:
        if os.path.lexists(file) and not force:
            raise StorageError(f"{file} is there already; name another file, or add --force.", code="file_exists")
        count = _write_file(file, rows)
    say(f"Labels written: {count:,}.")


def _write_file(file: str, rows: Iterable[JsonObject]) -> int:
    """All of them or none: what was there stays until every row has come."""
    from timbred_indexer.atomic import replace_file

    count = 0

    def fill(temporary: str) -> None:
        nonlocal count
        with open(temporary, "w", encoding="utf-8", newline="") as stream:
            count = _write(stream, rows, as_json=file.lower().endswith((".json", ".jsonl")))

    try:
        replace_file(os.path.abspath(file), fill, mode=0o644)
    except OSError as error:
        raise StorageError(f"{file} cannot be written: {error.strerror}.") from error
    return count


def _write(stream: TextIO, rows: Iterable[JsonObject], *, as_json: bool) -> int:
    """Line by line: a library may be large."""
    from timbred_indexer.labels_io import write_csv

    count = 0

    def counted() -> Iterator[JsonObject]:
        nonlocal count
        for row in rows:
            count += 1
            yield row

    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in counted()) if as_json else write_csv(counted())
    for line in lines:
        stream.write(line)
    return count


@labels.command("import")
@with_client
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Change nothing, only say what would match.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def import_labels(context: click.Context, client: Client, file: str, dry_run: bool, as_json: bool) -> None:
    """Set labels from FILE: CSV with a heading, or JSON. All of them, or none.

    A row names its file by `path` or `uri`, by `hash` (SHA-256) or by `md5`; where no file is known at the path, one
    with the same bytes is taken, whatever it is called now. Rows that match nothing are listed, and the exit code is 1.
    """
    from timbred_indexer.labels_io import read_rows, write_lines

    client.wait_up_to(PATIENCE)
    with open(file, "rb") as stream:
        rows = list(read_rows(stream.read()))
    if not rows:
        raise RequestError(f"No row of {file} has a label.", code="bad_labels")
    if any(row.md5 is not None and row.hash is None for row in rows):
        rows = with_hashes(client, rows)
    answer = client.upload("/v1/labels", write_lines(rows), {"dry_run": "true"} if dry_run else None)
    if as_json:
        write_json(answer)
    else:
        _list_unmatched(answer)
        verb = "would be set" if dry_run else "set"
        say(f"Labels {verb}: {answer['matched']:,}; rows without a file: {answer['unmatched']:,}.")
    context.exit(1 if answer["unmatched"] else 0)


def _list_unmatched(answer: JsonObject) -> None:
    left = cast("list[JsonObject]", answer["results"])
    cells: Iterable[tuple[Cell, ...]] = ((row["line"], row["name"], row["label"]) for row in left)
    if left:
        write_rows(("Line", "File", "Label"), cells)
    if (more := answer["unmatched"] - len(left)) > 0:
        say(f"… and {more:,} more.")


def with_hashes(client: Client, rows: list[LabelRow]) -> list[LabelRow]:
    """Rows by MD5 get the SHA-256 of the indexed file that has it: files are read for that until all are found."""
    wanted = {row.md5 for row in rows if row.md5 is not None and row.hash is None}
    say(f"Looking for {len(wanted):,} files by their MD5.")
    found: dict[bytes, bytes] = {}
    for page in pages(client, "/v1/sounds", {"limit": _PAGE}):
        for sound in page:
            if len(found) == len(wanted):
                break
            if (digests := _digests(from_uri(sound["uri"]))) is not None and digests[0] in wanted:
                found[digests[0]] = digests[1]
    return [row if row.md5 is None or row.hash is not None else replace(row, hash=found.get(row.md5)) for row in rows]


def _digests(path: bytes) -> tuple[bytes, bytes] | None:
    """MD5 and SHA-256 of a file, read once; None when it cannot be read."""
    import hashlib

    md5, sha = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            while data := file.read(1 << 20):
                md5.update(data)
                sha.update(data)
    except OSError:
        return None
    return md5.digest(), sha.digest()
