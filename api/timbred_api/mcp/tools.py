"""The tools: which operations they are, under which names, and what is said about them.

To offer another operation, write a function that shapes its result and add a row to :data:`TOOLS`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from timbred_api import health, library, questions, watching
from timbred_api.engine import Engine
from timbred_api.mcp import shaping
from timbred_api.mcp.answers import Folders, FoundSounds, Groups, IndexStatus, Rescanned, SoundDetail
from timbred_api.mcp.parameters import FindByWords, FindDuplicates, FindSimilar, NameSound, RescanFolder
from timbred_api.mcp.shaping import Answer
from timbred_api.mcp.waiting import Report, Step, until_done
from timbred_api.operation import Operation
from timbred_api.operations import OPERATIONS
from timbred_api.schemas import FolderParameters, LabelParameters, NoParameters, Parameters, Result, SoundParameters
from timbred_api.schemas_duplicates import DuplicateList, DuplicateParameters
from timbred_api.schemas_status import Status


@dataclass(frozen=True, slots=True)
class Call:
    """What a tool works with, beside its parameters."""

    engine: Engine
    report: Report


@dataclass(frozen=True, slots=True)
class Tool:
    """One operation as a tool.

    Attributes:
        operation: its name among the operations.
        call: ``async (call, parameters) → answer``, whose structure is an ``answer``.
        destructive: it can overwrite what the user set.
        advice: what a model is told beside the operation's own description.
    """

    name: str
    title: str
    operation: str
    parameters: type[Parameters]
    answer: type[Result]
    call: Callable[[Call, Any], Awaitable[Answer]]
    destructive: bool = False
    advice: str = ""

    @property
    def reads_only(self) -> bool:
        return _operation(self.operation).reads_only

    @property
    def description(self) -> str:
        """The operation's, and the advice."""
        own = " ".join(_operation(self.operation).description.split())
        return f"{own} {self.advice}".strip()


def _operation(name: str) -> Operation:
    return next(operation for operation in OPERATIONS if operation.name == name)


async def _find_similar_sounds(call: Call, parameters: FindSimilar) -> Answer:
    result = await questions.find_similar_sounds(call.engine, parameters)
    return shaping.similar(result, parameters.k, with_aspects=parameters.with_aspects)


async def _search_sounds(call: Call, parameters: FindByWords) -> Answer:
    return shaping.similar(await questions.search_sounds(call.engine, parameters), parameters.k)


async def _get_sound(call: Call, parameters: SoundParameters) -> Answer:
    return shaping.sound(await library.get_sound(call.engine, parameters))


async def _label_sound(call: Call, parameters: NameSound) -> Answer:
    return shaping.sound(
        await library.label_sound(call.engine, LabelParameters(id=parameters.id, label=parameters.label))
    )


async def _list_folders(call: Call, parameters: NoParameters) -> Answer:
    return shaping.folders(await watching.list_folders(call.engine, parameters))


async def _get_index_status(call: Call, parameters: NoParameters) -> Answer:
    return shaping.status(await health.get_status(call.engine, parameters))


async def _find_duplicates(call: Call, parameters: FindDuplicates) -> Answer:
    asked = DuplicateParameters(**parameters.model_dump(exclude={"wait"}))

    async def ask() -> DuplicateList:
        return await questions.find_duplicates(call.engine, asked)

    def step(result: DuplicateList) -> Step:
        pending = result.pending
        words = f"{pending.sounds} sounds to prepare, {pending.pairs} pairs to compare."
        stopping = call.engine.control.activity.state == "stopping"
        return Step(result.complete or stopping, pending.sounds + pending.pairs, words)

    return shaping.duplicates(await until_done(ask, step, call.report) if parameters.wait else await ask())


async def _rescan_folder(call: Call, parameters: RescanFolder) -> Answer:
    accepted = await watching.rescan(call.engine, FolderParameters(path=parameters.path, uri=parameters.uri))

    async def ask() -> Status:
        return await health.get_status(call.engine, NoParameters())

    def step(status: Status) -> Step:
        words = f"{status.state}: {status.files.indexed} of {status.files.found} files indexed."
        return Step(_is_settled(status) or status.state == "stopping", status.files.pending, words)

    now = await until_done(ask, step, call.report) if parameters.wait else await ask()
    return shaping.rescanned(accepted, now, done=_is_settled(now))


def _is_settled(status: Status) -> bool:
    """Nothing is pending, no scan is owed, and nothing is going on."""
    return status.state == "idle" and not status.scan_owed and not status.files.pending


TOOLS: tuple[Tool, ...] = (
    Tool(
        "find_similar_sounds",
        "Find similar sounds",
        "find_similar_sounds",
        FindSimilar,
        FoundSounds,
        _find_similar_sounds,
        advice="Name the sound by exactly one of id, path and uri; any file on this machine will do, indexed or not.",
    ),
    Tool(
        "search_sounds",
        "Search sounds by words",
        "search_sounds",
        FindByWords,
        FoundSounds,
        _search_sounds,
        advice="Where no model is installed, the error says how to get one.",
    ),
    Tool("get_sound", "Get a sound", "get_sound", SoundParameters, SoundDetail, _get_sound),
    Tool("list_folders", "List watched folders", "list_folders", NoParameters, Folders, _list_folders),
    Tool("get_index_status", "Get the index's status", "get_status", NoParameters, IndexStatus, _get_index_status),
    Tool("find_duplicates", "Find near-duplicates", "find_duplicates", FindDuplicates, Groups, _find_duplicates),
    Tool(
        "rescan_folder",
        "Look at a folder again",
        "rescan",
        RescanFolder,
        Rescanned,
        _rescan_folder,
        advice="With wait, returns when it is. Rarely needed: changes are noticed by themselves. No file is touched.",
    ),
    Tool(
        "label_sound",
        "Name a sound",
        "label_sound",
        NameSound,
        SoundDetail,
        _label_sound,
        destructive=True,
        advice="Replaces the label it had; the files are not touched or renamed.",
    ),
)
