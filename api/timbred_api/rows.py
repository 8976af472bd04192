"""From what the indexer knows to the rows the API shows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic_core import to_json

from timbred_api.locations import display, to_uri
from timbred_api.schemas import QueryEcho, SimilarResult, SoundRow
from timbred_indexer import aspects
from timbred_indexer.scoring import Hit
from timbred_indexer.search import Answer
from timbred_indexer.store.sounds import Sound


@dataclass(frozen=True, slots=True)
class Ready:
    """A ``SimilarResult`` that is JSON already."""

    json: bytes

    def read(self) -> SimilarResult:
        return SimilarResult.model_validate_json(self.json)


# Templates, and numbers that are text already: there is no faster way to JSON.
_SHOWN_ASPECTS = b",".join(b'"%b":%%b' % name.encode() for name in aspects.WEIGHTS)
_SHOWN_HIT = (
    b'%b,"similarity":%b,"scores":{"clap":%b,"librosa":%b},"aspects":{%b},"reasons":%b,"segment":{"start":%a,"end":%a}}'
)
_FINEST = 10_000
_NUMBERS = tuple(b"%a" % (part / _FINEST) for part in range(_FINEST + 1))


def label_of(files: Sequence[tuple[bytes, str | None]]) -> str:
    """The label that was set on one of the files, else the first file's name without its extension."""
    for _, label in files:
        if label is not None:
            return label
    return os.path.splitext(display(os.path.basename(files[0][0])))[0]


def sound_row(sound: Sound, files: Sequence[tuple[bytes, str | None]]) -> SoundRow:
    """One sound with its places."""
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


def shown_row(sound: Sound, files: Sequence[tuple[bytes, str | None]]) -> bytes:
    """The same as JSON: what of a row does not depend on the question."""
    return sound_row(sound, files).model_dump_json().encode()


def similar_result(query: QueryEcho, answer: Answer, notes: Sequence[str]) -> Ready:
    """Put together from rows that are JSON already: what models and their validation cost is half of an answer."""
    rows = b",".join(map(_similar_row, answer.hits))
    about = {"next": None, "notes": [*notes, *answer.notes], "seq": answer.seq}
    return Ready(b'{"query":%b,"results":[%b],%b' % (query.model_dump_json().encode(), rows, to_json(about)[1:]))


def _similar_row(hit: Hit) -> bytes:
    """What is shown of the sound, and the fields that ``SimilarRow`` adds."""
    return _SHOWN_HIT % (
        hit.shown[:-1],
        _number(hit.similarity),
        b"null" if hit.clap is None else _number(hit.clap),
        b"null" if hit.librosa is None else _number(hit.librosa),
        _SHOWN_ASPECTS % tuple(map(_number, hit.aspects)) if hit.aspects else b"",  # none for words
        to_json(hit.reasons),
        round(hit.start, 4),
        round(hit.end, 4),
    )


def _number(score: float) -> bytes:
    """:func:`shown` as JSON."""
    return _NUMBERS[0 if score <= 0 else _FINEST if score >= 1 else round(score * _FINEST)]


def shown(score: float) -> float:
    """Scores are ranked as they are and shown in [0, 1]."""
    return 0.0 if score <= 0 else 1.0 if score >= 1 else round(score, 4)


def iso(moment: float | None) -> str | None:
    """Unix time as ISO 8601 in UTC."""
    return None if moment is None else datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")
