"""From what the indexer knows to the rows the API shows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache

from timbred_api.locations import display, to_uri
from timbred_api.schemas import Scores, Segment, SimilarRow, SoundRow
from timbred_indexer.search import Hit
from timbred_indexer.store.sounds import Sound


def label_of(files: Sequence[tuple[bytes, str | None]]) -> str:
    """The label that was set on one of the files, else the first file's name without its extension."""
    for _, label in files:
        if label is not None:
            return label
    return os.path.splitext(display(os.path.basename(files[0][0])))[0]


@lru_cache(maxsize=4096)
def sound_row(sound: Sound, files: tuple[tuple[bytes, str | None], ...]) -> SoundRow:
    """One sound with its places: made once while neither changes."""
    first = files[0][0]
    return SoundRow(
        sound_id=sound.id,
        path=display(first),
        paths=[display(path) for path, _ in files],
        uri=to_uri(first),
        uris=[to_uri(path) for path, _ in files],
        label=label_of(files),
        duration=round(sound.duration, 4),
        sample_rate=sound.sample_rate,
        channels=sound.channels,
        format=sound.format,
    )


def similar_row(hit: Hit) -> SimilarRow:
    return SimilarRow(
        **sound_row(hit.sound, hit.files).__dict__,
        similarity=shown(hit.similarity),
        scores=Scores(clap=_half(hit.clap), librosa=_half(hit.librosa)),
        aspects={name: shown(score) for name, score in hit.aspect_scores.items()},
        reasons=list(hit.reasons),
        segment=Segment(start=round(hit.segment.start, 4), end=round(hit.segment.end, 4)),
    )


def shown(score: float) -> float:
    """Scores are ranked as they are and shown in [0, 1]."""
    return round(min(1.0, max(0.0, score)), 4)


def _half(score: float | None) -> float | None:
    return None if score is None else shown(score)


def iso(moment: float | None) -> str | None:
    """Unix time as ISO 8601 in UTC."""
    return None if moment is None else datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")
