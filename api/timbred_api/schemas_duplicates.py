"""The shapes of the answer about near-duplicates."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from timbred_api.schemas import CursorField, LimitField, NextField, Parameters, Result, SoundRow

KindField = Literal["same_bytes", "same_audio", "trimmed"]


class DuplicateParameters(Parameters):
    """Which groups are listed."""

    folder: str | None = Field(
        None,
        max_length=13_000,
        description="Only groups of which a file lies in this directory or below it: a path or a `file://` URI.",
    )
    kind: KindField | None = Field(None, description="Only what this kind of evidence connects.")
    cursor: CursorField = None
    limit: LimitField = 100


class Evidence(Result):
    """What a sound is to another one of its group."""

    kind: KindField = Field(description="`same_bytes`, `same_audio` or `trimmed` (trimmed or faded).")
    of: int = Field(description="The other sound's id: the group's first, or one that leads there.")
    similarity: float = Field(description="Share of the waves that is common to both, 0 to 1.")
    gain_db: float = Field(description="Level over the other, in dB.")
    offset: float = Field(description="Where this one begins in the other, in seconds.")
    inverted: bool = Field(description="Its polarity is reversed.")
    sentence: str = Field(description="The same in words.")


class DuplicateRow(SoundRow):
    """A sound of a group."""

    evidence: Evidence | None = Field(description="null for the group's first, unless its bytes lie in several files.")


class DuplicateGroup(Result):
    """Sounds that are the same audio."""

    id: int = Field(description="The lowest sound id in the group.")
    members: list[DuplicateRow] = Field(description="The longest and best kept sound first.")


class Pending(Result):
    """What the search has still to do."""

    sounds: int = Field(description="Sounds without a fingerprint.")
    pairs: int = Field(description="Pairs of sounds that may be alike and were not compared yet.")


class DuplicateList(Result):
    """Groups of near-duplicates, by their lowest sound id."""

    results: list[DuplicateGroup] = Field(description="The groups.")
    next: NextField
    complete: bool = Field(description="Nothing is left to be compared, of what is indexed.")
    pending: Pending = Field(description="What is left to be done.")
    notes: list[str] = Field(description="What is to be known about the answer as a whole.")
