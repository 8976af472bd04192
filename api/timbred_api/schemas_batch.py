"""The shapes of questions about many sounds at once."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from timbred_api.problems import Problem
from timbred_api.schemas import (
    CursorField,
    FormatField,
    NameField,
    NextField,
    Parameters,
    QueryEcho,
    Result,
    SimilarRow,
    SinceField,
    SoundIdField,
    WholeField,
)

MOST_AT_ONCE = 1000


class BatchParameters(Parameters):
    """Which sounds are asked about, and how."""

    ids: list[SoundIdField] = Field(default=[], max_length=MOST_AT_ONCE, description="Sounds, by id.")
    paths: list[Annotated[str, Field(max_length=13_000)]] = Field(
        default=[], max_length=MOST_AT_ONCE, description="Files: absolute paths or `file://` URIs."
    )
    k: int = Field(default=10, ge=1, le=1000, description="How many sounds to return for each.")
    min_similarity: float = Field(default=0.0, ge=0, le=1, description="Leave out what is less similar than this.")
    folder: str | None = Field(
        default=None, max_length=13_000, description="Only sounds in this directory or below it."
    )
    min_duration: float | None = Field(default=None, ge=0, description="Only sounds at least this long, in seconds.")
    max_duration: float | None = Field(default=None, ge=0, description="Only sounds at most this long, in seconds.")
    name: NameField = None
    format: FormatField = None
    since: SinceField = None
    weights: str | None = Field(default=None, max_length=500, description="Weights, as for one sound.")

    @model_validator(mode="after")
    def _some_but_not_too_many(self) -> Self:
        if not 1 <= len(self.ids) + len(self.paths) <= MOST_AT_ONCE:
            raise ValueError(f"name between 1 and {MOST_AT_ONCE} sounds, by ids and paths together")
        return self


class BatchRow(Result):
    """One answer, or why there is none."""

    query: QueryEcho | None = Field(description="What was searched by; null where there is no answer.")
    results: list[SimilarRow] = Field(description="The sounds, most similar first.")
    notes: list[str] = Field(description="What is to be known about this answer.")
    problem: Problem | None = Field(description="Why there is no answer; null where there is one.")


class BatchResult(Result):
    """In the order asked: ids, then paths."""

    results: list[BatchRow] = Field(description="A row for each sound that was asked about.")
    next: WholeField = None


class NeighbourParameters(Parameters):
    """Which part of the graph, and how dense."""

    k: int = Field(default=10, ge=1, le=100, description="How many neighbours of each sound.")
    weights: str | None = Field(default=None, max_length=500, description="Weights, as for one sound.")
    cursor: CursorField = None
    limit: int = Field(default=100, ge=1, le=1000, description="How many sounds at most.")


class Neighbour(Result):
    """A sound that is near."""

    sound_id: int = Field(description="Its id.")
    similarity: float = Field(description="0 to 1.")


class NeighbourRow(Result):
    """A sound and those near it."""

    sound_id: int = Field(description="The sound's id.")
    path: str = Field(description="One of its files, for display.")
    neighbours: list[Neighbour] = Field(description="Best first; none for a sound that is silent.")


class NeighbourList(Result):
    """A part of the graph, by id."""

    results: list[NeighbourRow] = Field(description="The sounds.")
    next: NextField
