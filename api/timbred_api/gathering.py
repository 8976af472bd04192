"""Questions that come at about the same time, answered together: many cost numpy little more than one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")

MOST: Final = 16
"""Answered in one go, while nothing else has its turn."""

QUIET: Final = 2
"""Turns of the event loop without another question: a request takes one to be read and one to become a question."""


class Gathering:
    """Used on the event loop only."""

    def __init__(self) -> None:
        self._open: list[_Batch] = []

    async def ask(
        self, kind: object, question: Question, answer_all: Callable[[list[Question]], Sequence[Answer]]
    ) -> Answer:
        """The answer, as soon as nobody else comes with a question.

        Args:
            kind: questions of one kind, by ``==``, are answered together.
            answer_all: the answers, in the order of the questions; what it raises is raised for each of them.
        """
        loop = asyncio.get_running_loop()
        batch = next((one for one in self._open if one.kind == kind), None)
        if batch is None:
            batch = _Batch(kind, answer_all)
            self._open.append(batch)
            loop.call_soon(self._look, loop, batch, 1, 0)
        # Whoever goes away before the answer does not take it from the others.
        waiting: asyncio.Future[Answer] = loop.create_future()
        batch.questions.append(question)
        batch.waiting.append(waiting)
        if len(batch.questions) == MOST:
            self._open.remove(batch)
        return await waiting

    def _look(self, loop: asyncio.AbstractEventLoop, batch: _Batch, seen: int, quiet: int) -> None:
        """Once a turn: answers when the batch is full, or has not grown for some turns."""
        count = len(batch.questions)
        quiet = 0 if count > seen else quiet + 1
        if count < MOST and quiet < QUIET:
            loop.call_soon(self._look, loop, batch, count, quiet)
            return
        if count < MOST:
            self._open.remove(batch)
        batch.answer()


class _Batch:
    """Questions of one kind, and who waits for the answer to each."""

    def __init__(self, kind: object, answer_all: Callable[[list[Any]], Sequence[Any]]) -> None:
        self.kind = kind
        self.questions: list[Any] = []
        self.waiting: list[asyncio.Future[Any]] = []
        self._answer_all = answer_all

    def answer(self) -> None:
        try:
            answers = self._answer_all(self.questions)
        except Exception as error:  # noqa: BLE001  raised again where each answer is awaited
            for waiting in self.waiting:
                if not waiting.done():
                    waiting.set_exception(error)
            return
        for waiting, answer in zip(self.waiting, answers, strict=True):
            if not waiting.done():
                waiting.set_result(answer)
