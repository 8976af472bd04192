"""Parameters and results of the operations that look after the data: backups, comparisons, labels, pauses."""

from __future__ import annotations

from pydantic import Field

from timbred_api.schemas import CursorField, LimitField, Parameters, Result


class BackupRow(Result):
    path: str = Field(description="The backup: a whole database in one file.")
    size: int = Field(description="Bytes.")
    made: str = Field(description="ISO 8601.")


class PauseParameters(Parameters):
    seconds: float | None = Field(
        None, gt=0, le=365 * 86_400, description="How long; without it until `resume`, a restart included."
    )


class PauseResult(Result):
    resting: bool = Field(description="No work is begun now.")
    reason: str | None = Field(description="Why: paused, quiet hours, battery.")
    until: str | None = Field(description="When it goes on by itself, ISO 8601; null where that is not known.")


class VerifyParameters(Parameters):
    deep: bool = Field(False, description="Compare every index of the database with its table too: takes longer.")
    repair: bool = Field(False, description="Rebuild what is wrong: an index from the database, that from a backup.")


class VerifyResult(Result):
    problems: list[str] = Field(description="What is wrong, in sentences; empty when all is well.")
    vectors: int = Field(description="In the indexes, all of them checked by id.")
    sampled: int = Field(description="Vectors that were compared number by number.")
    repaired: bool = Field(description="What is named was put right, or is being put right.")


class VerifyFilesParameters(Parameters):
    cursor: CursorField = None
    repair: bool = Field(False, description="Have files analysed anew whose bytes are others.")


class FileProblem(Result):
    path: str
    uri: str
    problem: str = Field(description="What is the matter with it.")
    rotten: bool = Field(description="Its bytes are others, and its size and times say nothing of it.")


class VerifyFilesResult(Result):
    results: list[FileProblem]
    checked: int = Field(description="Files that were read this time.")
    next: int | None


class LabelListParameters(Parameters):
    cursor: CursorField = None
    limit: LimitField = 100


class LabelItem(Result):
    path: str = Field(description="The file, for display.")
    uri: str = Field(description="Its exact location.")
    hash: str | None = Field(description="SHA-256 of its bytes, hexadecimal; null while that is not known.")
    label: str


class LabelList(Result):
    results: list[LabelItem]
    next: int | None


class ImportParameters(Parameters):
    dry_run: bool = Field(False, description="Only say what would be labelled.")


class UnmatchedLabel(Result):
    line: int = Field(description="Of the list, from 1.")
    name: str = Field(description="What the list names there: a path, a URI, or a hash.")
    label: str


class ImportResult(Result):
    matched: int = Field(description="Rows that named a known file.")
    unmatched: int = Field(description="Rows that did not.")
    results: list[UnmatchedLabel] = Field(description="The first thousand of those.")
    next: None = None
