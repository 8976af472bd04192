"""All operations, by topic. The faces are made from :data:`OPERATIONS`; a topic adds its line to :data:`GROUPS`."""

from __future__ import annotations

from dataclasses import dataclass

from timbred_api import (
    audio,
    events,
    health,
    labels,
    library,
    maps,
    metrics,
    missing,
    questions,
    reveal,
    upkeep,
    watching,
    waveforms,
)
from timbred_api.operation import Operation


@dataclass(frozen=True, slots=True)
class Group:
    """Operations of one topic; ``title`` heads them in the documentation."""

    title: str
    operations: tuple[Operation, ...]


GROUPS: tuple[Group, ...] = (
    Group("Questions", questions.OPERATIONS),
    Group("Library", library.OPERATIONS),
    Group("Listening and looking", (*audio.OPERATIONS, *waveforms.OPERATIONS, *reveal.OPERATIONS, *maps.OPERATIONS)),
    Group("Watching", (*watching.OPERATIONS, *missing.OPERATIONS, *events.OPERATIONS)),
    Group("Upkeep", (*labels.OPERATIONS, *upkeep.OPERATIONS)),
    Group("Health", (*health.OPERATIONS, *metrics.OPERATIONS)),
)

OPERATIONS: tuple[Operation, ...] = tuple(operation for group in GROUPS for operation in group.operations)
