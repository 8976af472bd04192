"""Our own storage in trouble: said once, waited for ever longer, and over when something works."""

from __future__ import annotations

import logging

import pytest

from timbred_indexer.errors import StorageError
from timbred_indexer.trouble import FIRST_WAIT, Trouble

FULL = StorageError("The disk is full.", code="disk_full")


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def trouble(clock: Clock) -> Trouble:
    return Trouble(logging.getLogger("trouble"), "Indexing is paused", longest=10.0, clock=clock)


def test_the_wait_is_as_long_as_the_trouble_has_lasted_within_bounds(trouble: Trouble, clock: Clock) -> None:
    waits: list[float] = []
    for later in (0.0, 2.0, 3.0, 60.0):
        clock.now += later
        waits.append(trouble.met(FULL))
    assert waits == [FIRST_WAIT, 2.0, 5.0, 10.0]


def test_it_is_shown_until_something_works(trouble: Trouble) -> None:
    assert trouble.notes == ()
    trouble.met(FULL)
    assert trouble.notes == ("Indexing is paused: The disk is full.",)
    trouble.over()
    assert trouble.notes == ()


def test_the_log_has_one_line_for_each_reason(trouble: Trouble, caplog: pytest.LogCaptureFixture) -> None:
    for error in (FULL, FULL, StorageError("It is broken."), FULL):
        trouble.met(error)
    assert len(caplog.records) == 3
