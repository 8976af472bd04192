"""The CLAP worker's life, with real processes; what they do is in ``fake_clap``."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from fake_clap import ABORT, BROKEN, DEAD, SPOIL, UNINSTALLED, WAIT
from numpy.typing import NDArray

from timbred_indexer.clap.host import ClapHost
from timbred_indexer.clap.protocol import ClapModel
from timbred_indexer.errors import UnavailableError, WorkerError
from timbred_indexer.model import Seconds
from timbred_indexer.weights_manifest import InstalledModel
from timbred_indexer.wire import FEATURE_SHAPE

FAKE = (sys.executable, str(Path(__file__).with_name("fake_clap.py")))
NOWHERE = InstalledModel("fake", "/nonexistent", "test", "1", "transformers", None, {})
PATIENCE = 300.0  # a worker that loads torch at low priority beside a busy machine is slow


def sound(verb: float = 0.0) -> bytes:
    return np.full(FEATURE_SHAPE, verb, "<f4").tobytes()


def call_of(vector: NDArray[np.float32]) -> int:
    """Which call of its worker a vector was made in."""
    return round(100 * math.atan2(vector[1], vector[0]))


@pytest.fixture
async def host() -> AsyncIterator[ClapHost]:
    host = ClapHost(NOWHERE, command=FAKE)
    async with asyncio.timeout(PATIENCE):
        yield host
        await host.close()
    assert not host.stats.alive


async def until_dead(pid: int, host: ClapHost) -> None:
    """Until a worker is dead, and the host knows."""
    await asyncio.to_thread(_await_death, pid)
    async with asyncio.timeout(PATIENCE):
        while host.stats.pid is not None:  # noqa: ASYNC110  rounds of the loop, until it has seen the pipe's end
            await asyncio.sleep(0)


def _await_death(pid: int) -> None:
    with contextlib.suppress(ChildProcessError, ProcessLookupError):
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


async def test_nothing_runs_until_something_is_asked(host: ClapHost) -> None:
    assert not host.stats.alive
    assert (await host.describe()).dimension == 2
    assert host.stats.alive


async def test_sounds_are_asked_in_the_models_batches_and_come_back_in_order(host: ClapHost) -> None:
    made = await host.embed_audio([sound()] * 5)
    assert [call_of(vector) for vector in made] == [1, 1, 2, 2, 3]
    assert (host.stats.sounds, host.stats.starts) == (5, 1)


async def test_nothing_asked_is_nothing_made(host: ClapHost) -> None:
    assert (await host.embed_audio([])).shape == (await host.embed_text([])).shape == (0, 2)


async def test_a_text_goes_ahead_of_sounds(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    host = ClapHost(NOWHERE, command=(*FAKE, str(gate)))
    sounds = asyncio.create_task(host.embed_audio([sound(WAIT)] * 2 + [sound()] * 4))
    handle = await asyncio.to_thread(os.open, gate, os.O_WRONLY)
    texts = asyncio.create_task(host.embed_text(["rain"]))
    for _ in range(3):  # rounds of the loop, for the text to be asked
        await asyncio.sleep(0)
    os.close(handle)
    assert call_of((await texts)[0]) == 2
    assert [call_of(vector) for vector in await sounds] == [1, 1, 3, 3, 4, 4]
    await host.close()


async def test_a_cancelled_question_costs_the_worker_nothing(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    host = ClapHost(NOWHERE, command=(*FAKE, str(gate)))
    sounds = asyncio.create_task(host.embed_audio([sound(WAIT)]))
    handle = await asyncio.to_thread(os.open, gate, os.O_WRONLY)
    sounds.cancel()
    os.close(handle)
    assert call_of((await host.embed_text(["rain"]))[0]) == 2
    assert host.stats.starts == 1
    await host.close()


async def test_a_sound_that_the_model_dies_of_is_told_and_the_next_gets_a_new_one(host: ClapHost) -> None:
    with pytest.raises(WorkerError, match="SIGABRT") as caught:
        await host.embed_audio([sound(ABORT)])
    assert caught.value.code == "worker_crashed"
    assert call_of((await host.embed_audio([sound()]))[0]) == 1
    assert (host.stats.starts, host.stats.crashes) == (2, 1)


async def test_what_waits_behind_a_crash_is_answered_by_the_next_worker(host: ClapHost) -> None:
    await host.describe()
    bad, good = await asyncio.gather(
        host.embed_audio([sound(ABORT)]), host.embed_audio([sound()]), return_exceptions=True
    )
    assert isinstance(bad, WorkerError)
    assert isinstance(good, np.ndarray)


async def test_vectors_that_are_not_of_unit_length_are_not_believed(host: ClapHost) -> None:
    with pytest.raises(WorkerError, match="unit length"):
        await host.embed_audio([sound(SPOIL)])


async def test_what_the_model_refuses_is_passed_on_and_the_worker_stays(host: ClapHost) -> None:
    with pytest.raises(UnavailableError) as caught:
        await host.embed_text(["unreadable"])
    assert caught.value.code == "no_tokenizer"
    await host.embed_text(["rain"])
    assert (host.stats.starts, host.stats.crashes) == (1, 0)


async def test_a_model_that_hangs_is_killed() -> None:
    host = ClapHost(NOWHERE, command=FAKE, deadline=Seconds(0.05))
    with pytest.raises(WorkerError) as caught:
        await host.embed_text(["hang"])
    assert caught.value.code == "timed_out"
    await host.close()


async def test_it_leaves_when_it_has_been_idle_and_comes_back_when_asked() -> None:
    host = ClapHost(NOWHERE, command=FAKE, idle_seconds=Seconds(0.01))
    first = await host.describe()
    await until_dead(int(first.name.split()[1]), host)
    assert host.stats.rss == 0
    assert (await host.embed_text(["rain"])).shape == (1, 2)
    assert (host.stats.starts, host.stats.crashes) == (2, 0)
    await host.close()


async def test_one_that_dies_while_idle_costs_no_question(host: ClapHost) -> None:
    await host.describe()
    pid = host.stats.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await until_dead(pid, host)
    await host.embed_text(["rain"])
    assert host.stats.crashes == 0


@pytest.mark.parametrize(
    ("flag", "code", "why"),
    [
        (BROKEN, "clap_start_failed", "no such library"),
        (DEAD, "clap_start_failed", "SIGABRT"),
        (UNINSTALLED, "clap_not_installed", "pip install"),
    ],
)
async def test_a_model_that_does_not_start_blames_no_sound(flag: str, code: str, why: str) -> None:
    host = ClapHost(NOWHERE, command=(*FAKE, flag))
    for _ in range(2):
        with pytest.raises(UnavailableError, match=why) as caught:
            await host.embed_audio([sound()])
        assert caught.value.code == code
    await host.close()


async def test_closing_ends_what_runs_and_what_waits(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    host = ClapHost(NOWHERE, command=(*FAKE, str(gate)))
    asked = [asyncio.create_task(host.embed_audio([sound(WAIT)])) for _ in range(2)]
    handle = await asyncio.to_thread(os.open, gate, os.O_WRONLY)
    await host.close()
    os.close(handle)
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [UnavailableError, UnavailableError]
    with pytest.raises(UnavailableError):
        await host.embed_text(["rain"])
    await host.close()


async def test_closing_while_it_starts_is_fine() -> None:
    host = ClapHost(NOWHERE, command=FAKE)
    asked = asyncio.create_task(host.describe())
    await asyncio.sleep(0)
    await host.close()
    with pytest.raises(UnavailableError):
        await asked


async def test_a_real_worker_gives_the_vectors_that_the_model_gives_here(
    installed: InstalledModel, model: ClapModel, sounds: NDArray[np.float32]
) -> None:
    host = ClapHost(installed, threads=2)
    try:
        async with asyncio.timeout(PATIENCE):
            made = await host.embed_audio([features.tobytes() for features in sounds])
            words = await host.embed_text(["dusty vinyl snare", "rain"])
            assert (await host.describe()).version == installed.version
    finally:
        await host.close()
    assert (made * model.embed_audio(sounds)).sum(axis=1).min() >= 0.9999
    assert (words * model.embed_text(["dusty vinyl snare", "rain"])).sum(axis=1).min() >= 0.9999
