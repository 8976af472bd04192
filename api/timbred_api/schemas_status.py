"""The shapes of what timbred says of itself: its folders, spaces, indexes and workers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from timbred_api.schemas import Result, WholeField


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
    """All watched folders."""

    results: list[FolderRow] = Field(description="The folders.")
    next: WholeField = None


class IndexState(Result):
    """The vector index of a space."""

    kind: str = Field(description="`exact`: all in memory; `flat`: exact, on disk; `clustered`: approximate, on disk.")
    segments: int = Field(description="Vectors that it can find.")
    buffer: int = Field(description="Those that lie beside the snapshot until the next compaction.")
    tombstones: int = Field(description="Dead or hidden vectors that the next compaction may leave out.")
    seq: int = Field(description="The state of the database that it has followed up to.")
    recall: float | None = Field(
        None, description="Share of the true nearest that a clustered index was measured to find; null: all of them."
    )
    lists: int | None = Field(None, description="Of a clustered index: how many lists its vectors lie in.")
    probes: int | None = Field(None, description="Of those, how many an ordinary search looks through.")
    memory: int = Field(0, description="Bytes, the mapped file included.")
    age: float | None = Field(None, description="Seconds since the snapshot on disk was built.")


class SpaceState(Result):
    """A vector space: `librosa`, or `clap`."""

    version: str | None = Field(description="Of the vectors that answer; null while there are none.")
    filling: str | None = Field(description="The version that is being made and will take over.")
    vectors: int = Field(description="Segments that it can find.")
    coverage: float = Field(
        description="librosa: share of the files that are not failed; clap: share of the segments. 0 to 1."
    )
    pending: int = Field(description="Segments that this space still has to hear.")
    failed: int = Field(description="Sounds that it could not hear.")
    rate: float = Field(description="Segments a second, lately.")
    eta: float | None = Field(description="Seconds until nothing is pending, at that rate.")
    model: str | None = Field(description="What makes new vectors; null where nothing can.")
    advice: str | None = Field(description="What to do where nothing can.")
    index: IndexState | None = Field(description="null while there is none.")


class WorkerState(Result):
    """The processes that analyse. Counts are since the start."""

    alive: int = Field(description="Processes now.")
    busy: int = Field(description="Those that work on a file.")
    jobs: int = Field(description="Files that were handed to one.")
    crashes: int = Field(description="Processes that died on a file.")
    timeouts: int = Field(description="Processes that were ended for taking too long.")


class RestState(Result):
    """Why nothing is begun now, and until when."""

    reason: str = Field(description="Why no work is begun: paused, quiet hours, battery.")
    until: str | None = Field(description="When it goes on by itself, ISO 8601; null where that is not known.")


class Status(Result):
    """What is indexed, pending and failed, and what timbred is doing."""

    version: str = Field(description="Of timbred.")
    state: Literal["starting", "scanning", "indexing", "idle", "paused", "stopping"] = Field(
        description="idle: all is done; paused: something is pending, and no work is begun now."
    )
    uptime: float = Field(description="Seconds since the start.")
    address: str = Field(description="The base URL that it is served at.")
    data_dir: str = Field(description="The data folder, for display.")
    seq: int = Field(description="The state of the database: a number that grows with every change.")
    files: FileCounts = Field(description="How many files of all folders are in which state.")
    sounds: int = Field(description="Different sounds that a present file has.")
    segments: int = Field(description="Stretches of them that are indexed.")
    spaces: dict[str, SpaceState] = Field(description="By name: `librosa`, and `clap` where a model is or was used.")
    folders: list[FolderRow] = Field(description="The watched folders.")
    workers: WorkerState = Field(description="The processes that analyse.")
    scan_owed: bool = Field(description="A scan runs or is due.")
    rate: float = Field(description="Files finished per second, lately.")
    eta: float | None = Field(description="Seconds until nothing is pending, at that rate.")
    rest: RestState | None = Field(description="Set while no work is begun, whether there is some or not.")
    notes: list[str] = Field(description="What is not as it should be, in sentences.")


class Health(Result):
    """timbred answers."""

    status: Literal["ok"] = Field(description="Always `ok`; where it is not, there is no such answer.")
