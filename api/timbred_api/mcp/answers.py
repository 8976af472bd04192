"""What the tools answer: the operations' results, cut down to what an assistant can use, every field explained."""

from __future__ import annotations

from pydantic import Field

from timbred_api.schemas import QueryEcho, Result, Scores, Segment
from timbred_api.schemas_duplicates import Evidence
from timbred_api.schemas_status import FileCounts, FolderRow


class SoundBrief(Result):
    """One sound, in a list."""

    sound_id: int = Field(description="The sound's id: give it to get_sound, label_sound or find_similar_sounds.")
    label: str = Field(description="Its name for people.")
    path: str = Field(description="One of its files, for display.")
    uri: str = Field(description="The exact location of that file.")
    files: int = Field(description="How many files hold exactly these bytes.")
    duration: float = Field(description="Seconds.")
    sample_rate: int = Field(description="Hz.")
    channels: int = Field(description="1 is mono, 2 is stereo.")
    format: str = Field(description="The file format, such as wav or flac.")


class SoundDetail(SoundBrief):
    """One sound, with the places it lies at."""

    paths: list[str] = Field(description="Its files, for display.")
    uris: list[str] = Field(description="The exact locations of those files.")
    truncated: bool = Field(description="It lies at more places than are listed.")


class FoundSound(SoundBrief):
    """One result of a search."""

    similarity: float = Field(description="0 to 1; results come in falling order of it.")
    scores: Scores = Field(description="The score in each space that took part.")
    segment: Segment = Field(description="The stretch of the sound that matched best.")
    reasons: list[str] = Field(description="Why, in sentences.")
    aspects: dict[str, float] | None = Field(None, description="The score of each aspect, 0 to 1, where asked for.")


class FoundSounds(Result):
    """The sounds that were found."""

    query: QueryEcho = Field(description="What was searched by.")
    results: list[FoundSound] = Field(description="The sounds, most similar first.")
    truncated: bool = Field(description="There may be more: ask for a larger k, or narrow the search.")
    notes: list[str] = Field(description="What is to be known about the answer as a whole.")


class Member(SoundBrief):
    """One sound of a group."""

    evidence: Evidence | None = Field(
        description="What it is to another of the group; null for the first, unless its bytes lie in several files."
    )


class Group(Result):
    """Sounds that are the same audio."""

    id: int = Field(description="The lowest sound id in the group.")
    size: int = Field(description="How many sounds it has.")
    members: list[Member] = Field(description="The longest and best kept sound first.")


class Groups(Result):
    """Groups of near-duplicates."""

    results: list[Group] = Field(description="The groups.")
    next: str | None = Field(description="Give this back as cursor for the next groups; null at the end.")
    truncated: bool = Field(description="There are more groups, or groups with more members than are listed.")
    complete: bool = Field(description="Everything that is indexed has been compared.")
    pending_sounds: int = Field(description="Sounds that are still to be prepared for comparison.")
    pending_pairs: int = Field(description="Pairs that are still to be compared.")
    notes: list[str] = Field(description="What is to be known about the answer as a whole.")


class SpaceBrief(Result):
    """How far one way of comparing sounds is."""

    coverage: float = Field(description="The share that it knows, 0 to 1.")
    pending: int = Field(description="Segments that it has still to hear.")
    model: str | None = Field(description="What makes new vectors; null where nothing can.")
    advice: str | None = Field(description="What to do where nothing can.")


class IndexStatus(Result):
    """What is indexed and what timbred is doing."""

    state: str = Field(description="starting, scanning, indexing, idle or stopping.")
    version: str = Field(description="timbred's version.")
    sounds: int = Field(description="Different sounds that are known.")
    segments: int = Field(description="Stretches of sound that a search can find.")
    files: FileCounts = Field(description="How many files are in which state.")
    spaces: dict[str, SpaceBrief] = Field(
        description="librosa: descriptors, always there. clap: a model, needed to search by words."
    )
    scan_owed: bool = Field(description="A scan runs or is due.")
    eta: float | None = Field(description="Seconds until nothing is pending, where that is known.")
    notes: list[str] = Field(description="What is not as it should be, in sentences.")


class Folders(Result):
    """The watched folders."""

    results: list[FolderRow] = Field(description="The folders with their state and counts.")
    truncated: bool = Field(description="There are more folders than are listed.")


class Rescanned(Result):
    """What a rescan concerns, and how far it is."""

    folders: list[str] = Field(description="The folders that are looked at again.")
    done: bool = Field(description="Everything that was found is indexed; otherwise ask get_index_status later.")
    files: FileCounts = Field(description="How many files are in which state now.")
