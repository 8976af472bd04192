"""What other programs use is told apart from what timbred's own processes use."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from timbred_daemon.others import OthersWork

TICK = os.sysconf("SC_CLK_TCK")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Machine:
    """A ``/proc`` with this process, a worker of its, and a worker of that one."""

    def __init__(self, proc: Path) -> None:
        self.proc = proc
        self.seconds = {os.getpid(): 0.0, 500: 0.0, 501: 0.0}
        self.everybody = 1000.0
        self.reaped = 0.0
        for pid, child in ((os.getpid(), "500 "), (500, "501 "), (501, "")):
            (proc / f"{pid}/task/{pid}").mkdir(parents=True)
            (proc / f"{pid}/task/{pid}/children").write_text(child)
        self.write()

    def write(self) -> None:
        used = round(self.everybody * TICK)
        (self.proc / "stat").write_text(f"cpu  {used - 30} 10 10 {9 * used} {5 * used} 5 5 {7 * used} {used} 0\n")
        for pid, seconds in self.seconds.items():
            reaped = round(self.reaped * TICK) if pid == os.getpid() else 0
            head = f"{pid} (a (name) 1 2) S 1 1 1 0 -1 0 0 0 0 0"
            (self.proc / f"{pid}/stat").write_text(f"{head} {round(seconds * TICK)} 0 {reaped} 0 20 0\n")

    def pass_time(self, *, own: dict[int, float], others: float) -> None:
        for pid, seconds in own.items():
            self.seconds[pid] += seconds
        self.everybody += sum(own.values()) + others
        self.write()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_timbreds_own_workers_are_no_other_work(machine: Machine, clock: Clock) -> None:
    others = OthersWork(lambda: 1, proc=str(machine.proc), load=lambda: 40.0, clock=clock)
    assert others() == 0.0
    clock.now += 10
    machine.pass_time(own={os.getpid(): 1.0, 500: 40.0, 501: 39.0}, others=0.0)
    assert others() == pytest.approx(0.0)


def test_what_others_use_is_told_in_processors(machine: Machine, clock: Clock) -> None:
    others = OthersWork(lambda: 0, proc=str(machine.proc), clock=clock)
    others()
    clock.now += 10
    machine.pass_time(own={500: 20.0}, others=15.0)
    assert others() == pytest.approx(1.5)


def test_a_worker_that_ended_was_still_ones_own(machine: Machine, clock: Clock) -> None:
    others = OthersWork(lambda: 0, proc=str(machine.proc), clock=clock)
    machine.pass_time(own={500: 5.0, 501: 2.0}, others=0.0)
    others()
    clock.now += 10
    machine.everybody += 8.0
    machine.reaped = 15.0  # the seven seconds that were seen, and eight since
    del machine.seconds[500], machine.seconds[501]
    machine.write()
    (machine.proc / f"{os.getpid()}/task/{os.getpid()}/children").write_text("")
    assert others() == pytest.approx(0.0)


def test_a_worker_that_ends_during_the_look_counts_for_nothing(machine: Machine, clock: Clock) -> None:
    others = OthersWork(lambda: 0, proc=str(machine.proc), clock=clock)
    others()
    (machine.proc / "501/stat").unlink()
    clock.now += 10
    machine.pass_time(own={}, others=20.0)
    assert others() == pytest.approx(2.0)


def test_two_looks_in_quick_succession_say_the_same(machine: Machine, clock: Clock) -> None:
    others = OthersWork(lambda: 0, proc=str(machine.proc), clock=clock)
    others()
    clock.now += 10
    machine.pass_time(own={}, others=20.0)
    assert others() == others() == pytest.approx(2.0)


def looks(others: Callable[[], float], clock: Clock, count: int) -> Iterator[float]:
    for _ in range(count):
        clock.now += 10
        yield others()


def test_without_proc_the_load_average_is_lessened_by_as_slow_an_average_of_own_jobs(clock: Clock) -> None:
    jobs, load = [8], [8.0]
    others = OthersWork(lambda: jobs[0], proc="/nowhere", load=lambda: load[0], clock=clock)
    others()
    *_, settled = looks(others, clock, 60)
    assert settled == pytest.approx(0.0, abs=0.1)
    # The workers are through; the load average still remembers them, and so does this.
    jobs[0], load[0] = 0, 8 * 0.85
    assert others() == settled
    assert next(looks(others, clock, 1)) == pytest.approx(0.0, abs=0.1)


def test_this_machine_tells() -> None:
    clock = Clock()
    others = OthersWork(lambda: 0, clock=clock)
    others()
    clock.now += 1e6  # so long that whatever it used in between comes to nothing
    assert others() == pytest.approx(0.0, abs=0.1)
