"""What an operation is: name, docstring, typed parameters and result, reads or writes, its place in HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from timbred_api.rows import Ready
from timbred_api.schemas import Parameters, Result

Method = Literal["GET", "POST", "PATCH", "DELETE"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing timbred can be asked to do.

    Attributes:
        name: stable, snake_case.
        call: ``async (engine, parameters) → result``; with ``upload`` also the path of the uploaded sound.
        upload: the request's body is a sound, or what ``body`` says.
        ready: the same, for faces that want nothing but JSON: it is made without building the result first.
        sounds: its ``results`` are sounds: paths and a playlist may be asked for instead of JSON.
        media: the media types that it answers with, where that is not JSON; ``result`` then has no fields.
        lasting: its answer goes on until the client leaves.
        limit: seconds that it may take until its answer begins.
        problems: the codes of what can go wrong, beside what can with every operation.
        body: what is uploaded, where that is no sound to be asked about; such an operation writes.
    """

    name: str
    method: Method
    path: str
    parameters: type[Parameters]
    result: type[Result]
    call: Callable[..., Awaitable[Any]]
    upload: bool = False
    ready: Callable[..., Awaitable[Ready]] | None = None
    sounds: bool = False
    media: tuple[str, ...] = ()
    lasting: bool = False
    limit: float = 60.0
    problems: tuple[str, ...] = ()
    body: str | None = None

    @property
    def description(self) -> str:
        return (self.call.__doc__ or "").strip()

    @property
    def reads_only(self) -> bool:
        return self.method == "GET" or (self.upload and self.body is None)
