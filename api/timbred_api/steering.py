"""Words to lean towards, and what to lead away from, as vectors."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

import numpy as np

from timbred_api.engine import Engine
from timbred_api.locations import resolve
from timbred_api.schemas import AnswerOptions
from timbred_indexer.errors import NotFoundError
from timbred_indexer.model import SoundId, SpaceName
from timbred_indexer.query import Steering
from timbred_indexer.store import sounds, vectors

_LONGEST_ID = 18  # digits; all of them fit into 64 bits, and no library has more sounds


async def read_steering(
    engine: Engine, parameters: AnswerOptions, text: str | None, text_weight: float = 1.0
) -> Steering:
    """What of the parameters steers an answer.

    Raises:
        UnavailableError: ``clap_unavailable``: there are words, and nothing that understands them.
        NotFoundError: the sound to lead away from is not known.
    """
    unwanted = parameters.not_
    words = [text] if text is not None else []
    by_sound = unwanted is not None and _names_a_sound(unwanted)
    if unwanted is not None and not by_sound:
        words.append(unwanted)
    heard = await engine.clap.hear_words(words) if words else []
    away: tuple[Mapping[SpaceName, bytes], ...] = ()
    if unwanted is not None:
        away = (await _vectors_of(engine, unwanted) if by_sound else {"clap": heard[-1]},)
    return Steering(heard[0] if text is not None else None, text_weight, away)


def _names_a_sound(text: str) -> bool:
    return (text.isascii() and text.isdigit()) or text.startswith(("/", "file://"))


async def _vectors_of(engine: Engine, named: str) -> Mapping[SpaceName, bytes]:
    """The mean direction of an indexed sound in each space that knows it."""
    version = engine.clap.state.version

    def read(connection: sqlite3.Connection) -> dict[SpaceName, bytes]:
        if named.isdigit():
            if len(named) > _LONGEST_ID:
                raise NotFoundError(f"There is no sound with the id {named[:_LONGEST_ID]}...", code="unknown_id")
            sound = SoundId(int(named))
        else:
            path = resolve(named, None)
            found = sounds.of_file(connection, path) if path is not None else None
            if found is None:
                raise NotFoundError("The file to lead away from is not indexed.", code="unknown_path")
            sound = found
        spaces: list[tuple[SpaceName, str | None]] = [("librosa", engine.version), ("clap", version)]
        made: dict[SpaceName, bytes] = {}
        for space, known in spaces:
            rows = vectors.query_vectors(connection, space, known, sound) if known is not None else []
            if rows:
                mean = np.mean([np.frombuffer(row[3], "<f4") for row in rows], axis=0)
                made[space] = (mean / max(float(np.linalg.norm(mean)), 1e-9)).astype("<f4").tobytes()
        if not made:
            raise NotFoundError(f"There is no sound with the id {named} to lead away from.", code="unknown_id")
        return made

    return await engine.db.read(read)
