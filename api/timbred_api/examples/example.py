"""What an example is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from timbred_api.schemas import Result

Value = str | int | float | bool | list[int] | list[str] | None


@dataclass(frozen=True, slots=True)
class Example:
    """One question and its answer.

    Attributes:
        answer: the result, or the text of an operation that answers with no JSON; None where neither can be shown.
        asked: parameters as a program sends them, by their names in HTTP.
        body: what is uploaded, where that is text.
    """

    answer: Result | str | None
    asked: Mapping[str, Value] = field(default_factory=dict[str, Value])
    body: str | None = None
