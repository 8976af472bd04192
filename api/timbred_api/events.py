"""What is going on, as server-sent events: the status whenever it changes, and that the library has."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace

from timbred_api.answers import EventFeed, EventStream
from timbred_api.engine import Engine
from timbred_api.feed import State
from timbred_api.operation import Operation
from timbred_api.schemas import NoParameters
from timbred_api.schemas_status import Status
from timbred_api.status import read_status
from timbred_indexer.store.catalogue import library_seq


@dataclass(frozen=True, slots=True)
class LibraryEvents(EventStream):
    """One reader's events; also where the feed gets its states from."""

    engine: Engine

    def events(self, last_id: int | None) -> AsyncGenerator[bytes]:
        return self.engine.media.feed.events(self, last_id)

    def signature(self) -> object:
        """From memory alone: the database is asked when one of these has moved."""
        engine = self.engine
        activity = replace(engine.control.activity, uptime=0.0, rate=0.0)
        return activity, engine.index.stats, engine.workers.stats, replace(engine.clap.state, rate=0.0)

    async def read(self) -> State:
        library = await self.engine.db.read(library_seq)
        status = await read_status(self.engine, NoParameters())
        return State(status.model_dump_json().encode(), _essence(status), status.seq, library)


async def follow_events(engine: Engine, parameters: NoParameters) -> LibraryEvents:
    """Tells what is going on as it happens, as server-sent events: `status` with the whole status, at once and after
    changes (at most twice a second); `library` when sounds have appeared, vanished or changed."""
    return LibraryEvents(engine)


def _essence(status: Status) -> object:
    """Without what changes by itself as time goes by."""
    spaces = {
        name: space.model_copy(update={"index": space.index and space.index.model_copy(update={"age": None})})
        for name, space in status.spaces.items()
    }
    return status.model_copy(update={"uptime": 0.0, "spaces": spaces})


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "follow_events",
        "GET",
        "/v1/events",
        NoParameters,
        EventFeed,
        follow_events,
        media=("text/event-stream",),
        lasting=True,
        problems=("too_many_readers",),
    ),
)
