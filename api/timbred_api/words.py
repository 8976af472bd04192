"""Searching by words: what sounds like this text? Answered by the ``clap`` space alone."""

from __future__ import annotations

from timbred_api.engine import Engine
from timbred_api.rows import Ready
from timbred_api.schemas import QueryEcho, TextParameters
from timbred_api.similar import Asked, answer, make_filter
from timbred_api.steering import read_steering
from timbred_indexer.errors import UnavailableError
from timbred_indexer.query import Options, Query, steer


async def by_text(engine: Engine, parameters: TextParameters) -> Ready:
    """The sounds nearest to a text. Scores rank within one answer; they are lower than those of two sounds.

    Raises:
        UnavailableError: ``clap_unavailable``, with what to install or to wait for.
    """
    steering = await read_steering(engine, parameters, parameters.text)
    state = engine.clap.state
    if state.version is None:
        raise UnavailableError("CLAP has not heard any sound yet; try again in a moment.", code="clap_unavailable")
    notes = () if not state.missing else (f"CLAP has still to hear {state.missing:,} segments; they are not in here.",)
    asked = Asked(
        Query(steer((), steering)), QueryEcho(sound_id=None, path=None, duration=None, text=parameters.text), notes
    )
    options = Options(k=parameters.k, filter=make_filter(parameters), spaces={"clap": 1.0})
    return await engine.db.read(lambda connection: answer(connection, engine.searcher, asked, options))
