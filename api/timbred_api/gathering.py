"""Questions that come in one turn of the event loop, answered together: many cost numpy little more than one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")

MOST: Final = 16
"""Answered in one go, while nothing else has its turn."""


class Gathering:
    """Used on the event loop only."""

    def __init__(self) -> None:
        self._open: list[_Batch] = []

    async def ask(
        self, kind: object, question: Question, answer_all: Callable[[list[Question]], Sequence[Answer]]
    ) -> Answer:
        """The answer, in the loop's next turn.

        Args:
            kind: questions of one kind, by ``==``, are answered together.
            answer_all: the answers, in the order of the questions; what it raises is raised for each of them.
        """
        batch = next((one for one in self._open if one.kind == kind), None)
        if batch is None:
            batch = _Batch(kind)
            batch.answers = asyncio.create_task(self._answer(batch, answer_all))
            self._open.append(batch)
        place = len(batch.questions)
        batch.questions.append(question)
        if len(batch.questions) == MOST:
            self._open.remove(batch)
        # Whoever goes away before the answer does not take it from the others.
        return (await asyncio.shield(batch.answers))[place]

    async def _answer(self, batch: _Batch, answer_all: Callable[[list[Any]], Sequence[Any]]) -> Sequence[Any]:
        if batch in self._open:
            self._open.remove(batch)
        return answer_all(batch.questions)


class _Batch:
    """Questions of one kind that wait for the loop's next turn."""

    answers: asyncio.Task[Sequence[Any]]

    def __init__(self, kind: object) -> None:
        self.kind = kind
        self.questions: list[Any] = []
