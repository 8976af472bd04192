"""Lists of labels as files: CSV or JSON, read whatever another catalogue calls its columns, and written.

A row names a file by ``path`` (or ``uri``), by the ``hash`` of its bytes (SHA-256), or by its ``md5``, and gives its
``label``. JSON is a list of such objects, lines of them, or one object of paths and labels.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, cast

from timbred_indexer.errors import RequestError

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "path": ("path", "file", "filename", "filepath", "file_path", "location"),
    "uri": ("uri", "url"),
    "hash": ("hash", "sha256", "sha-256"),
    "md5": ("md5", "md5sum", "file_md5"),
    "label": ("label", "name", "title", "tag"),
}
"""What each column may be called; case does not matter."""

LONGEST: Final = 500  # characters of a label

_KNOWN = {name: column for column, names in COLUMNS.items() for name in names}
_HEX = {"hash": 64, "md5": 32}


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One row as it stands in the list. ``line``: from 1, the heading counted; ``hash`` and ``md5``: bytes."""

    line: int
    label: str
    path: str | None = None
    uri: str | None = None
    hash: bytes | None = None
    md5: bytes | None = None


def read_rows(content: bytes) -> Iterator[LabelRow]:
    """The rows of a list in any of the forms.

    Raises:
        RequestError: ``bad_labels``, with the line.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _bad(content[: error.start].count(b"\n") + 1, "it is not UTF-8") from error
    start = text.lstrip()[:1]
    fields = _json_rows(text) if start in ("[", "{") else _csv_rows(text)
    for line, given in fields:
        if (row := _row(line, given)) is not None:
            yield row


def write_csv(rows: Iterable[Mapping[str, str | None]]) -> Iterator[str]:
    """Lines of CSV with a heading: ``path``, ``uri``, ``hash``, ``label``."""
    names = ("path", "uri", "hash", "label")
    yield _csv_line(names)
    for row in rows:
        yield _csv_line([row[name] or "" for name in names])


def write_lines(rows: Iterable[LabelRow]) -> bytes:
    """JSON, a row a line; blank lines keep every row on the line that it had."""
    lines: list[str] = []
    for row in rows:
        fields = {"label": row.label, "path": row.path, "uri": row.uri}
        fields |= {"hash": row.hash.hex() if row.hash else None, "md5": row.md5.hex() if row.md5 else None}
        lines += [""] * (row.line - 1 - len(lines))
        lines.append(json.dumps({name: value for name, value in fields.items() if value is not None}))
    return "\n".join(lines).encode()


def _csv_line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)  # ends lines with CR LF, and so quotes both: names may have them
    return line.getvalue()


def _csv_rows(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    heading = text.partition("\n")[0]
    delimiter = max(",;\t", key=heading.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    names: list[str] | None = None
    try:
        for cells in reader:
            if names is None:
                names = [_column(cell) for cell in cells]
                if "label" not in names or not set(names) & {"path", "uri", "hash", "md5"}:
                    raise _bad(1, "the heading must name a label and one of path, uri, hash, md5")
            elif any(cells):
                if len(cells) > len(names):
                    raise _bad(reader.line_num, "it has more cells than the heading")
                yield reader.line_num, dict(zip(names, cells, strict=False))
    except csv.Error as error:
        raise _bad(reader.line_num, str(error)) from error


def _json_rows(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        items = _items(json.loads(text), text)
    except json.JSONDecodeError as error:
        if error.msg != "Extra data":
            raise _bad(error.lineno, error.msg) from error
        items = _lines_of_json(text)
    except RecursionError as error:
        raise _bad(1, "it is nested too deeply") from error
    for place, item in items:
        if not isinstance(item, dict):
            raise _bad(place, "it is no object")
        yield place, _texts(place, cast("dict[str, object]", item))


def _items(document: object, text: str) -> Iterable[tuple[int, object]]:
    """The rows of one document, by their place in it: a list, an object that has one, a single row, or a mapping."""
    if isinstance(document, list):
        return enumerate(cast("list[object]", document), 1)
    mapping = cast("dict[str, object]", document)
    inner = mapping.get("results", mapping.get("labels"))
    if isinstance(inner, list):
        return enumerate(cast("list[object]", inner), 1)
    columns = {_column(name) for name in mapping}
    if "label" in columns and columns & {"path", "uri", "hash", "md5"}:
        begin = len(text) - len(text.lstrip())
        return [(text.count("\n", 0, begin) + 1, mapping)]
    return enumerate(({"path": path, "label": mapping[path]} for path in mapping), 1)


def _lines_of_json(text: str) -> Iterator[tuple[int, object]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError) as error:
                raise _bad(number, "it is not JSON") from error


def _texts(place: int, item: dict[str, object]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name, value in item.items():
        if (column := _column(name)) in COLUMNS and value is not None:
            if not isinstance(value, str):
                raise _bad(place, f"{name} is no text")
            fields[column] = value
    return fields


def _column(name: str) -> str:
    return _KNOWN.get(name.strip().lower(), name)


def _row(line: int, given: Mapping[str, str]) -> LabelRow | None:
    """None for a row without a label: an older catalogue lists what was never named too."""
    label = given.get("label", "").strip()
    if not label:
        return None
    if len(label) > LONGEST:
        raise _bad(line, f"the label is longer than {LONGEST} characters")
    path, uri = given.get("path") or None, given.get("uri") or None
    digests = {name: _digest(line, name, given.get(name, "").strip()) for name in _HEX}
    if path is None and uri is None and not any(digests.values()):
        raise _bad(line, "it names no file")
    return LabelRow(line, label, path, uri, digests["hash"], digests["md5"])


def _digest(line: int, name: str, text: str) -> bytes | None:
    if not text:
        return None
    try:
        digest = bytes.fromhex(text)
    except ValueError as error:
        raise _bad(line, f"{name} is not hexadecimal") from error
    if 2 * len(digest) != _HEX[name]:
        raise _bad(line, f"{name} must have {_HEX[name]} digits")
    return digest


def _bad(line: int, why: str) -> RequestError:
    return RequestError(f"Line {line} of the labels cannot be used: {why}.", code="bad_labels")
