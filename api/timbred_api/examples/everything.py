"""All examples, by the operation's name."""

from __future__ import annotations

from timbred_api.examples import questions, upkeep
from timbred_api.examples.example import Example


def examples() -> dict[str, Example]:
    """One for each operation."""
    return {**questions.by_operation(), **upkeep.by_operation()}
