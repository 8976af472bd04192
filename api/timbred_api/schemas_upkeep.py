"""Parameters and results of the operations that look after the data: backups, comparisons, labels, pauses."""

from __future__ import annotations

from pydantic import Field

from timbred_api.schemas import CursorField, LimitField, NextField, Parameters, Result, WholeField


class BackupRow(Result):
    """A backup that was made."""

    path: str = Field(description="The backup: a whole database in one file.")
    size: int = Field(description="Bytes.")
    made: str = Field(description="When, ISO 8601.")


class PauseParameters(Parameters):
    """For how long."""

    seconds: float | None = Field(
        None, gt=0, le=365 * 86_400, description="How long; without it until `resume`, a restart included."
    )


class PauseResult(Result):
    """Whether work is begun now."""

    resting: bool = Field(description="No work is begun now.")
    reason: str | None = Field(description="Why: paused, quiet hours, battery.")
    until: str | None = Field(description="When it goes on by itself, ISO 8601; null where that is not known.")


class VerifyParameters(Parameters):
    """How thoroughly, and whether anything is changed."""

    deep: bool = Field(False, description="Compare every index of the database with its table too: takes longer.")
    repair: bool = Field(False, description="Rebuild what is wrong: an index from the database, that from a backup.")


class VerifyResult(Result):
    """What the comparison found."""

    problems: list[str] = Field(description="What is wrong, in sentences; empty when all is well.")
    vectors: int = Field(description="In the indexes, all of them checked by id.")
    sampled: int = Field(description="Vectors that were compared number by number.")
    repaired: bool = Field(description="What is named was put right, or is being put right.")


class VerifyFilesParameters(Parameters):
    """Where to go on, and whether anything is changed."""

    cursor: CursorField = None
    repair: bool = Field(False, description="Have files analysed anew whose bytes are others.")


class FileProblem(Result):
    """A file that is not what was analysed."""

    path: str = Field(description="The file, for display.")
    uri: str = Field(description="Its exact location.")
    problem: str = Field(description="What is the matter with it.")
    rotten: bool = Field(description="Its bytes are others, and its size and times say nothing of it.")


class VerifyFilesResult(Result):
    """What the comparison of some files found."""

    results: list[FileProblem] = Field(description="Files that are not what was analysed.")
    checked: int = Field(description="Files that were read this time.")
    next: NextField


class LabelListParameters(Parameters):
    """Which labels are listed."""

    cursor: CursorField = None
    limit: LimitField = 100


class LabelItem(Result):
    """A label that was set."""

    path: str = Field(description="The file, for display.")
    uri: str = Field(description="Its exact location.")
    hash: str | None = Field(description="SHA-256 of its bytes, hexadecimal; null while that is not known.")
    label: str = Field(description="The label.")


class LabelList(Result):
    """Labels that were set, file by file."""

    results: list[LabelItem] = Field(description="The labels.")
    next: NextField


class ImportParameters(Parameters):
    """How a list of labels is taken."""

    dry_run: bool = Field(False, description="Only say what would be labelled.")


class UnmatchedLabel(Result):
    """A row of the list that named no known file."""

    line: int = Field(description="Of the list, from 1.")
    name: str = Field(description="What the list names there: a path, a URI, or a hash.")
    label: str = Field(description="The label that it gives.")


class ImportResult(Result):
    """What became of a list of labels."""

    matched: int = Field(description="Rows that named a known file.")
    unmatched: int = Field(description="Rows that did not.")
    results: list[UnmatchedLabel] = Field(description="The first thousand of those.")
    next: WholeField = None
