"""Questions of one moment are answered together, and each gets what it would have got alone."""

from __future__ import annotations

import asyncio

import pytest

from timbred_api.gathering import MOST, Gathering


class Oracle:
    """Doubles numbers, and remembers what it was asked together."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []

    def __call__(self, numbers: list[int]) -> list[int]:
        self.asked.append(numbers)
        if 13 in numbers:
            raise ValueError("thirteen")
        return [2 * number for number in numbers]


@pytest.fixture
def oracle() -> Oracle:
    return Oracle()


async def test_questions_of_one_moment_are_answered_together(oracle: Oracle) -> None:
    gathering = Gathering()
    assert await asyncio.gather(*(gathering.ask("a", number, oracle) for number in range(5))) == [0, 2, 4, 6, 8]
    assert oracle.asked == [[0, 1, 2, 3, 4]]


async def test_only_questions_of_one_kind_are(oracle: Oracle) -> None:
    gathering = Gathering()
    kinds = ("a", "b", "a")
    await asyncio.gather(*(gathering.ask(kind, number, oracle) for number, kind in enumerate(kinds)))
    assert sorted(oracle.asked) == [[0, 2], [1]]


async def test_too_many_are_answered_in_parts(oracle: Oracle) -> None:
    gathering = Gathering()
    answers = await asyncio.gather(*(gathering.ask("a", number, oracle) for number in range(100, 100 + MOST + 3)))
    assert answers == [2 * number for number in range(100, 100 + MOST + 3)]
    assert [len(part) for part in oracle.asked] == [MOST, 3]


async def test_who_comes_a_turn_later_is_answered_with_them(oracle: Oracle) -> None:
    gathering = Gathering()

    async def ask_after(turns: int) -> int:
        for _ in range(turns):
            await asyncio.sleep(0)
        return await gathering.ask("a", turns, oracle)

    assert await asyncio.gather(*(ask_after(turns) for turns in (0, 1, 3, 20))) == [0, 2, 6, 40]
    assert oracle.asked == [[0, 1, 3], [20]]


async def test_one_after_another_they_are_answered_alone(oracle: Oracle) -> None:
    gathering = Gathering()
    assert [await gathering.ask("a", number, oracle) for number in (1, 2)] == [2, 4]
    assert oracle.asked == [[1], [2]]


async def test_an_error_reaches_all_who_asked_with_it_and_nobody_after_them(oracle: Oracle) -> None:
    gathering = Gathering()
    asked = (gathering.ask("a", number, oracle) for number in (1, 13))
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(error) for error in found] == [ValueError, ValueError]
    assert await gathering.ask("a", 1, oracle) == 2


async def test_who_goes_away_does_not_take_the_answer_from_the_others(oracle: Oracle) -> None:
    gathering = Gathering()
    gone, stays = (asyncio.create_task(gathering.ask("a", number, oracle)) for number in (1, 2))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays == 4
    assert gone.cancelled()
