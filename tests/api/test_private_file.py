"""Nothing of an upload stays, and nothing is written to a descriptor that is another file's, whoever is cancelled."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from timbred_api.private_file import private_file
from timbred_indexer.errors import StorageError
from timbred_indexer.interruptible import to_the_end


class Slow:
    """Work in a thread that is through when it is let."""

    def __init__(self) -> None:
        self.begun, self.may_end, self.ended = asyncio.Event(), threading.Event(), False
        self._loop = asyncio.get_running_loop()

    def __call__(self) -> None:
        self._loop.call_soon_threadsafe(self.begun.set)
        self.may_end.wait()
        self.ended = True


async def cancelled(task: asyncio.Task[None], slow: Slow, *, times: int = 1) -> None:
    """Cancels a task that waits for a thread, and only then lets the thread go on."""
    for _ in range(times):
        task.cancel()
        await asyncio.sleep(0)
    assert not task.done()
    slow.may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("times", [1, 3])
async def test_whoever_is_cancelled_waits_for_the_thread(times: int) -> None:
    slow = Slow()
    task = asyncio.create_task(to_the_end(slow))
    await slow.begun.wait()
    await cancelled(task, slow, times=times)
    assert slow.ended


async def test_a_file_that_is_being_made_when_its_user_is_cancelled_goes(tmp_path: Path) -> None:
    async def use() -> None:
        async with private_file(str(tmp_path), "test-"):
            pytest.fail("it was cancelled before")

    loop, slow = asyncio.get_running_loop(), Slow()
    with ThreadPoolExecutor(1) as only_thread:
        loop.set_default_executor(only_thread)
        busy = asyncio.create_task(to_the_end(slow))
        await slow.begun.wait()
        task = asyncio.create_task(use())
        await asyncio.sleep(0)
        await cancelled(task, slow)
        await busy
        assert await asyncio.to_thread(os.listdir, tmp_path) == []


async def test_what_is_kept_can_be_read_after_the_file_has_lost_its_name(tmp_path: Path) -> None:
    async with private_file(str(tmp_path), "test-") as file:
        await file.write(b"a ")
        await file.write(b"sound")
        kept = file.keep()
    assert await asyncio.to_thread(os.listdir, tmp_path) == []
    assert await asyncio.to_thread(kept.read, 0, 100) == b"a sound"
    kept.close()


async def test_a_file_whose_folder_goes_meanwhile_is_gone_too(tmp_path: Path) -> None:
    folder = tmp_path / "uploads"
    await asyncio.to_thread(folder.mkdir)
    async with private_file(str(folder), "test-") as file:
        await file.write(b"a sound")
        await asyncio.to_thread(shutil.rmtree, folder)


async def test_a_folder_that_takes_no_file_is_trouble_of_our_own(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No such file or directory"):
        async with private_file(str(tmp_path / "gone"), "test-"):
            pytest.fail("there is no such folder")
