"""The main question: what sounds like this? By id, by path (known or not), by uploaded bytes, by region."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from pydantic_core import from_json

from timbred_api.engine import Engine
from timbred_api.locations import display, resolve
from timbred_api.owner import check_readable
from timbred_api.rows import Ready, similar_results
from timbred_api.schemas import AnswerOptions, QueryEcho, SearchOptions, SimilarParameters
from timbred_api.steering import read_steering
from timbred_api.weighting import Weights, parse_weights
from timbred_indexer import aspects
from timbred_indexer.cards import Card
from timbred_indexer.errors import InputError, NotFoundError, RequestError, TransientInputError, UnavailableError
from timbred_indexer.kept import NotAtOnceError
from timbred_indexer.model import Seconds, SoundId, SpaceName
from timbred_indexer.query import Options, Query, Steering, Window, heard, steer
from timbred_indexer.reading import fingerprint, stat_of
from timbred_indexer.search import Searcher
from timbred_indexer.store import sounds
from timbred_indexer.store.matching import Filter
from timbred_indexer.wire import AnalyseJob, deadline_for

STEERED_EFFORT = 2.0  # words and what is not wanted lead to where no sound's own vector does

Region = tuple[Seconds, Seconds | None]
Stored = tuple[SoundId, str | None]
"""A sound, and the path by which it was asked about."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A query ready to be searched, and what it was made from."""

    query: Query
    echo: QueryEcho
    notes: tuple[str, ...] = ()

    def steered(self, steering: Steering) -> Asked:
        """The same, moved towards the words and away from what is not wanted; silence stays silence."""
        if steering == Steering() or not self.query.windows:
            return self
        return replace(self, query=Query(steer(self.query.windows, steering), self.query.sound, STEERED_EFFORT))


async def by_parameters(engine: Engine, parameters: SimilarParameters) -> Ready:
    """Resolves what the parameters name, then searches.

    Raises:
        RequestError: not exactly one of path, uri and id, an option is out of range, or another user's caller names
            a file outside the watched folders.
        NotFoundError: no such file or sound.
        InputError: the file is not indexed and cannot be analysed.
    """
    path = resolve(parameters.path, parameters.uri)
    if (path is None) == (parameters.id is None):
        raise RequestError("Say what to compare with: one of path, uri and id.", code="missing_parameter")
    options = make_options(engine, parameters)
    region = _region(parameters)
    steering = await read_steering(engine, parameters, parameters.text, parameters.text_weight)

    # Nearly every question is about a sound that is indexed: that takes memory, or one read, and nothing else.
    stored = await _by_stored(engine, parameters.id, path, options, steering) if region is None else None
    if stored is not None:
        return stored
    if path is None:
        path = await _file_of(engine, SoundId(parameters.id or 0))
    await check_readable(engine, path)
    return await _by_file(engine, path, region, options, steering, display(path))


async def by_upload(engine: Engine, parameters: SearchOptions, upload: bytes) -> Ready:
    """Searches by a sound that lies at ``upload`` and is no file of the user's."""
    steering = await read_steering(engine, parameters, parameters.text, parameters.text_weight)
    return await _by_file(engine, upload, _region(parameters), make_options(engine, parameters), steering, None)


def make_options(engine: Engine, parameters: SearchOptions) -> Options:
    """Checks what the schema cannot.

    Raises:
        RequestError: bounds the wrong way round, unknown weights, a bad folder.
    """
    asked = Weights({}, {}) if parameters.weights is None else parse_weights(parameters.weights)
    weights = {**engine.weights, **asked.aspects}
    spaces: dict[SpaceName, float] = {**engine.space_weights, **asked.spaces}
    if not any(weights.values()) or not any(spaces.values()):
        raise RequestError("At least one weight must be above 0.", code="bad_parameter")
    if parameters.text is not None:
        # What goes to the words is taken from the sound, in both spaces.
        spaces["librosa"] *= 1.0 - parameters.text_weight
    if not spaces["librosa"] and (reason := engine.clap.state.absent) and engine.clap.state.version is None:
        raise UnavailableError(reason, code="clap_unavailable")
    return Options(
        k=parameters.k,
        min_similarity=parameters.min_similarity if parameters.min_similarity > 0 else -1.0,
        filter=make_filter(parameters),
        weights={} if weights == dict(aspects.WEIGHTS) else weights,
        spaces=spaces,
    )


def make_filter(parameters: AnswerOptions) -> Filter:
    """What may be found.

    Raises:
        RequestError: bounds the wrong way round, a bad folder, or a moment beyond all calendars.
    """
    low, high = parameters.min_duration, parameters.max_duration
    if low is not None and high is not None and low > high:
        raise RequestError("min_duration is above max_duration; nothing can be both.", code="bad_parameter")
    return Filter(
        None if parameters.folder is None else resolve(parameters.folder, None),
        None if low is None else Seconds(low),
        None if high is None else Seconds(high),
        tuple((parameters.name or "").split()),
        parameters.format,
        None if parameters.since is None else _moment(parameters.since),
    )


def _moment(given: datetime) -> float:
    """As Unix time."""
    try:
        return given.timestamp()
    except (OverflowError, ValueError):  # the year 1 in a zone where it was still the year 0
        raise RequestError("since is too long ago to be told.", code="bad_parameter") from None


async def _by_file(
    engine: Engine, path: bytes, region: Region | None, options: Options, steering: Steering, shown: str | None
) -> Ready:
    """Searches by the bytes of a file: known from elsewhere, or analysed now."""
    known = await _sound_of_bytes(engine, path)

    if known is not None and region is None:
        stored = await engine.db.read(
            lambda connection: _answers(connection, engine, [(known, shown)], options, steering)[0]
        )
        if stored is not None:
            return stored
    asked = await _ask_by_analysis(engine, path, region, shown, known, hear=options.spaces["clap"] > 0)
    steered = asked.steered(steering)
    return await engine.db.read(lambda connection: answer(connection, engine.searcher, steered, options))


async def _by_stored(
    engine: Engine, given: int | None, path: bytes | None, options: Options, steering: Steering
) -> Ready | None:
    """Answers about a sound by what is stored; None where that is not all that this version makes of it.

    From memory alone, together with whoever asks in the same moment; where memory is not enough, in a reader thread.
    What memory holds is answered in less time than the way to a thread and back takes.

    Raises:
        NotFoundError: no such id, or no present file has it.
    """
    if path is None:
        sound, shown = SoundId(given or 0), None
    else:
        found = await engine.db.read(lambda connection: sounds.of_file(connection, path))
        if found is None:
            return None
        sound, shown = found, display(path)

    def check(connection: sqlite3.Connection | None) -> None:
        if path is None:
            _check_present(connection, engine, sound)

    def answers(connection: sqlite3.Connection | None, asked: Sequence[Stored]) -> list[Ready | None]:
        return _answers(connection, engine, asked, options, steering)

    def read(connection: sqlite3.Connection) -> Ready | None:
        check(connection)
        return answers(connection, [(sound, shown)])[0]

    engine.clap.prefer(sound)
    try:
        check(None)  # before it is asked with others, whom it must not harm
        return await engine.gathering.ask((options, steering), (sound, shown), partial(answers, None))
    except NotAtOnceError:
        return await engine.db.read(read)


def _check_present(connection: sqlite3.Connection | None, engine: Engine, sound: SoundId) -> None:
    """An id is known while a present file has it.

    Raises:
        NotFoundError: there is no such id, or no such file.
    """
    card = engine.searcher.cards(connection, [sound]).get(sound)
    if card is None or not card.shown:
        raise NotFoundError(f"There is no sound with the id {sound}.", code="unknown_id")


def _answers(
    connection: sqlite3.Connection | None,
    engine: Engine,
    stored: Sequence[Stored],
    options: Options,
    steering: Steering,
) -> list[Ready | None]:
    asked = ask_stored(connection, engine, stored, steering)
    ready = iter(answer_all(connection, engine.searcher, [one for one in asked if one is not None], options))
    return [None if one is None else next(ready) for one in asked]


def ask_stored(
    connection: sqlite3.Connection | None, engine: Engine, stored: Sequence[Stored], steering: Steering
) -> list[Asked | None]:
    """Stored segments as queries; None for a sound of which they are not all that this version makes of it."""
    known = engine.searcher.cards(connection, [sound for sound, _ in stored])
    cards = [known.get(sound) for sound, _ in stored]
    current = [card if card is not None and card.current else None for card in cards]
    windows = iter(engine.searcher.windows(connection, [card for card in current if card is not None]))
    return [
        None if card is None else _asked(sound, shown or _path_of(card), card, next(windows)).steered(steering)
        for (sound, shown), card in zip(stored, current, strict=True)
    ]


def _asked(sound: SoundId, shown: str | None, card: Card, windows: tuple[Window, ...]) -> Asked:
    echo = QueryEcho(sound_id=sound, path=shown, duration=card.duration, text=None)
    return Asked(Query(windows, sound), echo)


def _path_of(card: Card) -> str | None:
    """What is shown as the sound's path; None while no present file has it."""
    return from_json(card.shown)["path"] if card.shown else None


def answer(connection: sqlite3.Connection | None, searcher: Searcher, asked: Asked, options: Options) -> Ready:
    """Searches, and shapes the answer."""
    return answer_all(connection, searcher, [asked], options)[0]


def answer_all(
    connection: sqlite3.Connection | None, searcher: Searcher, asked: Sequence[Asked], options: Options
) -> list[Ready]:
    """Several questions, with the same options."""
    if not asked:
        return []
    found = searcher.search_all(connection, [one.query for one in asked], options)
    return similar_results([(one.echo, answer, one.notes) for one, answer in zip(asked, found, strict=True)])


async def _file_of(engine: Engine, sound: SoundId) -> bytes:
    files = (await engine.db.read(lambda connection: sounds.files_of(connection, [sound]))).get(sound)
    if not files:
        raise NotFoundError(f"There is no sound with the id {sound}.", code="unknown_id")
    return files[0][0]


async def _sound_of_bytes(engine: Engine, path: bytes) -> SoundId | None:
    """The sound of a file, when its bytes are known."""
    if await asyncio.to_thread(os.path.isdir, path):
        raise RequestError("The path is a folder; name a file.", code="bad_path")
    try:
        _, digest = await asyncio.to_thread(fingerprint, path)
    except TransientInputError as error:
        if error.code == "vanished":
            raise NotFoundError(f"There is no file {display(path)}.", code="unknown_path") from error
        raise
    known = await engine.db.read(lambda connection: sounds.by_hash(connection, digest))
    return known.id if known is not None else None


async def _ask_by_analysis(
    engine: Engine, path: bytes, region: Region | None, shown: str | None, sound: SoundId | None, *, hear: bool
) -> Asked:
    start, end = region if region is not None else (None, None)
    stat = await asyncio.to_thread(stat_of, path)
    if stat is None:
        raise NotFoundError(f"There is no file {display(path)}.", code="unknown_path")
    try:
        analysis = await engine.workers.analyse(AnalyseJob(path, start, end, deadline_for(stat.size)), interactive=True)
    except InputError as error:
        raise InputError(f"The sound to compare with cannot be analysed: {error.message}", code=error.code) from error
    notes = ("Only the first part of the query was analysed: it is very long.",) if analysis.cut_short else ()
    echo = QueryEcho(sound_id=sound, path=shown, duration=analysis.duration, text=None)
    by_clap = await engine.clap.hear(path, analysis.segments, deadline_for(stat.size)) if hear else ()
    return Asked(Query(heard(analysis.segments, by_clap), sound), echo, notes)


def _region(parameters: SearchOptions) -> Region | None:
    start, end = parameters.start, parameters.end
    if start is None and end is None:
        return None
    if end is not None and end <= (start or 0.0):
        raise RequestError("end must lie after start.", code="bad_parameter")
    return Seconds(start or 0.0), None if end is None else Seconds(end)
