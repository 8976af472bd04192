"""The words of timbred as types: what travels between the parts. Standard library only.

Paths are bytes, as the file system has them. Vectors and aspects travel as little-endian float32 BLOBs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NewType

Seconds = NewType("Seconds", float)
FolderId = NewType("FolderId", int)
FileId = NewType("FileId", int)
SoundId = NewType("SoundId", int)
SegmentId = NewType("SegmentId", int)
Seq = NewType("Seq", int)

SpaceName = Literal["librosa", "clap"]


class FileState(StrEnum):
    """Where a file stands. ``missing`` rows are hidden from answers but keep their label and sound."""

    PENDING = "pending"
    INDEXED = "indexed"
    FAILED = "failed"
    MISSING = "missing"


class FolderState(StrEnum):
    """``offline``: the root cannot be trusted now. ``suspect``: too much vanished at once. Neither tombstones."""

    ONLINE = "online"
    OFFLINE = "offline"
    SUSPECT = "suspect"


WatchMode = Literal["native", "poll"]


@dataclass(frozen=True, slots=True)
class AnalysedSegment:
    """One indexed stretch of a sound.

    Attributes:
        start: seconds into the untrimmed file.
        end: likewise; ``end > start``.
        aspects: aspect name → raw descriptor values, float32 BLOB (see ``aspects.py`` for each length).
        vector: the ``librosa`` space's vector, float32 BLOB, L2-normalised; None for a stretch that is silent.
    """

    start: Seconds
    end: Seconds
    aspects: Mapping[str, bytes]
    vector: bytes | None


@dataclass(frozen=True, slots=True)
class Analysis:
    """What a worker says of one sound.

    Attributes:
        duration: seconds of sound that were decoded (the untrimmed length, never the header's claim).
        sample_rate: the file's own, in Hz.
        channels: the file's own.
        format: a short name such as ``wav``, ``flac``, ``mp3``, ``aac``.
        segments: in order of time; empty when the sound is digital silence.
        cut_short: decoding stopped at the length limit, the rest was not analysed.
        version: the extractor's version stamp.
    """

    duration: Seconds
    sample_rate: int
    channels: int
    format: str
    segments: tuple[AnalysedSegment, ...]
    cut_short: bool
    version: str


@dataclass(frozen=True, slots=True)
class FileStat:
    """What ``stat`` says of a regular file; equality of all four means "unchanged"."""

    size: int
    mtime_ns: int
    inode: int
    device: int
