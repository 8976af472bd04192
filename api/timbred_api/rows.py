"""From what the indexer knows to the rows the API shows."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain, islice

import numpy as np
from pydantic_core import to_json

from timbred_api.locations import display, to_uri
from timbred_api.schemas import QueryEcho, SimilarResult, SoundRow
from timbred_indexer import aspects
from timbred_indexer.explain import Sentences
from timbred_indexer.hits import Hits
from timbred_indexer.scoring import Doubles
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
    b'%%b,"similarity":%%b,"scores":{"clap":%%b,"librosa":%%b},"aspects":{%b},"reasons":%%b,'
    b'"segment":{"start":%%a,"end":%%a}}'
)
_WITH_ASPECTS, _WITHOUT_ASPECTS = _SHOWN_HIT % _SHOWN_ASPECTS, _SHOWN_HIT % b""  # words have none
_FINEST = 10_000
_NULL = _FINEST + 1
_NUMBERS = np.array([*(b"%a" % (part / _FINEST) for part in range(_FINEST + 1)), b"null"], object)
"""Scores as JSON, by their ten thousandths."""


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


def similar_results(found: Sequence[tuple[QueryEcho, Answer, Sequence[str]]]) -> list[Ready]:
    """Answers to several questions, with what else is to be said of each.

    Put together from rows that are JSON already: what models and their validation cost is half of an answer.
    """
    rows = _similar_rows([answer.hits for _, answer, _ in found])
    ready: list[Ready] = []
    for query, answer, notes in found:
        about = to_json({"next": None, "notes": [*notes, *answer.notes], "seq": answer.seq})
        results = b",".join(islice(rows, len(answer.hits)))
        ready.append(Ready(b'{"query":%b,"results":[%b],%b' % (query.model_dump_json().encode(), results, about[1:])))
    return ready


def _similar_rows(found: Sequence[Hits]) -> Iterator[bytes]:
    """What is shown of each sound, and what ``SimilarRow`` adds. All were found by sounds, or all by words."""
    template = _WITH_ASPECTS if found[0].aspects.shape[1] else _WITHOUT_ASPECTS
    scores, cosines, bounds = (
        np.concatenate(parts)
        for parts in zip(*((hits.scores, hits.aspects, hits.bounds) for hits in found), strict=True)
    )
    columns = zip(
        chain.from_iterable(hits.shown for hits in found),
        _numbers(np.concatenate([scores, cosines], axis=1)),
        chain.from_iterable(hits.reasons for hits in found),
        bounds.round(4).tolist(),
        strict=True,
    )
    return (template % (shown[:-1], *row, _sentences(reasons), *places) for shown, row, reasons, places in columns)


def _numbers(scores: Doubles) -> list[list[bytes]]:
    """:func:`shown` as JSON; ``null`` for NaN."""
    parts = np.rint(np.minimum(np.maximum(scores, 0), 1) * _FINEST)
    return _NUMBERS[np.where(np.isnan(parts), _NULL, parts).astype(np.intp)].tolist()


@lru_cache(maxsize=4096)
def _sentences(reasons: Sentences) -> bytes:
    """As JSON; there are not many, and some come again and again."""
    return to_json(reasons)


def shown(score: float) -> float:
    """Scores are ranked as they are and shown in [0, 1]."""
    return 0.0 if score <= 0 else 1.0 if score >= 1 else round(score, 4)


def iso(moment: float | None) -> str | None:
    """Unix time as ISO 8601 in UTC."""
    return None if moment is None else datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")
