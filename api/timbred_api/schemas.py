"""The shapes of parameters and results. Every face shows these; the docs and the OpenAPI text are made from them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from timbred_api.cursors import LONGEST

SoundIdField = Annotated[int, Field(ge=1, le=2**63 - 1, description="A sound's id, as results give it.")]
PathField = Annotated[
    str | None, Field(description="Absolute path of a file. Names that are not UTF-8 need `uri`.", max_length=4096)
]
UriField = Annotated[
    str | None, Field(description="The same as an exact, percent-encoded `file://` URI.", max_length=13_000)
]
CursorField = Annotated[
    str | None, Field(max_length=LONGEST, description="`next` of the page before: an opaque text, of this list alone.")
]
NextField = Annotated[
    str | None, Field(description="Give this back as `cursor` for the rows that follow; null at the end.")
]
WholeField = Annotated[None, Field(description="Always null: the list is whole.")]
LimitField = Annotated[int, Field(ge=1, le=1000, description="How many rows at most.")]
NameField = Annotated[
    str | None,
    Field(
        max_length=500,
        description="Only sounds with all of these words in the path or label of a file; case does not count.",
    ),
]
FormatField = Annotated[
    str | None, Field(min_length=1, max_length=50, description="Only sounds of this format, as rows name it.")
]
SinceField = Annotated[
    datetime | None,
    Field(description="Only sounds of which a file was first seen then or later; without a zone, in local time."),
]


MOST_TEXT = 500
"""Characters of words to search by: models read some 77 tokens."""


class Parameters(BaseModel):
    """What an operation takes; a name it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Result(BaseModel):
    """What an operation answers."""

    model_config = ConfigDict(frozen=True)


class NoParameters(Parameters):
    """An operation that takes nothing."""


class AnswerOptions(Parameters):
    """What every search can be told."""

    k: int = Field(10, ge=1, le=1000, description="How many sounds to return.")
    folder: str | None = Field(
        None, max_length=13_000, description="Only sounds in this directory or below it: a path or a `file://` URI."
    )
    min_duration: float | None = Field(None, ge=0, description="Only sounds at least this long, in seconds.")
    max_duration: float | None = Field(None, ge=0, description="Only sounds at most this long, in seconds.")
    name: NameField = None
    format: FormatField = None
    since: SinceField = None
    not_: str | None = Field(
        None,
        alias="not",
        min_length=1,
        max_length=13_000,
        description="What the answer is to lead away from: a sound's id, an indexed file's path or URI, or words.",
    )


class SearchOptions(AnswerOptions):
    """What every search by sound can be told."""

    start: float | None = Field(None, ge=0, description="Begin of the region to search by, in seconds into the file.")
    end: float | None = Field(None, gt=0, description="End of that region, in seconds.")
    min_similarity: float = Field(0.0, ge=0, le=1, description="Leave out what is less similar than this.")
    weights: str | None = Field(
        None,
        max_length=500,
        description="Weights for this query: presets and `name:number` parts, as in `one-shot,pitch:0.3,clap:0`.",
    )
    text: str | None = Field(
        None, min_length=1, max_length=MOST_TEXT, description="Words to lean towards, beside the sound; needs CLAP."
    )
    text_weight: float = Field(0.5, ge=0, le=1, description="The words' share against the sound, 0 to 1.")


class SimilarParameters(SearchOptions):
    """A search by a sound that is on this machine."""

    path: PathField = None
    uri: UriField = None
    id: SoundIdField | None = Field(None, description="A sound's id, as results give it.")


class TextParameters(AnswerOptions):
    """A search by words."""

    text: str = Field(min_length=1, max_length=MOST_TEXT, description="What it sounds like, in words.")


class Segment(Result):
    """A stretch of a sound."""

    start: float = Field(description="Seconds into the untrimmed file.")
    end: float = Field(description="Seconds into the untrimmed file.")


class Scores(Result):
    """Each in [0, 1]; null where a space has nothing to say yet."""

    clap: float | None = Field(description="By the model's embeddings.")
    librosa: float | None = Field(description="By the descriptors.")


class SoundRow(Result):
    """One sound with every place it lies at."""

    sound_id: int = Field(description="Names the sound: for `/v1/similar?id=`, `/v1/sounds/{id}` and all below that.")
    path: str = Field(description="One of its files, for display.")
    paths: list[str] = Field(description="All of its files, for display; copies share one sound.")
    uri: str = Field(description="The exact location of `path`.")
    uris: list[str] = Field(description="The exact locations of `paths`, in the same order.")
    label: str = Field(description="Its name for people: the one that was set, or the file's without its extension.")
    duration: float = Field(description="Seconds.")
    sample_rate: int = Field(description="Hz.")
    channels: int = Field(description="1 is mono, 2 is stereo.")
    format: str = Field(description="The file format, such as `wav` or `flac`.")


class SimilarRow(SoundRow):
    """One sound that a search found."""

    similarity: float = Field(description="0 to 1; the row's rank.")
    scores: Scores = Field(description="The score in each space.")
    aspects: dict[str, float] = Field(description="The score of each aspect, 0 to 1.")
    reasons: list[str] = Field(description="Why, in sentences.")
    segment: Segment = Field(description="The stretch of the sound that matched best.")


class QueryEcho(Result):
    """The question, as it was understood."""

    sound_id: int | None = Field(description="null for a sound that is not indexed, and for words.")
    path: str | None = Field(description="For display; null unless a file was named.")
    duration: float | None = Field(description="Seconds; null for words.")
    text: str | None = Field(default=None, description="The words.")


class SimilarResult(Result):
    """The sounds that a search found."""

    query: QueryEcho = Field(description="What was searched by.")
    results: list[SimilarRow] = Field(description="The sounds, most similar first.")
    next: WholeField = None
    notes: list[str] = Field(description="What is to be known about the answer as a whole.")
    seq: int = Field(description="The state of the library this is true for.")


class FolderParameters(Parameters):
    """A folder, or a path in one."""

    path: PathField = Field(default=None, description="Its absolute path. Names that are not UTF-8 need `uri`.")
    uri: UriField = None


class AddFolderParameters(FolderParameters):
    """A folder that is to be watched."""

    watch: Literal["native", "poll"] = Field("native", description="`poll` for a folder that gives no events.")


class Accepted(Result):
    """What is looked at again, from now on."""

    folders: list[str] = Field(description="The folders concerned.")


class SoundListParameters(Parameters):
    """Which sounds are listed."""

    path: PathField = None
    uri: UriField = None
    name: NameField = None
    folder: str | None = Field(
        None, max_length=13_000, description="Only sounds in this directory or below it: a path or a `file://` URI."
    )
    cursor: CursorField = None
    limit: LimitField = 100


class SoundList(Result):
    """Sounds, by id."""

    results: list[SoundRow] = Field(description="The sounds.")
    next: NextField


class SoundParameters(Parameters):
    """One sound."""

    id: SoundIdField


class LabelParameters(Parameters):
    """A sound and its new label."""

    id: SoundIdField
    label: str | None = Field(max_length=500, description="The new label; null takes a set one away.")


class FailureParameters(Parameters):
    """Which failures are listed."""

    cursor: CursorField = None
    limit: LimitField = 100


class FailureRow(Result):
    """A file that could not be indexed."""

    path: str = Field(description="The file, for display.")
    uri: str = Field(description="Its exact location.")
    code: str = Field(description="Why, as one of the stable codes.")
    reason: str = Field(description="Why, in a sentence.")
    attempts: int = Field(description="How often it was tried.")
    retry_at: str | None = Field(description="When timbred tries again by itself, ISO 8601; null: when told to.")


class FailureList(Result):
    """Files that could not be indexed, by id."""

    results: list[FailureRow] = Field(description="The files.")
    next: NextField


class Retried(Result):
    """What is tried once more."""

    retried: int = Field(description="How many files.")
