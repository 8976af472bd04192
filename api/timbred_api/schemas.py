"""The shapes of parameters and results. Every face shows these; the docs and the OpenAPI text are made from them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

SoundIdField = Annotated[int, Field(ge=1, le=2**63 - 1, description="A sound's id, as results give it.")]
PathField = Annotated[
    str | None, Field(description="Absolute path of a file. Names that are not UTF-8 need `uri`.", max_length=4096)
]
UriField = Annotated[
    str | None, Field(description="The same as an exact, percent-encoded `file://` URI.", max_length=13_000)
]
CursorField = Annotated[int | None, Field(ge=0, le=2**63 - 1, description="`next` of the page before.")]
LimitField = Annotated[int, Field(ge=1, le=1000, description="How many rows at most.")]


MOST_TEXT = 500
"""Characters of words to search by: models read some 77 tokens."""


class Parameters(BaseModel):
    """What an operation takes; a name it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Result(BaseModel):
    model_config = ConfigDict(frozen=True)


class NoParameters(Parameters):
    pass


class AnswerOptions(Parameters):
    """What every search can be told."""

    k: int = Field(10, ge=1, le=1000, description="How many sounds to return.")
    folder: str | None = Field(
        None, max_length=13_000, description="Only sounds in this directory or below it: a path or a `file://` URI."
    )
    min_duration: float | None = Field(None, ge=0, description="Only sounds at least this long, in seconds.")
    max_duration: float | None = Field(None, ge=0, description="Only sounds at most this long, in seconds.")
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
    path: PathField = None
    uri: UriField = None
    id: SoundIdField | None = Field(None, description="A sound's id, as results give it.")


class TextParameters(AnswerOptions):
    text: str = Field(min_length=1, max_length=MOST_TEXT, description="What it sounds like, in words.")


class Segment(Result):
    """A stretch of a sound."""

    start: float = Field(description="Seconds into the untrimmed file.")
    end: float = Field(description="Likewise.")


class Scores(Result):
    """Each in [0, 1]; null where a space has nothing to say yet."""

    clap: float | None = Field(description="By the model's embeddings.")
    librosa: float | None = Field(description="By the descriptors.")


class SoundRow(Result):
    """One sound with every place it lies at."""

    sound_id: int
    path: str = Field(description="One of its files, for display.")
    paths: list[str]
    uri: str = Field(description="The exact location of `path`.")
    uris: list[str]
    label: str
    duration: float = Field(description="Seconds.")
    sample_rate: int = Field(description="Hz.")
    channels: int
    format: str


class SimilarRow(SoundRow):
    similarity: float = Field(description="0 to 1; the row's rank.")
    scores: Scores
    aspects: dict[str, float] = Field(description="The score of each aspect, 0 to 1.")
    reasons: list[str] = Field(description="Why, in sentences.")
    segment: Segment = Field(description="The stretch of the sound that matched best.")


class QueryEcho(Result):
    """What was searched by."""

    sound_id: int | None = Field(description="null for a sound that is not indexed, and for words.")
    path: str | None = Field(description="For display; null unless a file was named.")
    duration: float | None = Field(description="Seconds; null for words.")
    text: str | None = Field(None, description="The words.")


class SimilarResult(Result):
    query: QueryEcho
    results: list[SimilarRow]
    next: None = None
    notes: list[str] = Field(description="What is to be known about the answer as a whole.")
    seq: int = Field(description="The state of the library this is true for.")


class FileCounts(Result):
    """found = indexed + failed + pending; missing and offline apart."""

    found: int = Field(description="Files that are there.")
    indexed: int = Field(description="Those that can be found by a search.")
    failed: int = Field(description="Those that could not be analysed.")
    pending: int = Field(description="Those that are still to be analysed.")
    missing: int = Field(description="Files that are gone.")
    offline: int = Field(description="Files in folders that cannot be reached now.")


class FolderRow(Result):
    """A watched folder."""

    id: int = Field(description="The folder's number.")
    path: str = Field(description="Where it is, for display.")
    uri: str = Field(description="Its exact location.")
    source: Literal["config", "added"] = Field(description="From the settings, or added while running.")
    state: Literal["online", "offline", "suspect"] = Field(
        description="offline: it cannot be reached; suspect: it lost so many files at once that they are only hidden."
    )
    reason: str | None = Field(description="Why it is not online.")
    watch: Literal["native", "poll"] = Field(description="How changes are noticed now.")
    scanning: bool = Field(description="It is being looked through.")
    last_scan: str | None = Field(description="When the last whole scan ended, ISO 8601.")
    files: FileCounts = Field(description="How many of its files are in which state.")


class FolderList(Result):
    results: list[FolderRow]
    next: None = None


class IndexState(Result):
    kind: str = Field(description="`exact`: all in memory; `flat`: exact, on disk; `clustered`: approximate, on disk.")
    segments: int
    buffer: int
    tombstones: int = Field(description="Dead or hidden vectors that the next compaction may leave out.")
    seq: int
    recall: float | None = Field(
        None, description="Share of the true nearest that a clustered index was measured to find; null: all of them."
    )
    lists: int | None = Field(None, description="Of a clustered index: how many lists its vectors lie in.")
    probes: int | None = Field(None, description="Of those, how many an ordinary search looks through.")
    memory: int = Field(0, description="Bytes, the mapped file included.")
    age: float | None = Field(None, description="Seconds since the snapshot on disk was built.")


class SpaceState(Result):
    version: str | None = Field(description="Of the vectors that answer; null while there are none.")
    filling: str | None = Field(description="The version that is being made and will take over.")
    vectors: int
    coverage: float = Field(
        description="librosa: share of the files that are not failed; clap: share of the segments. 0 to 1."
    )
    pending: int = Field(description="Segments that this space still has to hear.")
    failed: int = Field(description="Sounds that it could not hear.")
    rate: float = Field(description="Segments a second, lately.")
    eta: float | None = Field(description="Seconds until nothing is pending, at that rate.")
    model: str | None = Field(description="What makes new vectors; null where nothing can.")
    advice: str | None = Field(description="What to do where nothing can.")
    index: IndexState | None


class WorkerState(Result):
    alive: int
    busy: int
    jobs: int
    crashes: int
    timeouts: int


class RestState(Result):
    reason: str = Field(description="Why no work is begun: paused, quiet hours, battery.")
    until: str | None = Field(description="When it goes on by itself, ISO 8601; null where that is not known.")


class Status(Result):
    version: str
    state: Literal["starting", "scanning", "indexing", "idle", "paused", "stopping"] = Field(
        description="idle: all is done; paused: something is pending, and no work is begun now."
    )
    uptime: float = Field(description="Seconds.")
    address: str
    data_dir: str
    seq: int
    files: FileCounts
    sounds: int
    segments: int
    spaces: dict[str, SpaceState]
    folders: list[FolderRow]
    workers: WorkerState
    scan_owed: bool = Field(description="A scan runs or is due.")
    rate: float = Field(description="Files finished per second, lately.")
    eta: float | None = Field(description="Seconds until nothing is pending, at that rate.")
    rest: RestState | None = Field(description="Set while no work is begun, whether there is some or not.")
    notes: list[str] = Field(description="What is not as it should be, in sentences.")


class FolderParameters(Parameters):
    path: PathField = None
    uri: UriField = None


class AddFolderParameters(FolderParameters):
    watch: Literal["native", "poll"] = Field("native", description="`poll` for a folder that gives no events.")


class Accepted(Result):
    folders: list[str] = Field(description="The folders concerned.")


class SoundListParameters(Parameters):
    path: PathField = None
    uri: UriField = None
    name: str | None = Field(
        None,
        max_length=500,
        description="Only sounds with all of these words in the path or label of a file; case does not count.",
    )
    folder: str | None = Field(
        None, max_length=13_000, description="Only sounds in this directory or below it: a path or a `file://` URI."
    )
    cursor: CursorField = None
    limit: LimitField = 100


class SoundList(Result):
    results: list[SoundRow]
    next: int | None


class SoundParameters(Parameters):
    id: SoundIdField


class LabelParameters(Parameters):
    id: SoundIdField
    label: str | None = Field(max_length=500, description="The new label; null takes a set one away.")


class FailureParameters(Parameters):
    cursor: CursorField = None
    limit: LimitField = 100


class FailureRow(Result):
    path: str
    uri: str
    code: str
    reason: str
    attempts: int
    retry_at: str | None = Field(description="When timbred tries again by itself, ISO 8601; null: when told to.")


class FailureList(Result):
    results: list[FailureRow]
    next: int | None


class Retried(Result):
    retried: int


class Health(Result):
    status: Literal["ok"]
