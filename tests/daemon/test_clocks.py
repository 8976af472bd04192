"""Sleep and set clocks, by clocks that are given."""

from __future__ import annotations

import pytest

from timbred_daemon.clocks import Clocks, Jump, Reading, read_clocks


class Machine:
    """Its clocks, and what can happen to them."""

    def __init__(self) -> None:
        self._reading = Reading(100.0, 100.0, 1e9)

    def read(self) -> Reading:
        return self._reading

    def run(self, seconds: float) -> None:
        now = self._reading
        self._reading = Reading(now.awake + seconds, now.boot + seconds, now.wall + seconds)

    def sleep(self, seconds: float) -> None:
        now = self._reading
        self._reading = Reading(now.awake, now.boot + seconds, now.wall + seconds)

    def set(self, by: float) -> None:
        now = self._reading
        self._reading = Reading(now.awake, now.boot, now.wall + by)


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_nothing_is_noticed_while_nothing_happens(machine: Machine) -> None:
    clocks = Clocks(machine.read)
    machine.run(86_400)
    assert not clocks.look()


def test_slewing_is_nothing(machine: Machine) -> None:
    clocks = Clocks(machine.read)
    machine.run(15)
    machine.set(-0.5)
    assert not clocks.look()


def test_sleep_is_noticed_once(machine: Machine) -> None:
    clocks = Clocks(machine.read)
    machine.run(7)
    machine.sleep(3600)
    assert clocks.look() == Jump(3600, 0)
    assert not clocks.look()


@pytest.mark.parametrize(("by", "said"), [(-3600, "was set back by 3600 s"), (7200, "was set forward by 7200 s")])
def test_a_clock_that_was_set_is_no_sleep(machine: Machine, by: float, said: str) -> None:
    clocks = Clocks(machine.read)
    machine.run(15)
    machine.set(by)
    jump = clocks.look()
    assert (jump.slept, jump.was_set) == (0, by)
    assert said in str(jump)


def test_both_at_once_are_told_apart(machine: Machine) -> None:
    clocks = Clocks(machine.read)
    machine.sleep(60)
    machine.set(-3600)
    assert str(clocks.look()) == "This machine slept for 60 s, and its clock was set back by 3600 s"


def test_the_clocks_of_this_machine_can_be_read() -> None:
    reading = read_clocks()
    assert reading.boot >= reading.awake > 0
